"""Decoders as functions of bytes, each with what it may do with bytes that make no sense.

A target takes any byte string and returns; whatever else happens is a finding. Hypothesis
(`tests.fuzz.test_targets`) and the coverage-guided `tests.fuzz` run the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from confluent_kafka import Message

from features.records.batch import parse
from features.records.dead_letter import DeadLetter
from features.records.decoder import APP, FACTS, NETWORK, TV, Limits, decode, decode_fact
from features.records.fields import Malformed
from features.records.position import Position
from features.state import snapshots
from features.state.changelog_keys import IncompatibleState
from features.tags import entry as tagrecords
from features.tags.keys import TagError
from streams.client.profile import Profile, ProfileError
from streams.contract.headers import dead_letter_headers, parse_dead_letter
from streams.contract.topics import INPUTS
from streams.worker.inlet import Inlet
from tests.simulation import inputs
from tests.support.malformed_cases import CASES, KEY, TS, record

_LIMITS = Limits(max_message_bytes=4_096)
_CHANGELOG_SEED = 2


@dataclass(frozen=True)
class Target:
    """A decoder under test."""

    run: Callable[[bytes], None]
    #: Good and nearly good inputs to start from; some take an engine, and its kernels, to make.
    make_seeds: Callable[[], Sequence[bytes]]

    @cached_property
    def seeds(self) -> Sequence[bytes]:
        """The inputs to start from, made once."""
        return self.make_seeds()


def events(data: bytes) -> None:
    """A record of any input: taken or `Malformed`, and the fast parser agrees with the slow one."""
    kind, raw = (data[0] % 4, data[1:]) if data else (0, b"")
    key = KEY
    one = (np.array([kind], np.uint8), np.zeros(1, np.int32), np.zeros(1, np.int64), _LIMITS)
    fast, refused = parse([raw], [key], *one, TS + 60_000)
    slow, refused_slowly = parse([raw], [key], *one, TS + 60_000, fast=False)
    assert refused == refused_slowly
    assert len(fast) + len(refused) == 1
    for name in (
        "ts",
        "event_hash",
        "account_hash",
        "subject_hash",
        "content_hash",
        "bytes",
        "duration_ms",
        "mode",
        "kind",
        "tz_min",
        "country",
        "device_hash",
    ):
        assert fast.records[name].tolist() == slow.records[name].tolist(), name
    if len(fast):
        assert fast.text(0, "account") == slow.text(0, "account") == key
        assert fast.text(0, "content") == slow.text(0, "content")
        if kind == FACTS:
            decode_fact(raw)
    try:
        decode(kind, raw, key, _LIMITS)
    except Malformed as error:
        assert error.letter.reason and len(str(error)) < 2_000


def inlet(data: bytes) -> None:
    """Records cut out of the bytes go through a worker's inlet, none is lost."""
    parts = data.split(b"\n")[:20]
    taken = Inlet(inputs.settings(dead_letter_max_run=100))
    taken.open(0, {name: Position(0, -1) for name in INPUTS})
    messages = [
        Message(
            topic=INPUTS[i % 4], partition=0, offset=i // 4, key=KEY, value=part, timestamp=(1, TS)
        )
        for i, part in enumerate(parts)
    ]
    taken.poll(_Once(messages), 100, 0.0)  # type: ignore[arg-type]  # only consume is asked for
    part = taken.partitions[0]
    held = sum(item.count for item in part.merge.inputs.values())
    # What may be a refusal is a dead letter, and stands in the sequence as well.
    refused = [letter for queue in part.refused.values() for letter in queue if not letter.holds]
    assert held + len(refused) == len(parts)


class _Once:
    def __init__(self, messages: list[Message]) -> None:
        self._messages = messages

    def consume(self, limit: int, timeout: float) -> list[Message]:
        return self._messages


def tags(data: bytes) -> None:
    """A record of content-tags."""
    try:
        key, entry = tagrecords.decode(data)
    except TagError as error:
        assert error.field
    else:
        assert tagrecords.decode(tagrecords.encode(key, entry)) == (key, entry)


