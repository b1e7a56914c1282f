"""Checks settings: what each may be, and what must hold between them."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, TypeAlias

from streams.kafka_keys import REFUSED_KAFKA_KEYS

#: Of `streams.settings`, which imports this module.
Settings: TypeAlias = Any


class SettingsError(ValueError):
    """A setting is unknown, of the wrong type, out of range, or contradicts another."""


_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
#: Settings of which none is nothing.
_ABOVE_0 = (
    "poll_events",
    "turn_persons",
    "commit_interval_ms",
    "commit_events",
    "sweep_interval_ms",
    "shared_model_wait_ms",
    "partitions",
    "replication",
    "max_message_bytes",
    "lateness_ms",
    "rows_per_subject",
    "members_per_account",
    "watermark_accounts",
    "devices_per_account",
    "cases_per_account",
    "facts_per_person",
    "contacts_per_person",
    "profile_interests",
    "dead_letter_window",
    "dead_letter_max_run",
    "input_retry_ms",
    "dedup_max_ids",
    "held_events",
    "retention_days",
    "publish_max_age_days",
)


def _need(ok: bool, what: str) -> None:
    if not ok:
        raise SettingsError(what)


def check(s: Settings) -> None:
    """See that settings are in range and contradict neither each other nor exactly-once.

    Raises
    ------
    SettingsError
        Naming the setting, its value and what it takes.
    """
    _check_ranges(s)
    _check_relations(s)
    _check_holdouts(s)
    _check_lookups(s)
    for key in s.kafka:
        _need(
            key not in REFUSED_KAFKA_KEYS,
            f"kafka key {key!r} is refused: {REFUSED_KAFKA_KEYS.get(key)}",
        )


def _check_ranges(s: Settings) -> None:
    for f in dataclasses.fields(s):
        value = getattr(s, f.name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            floor = -840 if f.name == "day_offset_min" else 0
            _need(value >= floor, f"{f.name} = {value}: must not be below {floor}")
    for name in _ABOVE_0:
        _need(getattr(s, name) > 0, f"{name} = {getattr(s, name)}: must be above 0")
    _need(
        s.lateness_ms <= 86_400_000,
        f"lateness_ms = {s.lateness_ms}: a row holds two open days, so at most 24 h",
    )
    _need(s.day_offset_min <= 840, f"day_offset_min = {s.day_offset_min}: at most 840")
    _need(
        len(s.half_lives_days) == 3
        and sorted(s.half_lives_days) == list(s.half_lives_days)
        and s.half_lives_days[0] > 0,
        f"half_lives_days = {s.half_lives_days}: three ascending numbers above 0",
    )
    _need(
        0 < s.dead_letter_max_ratio <= 1,
        f"dead_letter_max_ratio = {s.dead_letter_max_ratio}: above 0, at most 1",
    )
    _need(s.rows_per_subject <= 1024, f"rows_per_subject = {s.rows_per_subject}: at most 1024")
    _need(s.profile_interests <= 20, f"profile_interests = {s.profile_interests}: at most 20")
    _need(s.http_port <= 65_535, f"http_port = {s.http_port}: at most 65535")
    _need(s.log_level in _LEVELS, f"log_level = {s.log_level!r}: one of {', '.join(_LEVELS)}")
    _need(s.log_format in ("text", "json"), f"log_format = {s.log_format!r}: 'text' or 'json'")
    _need(
        s.consent_default in ("deny", "grant"),
        f"consent_default = {s.consent_default!r}: 'deny' or 'grant'",
    )
    _need(
        s.partitioner in ("murmur2", "consistent", "any"),
        f"partitioner = {s.partitioner!r}: 'murmur2', 'consistent' or 'any'",
    )
    _need(
        s.group_protocol in ("classic", "consumer"),
        f"group_protocol = {s.group_protocol!r}: 'classic' or 'consumer'",
    )
    before = [key.strip() for key in s.erasure_keys_before.split(",")]
    _need(
        not s.erasure_keys_before or s.erasure_key not in ("", *before),
        "erasure_keys_before: erasure_key must be set, and be none of them",
    )
    _need(s.audience_k >= 2, f"audience_k = {s.audience_k}: one household is not a crowd")
    _need(s.audience_interval_ms > 0, "audience_interval_ms: must be above 0")
    _need(s.audience_release_ms > 0, "audience_release_ms: must be above 0")
    _need(s.audience_epsilon > 0, "audience_epsilon: must be above 0; audience_noise = false")
    _need(
        s.audience_contribution >= 3,
        f"audience_contribution = {s.audience_contribution}: an interest, its day-part and a group",
    )
    _need(
        s.home_country == ""
        or (len(s.home_country) == 2 and s.home_country.isascii() and s.home_country.isupper()),
        f"home_country = {s.home_country!r}: two capital letters, or empty",
    )


def _check_lookups(s: Settings) -> None:
    _need(s.lookup_rate > 0, f"lookup_rate = {s.lookup_rate}: must be above 0")
    for address in s.lookup_addresses:
        _need(
            re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/-]*)?", address) is not None,
            f"lookup_shards: {address!r} is no http or https address",
        )
    _need(
        0 <= s.lookup_shard < max(1, len(s.lookup_addresses)) <= s.partitions,
        f"lookup_shard = {s.lookup_shard}: lookup_shards has {len(s.lookup_addresses)} addresses, "
        f"and there are {s.partitions} partitions",
    )


def _check_holdouts(s: Settings) -> None:
    for name in ("holdout_share", "holdout_interest_share"):
        _need(getattr(s, name) <= 0.5, f"{name} = {getattr(s, name)}: at most 0.5")
        _need(not getattr(s, name) or len(s.holdout_key) >= 16, f"{name}: needs a holdout_key")


def _check_relations(s: Settings) -> None:
    _need(
        s.commit_interval_ms <= s.catch_up_interval_ms < s.call_deadline_ms,
        "commit_interval_ms <= catch_up_interval_ms < call_deadline_ms",
    )
    _need(
        s.call_deadline_ms < s.transaction_timeout_ms,
        "call_deadline_ms < transaction_timeout_ms: the broker must not end a transaction that "
        "the worker still works on",
    )
    _need(
        s.call_deadline_ms <= s.revoke_deadline_ms < s.watchdog_ms,
        "call_deadline_ms <= revoke_deadline_ms < watchdog_ms",
    )
    _need(
        s.revoke_deadline_ms < s.max_poll_interval_ms,
        "revoke_deadline_ms < max_poll_interval_ms: else the group moves on meanwhile",
    )
    for key in ("heartbeat.interval.ms", "group.protocol.type"):
        _need(
            s.group_protocol == "classic" or key not in s.kafka,
            f"kafka key {key!r}: with group_protocol = 'consumer' the brokers decide on it",
        )
    _need(s.poll_events <= s.commit_events, "poll_events <= commit_events")
