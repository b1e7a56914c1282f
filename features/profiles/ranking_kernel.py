"""Which interests a profile says, and whether that is news."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.jit import as_int, inlined
from features.models.signals_kernel import SHARE_7D, WEEKLY_HABIT, fill, subject_days, subject_total
from features.models.stance_kernel import Policy, decide, trend
from features.state.layout import R_FIRST, R_FLAGS, S_CARE, S_HOLD, Clock, Rows, Subjects

#: A score as it is kept to be compared: in 1/255.
SHOWN_UNITS = 255.0
_FNV_PRIME = np.uint64(0x100000001B3)
_FNV_START = np.uint64(0xCBF29CE484222325)


@inlined
def ranked(
    s: Subjects,
    r: Rows,
    sid: int,
    day: int,
    policy: Policy,
    allowed: Any,
    top: int,
    clock: Clock,
    levels: Any,
    vector: Any,
    rank: Any,
) -> int:
    """Best interests by score: columns row, score, lift, confidence, trend, stance, habit, share"""
    total = subject_total(s, r, sid, day, clock, levels)
    active_days = subject_days(s, sid, day)
    held = (s.status[s.account[sid]] | s.status[sid]) & (S_CARE | S_HOLD)
    count = 0
    start = as_int(s.start[sid])
    for j in range(start, start + as_int(s.used[sid])):
        interest = as_int(r.interest[j])
        if allowed[interest] == 0:
            continue
        bits = fill(s, r, sid, j, day, total, active_days, policy.log_odds, clock, levels, vector)
        age = max(0, day - as_int(r.u2[j, R_FIRST]))
        score, lift, confidence, stance = decide(
            policy, vector, bits, age, interest, as_int(r.u2[j, R_FLAGS]), held != 0
        )
        at = count
        if count == top:
            if rank[count - 1, 1] >= score:
                continue
            at = count - 1
        else:
            count += 1
        while at > 0 and rank[at - 1, 1] < score:
            for k in range(8):
                rank[at, k] = rank[at - 1, k]
            at -= 1
        rank[at, 0] = j
        rank[at, 1] = score
        rank[at, 2] = lift
        rank[at, 3] = confidence
        rank[at, 4] = trend(levels, bits, age)
        rank[at, 5] = stance
        rank[at, 6] = vector[WEEKLY_HABIT]
        rank[at, 7] = vector[SHARE_7D]
    return count


@inlined
def digest(
    rank: Any, count: int, texts: Any, text_at: int, length: int, s: Subjects, sid: int
) -> Any:
    """Hash of what is material whatever its size: which interests, their trends and stances."""
    h = _FNV_START ^ np.uint64(s.country[sid])
    for k in range(length):
        h = (h ^ np.uint64(texts[text_at + k])) * _FNV_PRIME
    for q in range(count):
        # The row's place stands for the interest, for rows of a subject keep their order; added
        # up, for a mere change of rank is not material.
        place = np.uint64(rank[q, 0] - s.start[sid])
        said = np.uint64(rank[q, 4] * 8 + rank[q, 5])
        h += (((_FNV_START ^ place) * _FNV_PRIME) ^ said) * _FNV_PRIME
    return h


@inlined
def moved(rank: Any, count: int, r: Rows, step: float) -> bool:
    """Whether a score is a step or more away from the one published last."""
    for q in range(count):
        if abs(rank[q, 1] * SHOWN_UNITS - r.shown[as_int(rank[q, 0])]) >= step * SHOWN_UNITS:
            return True
    return False
