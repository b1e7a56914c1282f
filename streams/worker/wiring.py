"""Makes an engine's configuration from settings, and compiles kernels before the first poll."""

from __future__ import annotations

import gc
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import lru_cache
from pathlib import Path

from features.config import Config, EngineSettings
from features.engine import Engine
from features.jit import compilations
from features.models import exchange
from features.outcomes.contact_policy import PolicyError
from features.outcomes.holdouts import Holdouts
from features.privacy import rules
from features.privacy.rules import Rules, RulesError
from features.records import batch as batches
from features.records import messages
from features.records.batch import parse_log
from features.records.decoder import FACTS, NETWORK, Limits
from features.records.inputs import INPUTS
from features.records.pseudonyms import FormError, pseudonyms
from features.state.contents import Contents
from features.tags import taxonomy
from features.tags.exact import TagEntry
from streams.settings import Settings, SettingsError

log = logging.getLogger(__name__)
_DAY_MS = 86_400_000
_WARM_DAY = 19_000
_WARM_DAYS = 4  # until one has closed and its model has answered
_CONTACT_DAY = 2  # from then on spoken to: members of an account that is not are flagged otherwise
_PARTS = 3 + 2 * _WARM_DAYS  # of the warm-up, that is told of


def engine_config(settings: Settings) -> Config:
    """The settings that decide an engine's results: those of its own names, and the rest."""
    named = {item.name: getattr(settings, item.name) for item in fields(EngineSettings)}
    return Config(
        **named,
        half_lives=settings.half_lives_days,
        day_offset_ms=settings.day_offset_min * 60_000,
        consent_default_grant=settings.consent_default == "grant",
        rules=rules_of(settings),
        erasure_key=settings.secret,
    )


def input_limits(settings: Settings) -> Limits:
    """Bounds on input records, the key of what they are hashed with, and the form of ids.

    Raises
    ------
    SettingsError
        Where no form of pseudonyms can be made of the settings.
    """
    try:
        ids = pseudonyms(settings.pseudonym_form, settings.pseudonym_min_bits)
    except FormError as error:
        raise SettingsError(f"pseudonym_form: {error}") from None
    return Limits(settings.max_message_bytes, settings.future_tolerance_ms, settings.secret, ids)


def rules_of(settings: Settings) -> Rules:
    """Rules from the files that the settings name, the bundled ones where none is named.

    Raises
    ------
    SettingsError
        Naming the file, and the table and field that are wrong.
    """
    found = _rules_of(settings.suppression_rules, settings.contact_policy)
    uplift, shares = found.contact.uplift, (settings.holdout_share, settings.holdout_interest_share)
    if uplift is not None and uplift.exploring and len(settings.holdout_key) < 16:
        raise SettingsError("contact_policy: uplift.exploring needs a holdout_key, for its draws")
    return found.holding_out(Holdouts(settings.holdout_key.encode(), *shares))


@lru_cache(maxsize=4)
def _rules_of(suppression: str, contact: str) -> Rules:
    if not suppression and not contact:
        return rules.load()
    texts = {"suppression_rules": suppression, "contact_policy": contact}
    for name, path in texts.items():
        try:
            texts[name] = Path(path).read_text("utf-8") if path else ""
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{name}: {path}: {error}") from None
    text = texts["suppression_rules"] or rules.bundled_text("suppression.toml")
    try:
        return rules.parse(text, taxonomy.load(), texts["contact_policy"])
    except RulesError as error:
        raise SettingsError(f"suppression_rules: {suppression}: {error}") from None
    except PolicyError as error:
        raise SettingsError(f"contact_policy: {contact}: {error}") from None


