"""Remembers in each row whether it was to be engaged on the morning of an open day.

Decided at closes, which the sequence alone places: the profile that is written next gives up what
was engaged only where it is clearly gone, however the input was cut and whatever was published.
Abroad nothing is given up: what was left at home has not gone, it waits.

With each close goes a count of how the morning before came true.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from features.jit import as_int, inlined, njit
from features.models.signals_kernel import SIGNALS, evidence, fill, morning
from features.models.stance_kernel import ENGAGE, STILL_MORNINGS, Policy, decide
from features.state.layout import (
    D_STATE,
    F_ENGAGED,
    F_MORNING,
    F_MORNINGS,
    F_REMEMBERED,
    F_TOLD,
    S_GONE,
    Live,
)
from features.state.rows_kernel import active_on
from features.state.slabs_kernel import find_row
from features.state.subjects_kernel import mark

_BEGUN: Final = F_ENGAGED | STILL_MORNINGS * F_MORNING
_RECENT_DAYS: Final = 28  # a row that saw nothing for longer is not looked at: it is not engaged


#: What is counted of a day that closed: places in `features.models.verdicts.Verdicts.mornings`.
_ENGAGED, _RIGHT, _CAME = range(3)


@njit
def remember_engaged(live: Live, day: int, policy: Policy, counts: Any) -> None:
    """Set `F_ENGAGED` of all rows as decided on the morning of `day`, whatever was declared.

    Parameters
    ----------
    counts : ndarray of int64, shape (3,)
        To which what came of the day before `day` is added, of subjects who were there: rows that
        were engaged that morning, those of them that were seen that day, and all that were.
    """
    subjects, rows = live.subjects, live.rows
    levels, vector = np.zeros(3), np.zeros(SIGNALS)
    for sid in range(live.counters[0].subjects):
        if subjects.status[sid] & S_GONE or not _is_recent(live, sid, day):
            continue
        began = morning(live, sid, day)
        changed = False
        start = as_int(subjects.start[sid])
        for j in range(start, start + as_int(subjects.used[sid])):
            row = rows.windows[j]
            known = as_int(row.known)
            if began.active_days & np.uint64(1):
                _count(row, day - 1, known, counts)
            if known & F_MORNINGS:
                row.known = np.uint16(known - F_MORNING)
            engaged = False
            if day - as_int(row.day) <= _RECENT_DAYS:
                engaged = _decided(live, j, began, policy, levels, vector)[1] == ENGAGE
            if not engaged:
                waits = F_ENGAGED if began.place & np.uint64(1) else 0
                row.known = np.uint16(known & ~F_REMEMBERED | known & waits)
            elif known & F_ENGAGED == 0:
                row.known = np.uint16(known & ~F_REMEMBERED | _BEGUN)
            changed = changed or row.known != known
        if changed:
            mark(subjects, live.keys, live.counters, sid, D_STATE)


@inlined
def _is_recent(live: Live, sid: int, day: int) -> Any:
    """Whether a subject has a row that may be engaged, or was."""
    found = False
    start = as_int(live.subjects.start[sid])
    for j in range(start, start + as_int(live.subjects.used[sid])):
        row = live.rows.windows[j]
        found = found or day - as_int(row.day) <= _RECENT_DAYS or row.known & F_ENGAGED != 0
    return found


@inlined
def _count(row: Any, day: int, known: int, counts: Any) -> None:
    came = 1 if active_on(row, day) else 0
    counts[_CAME] += came
    if known & F_ENGAGED:
        counts[_ENGAGED] += 1
        counts[_RIGHT] += came


@inlined
def _decided(live: Live, j: int, began: Any, policy: Policy, levels: Any, vector: Any) -> Any:
    """Score and stance of a row on a morning, whatever was declared."""
    row = live.rows.windows[j]
    bits = fill(live, j, began, policy.log_odds, levels, vector)
    first, known = as_int(row.first), as_int(row.known) & ~F_TOLD
    score, _, stance, _, _, _ = decide(
        policy,
        vector,
        bits,
        max(0, began.day - first),
        evidence(began, first),
        as_int(live.rows.interest[j]),
        known,
        False,
    )
    return score, stance


@njit
def decided_by_behaviour(live: Live, sid: int, interest: int, policy: Policy) -> Any:
    """Score of an interest and whether it was to be engaged on the morning of the open day.

    Returns
    -------
    (float, bool)
        Whatever was declared; below 0 and False where the subject was never seen with it.
    """
    j = find_row(live.subjects, live.rows, sid, interest)
    if j < 0 or live.rows.windows[j].active == 0:
        return -1.0, False
    levels, vector = np.zeros(3), np.zeros(SIGNALS)
    began = morning(live, sid, live.counters[0].open_day)
    score, stance = _decided(live, j, began, policy, levels, vector)
    return score, stance == ENGAGE
