"""Forecasts the part of the day in which a subject engages with an interest, and names moments.

The log-odds of a part of a day are a sum of what its row tells (days out of the days on which the
subject was active at all, silence, the kind of day, shares of mass by part) and of how active the
subject was of late. The weights were learned once by logistic regression on panels of web visits,
apps, television and set-top boxes, each panel weighing the same, and held on panels of venues,
music and hosts (`interest-streams quality --households`). They are no state: a profile's moments
follow from what is in it anyhow.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.jit import as_int, inlined, njit
from features.models.signals_kernel import KNOWN_DAYS, days_since
from features.state.rows_kernel import popcount

WEEKDAYS, PARTS = 7, 4
_ALL = np.uint64((1 << KNOWN_DAYS) - 1)
#: Rows of the cells behind those of the weekdays, Monday first: a working day's, a weekend day's.
_WORKING, _WEEKEND = WEEKDAYS, WEEKDAYS + 1
CELLS_SHAPE = (WEEKDAYS + 2, PARTS)
#: Moments that are named at most, from this probability on, and from so many times the mean of the
#: interest's week.
MOST_NAMED = 3
_LEAST, _TIMES = 0.3, 2.0
#: Active days after the first from which on a forecast is ventured.
_LEAST_DAYS = 3

_BIAS, _HABIT, _HERE, _SILENCE, _KIND, _PART = -1.2, 0.55, 0.17, -0.44, 0.44, 0.57
_KIND_DAYS = 8.0  # of the row's rate on any day, in its rate on a kind of day
_PART_DAYS = 2.0  # of the subject's parts, in the row's
_EVEN = 0.1  # of an even day, in the subject's parts
_OTHER_KIND = 0.5  # weight of the parts of the other kind of day
# A weekday of its own is believed only where all but nothing else explains it. On the panels one
# that stood out by four nats or more (six of eight, and rarely else) came back half as often as it
# had come; by ten, on boxes, five times in six. Two of three weeks is the least.
_LEAST_WEEKS, _LEAST_SHARE, _LEAST_NATS, _WEEKS = 8, 0.6, 10.0, 4.0
_HORIZON, _MISSED = 7, 0.5  # days within which a next time is named, if likelier than not


def _by_weekday() -> Any:
    """Per weekday of a morning (0 is Monday), per weekday, the bits of the days before on it."""
    masks = np.zeros((WEEKDAYS, WEEKDAYS), np.uint64)
    for today in range(WEEKDAYS):
        for back in range(KNOWN_DAYS):
            masks[today, (today - 1 - back) % WEEKDAYS] |= np.uint64(1) << np.uint64(back)
    return masks


_ON = _by_weekday()
#: Per weekday of a morning the bits of the days before that were working days, and weekend days.
_OF_KIND = np.stack([np.bitwise_or.reduce(_ON[:, :5], 1), np.bitwise_or.reduce(_ON[:, 5:], 1)], 1)


class Habit(NamedTuple):
    """A row and its subject on a morning: all that a forecast is made from."""

    day: int
    days: Any  # uint64, days of the row, bit 0 is the day before
    active: Any  # uint64, days of the subject, likewise
    age: int  # days since the row's first
    parts: Any  # (8,), mass of the row by part, working days first
    all_parts: Any  # (8,), mass of all rows of the subject


class Forecast(NamedTuple):
    """Room for the forecast of one row."""

    all_parts: NDArray[np.float64]  # (8,)
    cells: NDArray[np.float64]  # shape `CELLS_SHAPE`, probabilities
    named: NDArray[np.int64]  # (MOST_NAMED,), cells as ``row * PARTS + part``


@inlined
def weekday_of(day: int) -> int:
    """0 for a Monday; 1970-01-01 was a Thursday."""
    return as_int((day + 3) % WEEKDAYS)


@inlined
def _kind_of(weekday: int) -> int:
    return _WORKING if weekday < 5 else _WEEKEND


@inlined
def _logit(p: float) -> Any:
    return math.log(p / (1.0 - p))


@inlined
def _known(age: int) -> Any:
    """Bits of the days that tell: after the row's first, which made it."""
    return (np.uint64(1) << np.uint64(min(KNOWN_DAYS, max(0, age - 1)))) - np.uint64(1)


