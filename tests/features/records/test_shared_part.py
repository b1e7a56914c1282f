"""A part of the model of all partitions is taken of a worker of the deployment alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from features.records.decoder import FACTS, NETWORK, Limits, decode, decode_fact, shared_mark
from features.records.facts import Fact, SharedPart
from features.records.fields import Malformed
from features.records.tolerated import to_bytes

_TS = 1_700_000_000_000
_PART = SharedPart("habit", 19_675, "AAAA", _TS, 19_674, "0123456789abcdef")


def _record(secret: bytes = b"key", **other: Any) -> bytes:
    said = {name: getattr(_PART, name) for name in ("part", "day", "data", "ts", "until", "of")}
    mark = shared_mark(secret, _PART)
    return json.dumps({"kind": "shared_model", **said, "mark": mark, **other}).encode()


def test_a_part_is_read_and_kept_as_it_was_written() -> None:
    fact = decode(FACTS, _record(), None, Limits(hash_secret=b"key"))
    assert isinstance(fact, Fact) and fact.said == _PART and fact.ts == _TS
    assert decode_fact(to_bytes(fact)) == fact


def test_one_that_was_written_under_a_former_key_is_taken_too() -> None:
    fact = decode(FACTS, _record(b"old"), None, Limits(hash_secret=(b"old", b"new")))
    assert fact.said == _PART  # type: ignore[union-attr]  # a fact


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (_record(b"another"), "mark"),
        (_record(day=19_676), "mark"),
        (_record(data="AAAB"), "mark"),
        (_record(until=19_675), "mark"),
        (_record(ts=_TS + 1), "mark"),
        (_record(part="here"), "mark"),
        (_record(of="0" * 16), "mark"),
        (_record(of="0" * 15), "of"),
        (_record(of=None), "of"),
        (_record(mark=None), "mark"),
        (_record(mark="x" * 32), "mark"),
        (_record(day=-1), "day"),
        (_record(day="1"), "day"),
        (_record(data="not base64!"), "data"),
        (_record(until=None), "until"),
        (_record(part=7), "part"),
    ],
)
def test_what_is_malformed_or_foreign_is_refused_by_field(raw: bytes, field: str) -> None:
    with pytest.raises(Malformed) as refused:
        decode(FACTS, raw, None, Limits(hash_secret=b"key"))
    assert refused.value.letter.field == field


@pytest.mark.parametrize(("kind", "key"), [(NETWORK, None), (FACTS, b"a")])
def test_it_is_one_without_key_among_the_facts_alone(kind: int, key: bytes | None) -> None:
    with pytest.raises(Malformed):
        decode(kind, _record(), key, Limits(hash_secret=b"key"))
