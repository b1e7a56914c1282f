"""Moments against the slow twin, and on habits that anybody would see."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.moments import WEEKDAYS, forecast_mornings
from features.moments.moments_kernel import MOST_NAMED, following, has_own_days, name_moments
from features.state import layout as lay
from tests.oracle import moments as twin
from tests.oracle.arithmetic import bitmap, iso_date
from tests.oracle.views import Run
from tests.support import generators as gen
from tests.support.generators import DAY_MS, Record, config

DAY = gen.FIRST_DAY + 3  # a Monday
NAMES = [*twin.WEEKDAYS, "weekday", "weekend"]
HOUR_MS = 3_600_000


def _forecast(
    day: int,
    days: set[int],
    busy: set[int],
    first: int,
    parts: list[float],
    everything: list[float],
) -> Any:
    found = np.zeros((1, WEEKDAYS + 2, 4))
    forecast_mornings(
        day,
        np.array([bitmap(days, day - 1)], np.uint64),
        np.array([bitmap(busy, day - 1)], np.uint64),
        np.array([day - first]),
        np.array([parts]),
        np.array([everything]),
        found,
    )
    return found[0]


_SHARES = st.lists(st.floats(0.0, 50.0), min_size=8, max_size=8)


@given(
    st.integers(0, 6),
    st.sets(st.integers(1, 70)),
    st.sets(st.integers(1, 70)),
    st.sampled_from([0, 0, 3, 9]),
    _SHARES,
    _SHARES,
)
@settings(max_examples=300)
def test_every_cell_is_as_the_twin_says(
    weekday: int,
    back: set[int],
    others: set[int],
    weeks: int,
    parts: list[float],
    rest: list[float],
) -> None:
    """From no day at all to daily, with and without a habit of a weekday."""
    day = DAY + weekday
    days = {day - b for b in back | {7 * week for week in range(1, weeks)}}
    busy, first = days | {day - b for b in others}, min(days, default=day)
    everything = [a + b for a, b in zip(parts, rest, strict=True)]
    found = _forecast(day, days, busy, first, parts, everything)
    want = twin.cells(day, days, busy, first, parts, everything)
    assert found.tolist() == [pytest.approx(want[name], rel=1e-9) for name in NAMES]
    named = np.zeros(MOST_NAMED, np.int64)
    count = name_moments(found, named)
    said = twin.moments(want)
    assert [(NAMES[cell // 4], twin.PARTS[cell % 4]) for cell in named[:count].tolist()] == [
        (m.get("weekday") or m["day_type"], m["part"]) for m in said
    ]
    own = has_own_days(day, np.uint64(bitmap(days, day - 1)), day - first)
    assert own == twin.has_own_days(day, days, first)
    after, when = following(found, day), twin.following(want, day)
    assert (after < 0) == (when is None)
    if when is not None:
        assert when["part"] == twin.PARTS[after % 4]


def _watched(days: list[int], hour: int, host: str = "rugby.example") -> list[Record]:
    return [
        Record(
            gen.NETWORK,
            {
                "event_id": f"{host}-{day}-{hour}",
                "account_id": "acc-0",
                "ts": day * DAY_MS + hour * HOUR_MS,
                "line": "mobile",
                "host": host,
                "duration_ms": 900_000,
            },
        )
        for day in days
    ]


def _of(records: list[Record], interest: str = "Rugby") -> dict[str, Any]:
    done = Run(config(home_country="DE"))
    done.apply([gen.consent(0), *sorted(records, key=lambda record: record.doc["ts"])])
    done.commit()
    found = json.loads(done.engine.profile(b"acc-0") or b"")["interests"]
    return next((item for item in found if item["name"].startswith(interest)), {})


_LAST = DAY + 11 * 7  # a Monday again
_EVERY = list(range(DAY, _LAST))


def _on(wanted: Callable[[int], bool]) -> list[int]:
    return [day for day in _EVERY if wanted(twin.weekday_of(day))]


@pytest.mark.parametrize("back", range(1, 8))
def test_pizza_on_fridays(back: int) -> None:
    """On every morning: its weekday is named; on the others it is neither dull nor unwanted.

    What is engaged is so for a week at least: `next` and the moments say on which day to speak.
    """
    until = _LAST - back
    daily = _watched([day for day in _EVERY if day < until], 12, "hockey.example")
    item = _of(daily + _watched([day for day in _on(lambda w: w == 4) if day < until], 19))
    assert ("friday", "evening") in {(m.get("weekday"), m["part"]) for m in item["moments"]}
    friday = next(day for day in range(until, until + 7) if twin.weekday_of(day) == 4)
    assert item["next"] == {"date": iso_date(friday), "part": "evening"}
    assert item["stance"] == "engage" if friday == until else item["stance"] != "avoid"


def test_weekend_mornings() -> None:
    item = _of(_watched(_EVERY, 20, "hockey.example") + _watched(_on(lambda w: w >= 5), 8))
    assert ("weekend", "morning") in {(m.get("day_type"), m["part"]) for m in item["moments"]}
    assert not any(m.get("day_type") == "weekday" for m in item["moments"])
    assert item["next"]["part"] == "morning"


def test_what_comes_at_any_time_has_no_moment() -> None:
    """Twice its own mean is what a moment takes."""
    records = [r for hour in (2, 8, 14, 20) for r in _watched(_EVERY, hour)]
    item = _of(records)
    assert "moments" not in item
    assert item["next"]["date"] == iso_date(_LAST)


def test_of_a_new_or_a_forgotten_interest_nothing_is_said() -> None:
    """Three days after the first are the least, and two months of silence are an end."""
    new = _of(_watched([DAY, DAY + 1, DAY + 2], 20))
    assert "moments" not in new and "next" not in new
    gone = _of(_watched(_EVERY[:6], 20) + _watched(_EVERY, 12, "hockey.example"))
    assert "moments" not in gone and "next" not in gone


def test_nothing_is_said_of_what_is_to_be_avoided() -> None:
    """When to talk of it is no question where nobody should."""
    done = Run(config())
    evening = _watched(_EVERY, 20)
    done.apply([gen.consent(0), *evening])
    sid = done.engine.store.find(b"acc-0")
    rows = done.engine.store.rows
    start = int(done.engine.store.subjects["start"][sid])
    used = int(done.engine.store.subjects["used"][sid])
    assert b'"moments"' in (done.engine.profile(b"acc-0") or b"")
    rows.windows["known"][start : start + used] |= np.uint16(lay.F_DISLIKE)
    assert b'"moments"' not in (done.engine.profile(b"acc-0") or b"")


def test_moments_are_of_the_customers_own_clock() -> None:
    """An evening where the customer is, whatever the operator's is."""
    east = [
        Record(record.kind, {**record.doc, "tz_offset_min": 7 * 60})
        for record in _watched(_EVERY, 12)
    ]
    assert {m["part"] for m in _of(east)["moments"]} == {"evening"}
