"""What a row says on a morning: the vector a model reads, from earlier days only.

One function serves learning (the opening of a day that has closed) and scoring (the opening of
tomorrow), so a model never sees in the one what it can't see in the other.

Tried and left out, with the change of the hurdle's log-loss when it is added on (web and app
keys; bundled tags; television): population trend of 3 against 14 days (0.0; 0.0; 0.0 %), the best
sibling's week (-; -0.1 %), the parent's (-; -0.1 %) and the best child's (-; -0.2 %) in the tree,
day-parts of the mass (-0.1; -0.1; 0.0 %) and the hour of the last event (0.0; 0.0; 0.0 %), level
of a day less that of 60 as a burst (0.0; -0.1; -0.1 %), days here of the last 7 (+0.6; +0.7;
0.0 %) and 28 (+0.1; +0.8; 0.0 %), same weekdays here (+0.1; +0.1; +0.2 %), active exactly twice
(0.0; 0.0; 0.0 %). ``per_day`` earns 0.3, 0.8 and 0.1 %. Three that earn nothing by themselves stay
for what reads them: ``share_7d`` and ``weekly_habit`` are reasons of a profile, ``age`` is the
evidence.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.jit import as_int, bare, inlined, njit
from features.state.layout import F_DISLIKE, F_LIKE, S_GONE, Live, Subjects
from features.state.rows_kernel import active_on, opening, popcount

#: What a row says about the habit, given that the subject is here at all that day.
HABIT = (
    "bias",
    "level_1d",
    "level_60d",
    "share_7d",
    "odds_7",
    "odds_28",
    "odds_64",
    "weekly_habit",
    "odds_weekday",
    "odds_daytype",
    "own_recency",
    "per_day",
    "age",
    "yesterday",
    "population",
    "liked",
    "disliked",
)
#: What the subject's own days say about being here at all; equal in all rows of a subject.
PRESENCE = ("here_bias", "here_yesterday", "here_recency")
#: Order of the vector; the names are the contract of a stored model.
NAMES = HABIT + PRESENCE
HABITS = len(HABIT)
SIGNALS = len(NAMES)
SHARE_7D, WEEKLY_HABIT = NAMES.index("share_7d"), NAMES.index("weekly_habit")
AGE = NAMES.index("age")

# A bitmap ends on the last day it saw, which is up to two days after the eve of a morning: of what
# lies before, 64 bits hold 62 days at least. More is read of no row and of no subject, or a day
# would count among those it was there to be used and not among those it was used.
KNOWN_DAYS = 62
_KNOWN = np.uint64((1 << KNOWN_DAYS) - 1)
_WEEK = np.uint64(0x7F)
_FOUR_WEEKS = np.uint64(0xFFFFFFF)
_WEEKDAY_BITS = np.uint64(1 << 6 | 1 << 13 | 1 << 20 | 1 << 27)
_SALT = np.uint64(0x9E3779B97F4A7C15)


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


class Columns(NamedTuple):
    """What `training_rows` fills, each of length n: see `features.models.signals.DayRows`."""

    x: NDArray[np.float64]  # shape (n, SIGNALS)
    y: NDArray[np.uint8]
    interest: NDArray[np.uint16]
    subject: NDArray[np.int32]
    active_today: NDArray[np.uint8]
    source: NDArray[np.uint8]


@inlined
def morning(live: Live, sid: int, day: int, levels: Any) -> Morning:
    """A subject when `day` began; `levels` is scratch of shape (3,)."""
    total = 0.0
    start = as_int(live.subjects.start[sid])
    for j in range(start, start + as_int(live.subjects.used[sid])):
        opening(live.rows.windows[j], day, live.clock, levels)
        total += levels[1]
    return Morning(day, total, _active_days(live.subjects, sid, day) & _KNOWN)


@inlined
def _active_days(subjects: Subjects, sid: int, day: int) -> Any:
    """Active-day bitmap of a subject whose bit 0 is ``day - 1``."""
    ahead = as_int(day) - 1 - as_int(subjects.day[sid])
    if ahead >= 64:
        return np.uint64(0)
    if ahead >= 0:
        return subjects.days[sid] << np.uint64(ahead)
    return subjects.days[sid] >> np.uint64(min(-ahead, 63))


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
        Active-day bitmap of `KNOWN_DAYS` days whose bit 0 is the day before.
    """
    row = live.rows.windows[j]
    day, total, active_days = began.day, began.total, began.active_days
    bits = opening(row, day, live.clock, levels) & _KNOWN
    age = min(64, max(1, day - as_int(row.first)))
    # The first day is what made the row: it says nothing about coming back.
    after = _lowest(age - 1)
    again, own = bits & after, active_days & after
    since = days_since(bits)
    out[0] = 1.0
    out[1] = np.log1p(levels[0])
    out[2] = np.log1p(levels[2])
    out[3] = levels[1] / total if total > 1e-9 else 0.0
    out[4] = _rate(_YES, _NO, again & _WEEK, own & _WEEK)
    out[5] = _rate(_YES, _NO, again & _FOUR_WEEKS, own & _FOUR_WEEKS)
    out[6] = _rate(_YES, _NO, again, own)
    weeks = min(4, age // 7)
    out[7] = popcount(bits & _WEEKDAY_BITS) / weeks if weeks > 0 else 0.0
    out[8] = _rate(_YES_1, _NO_1, bits & _WEEKDAY_BITS, active_days & _WEEKDAY_BITS)
    same = _SAME_TYPE[(day + 3) % 7]  # 1970-01-01 was a Thursday
    out[9] = _rate(_YES, _NO, again & same, own & same)
    out[10] = _LOG[popcount(active_days & _lowest(since))]
    out[11] = np.log1p(levels[2] / max(1, popcount(bits)))
    out[12] = _LOG[age] / 4.0
    out[13] = 1.0 if since == 0 else 0.0
    out[14] = log_odds[as_int(live.rows.interest[j])]
    out[15] = 1.0 if row.known & F_LIKE else 0.0
    out[16] = 1.0 if row.known & F_DISLIKE else 0.0
    out[HABITS] = 1.0
    out[HABITS + 1] = 1.0 if active_days & np.uint64(1) else 0.0
    out[HABITS + 2] = _LOG[days_since(active_days)]
    return bits


@inlined
def _rate(yes: Any, no: Any, hits: Any, among: Any) -> Any:
    n = popcount(hits)
    return yes[n] - no[max(0, popcount(among) - n)]


@inlined
def _lowest(n: int) -> Any:
    """The `n` lowest bits."""
    if n >= 64:
        return ~np.uint64(0)
    return (np.uint64(1) << np.uint64(n)) - np.uint64(1)


@inlined
def days_since(bits: Any) -> int:
    """Days between the latest active day and yesterday; 64 when there is none."""
    n = 0
    while n < 64:
        if (bits >> np.uint64(n)) & np.uint64(1):
            return n
        n += 1
    return 64


@bare
def count_candidates(live: Live, day: int) -> int:
    """Rows that had been active before `day`."""
    subjects = live.subjects
    n = 0
    for sid in range(live.counters[0].subjects):
        if subjects.status[sid] & S_GONE:
            continue
        start = as_int(subjects.start[sid])
        for j in range(start, start + as_int(subjects.used[sid])):
            if as_int(live.rows.windows[j].first) < day:
                n += 1
    return n


@njit
def training_rows(live: Live, day: int, keep: float, log_odds: Any, out: Columns) -> int:
    """Signals and labels of a day that closes, subjects in order of arrival, rows in order.

    Parameters
    ----------
    keep : float
        Share of the subjects taken, chosen by a hash of subject and day.
    log_odds : ndarray of float64, shape (interests,)
    out : Columns
        Filled.

    Returns
    -------
    int
        Rows filled; a full array ends the pass.
    """
    subjects, rows = live.subjects, live.rows
    levels = np.zeros(3)
    n = 0
    for sid in range(live.counters[0].subjects):
        if subjects.status[sid] & S_GONE or subjects.used[sid] == 0:
            continue
        if not _taken(subjects.hash[sid], day, keep):
            continue
        began = morning(live, sid, day, levels)
        was_active = 1 if _active_days(subjects, sid, day + 1) & np.uint64(1) else 0
        start = as_int(subjects.start[sid])
        for j in range(start, start + as_int(subjects.used[sid])):
            row = rows.windows[j]
            if as_int(row.first) >= day:
                continue
            if n == out.y.shape[0]:
                return n
            fill(live, j, began, log_odds, levels, out.x[n])
            out.y[n] = 1 if active_on(row, day) else 0
            out.interest[n] = rows.interest[j]
            out.subject[n] = sid
            out.active_today[n] = was_active
            out.source[n] = _main_source(row)
            n += 1
    return n


@inlined
def _main_source(row: Any) -> int:
    mass = 0.0
    for k in range(8):
        mass += row.part[k]
    network = mass - row.tv - row.app
    if row.tv > network and row.tv >= row.app:
        return 1
    return 2 if row.app > network else 0


@inlined
def _taken(h: Any, day: int, keep: float) -> Any:
    mixed = (h ^ (np.uint64(day) * _SALT)) * np.uint64(0xFF51AFD7ED558CCD)
    return np.float64(mixed >> np.uint64(11)) < keep * 9007199254740992.0


@bare
def day_counts(live: Live, day: int, hits: Any) -> int:
    """Add each interest's engaged subjects of `day` to `hits`; returns the subjects at hand."""
    subjects, rows = live.subjects, live.rows
    alive = 0
    for sid in range(live.counters[0].subjects):
        if subjects.status[sid] & S_GONE or subjects.used[sid] == 0:
            continue
        if as_int(subjects.first[sid]) <= day:
            alive += 1
        start = as_int(subjects.start[sid])
        for j in range(start, start + as_int(subjects.used[sid])):
            row = rows.windows[j]
            if as_int(row.day) + 1 >= day and active_on(row, day):
                hits[as_int(rows.interest[j])] += 1.0
    return alive