def warm_up(
    native_fetch: bool = True,
    tell: Callable[[str], None] = lambda _: None,
    shared_model: bool = True,
) -> None:
    """Run every kernel once, so that no compiler stands between a poll and its commit.

    Compiled code is kept on disk; only the first start of a release compiles, and says so.

    Parameters
    ----------
    native_fetch, shared_model : bool
        Whether those are among them that only the setting of this name needs.
    tell : callable
        Called with how far it is, before each part.
    """
    started = time.monotonic()
    compiled = done = 0

    def count() -> None:
        nonlocal compiled
        if not compiled:
            log.info(
                "compiling kernels, %s has none of them: a minute or two, live meanwhile", place
            )
        compiled += 1

    place = os.environ.get("NUMBA_CACHE_DIR") or "the package's __pycache__"
    tell(f"compiling, part 1 of {_PARTS}")
    with compilations(count), _fewer_collections():
        for done, _ in enumerate(_parts(native_fetch, shared_model), 1):
            seconds = time.monotonic() - started
            if compiled:
                log.info(
                    "compiling kernels: %d of %d parts done, %d functions in %.0f s",
                    done, _PARTS, compiled, seconds,
                )  # fmt: skip
            if done < _PARTS:
                tell(f"compiling, part {done + 1} of {_PARTS}")
    assert done == _PARTS, "what is told is how far it is"
    log.info("kernels ready in %.1f s, %d functions compiled here", seconds, compiled)


@contextmanager
def _fewer_collections() -> Iterator[None]:
    """Look for garbage less often: hardly any of a compiler's objects is, and it took a tenth."""
    usual = gc.get_threshold()
    gc.set_threshold(20_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _parts(native_fetch: bool, shared_model: bool) -> Iterator[None]:
    """Run the kernels, and yield as often as it can be said how far it is."""
    if native_fetch:
        messages.warm_up()
    yield
    batches.warm_up()
    yield
    tree = taxonomy.load()
    seen, liked, *_ = (i for i, bad in zip(tree.ids, tree.sensitive, strict=True) if not bad)
    contents = Contents(tree, {"host:a.example": TagEntry(((seen, 1.0),), "warm-up", 1.0)})
    # One account's word is enough, or no day would ever close here and no model learn.
    config = Config(consent_default_grant=True, watermark_accounts=1, shared_model=shared_model)
    engine = Engine(config, tree, contents)
    records: dict[bytes, bytes] = {}
    for day in range(_WARM_DAYS):
        values = _warm_values((_WARM_DAY + day) * _DAY_MS, liked)
        n = len(values)
        kinds = [_kind(value) for value in values]
        batch, _ = parse_log(values, [b"a"] * n, kinds, day * n)
        engine.apply(batch)
        yield
        changes = engine.collect({})
        yield
        records |= {key: value for key, value in changes.state.items() if value is not None}
    restored = Engine(config, tree, contents)
    restored.load(records.items())
    _merge(restored)
    yield


def _kind(value: bytes) -> int:
    if b'"kind":"contact"' in value:
        return INPUTS.outcomes
    return FACTS if b'"kind"' in value else NETWORK


def _merge(engine: Engine) -> None:
    """Merge what an engine learned, as whoever owns partition 0 does."""
    pool, fresh = engine.learner.pool, exchange.new_pool(len(taxonomy.load()))
    if pool is not None and (data := exchange.contribution(pool)) is not None:
        exchange.merge_lessons(fresh, None, {0: exchange.read_contribution(fresh, data)})


def _warm_values(ts: int, interest: str) -> list[bytes]:
    """A day of an account: what it grants and likes, and is seen with; on the last it is erased."""
    offers, opinion = (b"granted", b"like") if ts // _DAY_MS % 2 else (b"withdrawn", b"neutral")
    about = [
        b'"kind":"consent","purpose":"profiling","status":"granted"',
        b'"kind":"consent","purpose":"profiling","status":"granted","member_id":"m"',
        b'"kind":"consent","purpose":"offers","status":"%b"' % offers,
        b'"kind":"declaration","stance":"%b","interest":"%b"' % (opinion, interest.encode()),
        b'"line":"mobile","host":"a.example","duration_ms":3600000',
        b'"line":"mobile","host":"a.example","duration_ms":3600000,"member_id":"m"',
    ]
    day = ts // _DAY_MS - _WARM_DAY
    if day >= _CONTACT_DAY:
        told = day, interest.encode()
        about.append(b'"kind":"contact","contact_id":"c%d","channel":"mail","interest":"%b"' % told)
    if day == _WARM_DAYS - 1:
        about.append(b'"kind":"erasure"')
    return [
        b'{"event_id":"%d-%d","account_id":"a","ts":%d,%b}' % (ts, number, ts, fields)
        for number, fields in enumerate(about)
    ]


def spare_collector() -> None:
    """Keep the cycle collector off what lives as long as the process, and off every poll.

    A poll makes ten thousands of objects that are never in a cycle; with the usual thresholds
    they have all of the tags walked through several times a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 10, 10)
