"""Which interests are there on the same day: one pass over a day that closes."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.jit import as_int, bare
from features.records.hash_kernel import finish
from features.state.layout import R_DAY, S_BARRED, S_GONE, Rows, Subjects
from features.state.rows_kernel import active_on

_SALT = np.uint64(0x9E3779B97F4A7C15)


@bare
def add_co_occurrences(
    s: Subjects,
    r: Rows,
    subjects: int,
    day: int,
    parent: Any,
    near: Any,
    left_out: Any,
    chosen: Any,
    order: Any,
    pairs: Any,
    mass: Any,
) -> int:
    """Add what was there together on `day` to `pairs` and `mass`.

    A subject that had *m* interests that day gives each of its pairs ``1 / (m - 1)``, so every
    interest of it weighs one at most (fractional counting). Of more than fit into `chosen`, those
    with the least hash of subject, day and interest count: a sample that favours none.

    Parameters
    ----------
    parent, near : ndarray of int16, shape (n,)
        What a tag raises beside its interest, -1 for nothing; `near` is mutual. What one tag
        raises is no pair: it is there together by itself.
    left_out : ndarray of uint8, shape (n,)
        1 for interests that never count.
    chosen : ndarray of int32, shape (most,)
        Scratch: the interests of one subject that count.
    order : ndarray of uint64, shape (most,)
        Scratch: their hashes.
    pairs : ndarray of float64, shape (n, n)
        Upper triangle is added to.
    mass : ndarray of float64, shape (n,)
        Is added to: what an interest's pairs sum up to.

    Returns
    -------
    int
        Subjects with at least one pair.
    """
    found = 0
    for sid in range(subjects):
        if s.status[sid] & (S_GONE | S_BARRED) or s.used[sid] < 2:
            continue
        m = _choose(s, r, sid, day, left_out, chosen, order)
        if m < 2:
            continue
        share = 1.0 / (m - 1)
        some = 0
        for a in range(m):
            for b in range(a + 1, m):
                i, j = min(chosen[a], chosen[b]), max(chosen[a], chosen[b])
                if not _raised(parent, near, i, j):
                    pairs[i, j] += share
                    mass[i] += share
                    mass[j] += share
                    some = 1
        found += some
    return found


@bare
def _choose(
    s: Subjects, r: Rows, sid: int, day: int, left_out: Any, chosen: Any, order: Any
) -> int:
    m = 0
    start = as_int(s.start[sid])
    for j in range(start, start + as_int(s.used[sid])):
        interest = as_int(r.interest[j])
        if interest >= left_out.shape[0] or left_out[interest]:
            continue
        if as_int(r.u2[j, R_DAY]) + 1 < day or not active_on(r, j, day):
            continue
        h = _mixed(s.hash[sid], day, interest)
        at = m
        if m == chosen.shape[0]:
            if order[m - 1] <= h:
                continue
            at = m - 1
        else:
            m += 1
        while at > 0 and order[at - 1] > h:
            order[at], chosen[at] = order[at - 1], chosen[at - 1]
            at -= 1
        order[at], chosen[at] = h, interest
    return m


@bare
def _mixed(h: Any, day: int, interest: int) -> Any:
    """Hash of a subject, a day and an interest."""
    return finish(h ^ (np.uint64(day * 65_536 + interest) * _SALT))


@bare
def _raised(parent: Any, near: Any, i: int, j: int) -> bool:
    """Whether one tag raises both: they are in line, or one is near to what is below the other."""
    return (
        _below(parent, i, j)
        or _below(parent, j, i)
        or _below(parent, as_int(near[i]), j)
        or _below(parent, as_int(near[j]), i)
    )


@bare
def _below(parent: Any, low: int, high: int) -> bool:
    """Whether `low` is `high` or below it; -1 is below nothing."""
    node = as_int(low)
    while node >= 0:
        if node == high:
            return True
        node = as_int(parent[node])
    return False
