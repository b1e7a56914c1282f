"""Works out which weekday a habit of a profile is of, and in how many weeks it came.

A profile says how often an interest came on one weekday: that of the day that it is of, the
first that nothing of it was seen on. That day has no field. It follows from the profile's times,
unless they leave two days open; then no weekday is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

#: As profiles write them.
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
#: Weeks that a weekly habit is told by, at most.
_WEEKS = 4
#: Days are the operator's. At home that clock is the customer's, but for an hour of summer.
_SUMMER_MIN = 60
#: A clock that nobody knows may be any: minutes to UTC.
_ANY_CLOCK = (-12 * 60, 14 * 60)
_LAST_MS = 253_402_300_800_000  # of the year 9999


class WeeklyHabit(NamedTuple):
    """A weekday on which an interest came, in so many of the last weeks.

    Attributes
    ----------
    weekday : str
        One of `WEEKDAYS`.
    hits, weeks : int
    """

    weekday: str
    hits: int
    weeks: int


def weekly_habit(
    profile: Mapping[str, Any], interest: Mapping[str, Any], share: Any
) -> WeeklyHabit | None:
    """The habit that a reason ``weekly_habit`` is of; None where the profile leaves it open.

    Parameters
    ----------
    profile, interest : mapping of str to object
        JSON.
    share : object
        Value of the reason.
    """
    day, first = day_of(profile), date_of(interest.get("first_seen"))
    if day is None or first is None or isinstance(share, bool):
        return None
    weeks = min(_WEEKS, (day - first).days // len(WEEKDAYS))
    if weeks < 1 or not isinstance(share, (int, float)) or not 0.0 < share <= 1.0:
        return None
    hits = round(share * weeks)
    if abs(hits / weeks - share) > 0.01:  # it was told by other weeks
        return None
    return WeeklyHabit(WEEKDAYS[day.weekday()], hits, weeks)


def day_of(profile: Mapping[str, Any]) -> date | None:
    """Local day that a profile (JSON) is of; None where its times leave more than one open.

    It is the day after its newest event, or the first day that has not closed where that is
    later; the newest event of the stream is of that day or later.
    """
    seen, now = profile.get("as_of"), profile.get("computed_at")
    context = profile.get("context")
    west, east = _clocks(context if isinstance(context, Mapping) else {})
    first, last, stream = _local(seen, west), _local(seen, east), _local(now, east)
    if first is None or last is None or stream is None:
        return None
    earliest, latest = first + timedelta(1), max(last + timedelta(1), stream)
    interests = profile.get("interests")
    for item in interests if isinstance(interests, list) else ():
        then = item.get("next") if isinstance(item, Mapping) else None
        next_time = date_of(then.get("date")) if isinstance(then, Mapping) else None
        if next_time is not None:
            latest = min(latest, next_time)
    return earliest if earliest == latest else None


def newest_day(profile: Mapping[str, Any]) -> date | None:
    """Day of the newest event of a profile (JSON), by the clock that its heading has."""
    return _local(profile.get("as_of"), _heading_clock(profile))


def today_of(profile: Mapping[str, Any]) -> date | None:
    """Day on which a profile (JSON) stands: its tomorrow is the day that its chances are of.

    That is the day of its newest event, which its heading has, or a later one of a customer who
    was away. It may have been written after the midnight behind it: all days are counted to this
    one, or what is said of them would not fit the heading.
    """
    newest, written, day = newest_day(profile), written_on(profile), day_of(profile)
    if newest is None or written is None:
        return newest
    return max(newest, (day or written) - timedelta(1))


def written_on(profile: Mapping[str, Any]) -> date | None:
    """Day on which a profile (JSON) was written, by the same clock: no earlier than its events."""
    minutes = _heading_clock(profile)
    days = (_local(profile.get(name), minutes) for name in ("as_of", "computed_at"))
    return max((day for day in days if day is not None), default=None)


def _heading_clock(profile: Mapping[str, Any]) -> int:
    context = profile.get("context")
    minutes = context.get("tz_offset_min") if isinstance(context, Mapping) else None
    return minutes if isinstance(minutes, int) else 0


def _clocks(context: Mapping[str, Any]) -> tuple[int, int]:
    """Least and greatest difference to UTC that the operator's clock may have, minutes."""
    minutes = context.get("tz_offset_min")
    if context.get("roaming") is not False or not isinstance(minutes, int):
        return _ANY_CLOCK
    return minutes - _SUMMER_MIN, minutes + _SUMMER_MIN


def _local(epoch_ms: Any, minutes: int) -> date | None:
    if not isinstance(epoch_ms, int) or not 86_400_000 <= epoch_ms < _LAST_MS - 2 * 86_400_000:
        return None
    moment = datetime.fromtimestamp(epoch_ms / 1000, UTC)
    try:
        return (moment + timedelta(minutes=minutes)).date()
    except OverflowError:
        return None


def date_of(text: Any) -> date | None:
    """Local day of a profile (JSON), ``YYYY-MM-DD``; None for what is none."""
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
