"""One pass over the logs by an engine that never stopped, and state in a form to compare.

The order of the merged inputs is computed here anew, from the whole logs at once, by sorting:
running event time, input, offset. Nothing of the worker's own reading is used.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from features.engine import Engine
from features.records.arrivals import believed
from features.records.batch import Batch, parse
from features.records.facts import SharedPart
from features.records.tolerated import Tolerance
from features.state import layout as lay
from features.state import packing_kernel
from features.state.contents import Contents
from features.tags import taxonomy
from streams.contract.topics import FACTS, joined_topics
from streams.kafka import clients
from streams.settings import Settings
from streams.worker.wiring import engine_config, input_limits
from tests.support.adopted_models import follow, places_of
from tests.support.history import History, Placed

_READ = 50_000
_APPLY = 20_000
_READ_S = 300.0
_A_PART = b'"%s"' % SharedPart.kind.encode()
#: Fields of a subject's header that say what was published, which depends on when commits fell.
_PUBLISHED = ("version", "digest", "published")


@dataclass
class Reference:
    """What an uninterrupted pass over a partition's inputs makes of them.

    Attributes
    ----------
    profiles : dict of bytes to bytes
        The last value written per key.
    refused : dict of (str, int) to str
        Reason by source topic and offset.
    seen : dict of str to list of int
        Offsets of the records before the committed ones, by topic.
    left_out : int
        Refused records that do not stand in the sequence.
    """

    engine: Engine
    profiles: dict[bytes, bytes] = field(default_factory=dict)
    refused: dict[tuple[str, int], str] = field(default_factory=dict)
    raw: dict[tuple[str, int], tuple[bytes | None, bytes | None]] = field(default_factory=dict)
    seen: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    left_out: int = 0

    @property
    def taken(self) -> int:
        """How many records lie before the committed offsets."""
        return sum(map(len, self.seen.values()))


def read(
    settings: Settings,
    name: str,
    partition: int,
    until: int | None = None,
    isolation: str = "read_committed",
) -> Iterator[Message]:
    """Every record of a partition before the offset `until`, or before its end."""
    topic = settings.topic(name)
    consumer = Consumer(
        {**clients.consumer_config("restore", settings), "isolation.level": isolation}
    )
    try:
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
        deadline = time.monotonic() + _READ_S
        while True:
            for message in consumer.consume(_READ, 1.0):
                error = message.error()
                if error is None:
                    if until is not None and (message.offset() or 0) >= until:
                        return
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    return
                elif not error.retriable() and error.code() != KafkaError._ALL_BROKERS_DOWN:
                    raise AssertionError(f"{topic}[{partition}]: {error.str()}")
            assert time.monotonic() < deadline, f"{topic}[{partition}] was not read out"
    finally:
        consumer.close()


def recompute(
    settings: Settings,
    contents: Contents,
    partition: int,
    until: Mapping[str, int],
    history: History,
    learned: Iterable[bytes] = (),
) -> Reference:
    """Fold everything before the offsets `until` (by full topic name) in one pass.

    Parameters
    ----------
    history : History
        What is no longer in the logs; the offsets are its own.
    learned : iterable of bytes
        States of what partitions learn together: they tell where merged models were taken.
    """
    found = Reference(_engine(settings, contents))
    if settings.shared_model:
        told = (m.value() or b"" for m in read(settings, FACTS, partition) if m.key() is None)
        parts = tuple((value, 0) for value in told if _A_PART in value[:40])
        follow(found.engine, parts, places_of(learned))
    batches, places = [], []
    for kind, name in enumerate(joined_topics(settings)):
        topic = settings.topic(name)
        running = -1
        end = until.get(topic, 0)
        log = read(settings, name, partition, end - history.shift(topic, partition))
        for messages in _chunks(history.records(topic, partition, log)):
            batch = _parse(settings, topic, kind, messages, found)
            steps = np.maximum.accumulate(np.maximum(batch.records["ts"], running))
            if len(batch):
                running = int(steps[-1])
                batches.append(batch)
                places.append((steps, np.full(len(batch), kind)))
    if batches:
        whole = Batch.concat(batches)
        order = np.lexsort(
            (
                whole.records["offset"],
                np.concatenate([p[1] for p in places]),
                np.concatenate([p[0] for p in places]),
            )
        )
        sequence = Batch(whole.records[order], whole.blob)
        for at in range(0, len(sequence), _APPLY):
            part = Batch(sequence.records[at : at + _APPLY], sequence.blob)
            _note_late(settings, found, part, found.engine.apply(part))
    found.engine.refuse(found.left_out)
    changes = found.engine.collect({})
    found.profiles = {key: value for key, value, _, _ in changes.profiles if value is not None}
    return found


def restored(settings: Settings, contents: Contents, folded: Mapping[bytes, bytes]) -> Engine:
    """An engine with the state of a folded changelog."""
    engine = _engine(settings, contents)
    engine.load(folded.items())
    return engine


def canonical(engine: Engine) -> dict[bytes, bytes]:
    """Everything that decides what an engine does next, by name, as bytes."""
    store, state = engine.store, {}
    live = live_subjects(engine)
    blob, ends = store.pack(np.array(list(live.values()), np.int32))
    view, start = blob.data, 0
    for key, end in zip(live, ends.tolist(), strict=True):
        state[b"s/" + key] = bytes(view[start:end])
        start = end
    aside = store.screens.packed(np.array(list(live.values()), np.int32))
    state |= {b"h/" + key: value for key, value in zip(live, aside, strict=True) if value}
    state |= store.screens.snapshot()
    ledger = engine.accounts.ledger
    state |= {key: ledger.value(key) or b"" for key in ledger.all_keys()}
    state |= engine.learner.snapshot() | engine.related.snapshot()
    state |= engine.outcomes.snapshot()
    state[b"p/totals"] = json.dumps(
        {
            "max_ts": int(store.counters["max_ts"]),
            "ticked": store.ticked,
            "open_day": int(store.counters["open_day"]),
            "outcomes": store.totals.tolist(),
        }
    ).encode()
    held = (store.live.dedup.hash != 0) & (store.live.dedup.bucket >= store.oldest_bucket())
    state[b"d/ids"] = np.sort(store.live.dedup.hash[held]).tobytes()
    return state


def live_subjects(engine: Engine) -> dict[bytes, int]:
    """Numbers of the subjects that are not gone, by key."""
    count = int(engine.store.counters["subjects"])
    gone = engine.store.subjects["status"][:count] & lay.S_GONE
    return {engine.store.key(sid): sid for sid in np.flatnonzero(gone == 0).tolist()}


def digest_of(state: Mapping[bytes, bytes]) -> str:
    """One short text for a canonical state."""
    total = hashlib.sha256()
    for key in sorted(state):
        total.update(b"%d:%d:" % (len(key), len(state[key])))
        total.update(key)
        total.update(state[key])
    return total.hexdigest()


def without_versions(state: Mapping[bytes, bytes], *more: str) -> dict[bytes, bytes]:
    """The same state but for what remembers the published profile: that is compared itself.

    And but for `more` fields of a subject's header.
    """
    plain = {}
    for key, value in state.items():
        if key.startswith(b"s/"):
            head = np.frombuffer(value, packing_kernel.HEAD, 1).copy()
            for name in (*_PUBLISHED, *more):
                head[name] = 0
            body = np.frombuffer(value, np.uint8, offset=packing_kernel.HEAD.itemsize).copy()
            lead = packing_kernel.SIZES[packing_kernel.FORMAT].lead
            body[: lead * int(head["used"][0])].reshape(-1, lead)[:, 2:] = 0  # what was shown last
            value = head.tobytes() + body.tobytes()
        plain[key] = value
    return plain


def differences(expected: Mapping[bytes, bytes], found: Mapping[bytes, bytes]) -> list[str]:
    """What differs between two canonical states, one line each."""
    lines = [f"{key.decode()} is missing" for key in sorted(expected.keys() - found.keys())]
    lines += [f"{key.decode()} is too much" for key in sorted(found.keys() - expected.keys())]
    for key in sorted(expected.keys() & found.keys()):
        if expected[key] != found[key]:
            lines.append(f"{key.decode()}: {_how(key, expected[key], found[key])}")
    return lines


def _how(key: bytes, expected: bytes, found: bytes) -> str:
    if key.startswith(b"s/"):
        heads = [np.frombuffer(value, packing_kernel.HEAD, 1)[0] for value in (expected, found)]
        for name in packing_kernel.HEAD.names or ():
            if heads[0][name] != heads[1][name]:
                return f"{name} should be {heads[0][name]}, is {heads[1][name]}"
        return "rows differ"
    if key.startswith((b"p/", b"c/", b"i/", b"v/", b"k/", b"e/")):
        return f"should be {expected[:300]!r}, is {found[:300]!r}"
    return f"differs ({len(expected)} and {len(found)} bytes)"


def _engine(settings: Settings, contents: Contents) -> Engine:
    return Engine(engine_config(settings), taxonomy.load(), contents)


def _chunks(messages: Iterator[Placed]) -> Iterator[list[Placed]]:
    chunk: list[Placed] = []
    for message in messages:
        chunk.append(message)
        if len(chunk) == _READ:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _parse(
    settings: Settings, topic: str, kind: int, messages: list[Placed], found: Reference
) -> Batch:
    count, now_ms = len(messages), int(time.time() * 1000)
    found.seen[topic] += [message.offset() for message in messages]
    words = engine_config(settings).rules.words
    stamps = np.array([m.timestamp()[1] for m in messages], np.int64)
    kinds = np.full(count, kind, np.uint8)
    came = believed(stamps, kinds, now_ms)
    batch, rejected = parse(
        [m.value() for m in messages],
        [m.key() for m in messages],
        kinds,
        np.array([m.partition() for m in messages], np.int32),
        np.array([m.offset() for m in messages], np.int64),
        input_limits(settings),
        came,
        tolerance=Tolerance(words, lambda at: int(came[at])),
    )
    found.left_out += sum(not letter.holds for letter in rejected.values())
    for letter in rejected.values():
        found.refused[topic, letter.offset] = letter.reason
        found.raw[topic, letter.offset] = letter.key, letter.value
    return batch


def _note_late(
    settings: Settings,
    found: Reference,
    batch: Batch,
    outcome: np.ndarray[tuple[int], np.dtype[np.uint8]],
) -> None:
    for i in np.flatnonzero(outcome == lay.LATE).tolist():
        row = batch.records[i]
        place = settings.topic(joined_topics(settings)[int(row["kind"])]), int(row["offset"])
        found.refused[place] = "late"
        found.raw[place] = batch.text(i, "account"), batch.raw(i)
