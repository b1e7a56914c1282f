"""Counts in which parts of which days persons and their interests were active, and learns from it.

A cell is a person's interest in a quarter of a day. Its signals are cut into bins, each bin a
weight, two pairs of signals crossed; the weights are learned by FTRL-proximal (McMahan et al.,
*Ad click prediction: a view from the trenches*, KDD 2013), a day scored before it is learned.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.jit import as_int, bare, inlined

QUARTERS, DAY_TYPES = 4, 2
#: Days in which a count halves.
_HALF_LIFE = 28.0
#: Signals, and the bins that each is cut into.
N_CELL_SIGNALS, BINS = 14, 16
#: Pairs of signals whose bins are crossed: own rate and presence; rate in the cell and recency.
_CROSSES = ((0, 1), (4, 5))
#: Weights: bins, crossed bins, and the intercept at the end.
N_WEIGHTS = N_CELL_SIGNALS * BINS + len(_CROSSES) * BINS * BINS + 1
N_ACTIVE = N_CELL_SIGNALS + len(_CROSSES) + 1
_BETA, _L2 = 1.0, 1e-3


class MomentTables(NamedTuple):
    """State; days are closed days, ``bits`` has the last closed day in bit 0."""

    hits: NDArray[np.float64]  # (pairs, DAY_TYPES, QUARTERS), decayed
    pair_bits: NDArray[np.uint64]  # (pairs,)
    quarter_bits: NDArray[np.uint64]  # (pairs, QUARTERS)
    first: NDArray[np.int64]  # (pairs,), first active day
    person: NDArray[np.int32]  # (pairs,)
    present: NDArray[np.float64]  # (persons, DAY_TYPES, QUARTERS), decayed
    person_bits: NDArray[np.uint64]  # (persons,)
    days: NDArray[np.float64]  # (persons, DAY_TYPES), decayed days since the first
    z: NDArray[np.float64]  # (N_WEIGHTS,), FTRL
    n: NDArray[np.float64]  # (N_WEIGHTS,), FTRL


@inlined
def kind_of_day(day: int) -> int:
    """0 for a working day, 1 for a weekend's; 1970-01-01 was a Thursday."""
    return 1 if (day + 3) % 7 >= 5 else 0


@inlined
def _logit(p: float) -> Any:
    return math.log(p / (1.0 - p))


@inlined
def _bin(value: float, low: float, high: float) -> int:
    return as_int(min(BINS - 1, max(0, math.floor((value - low) / (high - low) * BINS))))


@inlined
def _since(bits: Any) -> int:
    """Days since the last active one: 0 if that was the last closed day, 64 if unknown."""
    for back in range(64):
        if (bits >> np.uint64(back)) & np.uint64(1) != np.uint64(0):
            return back
    return 64


@inlined
def _counted(bits: Any, days: int) -> int:
    found = 0
    for back in range(days):
        found += as_int((bits >> np.uint64(back)) & np.uint64(1))
    return found


@inlined
def _weekly(bits: Any, ahead: int) -> int:
    """Weeks of the last four in which the weekday of the day to score was active."""
    found = 0
    for week in range(1, 5):
        found += as_int((bits >> np.uint64(7 * week - 1 - ahead)) & np.uint64(1))
    return found


@inlined
def cell_rate(t: MomentTables, pair: int, kind: int, quarter: int) -> Any:
    """Own rate of a day times the person's share of the quarter: the simple answer."""
    person = as_int(t.person[pair])
    days, hits, there, in_quarter = 0.0, 0.0, 0.0, 0.0
    for k in range(DAY_TYPES):
        days += t.days[person, k]
        for q in range(QUARTERS):
            hits += t.hits[pair, k, q]
            there += t.present[person, k, q]
        in_quarter += t.present[person, k, quarter] * (1.0 if k == kind else 0.5)
    rate = (hits + 0.05) / (days + 1.0)
    return min(0.95, rate * (in_quarter + 0.25) / (there + 1.0))


