"""Keys and the partition record: what other releases must read, and nobody else cuts."""

from __future__ import annotations

import ast
import dataclasses
import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.records.position import Position
from features.state import changelog_keys as keys
from features.state.changelog_keys import Bound, IncompatibleState, Kind, Meta
from tests.project.architecture import repository

META = Meta(
    Bound((1.0, 7.0, 60.0), 3_600_000, "iab-1", "c0ffee00"),
    {"network-usage": Position(17, 1_556_800_000_000)},
    next=3,
    max_ts=1_556_800_000_123,
    open_day=18_018,
    seq=5,
    outcomes=(0, 12, 3),
    rules="5e7",
)


def test_keys_are_what_other_releases_read() -> None:
    """Byte for byte: a changelog outlives the release that wrote it."""
    made = {
        Kind.SUBJECT: (keys.subject(b"acc-1/m-2"), b"s/acc-1/m-2"),
        Kind.ASIDE: (keys.kept_aside(b"acc-1/m-2"), b"h/acc-1/m-2"),
        Kind.FACTS: (keys.facts(b"acc-1"), b"f/acc-1"),
        Kind.CONSENTS: (keys.consents(b"acc-1/m-2"), b"c/acc-1/m-2"),
        Kind.ABOUT: (keys.about(b"acc-1"), b"i/acc-1"),
        Kind.CONTACTS: (keys.contacts(b"acc-1/m-2"), b"t/acc-1/m-2"),
        Kind.DEVICE: (keys.device(b"acc-1", "tab"), b"v/acc-1\0tab"),
        Kind.CASE: (keys.case(b"acc-1", "c/1"), b"k/acc-1\0c/1"),
        Kind.ERASED: (keys.erased("c0ffee"), b"e/c0ffee"),
        Kind.UNSWEPT: (keys.unswept("c0ffee"), b"o/c0ffee"),
        Kind.EVENT_IDS: (keys.event_ids(12), b"d/12"),
        Kind.MODEL: (keys.model("mixture"), b"m/mixture"),
        Kind.PARTITION: (keys.META, b"p/meta"),
    }
    assert made.keys() == set(Kind)
    for kind, (key, text) in made.items():
        assert key == text
        assert keys.parse(key) == (kind, text[2:])


@pytest.mark.parametrize("key", [b"", b"s", b"x/1", b"sx/1", b"S/1"])
def test_a_key_of_another_release_has_no_kind(key: bytes) -> None:
    assert keys.parse(key) is None


def test_the_partition_record_is_what_other_releases_read() -> None:
    assert json.loads(META.to_bytes()) == {
        "format": 2,
        "half_lives": [1.0, 7.0, 60.0],
        "day_offset_ms": 3_600_000,
        "taxonomy": "iab-1",
        "erasure_key": "c0ffee00",
        "offsets": {"network-usage": [17, 1_556_800_000_000]},
        "next": 3,
        "max_ts": 1_556_800_000_123,
        "open_day": 18_018,
        "seq": 5,
        "outcomes": [0, 12, 3],
        "rules": "5e7",
    }
    assert Meta.from_bytes(META.to_bytes()) == META


def test_the_format_before_is_read_and_another_is_not() -> None:
    doc = json.loads(META.to_bytes())
    assert Meta.from_bytes(json.dumps({**doc, "format": 1}).encode()) == META
    with pytest.raises(IncompatibleState, match="format = 3"):
        Meta.from_bytes(json.dumps({**doc, "format": 3}).encode())


def test_an_offset_moves_alone() -> None:
    moved = META.moved("network-usage", 40)
    assert moved.offsets["network-usage"] == Position(40, 1_556_800_000_000)
    assert dataclasses.replace(moved, offsets=META.offsets) == META


@given(st.data())
def test_a_damaged_partition_record_is_refused(data: st.DataObject) -> None:
    """Whatever is missing or of another type; and the reason names no content."""
    doc = json.loads(META.to_bytes())
    name = data.draw(st.sampled_from(sorted(doc.keys() - {"taxonomy", "erasure_key", "rules"})))
    if data.draw(st.booleans()):
        del doc[name]
    else:
        doc[name] = data.draw(st.sampled_from([None, "acc-1", [["acc-1"]]]))
    with pytest.raises(IncompatibleState) as refused:
        Meta.from_bytes(json.dumps(doc).encode())
    assert name == "format" or "acc-1" not in str(refused.value)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Bound)])
def test_a_changelog_of_other_settings_is_refused(name: str) -> None:
    other = dataclasses.replace(META.bound, **{name: cast(Any, "other")})
    with pytest.raises(IncompatibleState, match=f"written with {name} = 'other'"):
        META.bound.refuse_other(other)


def _cut_by_hand(sources: dict[str, str]) -> list[str]:
    begins = tuple(kind.value for kind in Kind)
    return [
        f"{module}:{node.lineno}"
        for module, text in sources.items()
        if not module.startswith("tests") and module != "features.state.changelog_keys"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, bytes)
        and node.value.startswith(begins)
    ]


def test_nobody_else_makes_or_cuts_keys() -> None:
    assert not _cut_by_hand(repository())


@pytest.mark.parametrize("text", ['x = b"s/" + key', 'def f(k):\n    return k.startswith(b"d/")'])
def test_a_key_made_by_hand_is_found(text: str) -> None:
    assert _cut_by_hand({"streams.commands.new": text})
