"""Dates stances: since when a profile has said so, and when a stance ends by itself."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from features.jit import as_int, inlined
from features.models.stance_kernel import HOLD, RULE_NONE
from features.state.layout import DAY_MS, Live

#: The event time, ms, at which what was declared or bought no longer decides on an interest.
END: Final = np.dtype([("interest", "u2"), ("until", "i8")], align=True)


@inlined
def fill_ends(live: Live, rank: Any, ends: Any, until: int) -> None:
    """Set ``until`` of ranked interests: of a decision by what was said, when that ends.

    Parameters
    ----------
    rank : ndarray of RANKED
    ends : ndarray of END
    until : int
        When the consent ends that all rests on, ms.
    """
    for q in range(rank.shape[0]):
        best = rank[q]
        best.until = until
        if best.stance == HOLD or best.rule != RULE_NONE:
            continue
        for k in range(ends.shape[0]):
            if ends[k].interest == live.rows.interest[best.row]:
                best.until = min(until, as_int(ends[k].until))


@inlined
def remember_shown(live: Live, sid: int, rank: Any, units: float) -> None:
    """Remember what is said of a subject's rows, and fill ``since`` of the ranked ones.

    Parameters
    ----------
    rank : ndarray of RANKED
    units : float
        What a score of 1 is kept as.
    """
    today = (live.counters[0].max_ts + live.clock.offset) // DAY_MS
    start, shown = as_int(live.subjects.start[sid]), live.rows.shown
    for q in range(rank.shape[0]):
        best, before = rank[q], shown[rank[q].row]
        lasts = before.since != 0 and before.stance == best.stance
        best.since = as_int(before.since) if lasts else today
    for j in range(start, start + as_int(live.subjects.used[sid])):
        shown[j].since = np.uint16(0)  # what is said no more begins anew
    for q in range(rank.shape[0]):
        best, now = rank[q], shown[rank[q].row]
        now.score = np.uint8(best.score * units + 0.5)
        now.stance = np.uint8(best.stance)
        now.since = np.uint16(best.since)
