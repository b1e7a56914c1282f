"""What a reader holds: small, by place, gone when it has expired; and its file."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.client import ProfileError, Profiles
from streams.client.snapshot import Origin, SnapshotError, read_snapshot, write_snapshot

ORIGIN = Origin("t", "id", 1, 2, {0: 7, 3: 9})


class Clock:
    """A time that stands still until it is set."""

    at = 1_000.0

    def __call__(self) -> float:
        return self.at


def put(held: Profiles, subject: str, offset: int = 0, **value: Any) -> None:
    record = orjson.dumps({"version": 1, **value})
    held.put(subject, held.parse(subject, record, 2, offset, 1))


def test_a_profile_is_given_back_as_it_came_with_its_place() -> None:
    held = Profiles()
    interests = [{"id": str(n), "name": "Sports"} for n in range(20)]
    for n in range(3_000):
        put(held, f"a-{n}", n, interests=interests)
    size = sum(len(packed) for _, packed in held.packed())
    assert size < 3_000 * 150, "compressed, all of them"
    stored = held.raw("a-17")
    assert stored is not None and (stored.partition, stored.offset) == (2, 17)
    assert stored.value == orjson.dumps({"version": 1, "interests": interests})
    assert held["a-17"].interests[19].id == "19"
    with pytest.raises(KeyError):
        held["nobody"]


@given(st.lists(st.tuples(st.sampled_from(["a", "a/x", "a/y", "b/x"]), st.booleans()), max_size=30))
def test_members_are_those_held(steps: list[tuple[str, bool]]) -> None:
    held, model = Profiles(), set()
    for subject, there in steps:
        if there:
            put(held, subject)
            model.add(subject)
        else:
            assert held.drop(subject) == (subject in model)
            model.discard(subject)
    assert set(held) == model and len(held) == len(model)
    for account in ("a", "b"):
        assert held.members(account) == tuple(sorted(s for s in model if f"{account}/" in s))


def test_what_has_expired_is_handed_out_in_no_way() -> None:
    clock = Clock()
    held = Profiles(clock)
    put(held, "a/m", valid_until=1_000_001)
    put(held, "b", valid_until=None)
    put(held, "c", valid_until=1_000_001)
    put(held, "c", 1, version=2, valid_until=2_000_000)
    assert set(held) == {"a/m", "b", "c"}
    clock.at = 1_000.001
    assert "a/m" not in held and held.raw("a/m") is None and held.get("a/m") is None
    assert held.expire() == ["a/m"] and held.members("a") == ()
    assert set(held) == {"b", "c"} and len(held) == 2
    clock.at = 9e9
    assert set(held) == {"b"}


def test_what_is_no_profile_is_said_by_field() -> None:
    held = Profiles()
    for value, field in ((b"[]", "object"), (b"{}", "version"), (b'{"version":true}', "version"),
                         (b'{"version":1,"valid_until":"x"}', "valid_until"),
                         (b'{"version":1,"as_of":1e3}', "as_of")):  # fmt: skip
        with pytest.raises(ProfileError, match=f"a: .*{field}"):
            held.parse("a", value, 0, 0, 1)
    put(held, "a", interests=[{}])  # a field that is only looked at when it is asked for
    with pytest.raises(ProfileError, match="a: id is missing"):
        held["a"]


def test_a_snapshot_is_the_owners_and_comes_back(tmp_path: Path) -> None:
    path, items = tmp_path / "held", [("a", b"\0\1"), ("ä/m", b"")]
    write_snapshot(path, ORIGIN, items)
    assert read_snapshot(path) == (ORIGIN, items)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["held"]


def test_a_snapshot_that_could_not_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "held"
    write_snapshot(path, ORIGIN, [("a", b"1")])

    def broken() -> Any:
        yield "b", b"2"
        raise OSError("no space")

    with pytest.raises(OSError):
        write_snapshot(path, ORIGIN, broken())
    assert read_snapshot(path)[1] == [("a", b"1")]
    assert [p.name for p in tmp_path.iterdir()] == ["held"]


@given(st.integers(0), st.integers(1, 255))
def test_a_damaged_snapshot_is_refused(tmp_path_factory: Any, at: int, by: int) -> None:
    path = tmp_path_factory.mktemp("s") / "held"
    write_snapshot(path, ORIGIN, [("a", b"123")])
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= by
    path.write_bytes(data)
    with pytest.raises(SnapshotError):
        read_snapshot(path)
    path.write_bytes(data[: at % len(data)])
    with pytest.raises(SnapshotError):
        read_snapshot(path)
