"""Counts pairs of interests a subject is active in on the same day, once a day closes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.jit import as_int, bare, inlined
from features.records.hash_kernel import finish
from features.state.layout import S_GONE, Live
from features.state.rows_kernel import active_on

_SALT = np.uint64(0x9E3779B97F4A7C15)


class Kinship(NamedTuple):
    """Pairs that don't count, for one tag raises both interests, and interests that never count."""

    parent: NDArray[np.int16]  # shape (n,), -1 for none
    near: NDArray[np.int16]  # shape (n,), what a tag raises beside its interest; mutual
    left_out: NDArray[np.uint8]  # shape (n,), 1 for interests that never count


class Table(NamedTuple):
    """Pairs of *k* of the interests, each at its place there, in their order."""

    place: NDArray[np.int32]  # shape (n,), -1 for an interest without one
    pairs: NDArray[np.float64]  # shape (k, k), upper triangle: counts
    seen: NDArray[np.uint64]  # shape (k, k), upper triangle: one bit of 64 for each household
    before: NDArray[np.uint64]  # shape (k, k), the same of the former period


class Sample(NamedTuple):
    """Scratch: the interests of one subject that count, and their hashes."""

    interest: NDArray[np.int32]
    order: NDArray[np.uint64]


@bare
def mark_interests(live: Live, held: Any) -> None:
    """Mark in `held`, bool of shape (n,), of which interests there are rows."""
    for j in range(live.counters[0].rows_end):
        interest = as_int(live.rows.interest[j])
        if interest < held.shape[0]:
            held[interest] = True


@bare
def add_co_occurrences(
    live: Live, day: int, kinship: Kinship, sample: Sample, table: Table, mass: Any
) -> int:
    """Add the interests active together on `day` to the pairs, their households and `mass`.

    A subject that had *m* interests that day gives each of its pairs ``1 / (m - 1)``, so every
    interest of it weighs one at most (fractional counting). Of more than fit into `sample`, those
    with the least hash of subject, day and interest count: a sample that favours none.

    Parameters
    ----------
    table : Table
        With a place for every interest that a row is of.
    mass : ndarray of float64, shape (n,)
        Is added to: what an interest's pairs sum up to.

    Returns
    -------
    int
        Subjects with at least one pair.
    """
    subjects = live.subjects
    found = 0
    for sid in range(live.counters[0].subjects):
        if subjects.status[sid] & S_GONE or subjects.used[sid] < 2:
            continue
        m = _choose(live, sid, day, kinship.left_out, sample)
        if m < 2:
            continue
        share = 1.0 / (m - 1)
        bit = np.uint64(1) << (subjects.hash[subjects.account[sid]] & np.uint64(63))
        some = 0
        for a in range(m):
            for b in range(a + 1, m):
                one, other = sample.interest[a], sample.interest[b]
                i, j = min(one, other), max(one, other)
                if not _raised(kinship.parent, kinship.near, i, j):
                    row, column = table.place[i], table.place[j]
                    table.pairs[row, column] += share
                    table.seen[row, column] |= bit
                    mass[i] += share
                    mass[j] += share
                    some = 1
        found += some
    return found


@inlined
def _choose(live: Live, sid: int, day: int, left_out: Any, sample: Sample) -> int:
    chosen, order = sample.interest, sample.order
    m = 0
    start = as_int(live.subjects.start[sid])
    for j in range(start, start + as_int(live.subjects.used[sid])):
        interest = as_int(live.rows.interest[j])
        if interest >= left_out.shape[0] or left_out[interest]:
            continue
        row = live.rows.windows[j]
        if as_int(row.day) + 1 < day or not active_on(row, day):
            continue
        h = _mixed(live.subjects.hash[sid], day, interest)
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
