"""Marks rows with the facts about them: liked, disliked, quiet for a time.

Flags are set where a fact, an expiry or a new row stands in the sequence, never at a commit:
they decide which row gives way to another, so they must not depend on when commits fall.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from features.privacy.person import Person
from features.privacy.rules import Rules
from features.state import layout as lay
from features.state.chain_kernel import flag_chain, hush
from features.state.store import Store
from features.tags.taxonomy import Taxonomy
from features.vocabulary import Opinion

_FLAG = {Opinion.LIKE.value: lay.F_LIKE, Opinion.DISLIKE.value: lay.F_DISLIKE}

#: Flags by dense interest.
Flags: TypeAlias = dict[int, int]


def flags_of(person: Person, now: int, taxonomy: Taxonomy, rules: Rules) -> Flags:
    """The flags that follow from what a person said.

    Parameters
    ----------
    now : int
        Watermark, ms: what ended before it counts no more.
    """
    flags: Flags = {}
    for interest, stance, *_ in person.opinions(now, rules):
        index = taxonomy.index(interest)
        below = () if stance == Opinion.LIKE else taxonomy.descendants(index)
        for node in (index, *below):
            flags[node] = flags.get(node, 0) | _FLAG[stance]
    for interest, *_ in person.quiet(now, rules):
        for node in rules.quieted(interest):
            flags[node] = flags.get(node, 0) | lay.F_QUIET
    return flags


def forbidding(person: Person, now: int, taxonomy: Taxonomy, rules: Rules) -> Flags:
    """The flags that hold for whoever is spelled as a person is: all but what he likes."""
    flags = flags_of(person, now, taxonomy, rules)
    return {node: bits & ~lay.F_LIKE for node, bits in flags.items()}


def expiries(
    persons: Iterable[Person], now: int, taxonomy: Taxonomy, rules: Rules, silent: Mapping[int, int]
) -> dict[int, int]:
    """Date the end of what persons said of interests, by dense interest, ms.

    What forbids goes before what is liked, and of several words the last to end counts, `silent`
    being one: when the silence about an interest ends.
    """
    likes: dict[int, int] = {}
    others = dict(silent)
    for person in persons:
        for interest, stance, until, _ in person.opinions(now, rules):
            index = taxonomy.index(interest)
            if stance == Opinion.LIKE:
                likes[index] = max(until, likes.get(index, 0))
                continue
            for node in (index, *taxonomy.descendants(index)):
                others[node] = max(until, others.get(node, 0))
        for interest, _, until, _ in person.quiet(now, rules):
            for node in rules.quieted(interest):
                others[node] = max(until, others.get(node, 0))
    return likes | others


def liked(person: Person, now: int, taxonomy: Taxonomy, rules: Rules) -> list[int]:
    """Dense interests that a person likes."""
    said = person.opinions(now, rules)
    return [taxonomy.index(item.interest) for item in said if item.word == Opinion.LIKE]


def flag(store: Store, sid: int, flags: Sequence[Flags], likes: list[int], ts: int) -> None:
    """Set the flags of a subject's rows; what is liked has a row.

    Parameters
    ----------
    flags : sequence of Flags
        What the account said, and what the member did.
    ts : int
        Event time of the fact that is the occasion, 0 where there is none.
    """
    for index in likes:
        _ensure_row(store, sid, index, ts)
    own = _own_rows(store, sid)
    if own.start == own.stop:
        return
    known = store.rows.windows["known"][own]
    told: Flags = {}
    for said in flags:
        for index, bits in said.items():
            told[index] = told.get(index, 0) | bits
    known &= lay.F_REMEMBERED
    for j, index in enumerate(store.rows.interest[own].tolist()) if told else ():
        if index in told:
            known[j] |= told[index]
    store.mark(sid, lay.D_STATE | lay.D_PROFILE)


def set_quiet(store: Store, sid: int, quiet: Collection[int]) -> None:
    """Set the flags of a subject's rows where nothing is known but of what to be silent."""
    if hush(store.subjects, store.rows, sid, np.fromiter(quiet, np.int64, len(quiet))):
        store.mark(sid, lay.D_STATE | lay.D_PROFILE)


def flag_members(store: Store, account: int, flags: Flags, interests: int) -> None:
    """Set the flags of all members' rows to what the account said."""
    table = np.zeros(interests, np.uint16)
    table[list(flags)] = list(flags.values())
    flag_chain(store.live, account, table)


def row_interests(store: Store, sid: int) -> list[int]:
    """Dense interests of a subject's rows, in their order."""
    found: list[int] = store.rows.interest[_own_rows(store, sid)].tolist()
    return found


def _own_rows(store: Store, sid: int) -> slice:
    subject = store.subjects[sid]
    start = int(subject["start"])
    return slice(start, start + int(subject["used"]))


def _ensure_row(store: Store, sid: int, interest: int, ts: int) -> None:
    s, day = store.subjects, int(store.counters["open_day"])
    if day < 0:
        return  # comes with the subject's first event
    if not s["used"][sid] and not s["events"][sid]:
        s["first"][sid] = s["day"][sid] = np.uint16(day)
        s["last_ts"][sid] = ts or max(int(store.counters["max_ts"]), 0)
    store.row(sid, interest, day)
