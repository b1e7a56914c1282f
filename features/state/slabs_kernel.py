"""The rows of a subject: one slab of the row table, which grows, and goes back when it is left.

Slabs are of even size, so that a subject wastes at most one row, and free ones wait in a list per
size.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from features.jit import as_int, bare, inlined
from features.state.layout import (
    C_ROWS_END,
    C_ROWS_LIVE,
    F_LIKE,
    FREE_CLASSES,
    R_BASE,
    R_FLAGS,
    R_NEXT,
    R_TODAY,
    Rows,
    Subjects,
)
from features.state.rows_kernel import start_row


@inlined
def find_row(s: Subjects, r: Rows, sid: int, interest: int) -> int:
    """Row of a subject and interest, or -1."""
    start = as_int(s.start[sid])
    for j in range(start, start + as_int(s.used[sid])):
        if r.interest[j] == interest:
            return j
    return -1


@bare
def insert_row(
    s: Subjects, r: Rows, c: Any, sid: int, interest: int, day: int, first: int, limit: int
) -> int:
    """Append a row; past `limit` the subject's weakest row gives way."""
    used = as_int(s.used[sid])
    if used >= limit:
        weakest = as_int(s.start[sid])
        least = np.inf
        for j in range(as_int(s.start[sid]), as_int(s.start[sid]) + used):
            level = r.f4[j, R_BASE + 2] + r.f4[j, R_TODAY + 2] + r.f4[j, R_NEXT + 2]
            if r.u2[j, R_FLAGS] & F_LIKE == 0 and level < least:
                least = level
                weakest = j
        drop_row(s, r, c, sid, weakest)
        used -= 1
    if used == as_int(s.cap[sid]):
        _grow(s, r, c, sid)
    j = as_int(s.start[sid]) + used
    s.used[sid] = np.uint16(used + 1)
    c[C_ROWS_LIVE] += 1
    r.interest[j] = np.uint16(interest)
    r.shown[j] = np.uint8(0)
    start_row(r, j, day, first)
    return j


@bare
def take_slab(r: Rows, c: Any, size: int) -> int:
    """Start of a slab of an even number of rows, used before or new."""
    start = as_int(r.free[size >> 1])
    if start >= 0:
        r.free[size >> 1] = np.int32(as_int(r.u4[start, 0]) - 1)
        return start
    start = c[C_ROWS_END]
    c[C_ROWS_END] = start + size
    return as_int(start)


@bare
def free_slab(r: Rows, start: int, size: int) -> None:
    """Give a slab back to those of its size."""
    if size == 0 or (size >> 1) >= FREE_CLASSES:
        return
    r.u4[start, 0] = np.uint32(as_int(r.free[size >> 1]) + 1)
    r.free[size >> 1] = np.int32(start)


@bare
def _grow(s: Subjects, r: Rows, c: Any, sid: int) -> None:
    size = as_int(s.cap[sid])
    step = max(2, (size >> 4) << 1)
    old = as_int(s.start[sid])
    new = take_slab(r, c, size + step)
    for k in range(as_int(s.used[sid])):
        r.interest[new + k] = r.interest[old + k]
        r.shown[new + k] = r.shown[old + k]
        for w in range(r.u4.shape[1]):
            r.u4[new + k, w] = r.u4[old + k, w]
    free_slab(r, old, size)
    s.start[sid] = np.int32(new)
    s.cap[sid] = np.uint16(size + step)


@bare
def drop_row(s: Subjects, r: Rows, c: Any, sid: int, j: int) -> None:
    """Remove row `j`; the order of the others stays, for models learn in it."""
    last = as_int(s.start[sid]) + as_int(s.used[sid]) - 1
    for k in range(j, last):
        r.interest[k] = r.interest[k + 1]
        r.shown[k] = r.shown[k + 1]
        for w in range(r.u4.shape[1]):
            r.u4[k, w] = r.u4[k + 1, w]
    s.used[sid] = np.uint16(s.used[sid] - 1)
    c[C_ROWS_LIVE] -= 1


@bare
def drop_rows(s: Subjects, r: Rows, c: Any, sid: int) -> None:
    """Remove every row of a subject and give its slab back."""
    c[C_ROWS_LIVE] -= as_int(s.used[sid])
    free_slab(r, as_int(s.start[sid]), as_int(s.cap[sid]))
    s.used[sid] = np.uint16(0)
    s.cap[sid] = np.uint16(0)
