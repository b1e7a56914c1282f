"""Does something to the rows of a subject, or to all members of an account, however many."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.jit import as_int, bare
from features.state.layout import D_PROFILE, D_STATE, F_QUIET, F_REMEMBERED, Live, Rows, Subjects
from features.state.subjects_kernel import mark


@bare
def flag_chain(live: Live, account: int, flags: Any) -> None:
    """Set what is known of the rows of an account's members.

    Parameters
    ----------
    flags : ndarray of uint16, shape (interests,)
        ``F_...`` by dense interest.
    """
    subjects, rows = live.subjects, live.rows
    sid = as_int(subjects.sibling[account])
    while sid >= 0:
        start = as_int(subjects.start[sid])
        for j in range(start, start + as_int(subjects.used[sid])):
            row = rows.windows[j]
            row.known = np.uint16(row.known & F_REMEMBERED) | np.uint16(flags[rows.interest[j]])
        if subjects.used[sid] > 0:
            mark(subjects, live.keys, live.counters, sid, D_STATE | D_PROFILE)
        sid = as_int(subjects.sibling[sid])


@bare
def hush(subjects: Subjects, rows: Rows, sid: int, quiet: Any) -> bool:
    """Set what is known of a subject's rows to what is to be quiet; whether it has any.

    Parameters
    ----------
    quiet : ndarray of int64, shape (n,)
        Dense interests.
    """
    start = as_int(subjects.start[sid])
    for j in range(start, start + as_int(subjects.used[sid])):
        known = np.uint16(rows.windows[j].known & F_REMEMBERED)
        for interest in quiet:
            if interest == rows.interest[j]:
                known = np.uint16(known | F_QUIET)
        rows.windows[j].known = known
    return as_int(subjects.used[sid]) > 0


@bare
def mark_household(live: Live, account: int) -> None:
    """Note of an account and all its members with a profile that it changed."""
    subjects = live.subjects
    sid = account
    while sid >= 0:
        if subjects.used[sid] > 0:
            mark(subjects, live.keys, live.counters, sid, D_STATE | D_PROFILE)
        sid = as_int(subjects.sibling[sid])
