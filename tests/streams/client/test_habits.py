"""Which weekday a habit is of follows from a profile's times, or is not told."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.vocabulary import Weekday
from streams.client.habits import WEEKDAYS, WeeklyHabit, day_of, weekly_habit


def ms(text: str) -> int:
    """Epoch milliseconds of a time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


#: Seen last on a Thursday afternoon, while the stream was there: of the Friday after.
PROFILE: dict[str, Any] = {
    "as_of": ms("2026-03-05T15:00"),
    "computed_at": ms("2026-03-05T16:00"),
    "context": {"roaming": False, "country": "DE", "tz_offset_min": 60},
    "interests": [],
}
FRIDAY = date(2026, 3, 6)


def test_a_profile_is_of_the_day_after_its_newest_event() -> None:
    assert day_of(PROFILE) == FRIDAY
    assert day_of({**PROFILE, "computed_at": ms("2026-03-06T20:00")}) == FRIDAY


@pytest.mark.parametrize(
    "change",
    [
        {"as_of": ms("2026-03-05T22:30")},  # may be Friday on the operator's clock
        {"computed_at": ms("2026-03-08T12:00")},  # Friday may have closed, or Saturday
        {"context": {"roaming": True, "tz_offset_min": -300}},  # not the operator's clock
        {"context": {"roaming": False, "tz_offset_min": None}},
        {"context": None},
        {"as_of": None},
        {"as_of": 253_402_300_700_000},
        {"computed_at": "soon"},
    ],
)
def test_a_day_that_is_open_is_not_told(change: dict[str, Any]) -> None:
    assert day_of({**PROFILE, **change}) is None


def test_the_next_time_is_no_sooner_than_the_day() -> None:
    late = {**PROFILE, "computed_at": ms("2026-03-08T12:00")}
    later = {**late, "interests": [{"next": {"date": "2026-03-06", "part": "evening"}}]}
    assert day_of(later) == FRIDAY


@pytest.mark.parametrize(
    ("first_seen", "share", "found"),
    [
        ("2026-01-09", 0.75, WeeklyHabit("friday", 3, 4)),
        ("2026-02-13", 0.67, WeeklyHabit("friday", 2, 3)),
        ("2026-02-13", 1.0, WeeklyHabit("friday", 3, 3)),
        ("2026-02-13", 0.75, None),  # of three weeks there are no three quarters
        ("2026-03-05", 1.0, None),
        ("someday", 1.0, None),
        ("2026-01-09", True, None),
        ("2026-01-09", None, None),
    ],
)
def test_a_habit_is_of_the_weekday_of_that_day(
    first_seen: str, share: Any, found: WeeklyHabit | None
) -> None:
    assert weekly_habit(PROFILE, {"first_seen": first_seen}, share) == found


_JSON = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)


@given(
    profile=st.dictionaries(
        st.sampled_from(["as_of", "computed_at", "context", "interests"]),
        _JSON | st.lists(_JSON, max_size=2) | st.dictionaries(st.just("tz_offset_min"), _JSON),
    )
)
def test_no_profile_breaks_it(profile: dict[str, Any]) -> None:
    assert weekly_habit(profile, profile, 1.0) is None


def test_weekdays_are_those_of_the_vocabulary() -> None:
    assert list(Weekday.words()) == list(WEEKDAYS)
