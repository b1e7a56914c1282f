"""Checks what a cluster has of the topics: what a worker can't start with, what one should mend."""

from __future__ import annotations

from collections.abc import Mapping

from streams.contract.topics import FACTS, JOINABLE, TOPICS, Topic, needed_topics
from streams.kafka.topic_plan import Found, joined_counts, mismatch
from streams.settings import Settings

#: Of a record that a topic must take: profiles and subjects of state are below it.
_LEAST_BYTES = 65_536
_ROOM_BYTES = 8_192  # key and headers of a dead letter, and the frame of its batch


def check(found: Mapping[str, Found], settings: Settings) -> list[str]:
    """Reasons not to start a worker: topics missing, unequal, or not kept as state needs them."""
    reasons = []
    needed = [settings.topic(topic.name) for topic in needed_topics(settings)]
    missing = [name for name in needed if name not in found]
    if missing:
        reasons.append(f"missing: {', '.join(missing)}")
    counts = joined_counts(found, settings)
    if len(set(counts.values())) > 1:
        reasons.append(f"not co-partitioned: {mismatch(counts)}")
    for topic in TOPICS:
        if have := found.get(settings.topic(topic.name)):
            wrong = (_policy(topic, have), _replicas(have), _size(topic, have, settings))
            reasons += [f"{settings.topic(topic.name)}: {reason}" for reason in wrong if reason]
    return reasons


def advice(found: Mapping[str, Found], settings: Settings) -> list[str]:
    """Say what a worker starts with, and an operator should not leave as it is."""
    careless = [
        name
        for name, have in found.items()
        if have.replicas >= 3 and have.config.get("min.insync.replicas", "1") == "1"
    ]
    said = []
    if careless:
        said.append(
            f"{', '.join(careless)}: min.insync.replicas is 1, so a commit may be known to one "
            "broker alone and go with it; set 2"
        )
    facts = settings.topic(FACTS)
    keeps = found[facts].config.get("retention.ms", "-1") if facts in found else "-1"
    if keeps != "-1":
        said.append(
            f"{facts}: retention.ms is {keeps}, so after a `state reset` withdrawals that are "
            "older are not known any more; set -1 (`topics apply` does)"
        )
    return said


def _policy(topic: Topic, have: Found) -> str:
    policy = have.config.get("cleanup.policy", "unset")
    if topic.compacted and policy != "compact":
        return f"cleanup.policy is {policy}, state would be lost; it must be compact alone"
    if topic.name in JOINABLE and "compact" in policy:
        return (
            f"cleanup.policy is {policy}: of an account's records all but the latest would go, "
            "withdrawals of consent among them; it must be delete alone"
        )
    return ""


def _replicas(have: Found) -> str:
    least = int(have.config.get("min.insync.replicas", "1"))
    if have.replicas and least > have.replicas:
        return f"min.insync.replicas is {least} of {have.replicas} replicas: nobody can write"
    return ""


def _size(topic: Topic, have: Found, settings: Settings) -> str:
    least = max(_LEAST_BYTES, settings.max_message_bytes + _ROOM_BYTES)
    most = int(have.config.get("max.message.bytes", least))
    if topic.direction in ("out", "internal") and most < least:
        return (
            f"max.message.bytes is {most}, but a worker writes records of up to {least} bytes; "
            "raise it"
        )
    return ""
