"""An account of many devices (a school, a company): the same answers, at the same price each."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.config import Config
from features.privacy import kin as room
from features.privacy.kin import Kin
from features.privacy.owned_device import ERASED
from features.records.facts import Registry
from features.tags.exact import TagEntry
from tests.support.feeding import Feed, Record, Stream

_ACCOUNT = "acc"
_NAMES = ["m1", "M-1", "acc:m1", "m2", "m_2", "m3", ERASED]
_DEVICES = [f"d{n}" for n in range(4)]
_ENTRY = st.tuples(
    st.sampled_from(_DEVICES),
    st.integers(0, 5),
    st.sampled_from([*_NAMES[:-1], None]),
    st.sampled_from([True, False, None]),
)
_FORGET = st.tuples(st.sampled_from(_DEVICES), st.sampled_from(_NAMES[:-1]))
_GONE = st.tuples(st.sampled_from(_DEVICES))


def _lived(steps: list[Any], few: int, patch: pytest.MonkeyPatch) -> Kin:
    patch.setattr(room, "_FEW", few)
    kin = Kin(_ACCOUNT.encode())
    for number, (name, *rest) in enumerate(steps):
        device = kin.device(name)
        if not rest:
            kin.put_device(name, None)
            continue
        if len(rest) == 1:
            device.forget(rest[0], _ACCOUNT)
        else:
            ts, owner, adult = rest
            device.add(ts, f"e{number}", Registry(name, owner, adult))
        kin.put_device(name, device)
    return kin


def _answers(kin: Kin) -> list[Any]:
    return [
        kin.known_children,
        kin.owners,
        kin.shared,
        [kin.is_child(name) for name in _NAMES],
        [kin.children_like(name) for name in _NAMES],
        [kin.adult_since(name) for name in _NAMES],
        [sorted(kin.owned(name)) for name in _NAMES],
        [sorted(kin.naming(name)) for name in _NAMES],
    ]


@given(st.lists(st.one_of(_ENTRY, _FORGET, _GONE), max_size=14), st.integers(0, 3))
def test_lists_of_many_answer_as_a_look_at_each_does(steps: list[Any], few: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        assert _answers(_lived(steps, few, patch)) == _answers(_lived(steps, 1_000, patch))


def _calls(records: list[Record], stream: Stream) -> int:
    """Calls of the house's own functions that the folding of records makes."""
    count = [0]

    def tell(frame: FrameType, event: str, _: object) -> None:
        count[0] += event == "call" and "/features/" in frame.f_code.co_filename

    sys.setprofile(tell)
    try:
        stream.feed(*records)
    finally:
        sys.setprofile(None)
    return count[0]


def _school(children: int) -> tuple[Stream, Feed]:
    table = {"host:sport.example": TagEntry((("483", 1.0),), "test", 1.0)}
    stream, feed = Stream(Config(erasure_key=b"k" * 32), table), Feed()
    stream.feed(feed.consent("acc", 0))
    names = range(children)
    stream.feed(*(feed.visit("acc", 1, "sport.example", member_id=f"m{n}") for n in names))
    stream.feed(*(_entry(feed, n) for n in names))
    return stream, feed


def _entry(feed: Feed, number: int, **fields: Any) -> Record:
    said = {"device_id": f"d{number}", "owner_member_id": f"m{number}", "adult": False, **fields}
    return feed.fact("acc", 1.1, "registry", **said)


@pytest.mark.parametrize("what", ["a child", "an adult", "nobody's", "an erasure"])
def test_an_entry_of_the_registry_costs_the_same_among_thousands(what: str) -> None:
    """It took 70 ms among a thousand children, and grew with their square."""
    took = []
    for children in (100, 400):
        stream, feed = _school(children)
        records = {
            "a child": [_entry(feed, children + n) for n in range(20)],
            "an adult": [_entry(feed, n, adult=True) for n in range(20)],
            "nobody's": [_entry(feed, children + n, owner_member_id=None) for n in range(20)],
            "an erasure": [feed.fact("acc", 1.2, "erasure", member_id=f"m{n}") for n in range(20)],
        }
        took.append(_calls(records[what], stream))
    print(f"{what}: {took[0] / 20:.0f} calls each among a hundred, {took[1] / 20:.0f} among 400")
    assert took[1] < 2 * took[0]
