"""Event ids, subjects, rows and their bytes: the tables behind one event."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.config import Config
from features.privacy.disclosure import describe_subject
from features.state import event_ids_kernel, loading, packing_kernel
from features.state import layout as lay
from features.state.changelog_keys import IncompatibleState
from features.state.store import Store
from features.tags.taxonomy import load
from tests.oracle.arithmetic import text_hash

DAY = 18_019
_CLOCK = Config().clock()


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 40)), max_size=80))
def test_event_ids_are_remembered_for_the_horizon(seen: list[tuple[int, int]]) -> None:
    dedup, counters, now = lay.new_dedup(256), lay.new_counters(), 0
    twin: dict[int, int] = {}
    for name, step in seen:
        now += step // 10
        h, oldest = np.uint64(text_hash(b"%d" % name)), now - 6
        again = name in twin and twin[name] >= oldest
        assert event_ids_kernel.seen_before(dedup, counters, h, now, oldest) == again
        if not again:
            twin[name] = now


@given(
    st.lists(
        st.binary(min_size=1, max_size=6).filter(lambda b: b"/" not in b),
        min_size=1,
        max_size=40,
        unique=True,
    ),
    st.lists(st.integers(0, 39), max_size=10),
)
@settings(max_examples=40)
def test_subjects_are_found_by_their_key(accounts: list[bytes], gone: list[int]) -> None:
    store = Store(_CLOCK, 1000)
    numbers = {}
    for account in accounts:
        numbers[account, b""] = store.ensure(account)
        numbers[account, b"m"] = store.ensure(account, b"m")
    for which in gone:
        if which < len(accounts) and (accounts[which], b"m") in numbers:
            store.forget(numbers.pop((accounts[which], b"m")), entirely=True)
    for account in accounts:
        for member in (b"", b"m", b"n"):
            assert store.find(account, member) == numbers.get((account, member), -1)
    live = {sid for account in accounts for sid in store.members(store.find(account))}
    assert live == set(numbers.values())


@pytest.mark.parametrize("limit", [1, 2, 64, 1023, 1024])
def test_a_subject_has_at_most_so_many_rows(limit: int) -> None:
    """And every slab size on the way there and back is one the free lists know."""
    store = Store(_CLOCK._replace(max_rows=limit), 1000)
    for account in (b"a", b"b", b"a2"):
        sid = store.ensure(account)
        for interest in range(1100):
            j = store.row(sid, interest % 1024, DAY)
            assert 0 <= j < int(store.counters["rows_end"]) <= len(store.rows.windows)
            assert store.rows.interest[j] == interest % 1024
            store.rows.windows["level"][j, 2] = interest
        assert int(store.subjects["used"][sid]) == limit
        assert int(store.subjects["cap"][sid]) // 2 < len(store.rows.free)
        store.forget(sid, entirely=account == b"b")
    assert int(store.counters["rows_live"]) == 0


def test_a_slab_never_ends_behind_the_table() -> None:
    """A full slab of any size, in a table without a row more, grows into room that was made."""
    size = 0
    while size < lay.MAX_ROWS:
        store = Store(_CLOCK._replace(max_rows=lay.MAX_ROWS), 1000)
        sid, full = store.ensure(b"a"), lay.new_rows(size)
        store.live = store.live._replace(rows=full)
        store.subjects["used"][sid] = store.subjects["cap"][sid] = size
        store.counters["rows_end"] = store.counters["rows_live"] = size
        store.row(sid, 7, DAY)
        size = int(store.subjects["cap"][sid])
        assert store.counters["rows_end"] <= len(store.rows.windows), size
    assert size == lay.LARGEST_SLAB


def test_the_weakest_row_gives_way() -> None:
    store = Store(_CLOCK._replace(max_rows=3), 1000)
    sid = store.ensure(b"a")
    for interest, level in ((5, 0.5), (6, 0.1), (7, 0.9)):
        store.rows.windows["level"][store.row(sid, interest, DAY), 2] = level
    store.row(sid, 8, DAY)
    start = int(store.subjects["start"][sid])
    assert store.rows.interest[start : start + 3].tolist() == [5, 7, 8]


# -- packing


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 9)), min_size=1, max_size=30
    )
)
@settings(max_examples=40)
def test_packing_and_back(given_rows: list[tuple[int, bool, int]]) -> None:
    store = Store(_CLOCK, 1000)
    store.counters["open_day"] = DAY
    for account, member, interest in given_rows:
        sid = store.ensure(b"acc-%d" % account, b"m" if member else b"")
        j = store.row(sid, interest, DAY)
        for name in ("level", "today", "tomorrow", "part", "tv", "app"):
            store.rows.windows[name][j] += interest + 1
        store.subjects["events"][sid] += 1
        store.subjects["last_ts"][sid] = interest
    sids = store.dirty(lay.D_STATE)
    blob, ends = store.pack(sids)
    starts = [0, *ends.tolist()[:-1]]
    values = [blob[a:b].tobytes() for a, b in zip(starts, ends.tolist(), strict=True)]
    keys = [store.key(sid) for sid in sids.tolist()]
    again = Store(_CLOCK, 1000)
    backwards = list(range(len(keys)))[::-1]
    again.load([keys[i] for i in backwards], [values[i] for i in backwards])
    assert [again.key(sid) for sid in range(len(keys))] == [
        store.key(sid) for sid in range(len(keys))
    ]
    blob2, _ = again.pack(np.array([again.find(*key.split(b"/")) for key in keys], np.int32))
    assert blob2.tobytes() == blob.tobytes()
    assert again.counters["rows_live"] == store.counters["rows_live"]
    parts = Store(_CLOCK, 1000)
    with mock.patch.object(loading, "_AT_ONCE", 2):
        parts.load(keys, values)
    for name in lay.SUBJECT.names or ():
        assert np.array_equal(parts.subjects[name], again.subjects[name]), name


def test_what_was_loaded_leaves_room_for_the_next() -> None:
    """Or the first event after a take-over would wait for a copy of all rows."""
    store = Store(_CLOCK, 1000)
    sids = np.array([store.ensure(b"acc-%d" % number) for number in range(9_000)], np.int32)
    for sid in sids.tolist():
        store.row(sid, 7, DAY), store.row(sid, 8, DAY), store.row(sid, 9, DAY)
    blob, ends = store.pack(sids)
    values = [blob[a:b].tobytes() for a, b in zip([0, *ends[:-1]], ends, strict=True)]
    again = Store(_CLOCK, 1000)
    again.load(store.keys(sids), values)
    rows = again.rows.windows
    for number in range(1_000):
        again.row(again.ensure(b"new-%d" % number), 7, DAY)
    assert again.rows.windows is rows


def test_packed_state_is_what_the_header_says() -> None:
    """Bytes, field by field: the format other releases must read."""
    store = Store(_CLOCK, 1000)
    sid = store.ensure(b"a")
    store.rows.shown[store.row(sid, 513, DAY)] = (200, 2, 18_000)
    store.subjects["events"][sid], store.subjects["last_ts"][sid] = 7, 1_556_800_000_000
    value = store.pack(np.array([sid], np.int32))[0].tobytes()
    assert value[1] == 0 and int.from_bytes(value[2:4], "little") == 1
    assert int.from_bytes(value[12:16], "little") == 7
    assert int.from_bytes(value[16:24], "little") == 1_556_800_000_000
    rows = value[-(6 + lay.ROW.itemsize) :]
    assert int.from_bytes(rows[:2], "little") == 513 and (rows[2], rows[3]) == (200, 2)
    assert int.from_bytes(rows[4:6], "little") == 18_000
    assert int.from_bytes(rows[6 + 8 : 6 + 10], "little") == DAY
    again = Store(_CLOCK, 1000)
    again.load([b"a"], [value])
    assert again.rows.shown[0] == store.rows.shown[store.row(sid, 513, DAY)]


@pytest.mark.parametrize(("version", "shown"), [(1, 1), (2, 4)])
def test_state_of_before_restores_and_knows_no_trips(version: int, shown: int) -> None:
    """Up to format 2 a header and a row were shorter, and of 1 what is shown of a row as well."""
    store = Store(_CLOCK, 1000)
    sid = store.ensure(b"a")
    row = store.rows.windows[store.row(sid, 513, DAY)]
    row["app"], row["abroad"] = 0.5, 0.25
    store.subjects["country"][sid], store.subjects["abroad"][sid] = 17_477, 6
    value = store.pack(np.array([sid], np.int32))[0].tobytes()
    head, row_at = packing_kernel.HEAD.itemsize, packing_kernel.HEAD.itemsize + 6
    old = bytes([version]) + value[1:48] + value[head : head + 2 + shown] + value[row_at:][:92]
    again = Store(_CLOCK, 1000)
    again.load([b"a"], [old])
    assert again.rows.windows["app"][0] == 0.5 and again.rows.windows["abroad"][0] == 0.0
    assert again.subjects["country"][0] == 17_477 and again.subjects["abroad"][0] == 0
    [told] = describe_subject(old, load())["interests"]
    assert told["gathered_abroad"] == 0.0 and told["id"] == load().ids[513]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: value[:10],
        lambda value: value[:-1],
        lambda value: value + b"x",
        lambda value: b"\xff" + value[1:],
    ],
)
def test_state_of_another_format_is_refused(spoil: Any) -> None:
    store = Store(_CLOCK, 1000)
    store.row(store.ensure(b"a"), 1, DAY)
    value = store.pack(np.array([0], np.int32))[0].tobytes()
    with pytest.raises(IncompatibleState):
        Store(_CLOCK, 1000).load([b"a"], [spoil(value)])
