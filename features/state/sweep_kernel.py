"""Drops faded rows and long-silent subjects after a day closes."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.jit import as_int, bare, inlined
from features.state.apart_kernel import bring
from features.state.layout import D_PROFILE, D_STATE, F_TOLD, S_GONE, Counters, Live, Rows, Subjects
from features.state.place_kernel import days_abroad, forget_place, left_of_trips
from features.state.rows_kernel import long_level
from features.state.slabs_kernel import drop_row, drop_rows
from features.state.subjects_kernel import mark

_SPREAD = 7  # a subject is swept once in so many days


@bare
def sweep(live: Live, epsilon: float, retention: int, silent: Any) -> int:
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
    subjects, counters = live.subjects, live.counters
    day = counters[0].open_day
    n = 0
    for sid in range(counters[0].subjects):
        if subjects.status[sid] & S_GONE:
            continue
        if (subjects.hash[sid] % np.uint64(_SPREAD)) != np.uint64(day % _SPREAD):
            continue
        if subjects.used[sid] == 0:
            # nothing of it and of no member
            gone = subjects.account[sid] == sid and subjects.sibling[sid] < 0
        elif day - as_int(subjects.day[sid]) > retention:
            gone = True
        else:
            _fade(live, sid, day, epsilon)
            gone = subjects.used[sid] == 0
            if not gone:
                mark(subjects, live.keys, counters, sid, D_STATE | D_PROFILE)
        if gone:
            silent[n] = sid
            n += 1
    return n


@inlined
def _fade(live: Live, sid: int, day: int, epsilon: float) -> None:
    """Bring a subject's rows to `day` and drop those of which next to nothing is left."""
    subjects, rows = live.subjects, live.rows
    left = left_of_trips(days_abroad(subjects, sid, day), live.clock)
    j = as_int(subjects.start[sid])
    while j < as_int(subjects.start[sid]) + as_int(subjects.used[sid]):
        row = rows.windows[j]
        bring(live, sid, j, day)
        if long_level(row) - (1.0 - left) * row.abroad < epsilon and row.known & F_TOLD == 0:
            drop_row(subjects, rows, live.counters, sid, j)
        else:
            j += 1


@bare
def forget(subjects: Subjects, rows: Rows, counters: Counters, sid: int) -> None:
    """Drop a subject's rows and counts; the key stays until the caller has written it off."""
    drop_rows(subjects, rows, counters, sid)
    subjects.days[sid] = np.uint64(0)
    subjects.events[sid] = np.uint32(0)
    subjects.digest[sid] = np.uint64(0)
    subjects.version[sid] = np.uint32(0)
    subjects.published[sid] = np.uint16(0)
    subjects.sources[sid] = np.uint8(0)
    forget_place(subjects, sid)
    subjects.last_ts[sid] = as_int(0)
