"""What a row says on a morning: the vector a model reads, from earlier days only.

One function serves learning (the opening of a day that has closed) and scoring (the opening of
tomorrow), so a model never sees in the one what it can't see in the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from features.kernels.jit import as_int, bare, njit
from features.kernels.layout import (
    F_DISLIKE,
    F_LIKE,
    R_DAY,
    R_FIRST,
    R_FLAGS,
    S_GONE,
    Clock,
    Rows,
    Subjects,
)
from features.kernels.windows import active_on, opening, popcount

#: Order of the vector; the names are the contract of a stored model.
NAMES = (
    "bias",
    "level_1d",
    "level_7d",
    "level_60d",
    "share_7d",
    "active_7d",
    "active_28d",
    "recency",
    "weekly_habit",
    "yesterday",
    "short_long",
    "age",
    "population",
    "busy_28d",
    "busy_yesterday",
    "liked",
    "disliked",
)
SIGNALS = len(NAMES)

_WEEK = np.uint64(0x7F)
_FOUR_WEEKS = np.uint64(0xFFFFFFF)
_WEEKDAY_BITS = np.uint64(1 << 6 | 1 << 13 | 1 << 20 | 1 << 27)
_SALT = np.uint64(0x9E3779B97F4A7C15)


@bare
def subject_total(s: Subjects, r: Rows, sid: int, day: int, clock: Clock, levels: Any) -> float:
    """Sum of a subject's middle levels when `day` began."""
    total = 0.0
    start = as_int(s.start[sid])
    for j in range(start, start + as_int(s.used[sid])):
        opening(r, j, day, clock, levels)
        total += levels[1]
    return total


@bare
def subject_days(s: Subjects, sid: int, day: int) -> Any:
    """Active-day bitmap of a subject whose bit 0 is ``day - 1``."""
    ahead = as_int(day) - 1 - as_int(s.day[sid])
    if ahead >= 64:
        return np.uint64(0)
    if ahead >= 0:
        return s.days[sid] << np.uint64(ahead)
    return s.days[sid] >> np.uint64(min(-ahead, 63))


@bare
def fill(
    s: Subjects,
    r: Rows,
    sid: int,
    j: int,
    day: int,
    total: float,
    busy: Any,
    population: Any,
    clock: Clock,
    levels: Any,
    out: Any,
) -> Any:
    """Signals of row `j` when `day` began.

    Parameters
    ----------
    total, busy
        Of the subject, from `subject_total` and `subject_days`.
    population : ndarray of float64, shape (interests,)
        Log-odds of the interest in the population on a day.
    levels : ndarray of float64, shape (3,)
        Filled with the levels.
    out : ndarray of float64, shape (SIGNALS,)
        Filled; every value is finite and of order one.

    Returns
    -------
    uint64
        Active-day bitmap whose bit 0 is ``day - 1``.
    """
    bits = opening(r, j, day, clock, levels)
    first = as_int(r.u2[j, R_FIRST])
    age = max(0, day - first)
    out[0] = 1.0
    out[1] = np.log1p(levels[0])
    out[2] = np.log1p(levels[1])
    out[3] = np.log1p(levels[2])
    out[4] = levels[1] / total if total > 1e-9 else 0.0
    out[5] = popcount(bits & _WEEK) / 7.0
    out[6] = popcount(bits & _FOUR_WEEKS) / 28.0
    out[7] = 1.0 / (1.0 + days_since(bits))
    weeks = min(4, age // 7)
    out[8] = popcount(bits & _WEEKDAY_BITS) / weeks if weeks > 0 else 0.0
    out[9] = 1.0 if bits & np.uint64(1) else 0.0
    out[10] = levels[0] / levels[1] if levels[1] > 1e-6 else 0.0
    out[11] = np.log1p(min(age, 64)) / 4.0
    out[12] = population[as_int(r.interest[j])]
    out[13] = popcount(busy & _FOUR_WEEKS) / 28.0
    out[14] = 1.0 if busy & np.uint64(1) else 0.0
    flags = r.u2[j, R_FLAGS]
    out[15] = 1.0 if flags & F_LIKE else 0.0
    out[16] = 1.0 if flags & F_DISLIKE else 0.0
    return bits


@bare
def days_since(bits: Any) -> int:
    """Days between the latest active day and yesterday; 64 when there is none."""
    n = 0
    while n < 64:
        if (bits >> np.uint64(n)) & np.uint64(1):
            return n
        n += 1
    return 64


@bare
def count_candidates(s: Subjects, r: Rows, subjects: int, day: int) -> int:
    """Rows that had been active before `day`."""
    n = 0
    for sid in range(subjects):
        if s.flags[sid] & S_GONE:
            continue
        start = as_int(s.start[sid])
        for j in range(start, start + as_int(s.used[sid])):
            if as_int(r.u2[j, R_FIRST]) < day:
                n += 1
    return n


@njit
def training_rows(
    s: Subjects,
    r: Rows,
    subjects: int,
    day: int,
    keep: float,
    population: Any,
    clock: Clock,
    x: Any,
    y: Any,
    interest: Any,
) -> int:
    """Signals and labels of a day that closes, subjects in order of arrival, rows in order.

    Parameters
    ----------
    keep : float
        Share of the subjects taken, chosen by a hash of subject and day.
    x : ndarray of float64, shape (limit, SIGNALS)
    y : ndarray of uint8, shape (limit,)
        1 where the subject engaged with the interest on `day`.
    interest : ndarray of uint16, shape (limit,)

    Returns
    -------
    int
        Rows filled; a full array ends the pass.
    """
    levels = np.zeros(3)
    n = 0
    for sid in range(subjects):
        if s.flags[sid] & S_GONE or s.used[sid] == 0 or not _taken(s.hash[sid], day, keep):
            continue
        total = subject_total(s, r, sid, day, clock, levels)
        busy = subject_days(s, sid, day)
        start = as_int(s.start[sid])
        for j in range(start, start + as_int(s.used[sid])):
            if as_int(r.u2[j, R_FIRST]) >= day:
                continue
            if n == x.shape[0]:
                return n
            fill(s, r, sid, j, day, total, busy, population, clock, levels, x[n])
            y[n] = 1 if active_on(r, j, day) else 0
            interest[n] = r.interest[j]
            n += 1
    return n


@bare
def _taken(h: Any, day: int, keep: float) -> Any:
    mixed = (h ^ (np.uint64(day) * _SALT)) * np.uint64(0xFF51AFD7ED558CCD)
    return np.float64(mixed >> np.uint64(11)) < keep * 9007199254740992.0


@bare
def day_counts(s: Subjects, r: Rows, subjects: int, day: int, hits: Any) -> int:
    """Add each interest's engaged subjects of `day` to `hits`; returns the subjects at hand."""
    alive = 0
    for sid in range(subjects):
        if s.flags[sid] & S_GONE or s.used[sid] == 0:
            continue
        if as_int(s.first[sid]) <= day:
            alive += 1
        start = as_int(s.start[sid])
        for j in range(start, start + as_int(s.used[sid])):
            if as_int(r.u2[j, R_DAY]) + 1 >= day and active_on(r, j, day):
                hits[as_int(r.interest[j])] += 1.0
    return alive
