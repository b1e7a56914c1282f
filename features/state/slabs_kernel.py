"""Allocates the rows of a subject: a slab of the row table that grows, and is freed when empty.

Slabs are of even size, so that a subject wastes at most one row, and free ones wait in a list per
size.
"""

from __future__ import annotations

import numpy as np

from features.jit import as_int, bare, inlined
from features.state.layout import F_LIKE, FREE_CLASSES, Counters, Live, Rows, Subjects, slab_after
from features.state.rows_kernel import long_level, start_row

_slab_after = inlined(slab_after)


@inlined
def find_row(subjects: Subjects, rows: Rows, sid: int, interest: int) -> int:
    """Row of a subject and interest, or -1."""
    start = as_int(subjects.start[sid])
    for j in range(start, start + as_int(subjects.used[sid])):
        if rows.interest[j] == interest:
            return j
    return -1


@bare
def insert_row(live: Live, sid: int, interest: int, day: int, first: int) -> int:
    """Append a row of `day`; past the limit the subject's weakest row gives way.

    Parameters
    ----------
    day, first : int
        Local day that is open, and the first that the row was active on.
    """
    subjects, rows, counters = live.subjects, live.rows, live.counters
    if as_int(subjects.used[sid]) >= live.clock.max_rows:
        drop_row(subjects, rows, counters, sid, _weakest(subjects, rows, sid))
    used = as_int(subjects.used[sid])
    if used == as_int(subjects.cap[sid]):
        _grow(subjects, rows, counters, sid)
    j = as_int(subjects.start[sid]) + used
    subjects.used[sid] = np.uint16(used + 1)
    counters[0].rows_live += 1
    rows.interest[j] = np.uint16(interest)
    shown = rows.shown[j]
    shown.score = shown.stance = shown.since = 0
    start_row(rows.windows[j], day, first)
    if rows.apart.shape[0] != 0:
        apart = rows.apart[j]
        apart.level = apart.today = apart.tomorrow = np.float32(0.0)
        apart.days = np.uint64(0)
    return j


@inlined
def _weakest(subjects: Subjects, rows: Rows, sid: int) -> int:
    """The row of the least level; one that is declared to be liked is none unless all are."""
    start = as_int(subjects.start[sid])
    weakest, least = start, np.inf
    for j in range(start, start + as_int(subjects.used[sid])):
        row = rows.windows[j]
        level = long_level(row)
        if row.known & F_LIKE == 0 and level < least:
            least = level
            weakest = j
    return weakest


@bare
def take_slab(rows: Rows, counters: Counters, size: int) -> int:
    """Start of a slab of an even number of rows, used before or new."""
    start = as_int(rows.free[size >> 1])
    if start >= 0:
        rows.free[size >> 1] = np.int32(as_int(rows.windows[start].bits) - 1)
        return start
    start = counters[0].rows_end
    counters[0].rows_end = start + size
    return as_int(start)


@bare
def free_slab(rows: Rows, start: int, size: int) -> None:
    """Give a slab back to those of its size."""
    if size == 0 or (size >> 1) >= FREE_CLASSES:
        return
    rows.windows[start].bits = np.uint64(as_int(rows.free[size >> 1]) + 1)
    rows.free[size >> 1] = np.int32(start)


@bare
def _grow(subjects: Subjects, rows: Rows, counters: Counters, sid: int) -> None:
    old, size = as_int(subjects.start[sid]), as_int(subjects.cap[sid])
    new = take_slab(rows, counters, _slab_after(size))
    for k in range(as_int(subjects.used[sid])):
        _move_row(rows, old + k, new + k)
    free_slab(rows, old, size)
    subjects.start[sid] = np.int32(new)
    subjects.cap[sid] = np.uint16(_slab_after(size))


@inlined
def _move_row(rows: Rows, old: int, new: int) -> None:
    rows.interest[new] = rows.interest[old]
    rows.shown[new] = rows.shown[old]
    rows.windows[new] = rows.windows[old]
    if rows.apart.shape[0] != 0:
        rows.apart[new] = rows.apart[old]


@bare
def drop_row(subjects: Subjects, rows: Rows, counters: Counters, sid: int, j: int) -> None:
    """Remove row `j`; the order of the others stays, for models learn in it."""
    last = as_int(subjects.start[sid]) + as_int(subjects.used[sid]) - 1
    for k in range(j, last):
        _move_row(rows, k + 1, k)
    subjects.used[sid] = np.uint16(subjects.used[sid] - 1)
    counters[0].rows_live -= 1


@bare
def drop_rows(subjects: Subjects, rows: Rows, counters: Counters, sid: int) -> None:
    """Remove every row of a subject and give its slab back."""
    counters[0].rows_live -= as_int(subjects.used[sid])
    free_slab(rows, as_int(subjects.start[sid]), as_int(subjects.cap[sid]))
    subjects.used[sid] = np.uint16(0)
    subjects.cap[sid] = np.uint16(0)