@inlined
def worth_naming(m: Habit) -> bool:
    """Whether enough is known of a row to name moments of it."""
    return popcount(m.days & _known(m.age)) >= _LEAST_DAYS


@inlined
def fill_cells(m: Habit, cells: Any) -> None:
    """Fill the probabilities of the parts of all weekdays and of both kinds of day."""
    known = _known(m.age)
    days, known_days = m.days & known, popcount(known)
    hits = popcount(days)
    here = max(hits, popcount(m.active & known))
    week = known & np.uint64(0x7F)
    rate = (hits + 0.1) / (known_days + 2.0)
    said = (
        _BIAS
        + _HABIT * _logit((hits + 0.1) / (here + 2.0))
        + _HERE * _logit((popcount(m.active & week) + 1.4) / (popcount(week) + 2.0))
        + _SILENCE * math.log(1.0 + days_since(m.days & _ALL))
    )
    today = weekday_of(m.day)
    on = _ON[today]
    for kind in range(2):
        first, after = (0, 5) if kind == 0 else (5, WEEKDAYS)
        mask = _OF_KIND[today, kind]
        of_kind, among = popcount(days & mask), popcount(known & mask)
        kinds = _logit((of_kind + _KIND_DAYS * rate) / (among + _KIND_DAYS))
        _fill_parts(m, cells, kind, said + _KIND * (kinds - _logit(rate)), hits)
        rest, left = of_kind, among
        for weekday in range(first, after):
            mine, weeks = popcount(days & on[weekday]), popcount(known & on[weekday])
            more = _above(mine, weeks, of_kind - mine, among - weeks, kinds)
            for part in range(PARTS):
                cells[weekday, part] = _shifted(cells[_WORKING + kind, part], more)
            if more > 0.0:
                rest, left = rest - mine, left - weeks
        if left < among:
            less = _logit((rest + _KIND_DAYS * rate) / (left + _KIND_DAYS)) - kinds
            _lower(cells, _WORKING + kind, first, after, _KIND * less)


@inlined
def _lower(cells: Any, kind: int, first: int, after: int, less: float) -> None:
    """Take from a kind of day, and from its usual weekdays, what one that stands out gave it."""
    for part in range(PARTS):
        p = cells[kind, part]
        for weekday in range(first, after):
            if cells[weekday, part] <= p:
                cells[weekday, part] = _shifted(p, less)
        cells[kind, part] = _shifted(p, less)


@inlined
def _fill_parts(m: Habit, cells: Any, kind: int, said: float, hits: int) -> None:
    total, all_of = 0.0, 0.0
    for part in range(PARTS):
        total += _mass(m.parts, kind, part)
        all_of += _mass(m.all_parts, kind, part)
    few = _PART_DAYS / max(1, hits)
    for part in range(PARTS):
        usual = _mass(m.all_parts, kind, part) / all_of if all_of > 0.0 else 1.0 / PARTS
        usual = (usual + _EVEN / PARTS) / (1.0 + _EVEN)
        own = _mass(m.parts, kind, part) / total if total > 0.0 else usual
        share = (own + few * usual) / (1.0 + few)
        cells[_WORKING + kind, part] = 1.0 / (1.0 + math.exp(-said - _PART * math.log(share)))


@inlined
def _mass(parts: Any, kind: int, part: int) -> Any:
    other = np.float64(parts[(1 - kind) * PARTS + part])
    return np.float64(parts[kind * PARTS + part]) + _OTHER_KIND * other


@inlined
def _above(mine: int, weeks: int, others: int, among: int, kinds: float) -> Any:
    """Log-odds by which a weekday is above its kind; 0 where it does not stand out."""
    if not _stands_out(mine, weeks, others, among):
        return 0.0
    usual = (others + 0.5) / (among + 1.0)
    return max(0.0, _logit((mine + _WEEKS * usual) / (weeks + _WEEKS)) - kinds)


