"""What a closed day leaves behind: faded rows and long-silent subjects go."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.jit import as_int, bare
from features.state.layout import (
    C_OPEN_DAY,
    C_SUBJECTS,
    D_PROFILE,
    D_STATE,
    R_BASE,
    R_FLAGS,
    R_NEXT,
    R_TODAY,
    S_BARRED,
    S_GONE,
    Clock,
    Index,
    Rows,
    Subjects,
)
from features.state.rows_kernel import roll
from features.state.slabs_kernel import drop_row, drop_rows
from features.state.subjects_kernel import mark

_SPREAD = 7  # a subject is swept once in so many days


@bare
def sweep(
    s: Subjects,
    r: Rows,
    x: Index,
    c: Any,
    epsilon: float,
    retention: int,
    clock: Clock,
    silent: Any,
) -> int:
    """Roll, fade and forget, for the share of subjects whose turn this day is.

    Parameters
    ----------
    epsilon : float
        Rows whose longest level fell below it go, unless something was declared.
    retention : int
        Days of silence after which a subject is forgotten.
    silent : ndarray of int32, shape (subjects,)
        Filled with the sids to forget.

    Returns
    -------
    int
        How many to forget.
    """
    day = c[C_OPEN_DAY]
    n = 0
    for sid in range(c[C_SUBJECTS]):
        if s.status[sid] & (S_GONE | S_BARRED):
            continue
        if (s.hash[sid] % np.uint64(_SPREAD)) != np.uint64(day % _SPREAD):
            continue
        if s.used[sid] == 0:
            if s.account[sid] == sid and s.sibling[sid] < 0:  # nothing of it and of no member
                silent[n] = sid
                n += 1
            continue
        if day - as_int(s.day[sid]) > retention:
            silent[n] = sid
            n += 1
            continue
        start = as_int(s.start[sid])
        j = start
        while j < start + as_int(s.used[sid]):
            roll(r, j, day, clock)
            level = r.f4[j, R_BASE + 2] + r.f4[j, R_TODAY + 2] + r.f4[j, R_NEXT + 2]
            if level < epsilon and r.u2[j, R_FLAGS] == 0:
                drop_row(s, r, c, sid, j)
            else:
                j += 1
        if s.used[sid] == 0:
            silent[n] = sid
            n += 1
        else:
            mark(s, x, c, sid, D_STATE | D_PROFILE)
    return n


@bare
def forget(s: Subjects, r: Rows, c: Any, sid: int) -> None:
    """Drop a subject's rows and counts; the key stays until the caller has written it off."""
    drop_rows(s, r, c, sid)
    s.days[sid] = np.uint64(0)
    s.events[sid] = np.uint32(0)
    s.digest[sid] = np.uint64(0)
    s.version[sid] = np.uint32(0)
    s.published[sid] = np.uint16(0)
    s.sources[sid] = np.uint8(0)
    s.country[sid] = np.uint16(0)
    s.last_ts[sid] = as_int(0)
