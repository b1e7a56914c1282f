"""Row windows, bitmaps, dates and numbers: each kernel against its twin, and their laws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from features.config import Config
from features.models.signals_kernel import days_since
from features.profiles import json_kernel
from features.records.hash_kernel import hash_text
from features.state import layout as lay
from features.state import rows_kernel
from tests.oracle import arithmetic
from tests.oracle.arithmetic import ABS, REL, Given, Row, text_hash
from tests.support.generators import APP, DAY_MS, NETWORK, TV

DAY = 18_019
CONFIG = Config(half_lives=(1.0, 7.0, 60.0))
_CLOCK = CONFIG.clock()
_WORD = st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2**63, 2**64 - 1])

# -- small kernels


_TIME = st.sampled_from([0, 1, 299_999, 300_000, 3_600_000, 7 * DAY_MS]) | st.integers(0, DAY_MS)
_LENGTH = st.none() | st.sampled_from([1, 6_000_000]) | st.integers(1, 7 * DAY_MS)
_SIZE = st.sampled_from([0, 1, 20_000_000, 10**15]) | st.integers(0, 10**9)


@given(_TIME, _LENGTH, _SIZE, st.integers(0, 4))
@example(spent=299_999, length=6_000_000, size=0, mode=0)  # a millisecond short of no zap
@example(spent=300_000, length=6_000_000, size=0, mode=0)
def test_engagement(spent: int, length: int | None, size: int, mode: int) -> None:
    tv = {"watched_ms": spent} | ({} if length is None else {"content_ms": length})
    net = {"duration_ms": spent, "bytes_down": size}
    app = {"duration_ms": spent, "action": ("close", "open", "view", "search", "pay")[mode]}
    for kind, event, moved in ((TV, tv, 0), (NETWORK, net, size), (APP, app, 0)):
        whole = (length or 0) if kind == TV else 0
        found = rows_kernel.engagement(kind, mode, moved, spent, whole, _CLOCK)
        assert found == pytest.approx(arithmetic.engagement(kind, event), rel=1e-12)
        assert 0.0 <= found <= 1.0


@given(_WORD)
def test_popcount_and_recency(bits: int) -> None:
    assert rows_kernel.popcount(np.uint64(bits)) == arithmetic.popcount(bits)
    since = next((n for n in range(64) if bits >> n & 1), 64)
    assert days_since(np.uint64(bits)) == since


@given(_WORD, st.integers(0, 200))
def test_a_bitmap_some_days_later(bits: int, steps: int) -> None:
    days = [DAY - n for n in range(64) if bits >> n & 1]
    assert int(rows_kernel.shifted(np.uint64(bits), steps)) == arithmetic.bitmap(days, DAY + steps)


def written(put: Callable[[Any, int, Any], int], value: float) -> str:
    out = np.zeros(48, np.uint8)
    return out[: put(out, 0, value)].tobytes().decode()


def rounded(put: Callable[[Any, int, Any], int], value: float, places: int) -> None:
    """It writes as its twin does, and no further off than half a place."""
    text = written(put, value)
    assert text == arithmetic.number(value, places)
    assert float(text) == pytest.approx(value, abs=0.51 * 10.0**-places)


@given(st.integers(0, 65_535) | st.sampled_from([0, 59, 11_016, 11_017, 47_541, 65_535]))
def test_dates(day: int) -> None:
    assert written(json_kernel.put_date, day) == f'"{arithmetic.iso_date(day)}"'


@given(st.integers(-(10**17), 10**17))
@example(999_999_999_999_999_999)
@example(-0)
def test_whole_numbers(value: int) -> None:
    assert written(json_kernel.put_int, value) == str(value)


@given(st.floats(0, 1e9) | st.floats(0, 1))
@example(0.005)
@example(0.995)
@example(12.5)
def test_numbers_with_two_decimals(value: float) -> None:
    rounded(json_kernel.put_hundredths, value, 2)


@given(st.floats(0, 1))
@example(0.5)
@example(0.99995)
@example(0.00004)
def test_probabilities(value: float) -> None:
    rounded(json_kernel.put_probability, value, 4)


@given(st.binary(max_size=40))
def test_hashes(text: bytes) -> None:
    assert hash_text(text) == text_hash(text)


# -- one row


def _event(day: int, minute: int, weight: float, kind: int) -> Given:
    return Given(day * DAY_MS + minute * 60_000, weight, kind, 0)


#: Events of a row: how many days after the last one, minute, weight, source, a day late or not.
_GIVEN = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 1, 1, 2, 7, 63, 64, 130]),
        st.integers(0, 1439),
        st.floats(1e-4, 1.0),
        st.sampled_from([NETWORK, TV, APP]),
        st.booleans(),
    ),
    min_size=1,
    max_size=25,
)


def _row() -> np.void:
    """A row in a table, not the first, so that it is not aligned."""
    row: np.void = lay.new_rows(2).windows[1]
    return row


def _days(row: np.void) -> list[int]:
    return [int(row[name]) for name in ("bits", "day", "first", "active")]


def _masses(row: np.void) -> NDArray[np.float32]:
    names = ("level", "today", "tomorrow", "part", "tv", "app")
    return np.concatenate([np.atleast_1d(row[name]) for name in names])


def _add(live: np.void, row: Row, event: Given, open_day: int) -> None:
    """Add to the live row and to its twin, as the main loop does."""
    day = event.ts // DAY_MS
    passed = (event.ts - day * DAY_MS) / DAY_MS
    ages = [2.0 ** (passed / half) for half in CONFIG.half_lives]
    part = arithmetic.day_part(event.ts, 0)
    rows_kernel.roll(live, open_day, _CLOCK)
    rows_kernel.add(live, event.weight, day, tuple(ages), part, event.kind, 0.0, _CLOCK)
    row.given.append(event)


def _build(drawn: list[tuple[int, int, float, int, bool]]) -> tuple[np.void, Row, int]:
    """A row under a moving open day; events are of it or of the day after."""
    live, open_day = _row(), DAY
    row = Row(0, DAY + int(drawn[0][4]))
    rows_kernel.start_row(live, DAY, row.first)
    for ahead, minute, weight, kind, tomorrow in drawn:
        open_day += ahead
        _add(live, row, _event(open_day + tomorrow, minute, weight, kind), open_day)
    return live, row, open_day


@given(_GIVEN, st.sampled_from([1, 2, 3, 8, 40, 127, 128, 129, 200]))
def test_a_row_is_the_decayed_sum_of_its_events(
    drawn: list[tuple[int, int, float, int, bool]], ahead: int
) -> None:
    live, row, open_day = _build(drawn)
    for day in (open_day, open_day + 1, open_day + 2, open_day + ahead):
        levels = np.zeros(3)
        bits = rows_kernel.opening(live, day, _CLOCK, levels)
        assert levels == pytest.approx(row.opening(day, 0, CONFIG.half_lives), REL, ABS)
        # the row's word holds its day and the next too, so of earlier days at least 62
        days = {d for d in row.days(0) if day - 62 <= d < day}
        assert int(bits) % 2**62 == arithmetic.bitmap(days, day - 1)
    for day in range(open_day - 3, open_day + 2):
        assert bool(rows_kernel.active_on(live, day)) == (day in row.days(0))
    assert live["first"] == row.first_day(0)
    assert live["active"] == len(row.days(0))
    assert live["part"] == pytest.approx(row.parts(open_day, 0, 60.0), REL, ABS)
    masses = row.masses(open_day, 0, 60.0)
    assert (live["tv"], live["app"]) == pytest.approx((masses[TV], masses[APP]), REL, ABS)


@given(_GIVEN, st.lists(st.integers(0, 90), max_size=6))
def test_rolling_in_steps_is_rolling_at_once(
    drawn: list[tuple[int, int, float, int, bool]], steps: list[int]
) -> None:
    once, _, open_day = _build(drawn)
    stepwise, _, _ = _build(drawn)
    rows_kernel.roll(once, open_day + sum(steps), _CLOCK)
    for step in steps:
        open_day += step
        rows_kernel.roll(stepwise, open_day, _CLOCK)
    assert _days(once) == _days(stepwise)
    assert _masses(once) == pytest.approx(_masses(stepwise), REL, ABS)


@given(_GIVEN, st.randoms(use_true_random=False))
def test_order_within_the_open_days_does_not_matter(
    drawn: list[tuple[int, int, float, int, bool]], chance: Any
) -> None:
    """Within the lateness an event may come whenever it likes."""
    events = [
        _event(DAY + tomorrow, minute, weight, kind) for _, minute, weight, kind, tomorrow in drawn
    ]
    made = []
    for order in (events, chance.sample(events, len(events))):
        live, row = _row(), Row(0, order[0].ts // DAY_MS)
        rows_kernel.start_row(live, DAY, row.first)
        for event in order:
            _add(live, row, event, DAY)
        made.append(live)
    assert _days(made[0]) == _days(made[1])
    assert _masses(made[0]) == pytest.approx(_masses(made[1]), REL, ABS)


@given(_GIVEN)
def test_an_event_of_no_weight_changes_no_mass(
    drawn: list[tuple[int, int, float, int, bool]],
) -> None:
    live, row, open_day = _build(drawn)
    before = _masses(live).copy()
    _add(live, row, _event(open_day, 60, 0.0, APP), open_day)
    assert _masses(live).tolist() == before.tolist()


@given(_GIVEN)
def test_masses_of_two_rows_add_up(drawn: list[tuple[int, int, float, int, bool]]) -> None:
    """Rows merge: the sum of two halves' masses is the mass of all."""
    whole, _, open_day = _build(drawn)
    halves = []
    for half in (0, 1):
        part = [
            (a, m, w if n % 2 == half else 0.0, k, t) for n, (a, m, w, k, t) in enumerate(drawn)
        ]
        halves.append(_build(part)[0])
    assert _masses(halves[0]) + _masses(halves[1]) == pytest.approx(_masses(whole), 10 * REL, ABS)