@inlined
def _stands_out(mine: int, weeks: int, others: int, among: int) -> bool:
    if weeks < _LEAST_WEEKS or mine < _LEAST_SHARE * weeks:
        return False
    usual = (others + 0.5) / (among + 1.0)
    share = min(1.0 - 1e-6, mine / weeks)
    nats = mine * math.log(share / usual) + (weeks - mine) * math.log((1.0 - share) / (1.0 - usual))
    return share > usual and nats >= _LEAST_NATS


@inlined
def has_own_days(day: int, days: Any, age: int) -> bool:
    """Whether a weekday of a row stands out of its kind, or a kind of day of the other."""
    known, today = _known(age), weekday_of(day)
    hits = days & known
    if popcount(hits) < _LEAST_SHARE * _LEAST_WEEKS:
        return False
    working, weekend = _OF_KIND[today, 0], _OF_KIND[today, 1]
    worked, of_work = popcount(hits & working), popcount(known & working)
    rested, of_rest = popcount(hits & weekend), popcount(known & weekend)
    for weekday in range(WEEKDAYS):
        of_kind, among = (worked, of_work) if weekday < 5 else (rested, of_rest)
        on = _ON[today, weekday]
        mine, weeks = popcount(hits & on), popcount(known & on)
        if _stands_out(mine, weeks, of_kind - mine, among - weeks):
            return True
    return _stands_out(worked, of_work, rested, of_rest) or _stands_out(
        rested, of_rest, worked, of_work
    )


@inlined
def _shifted(p: float, more: float) -> Any:
    return p if more == 0.0 else 1.0 / (1.0 + math.exp(-_logit(p) - more))


@inlined
def name_moments(cells: Any, named: Any) -> int:
    """Fill the likeliest cells that are worth a name; returns how many.

    A weekday has one of its own only where it stands out of its kind.
    """
    mean = 0.0
    for weekday in range(WEEKDAYS):
        for part in range(PARTS):
            mean += cells[weekday, part] / (WEEKDAYS * PARTS)
    least = max(_LEAST, _TIMES * mean)
    count = 0
    for row in range(WEEKDAYS + 2):
        for part in range(PARTS):
            p = cells[row, part]
            if p < least or (row < WEEKDAYS and p <= cells[_kind_of(row), part]):
                continue
            if count == MOST_NAMED:
                last = named[count - 1]
                if cells[last // PARTS, last % PARTS] >= p:
                    continue
                count -= 1
            at = count
            while at > 0 and cells[named[at - 1] // PARTS, named[at - 1] % PARTS] < p:
                named[at] = named[at - 1]
                at -= 1
            named[at] = row * PARTS + part
            count += 1
    return count


@inlined
def following(cells: Any, day: int) -> int:
    """Likeliest part of the day that is likeliest to be the next: ``days ahead * PARTS + part``.

    From the morning of `day` on, cells taken as independent; -1 where it is likelier than not that
    a week goes by without.
    """
    missed, best, found = 1.0, 0.0, -1
    for ahead in range(_HORIZON):
        of = cells[weekday_of(day + ahead)]
        before, likeliest = missed, 0
        for part in range(PARTS):
            missed *= 1.0 - of[part]
            likeliest = part if of[part] > of[likeliest] else likeliest
        if before - missed > best:
            best, found = before - missed, ahead * PARTS + likeliest
    return found if missed <= _MISSED else -1


@njit
def forecast_mornings(
    day: int, days: Any, active: Any, age: Any, parts: Any, all_parts: Any, cells: Any
) -> None:
    """Fill the probabilities of many rows, as of the morning of `day`, for measuring.

    Parameters
    ----------
    days, active : ndarray of uint64, shape (rows,)
        Active days of the row and of its subject, bit 0 is the day before.
    age : ndarray of int64, shape (rows,)
        Days since the row's first.
    parts, all_parts : ndarray of float64, shape (rows, 8)
        Mass by part of the day of the row and of its subject.
    cells : ndarray of float64, shape (rows, WEEKDAYS + 2, 4)
        By weekday, Monday first, then of working days and of weekends.
    """
    for i in range(len(days)):
        fill_cells(Habit(day, days[i], active[i], age[i], parts[i], all_parts[i]), cells[i])