def snapshot(data: bytes) -> None:
    """A model's bytes."""
    try:
        manifest, arrays = snapshots.unpack(data)
    except ValueError:
        return
    assert snapshots.unpack(snapshots.pack(manifest, arrays))[0] == manifest


def profile(data: bytes) -> None:
    """A published profile, as a downstream team reads it."""
    try:
        Profile.from_record(b"acc-1", data)
    except ProfileError:
        return


def dead_letter(data: bytes) -> None:
    """Headers of a dead letter: the bytes are three values."""
    parts = [*data.split(b"\0", 2), b"", b""][:3]
    text = [part.decode(errors="replace") for part in parts]
    headers = dead_letter_headers(DeadLetter("reason", text[1], text[2], text[0], 1, 2))
    found = parse_dead_letter(headers)
    assert found.topic == text[0] or len(text[0].encode()) > 512
    try:
        parse_dead_letter(
            [
                ("source-topic", parts[0]),
                ("source-offset", parts[1]),
                ("source-partition", parts[2]),
            ]
        )
    except ValueError:
        return


def changelog(data: bytes) -> None:
    """A changelog one of whose records is other bytes: refused, or taken for what it says.

    (Other numbers in the right places are that: Kafka's checksums are there against them.)
    """
    keys = sorted(_changelog())
    key = keys[(data[0] if data else 0) % len(keys)]
    engine = inputs.new_engine()
    try:
        with np.errstate(all="ignore"):
            engine.load(({**_changelog(), key: data[1:]}).items())
    except IncompatibleState as error:
        assert len(str(error)) < 2_000


@lru_cache(maxsize=1)
def _changelog() -> dict[bytes, bytes]:
    offsets = {name: Position(10**6, 10**15) for name in inputs.JOINED}
    changes = inputs.replay(inputs.expected(_CHANGELOG_SEED, 0), [offsets])[0][0]
    return {key: value for key, value in changes.state.items() if value is not None}


def _changelog_seeds() -> list[bytes]:
    return [bytes([n]) + value for n, (_, value) in enumerate(sorted(_changelog().items()))]


def _profile_seeds() -> list[bytes]:
    offsets = {name: Position(10**6, 10**15) for name in inputs.JOINED}
    made = [inputs.replay(inputs.expected(seed, 0), [offsets])[0][0] for seed in range(4)]
    return [value for changes in made for _, value, _, _ in changes.profiles if value is not None]


def _event_seeds() -> list[bytes]:
    return [bytes([kind]) + record(kind) for kind in (FACTS, NETWORK, TV, APP)]


def _bad_event_seeds() -> list[bytes]:
    return [bytes([case.kind]) + case.raw for case in CASES]


def _inlet_seeds() -> list[bytes]:
    good, bad = _event_seeds(), _bad_event_seeds()[:20]
    return [b"\n".join(item[1:] for item in group) for group in (good, bad)]


def _tag_seeds() -> list[bytes]:
    entry = tagrecords.TagEntry((("483", 0.5), ("1", 1.0)), "test", 0.9)
    return [tagrecords.encode("host:a.example", entry), b"{}", b"[]"]


def _snapshot_seeds() -> list[bytes]:
    return [value for key, value in _changelog().items() if key[:2] == b"m/"]


#: All of them by name.
TARGETS = {
    "events": Target(events, lambda: _event_seeds() + _bad_event_seeds()),
    "inlet": Target(inlet, _inlet_seeds),
    "tags": Target(tags, _tag_seeds),
    "snapshot": Target(snapshot, _snapshot_seeds),
    "profile": Target(profile, _profile_seeds),
    "dead letter": Target(dead_letter, lambda: [b"a\0b\0c", b"topic\x0012\x00-1", b"\xff\0\0"]),
    "changelog": Target(changelog, _changelog_seeds),
}
