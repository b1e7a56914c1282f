"""Computes the signals of a row on a morning: the vector a model reads, from earlier days only.

A signal is a row of `TABLE`, which is all there is to say about it: the names, their number, the
places in the vector and the compiled function are made from the table. That function serves
learning (the opening of a day that has closed) and scoring (the opening of tomorrow), so a model
never sees in the one what it can't see in the other.

Tried and left out, with the change of the hurdle's log-loss when it is added on (web and app
keys; bundled tags; television): population trend of 3 against 14 days (0.0; 0.0; 0.0 %), the best
sibling's week (-; -0.1 %), the parent's (-; -0.1 %) and the best child's (-; -0.2 %) in the tree,
day-parts of the mass (-0.1; -0.1; 0.0 %) and the hour of the last event (0.0; 0.0; 0.0 %), level
of a day less that of 60 as a burst (0.0; -0.1; -0.1 %), days here of the last 7 (+0.6; +0.7;
0.0 %) and 28 (+0.1; +0.8; 0.0 %), same weekdays here (+0.1; +0.1; +0.2 %), active exactly twice
(0.0; 0.0; 0.0 %). ``per_day`` earns 0.3, 0.8 and 0.1 %. Three that earn nothing by themselves stay
for what reads them: ``share_7d`` and ``weekly_habit`` are reasons of a profile, ``age`` is the
evidence. The last seven are read by bins alone; what else was tried for those is in
``features/README.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.jit import as_int, inlined, made_up
from features.state.layout import DAY_MS, F_DISLIKE, F_LIKE, Live, Subjects
from features.state.place_kernel import days_abroad
from features.state.rows_kernel import days_before, opening, opening_level, popcount, trailing_zeros

# A bitmap ends on the last day it saw, which is up to two days after the eve of a morning: of what
# lies before, 64 bits hold 62 days at least. More is read of no row and of no subject, or a day
# would count among those it was there to be used and not among those it was used.
KNOWN_DAYS = 62
_KNOWN = np.uint64((1 << KNOWN_DAYS) - 1)
_WEEK = np.uint64(0x7F)
_FOUR_WEEKS = np.uint64(0xFFFFFFF)
_WEEKDAY_BITS = np.uint64(1 << 6 | 1 << 13 | 1 << 20 | 1 << 27)


def _odds(prior: float, weight: float) -> Any:
    """Halves of the log-odds of k hits in n trials, under a Beta prior: ``yes[k] - no[n - k]``.

    Halved, so that everyday values are of order one as the other signals are.
    """
    k = np.arange(65.0)
    return 0.5 * np.log(k + prior * weight), 0.5 * np.log(k + (1.0 - prior) * weight)


# One day in twenty is what an interest starts from, with the weight of two days. Tables, for
# the logarithms of small counts are all that is needed.
_YES, _NO = _odds(0.05, 2.0)
_YES_1, _NO_1 = _odds(0.05, 1.0)
_LOG = np.log1p(np.arange(65.0))
_SATURDAY = 5
_FIRST_GAP = 14.0  # days that a row of a single day is expected back in
_THURSDAY = 3  # the weekday of 1970-01-01, 0 is Monday


def _same_type() -> Any:
    """Per weekday of a morning (0 is Monday), the 28 days before it of the same kind.

    Kinds are weekday and weekend; bit 0 is the day before.
    """
    masks = np.zeros(7, np.uint64)
    for today in range(7):
        for back in range(28):
            if ((today - 1 - back) % 7 >= _SATURDAY) == (today >= _SATURDAY):
                masks[today] |= np.uint64(1) << np.uint64(back)
    return masks


_SAME_TYPE = _same_type()


class Morning(NamedTuple):
    """A subject as it stood when a day began."""

    day: int
    total: float  # sum of its middle levels
    active_days: Any  # uint64, bitmap of `KNOWN_DAYS` days whose bit 0 is the day before
    habit_days: Any  # uint64, likewise: the days that habits are told by
    place: Any  # uint64, likewise: days abroad; `features.state.place_kernel`
    met: int  # of its rows, those engaged with the day before


class Reading(NamedTuple):
    """A row and its subject when a day began: the input of every signal."""

    day: int
    levels: NDArray[np.float64]  # shape (3,), by half-life
    total: float  # sum of the subject's middle levels
    bits: Any  # uint64, days of the row, bit 0 is the day before; at most `KNOWN_DAYS`
    active_days: Any  # uint64, days of the subject, likewise, that habits are told by
    here: Any  # uint64, all days of the subject
    after: Any  # uint64, days after the row's first: that one made the row and adds nothing
    age: int  # days since the row's first, 1 to 64
    since: int  # days between the row's latest and the day before, 64 for none
    known: int  # what was declared
    met: int  # rows of the subject that were engaged with the day before
    log_odds: float  # of the interest in the population on a day


class Signal(NamedTuple):
    """A row of the table: a name, and what it is, finite and of order one.

    The function is compiled into `fill`. The name is the contract of a stored model: under another
    one it is another signal, which every model starts to learn from zero.
    """

    name: str
    value: Callable[[Reading], float]
    low: float = -2.0  # between these lie nearly all values: where bins begin and end
    high: float = 2.0


@inlined
def _rate(yes: Any, no: Any, hits: Any, among: Any) -> Any:
    n = popcount(hits)
    return yes[n] - no[max(0, popcount(among) - n)]


@inlined
def lowest(n: int) -> Any:
    """The `n` lowest bits."""
    if n >= 64:
        return ~np.uint64(0)
    return (np.uint64(1) << np.uint64(n)) - np.uint64(1)


@inlined
def days_since(bits: Any) -> int:
    """Days between the latest active day and yesterday; 64 when there is none."""
    return trailing_zeros(bits)


@inlined
def _odds_of(m: Reading, days: Any) -> Any:
    """Log-odds of the row among the subject's days, of those of `days` after the row's first."""
    return _rate(_YES, _NO, m.bits & m.after & days, m.active_days & m.after & days)


@inlined
def _weekday_odds(m: Reading) -> Any:
    return _rate(_YES_1, _NO_1, m.bits & _WEEKDAY_BITS, m.active_days & _WEEKDAY_BITS)


@inlined
def _weekly_habit(m: Reading) -> Any:
    """Share of the last four such weekdays."""
    weeks = min(4, m.age // 7)
    return popcount(m.bits & _WEEKDAY_BITS) / weeks if weeks > 0 else 0.0


@inlined
def _streak(bits: Any) -> int:
    """Days in a row up to the day before."""
    return trailing_zeros(~bits)


@inlined
def _longest_streak(bits: Any) -> int:
    n = 0
    while bits != np.uint64(0):
        bits &= bits << np.uint64(1)
        n += 1
    return n


@inlined
def _gap_ratio(m: Reading) -> Any:
    """Logarithm of the silence over the mean gap between active days, one of a fortnight added."""
    n = popcount(m.bits)
    if n == 0:
        return np.log((64.0 + 1.0) / _FIRST_GAP)
    first = m.since
    while m.bits >> np.uint64(first + 1) != np.uint64(0):
        first += 1
    return np.log((m.since + 1.0) * n / (first - m.since + _FIRST_GAP))


@inlined
def _weekday(day: int) -> int:
    return (day + _THURSDAY) % 7


#: Signals of a row about engaging, given that the subject is active that day.
HABIT_TABLE: tuple[Signal, ...] = (
    Signal("bias", lambda m: 1.0, 0.0, 2.0),
    Signal("level_1d", lambda m: np.log1p(m.levels[0]), 0.0, 2.4),
    Signal("level_60d", lambda m: np.log1p(m.levels[2]), 0.0, 5.0),
    Signal("share_7d", lambda m: m.levels[1] / m.total if m.total > 1e-9 else 0.0, 0.0, 1.0),
    Signal("odds_7", lambda m: _odds_of(m, _WEEK), -2.4, 2.4),
    Signal("odds_28", lambda m: _odds_of(m, _FOUR_WEEKS), -3.0, 3.0),
    Signal("odds_64", lambda m: _odds_of(m, _KNOWN), -3.2, 3.2),
    Signal("weekly_habit", lambda m: _weekly_habit(m), 0.0, 1.0),
    Signal("odds_weekday", lambda m: _weekday_odds(m), -2.0, 2.4),
    Signal("odds_daytype", lambda m: _odds_of(m, _SAME_TYPE[_weekday(m.day)]), -3.0, 3.0),
    Signal("own_recency", lambda m: _LOG[popcount(m.active_days & lowest(m.since))], 0.0, 4.2),
    Signal("per_day", lambda m: np.log1p(m.levels[2] / max(1, popcount(m.bits))), 0.0, 1.2),
    Signal("age", lambda m: _LOG[m.age] / 4.0, 0.0, 1.06),
    Signal("yesterday", lambda m: 1.0 if m.since == 0 else 0.0, 0.0, 1.0),
    Signal("population", lambda m: m.log_odds, -1.8, 0.6),
    Signal("liked", lambda m: 1.0 if m.known & F_LIKE else 0.0, 0.0, 1.0),
    Signal("disliked", lambda m: 1.0 if m.known & F_DISLIKE else 0.0, 0.0, 1.0),
)
#: Signals about the subject being active at all that day; equal in all rows of a subject.
PRESENCE_TABLE: tuple[Signal, ...] = (
    Signal("here_bias", lambda m: 1.0, 0.0, 2.0),
    Signal("here_yesterday", lambda m: 1.0 if m.here & np.uint64(1) else 0.0, 0.0, 1.0),
    Signal("here_recency", lambda m: _LOG[days_since(m.here)], 0.0, 4.2),
)
#: Signals that only bins read (`features.models.bins_kernel`): a straight line has no use for them.
BINNED_TABLE: tuple[Signal, ...] = (
    Signal("weekday", lambda m: (_weekday(m.day) + 0.5) / 7.0, 0.0, 1.0),
    Signal("here_7", lambda m: (popcount(m.here & _WEEK) + 0.5) / 8.0, 0.0, 1.0),
    Signal("here_weekday", lambda m: (popcount(m.here & _WEEKDAY_BITS) + 0.5) / 5.0, 0.0, 1.0),
    Signal("met_yesterday", lambda m: np.log1p(m.met), 0.0, 3.5),
    Signal("streak", lambda m: _LOG[_streak(m.bits)], 0.0, 2.8),
    Signal("longest_streak", lambda m: _LOG[_longest_streak(m.bits)], 0.0, 2.8),
    Signal("gap_ratio", lambda m: _gap_ratio(m), -3.2, 2.8),
)
TABLE = HABIT_TABLE + PRESENCE_TABLE + BINNED_TABLE

HABIT = tuple(signal.name for signal in HABIT_TABLE)
PRESENCE = tuple(signal.name for signal in PRESENCE_TABLE)
#: Order of the vector.
NAMES = HABIT + PRESENCE + tuple(signal.name for signal in BINNED_TABLE)
HABITS, LINEAR, SIGNALS = len(HABIT), len(HABIT + PRESENCE), len(NAMES)
SHARE_7D, WEEKLY_HABIT, AGE = map(NAMES.index, ("share_7d", "weekly_habit", "age"))


def _all_of(table: Sequence[Signal]) -> Callable[[Reading, Any], None]:
    """One compiled function that fills a vector: a call per row of the table, all inlined."""

    @made_up
    def nothing(m: Reading, out: Any) -> None:
        return None

    fill: Callable[[Reading, Any], None] = nothing
    for place, signal in enumerate(table):
        fill = _and_then(fill, made_up(signal.value), place)
    return fill


def _and_then(
    before: Callable[[Reading, Any], None], value: Callable[[Reading], float], place: int
) -> Callable[[Reading, Any], None]:
    @made_up
    def fill(m: Reading, out: Any) -> None:
        before(m, out)
        out[place] = value(m)

    return fill


_fill = _all_of(TABLE)


@inlined
def morning(live: Live, sid: int, day: int) -> Morning:
    """A subject when `day` began."""
    total, met = 0.0, 0
    start = as_int(live.subjects.start[sid])
    for j in range(start, start + as_int(live.subjects.used[sid])):
        row = live.rows.windows[j]
        total += opening_level(row, 1, day - as_int(row.day), live.clock)
        met += as_int(days_before(row, day) & np.uint64(1))
    place = days_abroad(live.subjects, sid, day)
    # At home again, what was done and left undone abroad says nothing of the next day.
    told = _KNOWN if place & np.uint64(1) else _KNOWN & ~place
    days = subject_days(live.subjects, sid, day) & _KNOWN
    return Morning(day, total, days, told, place, met)


@inlined
def next_day(live: Any, sid: int) -> Any:
    """Local day that the next profile of a subject is of: its next, and none that has closed."""
    said = (live.subjects.last_ts[sid] + live.clock.offset) // DAY_MS + 1
    return max(said, live.counters[0].open_day)


@inlined
def subject_days(subjects: Subjects, sid: int, day: int) -> Any:
    """Active-day bitmap of a subject whose bit 0 is ``day - 1``."""
    ahead = as_int(day) - 1 - as_int(subjects.day[sid])
    if ahead >= 64:
        return np.uint64(0)
    if ahead >= 0:
        return subjects.days[sid] << np.uint64(ahead)
    return subjects.days[sid] >> np.uint64(min(-ahead, 63))


@inlined
def evidence(began: Morning, first: int) -> Any:
    """Days of a subject, that habits are told by, after a row's first: each could have had it."""
    age = min(64, max(1, began.day - as_int(first)))
    return popcount(began.active_days & began.habit_days & lowest(age - 1))


@inlined
def fill(live: Live, j: int, began: Morning, log_odds: Any, levels: Any, out: Any) -> Any:
    """Signals of row `j` when a day began.

    Parameters
    ----------
    began : Morning
        The row's subject.
    log_odds : ndarray of float64, shape (interests,)
        Log-odds of the interest in the population on a day.
    levels : ndarray of float64, shape (3,)
        Filled with the levels.
    out : ndarray of float64, shape (SIGNALS,)
        Filled; every value is finite and of order one.

    Returns
    -------
    uint64
        Active-day bitmap of the days that habits are told by, whose bit 0 is the day before.
    """
    row = live.rows.windows[j]
    bits = opening(row, began.day, live.clock, levels) & began.habit_days
    age = min(64, max(1, began.day - as_int(row.first)))
    odds = log_odds[as_int(live.rows.interest[j])]
    after, since, known = lowest(age - 1), days_since(bits), as_int(row.known)
    _fill(
        Reading(
            began.day,
            levels,
            began.total,
            bits,
            began.active_days & began.habit_days,
            began.active_days,
            after,
            age,
            since,
            known,
            began.met,
            odds,
        ),
        out,
    )
    return bits
