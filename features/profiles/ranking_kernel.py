"""Ranks the interests of a profile, and tells whether it changed materially."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.jit import as_int, inlined
from features.models.signals_kernel import SHARE_7D, WEEKLY_HABIT, fill, morning
from features.models.stance_kernel import Policy, decide, trend
from features.state.layout import S_CARE, S_HOLD, Live, Rows

#: An interest as it is ranked: its row, and the decision on it.
RANKED: Final = np.dtype([
    ("row", "i8"), ("score", "f8"), ("lift", "f8"), ("confidence", "f8"), ("trend", "i8"),
    ("stance", "i8"), ("weekly_habit", "f8"), ("share_7d", "f8"),
])  # fmt: skip

#: A score as it is kept to be compared: in 1/255.
SHOWN_UNITS = 255.0
_FNV_PRIME = np.uint64(0x100000001B3)
_FNV_START = np.uint64(0xCBF29CE484222325)


class Scratch(NamedTuple):
    """Room for one subject."""

    levels: NDArray[np.float64]  # shape (3,)
    vector: NDArray[np.float64]  # shape (SIGNALS,)
    rank: NDArray[np.void]  # of RANKED, as many as a profile may have


@inlined
def ranked(
    live: Live, sid: int, day: int, policy: Policy, allowed: Any, top: int, scratch: Scratch
) -> int:
    """Fill ``scratch.rank`` with the best `top` interests by score; returns how many."""
    s = live.subjects
    rank: Any = scratch.rank
    began = morning(live, sid, day, scratch.levels)
    held = (s.status[s.account[sid]] | s.status[sid]) & (S_CARE | S_HOLD)
    count = 0
    start = as_int(s.start[sid])
    for j in range(start, start + as_int(s.used[sid])):
        interest = as_int(live.rows.interest[j])
        if allowed[interest] == 0:
            continue
        row = live.rows.windows[j]
        bits = fill(live, j, began, policy.log_odds, scratch.levels, scratch.vector)
        age = max(0, day - as_int(row.first))
        score, lift, confidence, stance = decide(
            policy, scratch.vector, bits, age, interest, as_int(row.known), held != 0
        )
        at = count
        if count == top:
            if rank[count - 1].score >= score:
                continue
            at = count - 1
        else:
            count += 1
        while at > 0 and rank[at - 1].score < score:
            rank[at] = rank[at - 1]
            at -= 1
        best = rank[at]
        best.row = j
        best.score = score
        best.lift = lift
        best.confidence = confidence
        best.trend = trend(scratch.levels, bits, age)
        best.stance = stance
        best.weekly_habit = scratch.vector[WEEKLY_HABIT]
        best.share_7d = scratch.vector[SHARE_7D]
    return count


@inlined
def digest(live: Live, sid: int, rank: Any, text: Any) -> Any:
    """Hash of what is material whatever its size: which interests, their trends and stances.

    Parameters
    ----------
    rank : ndarray of RANKED
    text : ndarray of uint8
        The subject's suppressions.
    """
    h = _FNV_START ^ np.uint64(live.subjects.country[sid])
    for k in range(text.shape[0]):
        h = (h ^ np.uint64(text[k])) * _FNV_PRIME
    for q in range(rank.shape[0]):
        # The row's place stands for the interest, for rows of a subject keep their order; added
        # up, for a mere change of rank is not material.
        place = np.uint64(rank[q].row - live.subjects.start[sid])
        said = np.uint64(rank[q].trend * 8 + rank[q].stance)
        h += (((_FNV_START ^ place) * _FNV_PRIME) ^ said) * _FNV_PRIME
    return h


@inlined
def moved(rank: Any, rows: Rows, step: float) -> bool:
    """Whether a score is a step or more away from the one published last."""
    for q in range(rank.shape[0]):
        if abs(rank[q].score * SHOWN_UNITS - rows.shown[rank[q].row]) >= step * SHOWN_UNITS:
            return True
    return False
