"""Marks rows with the facts about them: liked, disliked, quiet for a time.

Flags are set where a fact, an expiry or a new row stands in the sequence, never at a commit:
they decide which row gives way to another, so they must not depend on when commits fall.
"""

from __future__ import annotations

import numpy as np

from features.privacy.facts import AccountFacts
from features.privacy.rules import Rules
from features.state import layout as lay
from features.state.store import Store
from features.tags.taxonomy import Taxonomy
from features.vocabulary import Opinion

_FLAG = {Opinion.LIKE.value: lay.F_LIKE, Opinion.DISLIKE.value: lay.F_DISLIKE}


def flag(
    store: Store, taxonomy: Taxonomy, rules: Rules, sid: int, facts: AccountFacts, now: int, ts: int
) -> None:
    """Set the flags of a subject's rows; what is liked has a row.

    Parameters
    ----------
    now : int
        Watermark, ms: what ended before it counts no more.
    ts : int
        Event time of the fact that is the occasion, 0 where there is none.
    """
    member = store.key(sid).partition(b"/")[2].decode() or None
    flags: dict[int, int] = {}
    for who, interest, stance, _ in facts.opinions(now, rules):
        index = taxonomy.index(interest)
        if stance == Opinion.LIKE and who == member:
            _ensure_row(store, sid, index, ts)
        if who in (None, member):
            below = () if stance == Opinion.LIKE else taxonomy.descendants(index)
            for node in (index, *below):
                flags[node] = flags.get(node, 0) | _FLAG[stance]
    for who, interest, _, _ in facts.quiet(now, rules):
        if who in (None, member):
            for node in rules.quieted(interest):
                flags[node] = flags.get(node, 0) | lay.F_QUIET
    start = int(store.subjects["start"][sid])
    known = store.rows.windows["known"]
    for j, index in enumerate(row_interests(store, sid), start):
        known[j] = flags.get(index, 0)
    if store.subjects["used"][sid]:
        store.mark(sid, lay.D_STATE | lay.D_PROFILE)


def row_interests(store: Store, sid: int) -> list[int]:
    """Dense interests of a subject's rows, in their order."""
    start = int(store.subjects["start"][sid])
    rows = store.rows.interest[start : start + int(store.subjects["used"][sid])]
    return [int(index) for index in rows]


def _ensure_row(store: Store, sid: int, interest: int, ts: int) -> None:
    s, day = store.subjects, int(store.counters["open_day"])
    if day < 0:
        return  # comes with the subject's first event
    if not s["used"][sid] and not s["events"][sid]:
        s["first"][sid] = s["day"][sid] = np.uint16(day)
        s["last_ts"][sid] = ts or max(int(store.counters["max_ts"]), 0)
    store.row(sid, interest, day)