@inlined
def active_weights(t: MomentTables, pair: int, day: int, quarter: int, ahead: int, at: Any) -> None:
    """Fill the numbers of the weights that a cell switches on.

    Parameters
    ----------
    day : int
        The day to score.
    ahead : int
        Closed days missing before it: 0 for the morning after the last closed day.
    at : ndarray of int64, shape (N_ACTIVE,)
    """
    person, kind = as_int(t.person[pair]), kind_of_day(day)
    days = t.days[person, 0] + t.days[person, 1]
    there = t.present[person, kind, quarter]
    hits, here, same = 0.0, 0.0, t.hits[pair, kind, quarter]
    for k in range(DAY_TYPES):
        for q in range(QUARTERS):
            hits += t.hits[pair, k, q]
        here += t.hits[pair, k, quarter]
    bits, own = t.pair_bits[pair], t.person_bits[person]
    busy = max(1, _counted(own, 28))
    presence = (there + 0.2) / (t.days[person, kind] + 1.0)
    at[0] = _bin(_logit(min(0.99, (hits + 0.05) / (days + 1.0))), -6.0, 2.0)
    at[1] = _bin(_logit(min(0.97, presence)), -4.0, 3.0)
    at[2] = _bin(_logit((here + 0.25) / (hits + 1.0)), -3.0, 3.0)
    at[3] = _bin(_logit(cell_rate(t, pair, kind, quarter)), -8.0, 2.0)
    at[4] = _bin(_logit(min(0.95, (same + 0.02) / (t.days[person, kind] + 1.0))), -6.0, 2.5)
    at[5] = _bin(math.log(1.0 + _since(bits)), 0.0, 4.2)
    at[6] = as_int(bits & np.uint64(7)) + (8 if ahead > 0 else 0)
    at[7] = _bin(math.log(1.0 + _since(own)), 0.0, 4.2)
    at[8] = _weekly(bits, ahead) * 3 + min(2, _weekly(t.quarter_bits[pair, quarter], ahead))
    at[9] = _bin(math.log(1.0 + _since(t.quarter_bits[pair, quarter])), 0.0, 4.2)
    at[10] = kind * QUARTERS + quarter + (8 if day - t.first[pair] < 7 else 0)
    at[11] = _bin(_logit((_counted(bits, 28) + 0.3) / (busy + 1.0)), -4.5, 2.5)
    at[12] = as_int(own & np.uint64(7)) + (8 if ahead > 0 else 0)
    at[13] = _weekly(own, ahead) * 3 + min(2, _counted(own, 7) // 2)
    base = N_CELL_SIGNALS * BINS
    for c in range(len(_CROSSES)):
        one, other = _CROSSES[c]
        at[N_CELL_SIGNALS + c] = base + c * BINS * BINS + at[one] * BINS + at[other]
    for f in range(N_CELL_SIGNALS):
        at[f] += f * BINS
    at[N_ACTIVE - 1] = N_WEIGHTS - 1


@inlined
def _weight(t: MomentTables, f: int, rate: float) -> Any:
    return -t.z[f] / ((_BETA + math.sqrt(t.n[f])) / rate + _L2)


@inlined
def cell_probability(t: MomentTables, at: Any, simple: float, rate: float) -> Any:
    """Probability of the cell whose weights are on: what they add to the simple answer."""
    total = _logit(simple)
    for a in range(N_ACTIVE):
        total += _weight(t, at[a], rate)
    return 1.0 / (1.0 + math.exp(-min(30.0, max(-30.0, total))))


@bare
def score_cells(t: MomentTables, day: int, ahead: int, rate: float, at: Any, p: Any) -> None:
    """Fill the probabilities of a morning, shape (pairs, QUARTERS); 0 for who is new that day."""
    for pair in range(len(t.person)):
        for quarter in range(QUARTERS):
            p[pair, quarter] = 0.0
            if t.first[pair] < day - ahead:
                active_weights(t, pair, day, quarter, ahead, at)
                simple = cell_rate(t, pair, kind_of_day(day), quarter)
                p[pair, quarter] = cell_probability(t, at, simple, rate)


@bare
def close_moments(t: MomentTables, day: int, there: Any, hit: Any, rate: float, at: Any) -> None:
    """Learn a day, then count it.

    Parameters
    ----------
    there : ndarray of uint8, shape (persons,)
        1 where the person is a customer that day.
    hit : ndarray of uint8, shape (pairs,)
        Bit *q* where the pair was active in that quarter.
    """
    for pair in range(len(t.person)):
        if t.first[pair] >= day or there[t.person[pair]] == 0:
            continue
        for quarter in range(QUARTERS):
            active_weights(t, pair, day, quarter, 0, at)
            y = as_int(hit[pair] >> quarter) & 1
            simple = cell_rate(t, pair, kind_of_day(day), quarter)
            g = cell_probability(t, at, simple, rate) - y
            for a in range(N_ACTIVE):
                f = at[a]
                w = _weight(t, f, rate)
                t.z[f] += g - (math.sqrt(t.n[f] + g * g) - math.sqrt(t.n[f])) / rate * w
                t.n[f] += g * g
    _count_day(t, day, there, hit)


@inlined
def _count_day(t: MomentTables, day: int, there: Any, hit: Any) -> None:
    kind, keep = kind_of_day(day), 2.0 ** (-1.0 / _HALF_LIFE)
    for person in range(len(t.days)):
        if there[person] == 0:
            continue
        t.person_bits[person] = t.person_bits[person] << np.uint64(1)
        for k in range(DAY_TYPES):
            t.days[person, k] *= keep
            for q in range(QUARTERS):
                t.present[person, k, q] *= keep
        t.days[person, kind] += 1.0
    for pair in range(len(t.person)):
        person = as_int(t.person[pair])
        if there[person] == 0:
            continue
        t.pair_bits[pair] = t.pair_bits[pair] << np.uint64(1)
        for k in range(DAY_TYPES):
            for q in range(QUARTERS):
                t.hits[pair, k, q] *= keep
        if hit[pair] != 0:
            t.first[pair] = min(t.first[pair], day)
            t.pair_bits[pair] |= np.uint64(1)
            t.person_bits[person] |= np.uint64(1)
        for q in range(QUARTERS):
            t.quarter_bits[pair, q] = t.quarter_bits[pair, q] << np.uint64(1)
            if (as_int(hit[pair]) >> q) & 1:
                t.quarter_bits[pair, q] |= np.uint64(1)
                t.hits[pair, kind, q] += 1.0
    _count_presence(t, kind, hit)


@inlined
def _count_presence(t: MomentTables, kind: int, hit: Any) -> None:
    """A person was there in a quarter if any of its interests was; pairs lie by person."""
    seen, last = 0, -1
    for pair in range(len(t.person)):
        person = as_int(t.person[pair])
        if person != last:
            seen, last = 0, person
        for q in range(QUARTERS):
            if (as_int(hit[pair]) >> q) & 1 and not (seen >> q) & 1:
                t.present[person, kind, q] += 1.0
        seen |= as_int(hit[pair])
