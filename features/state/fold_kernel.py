"""Folds a sequence of events into live state: the main loop, one pass, in order.

The kernel returns wherever something other than an event is due: a day closes, a fact stands
in the sequence, or a table is full. The caller does that and comes back with the same index.
So a batch is split exactly where the sequence demands it, whatever the batches were.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from features.jit import as_int, bare, inlined
from features.records.leaders_kernel import advanced
from features.state.contents_kernel import find_content
from features.state.counting_kernel import OWN, ages_of, count, touch
from features.state.event_ids_kernel import seen_before
from features.state.layout import (
    CONTENT_CHILDREN,
    CONTENT_IDLE,
    CONTENT_UNKNOWN,
    COUNTED,
    D_PROFILE,
    D_STATE,
    DAY_MS,
    DEVICE_SPAN,
    DONE,
    DUPLICATE,
    FIRST_SLOT,
    IDLE,
    LATE,
    NEED_ACCOUNT,
    NEED_CLOSE,
    NEED_DUE,
    NEED_FACT,
    NEED_FLAGS,
    NEED_PERSON,
    NEED_ROOM,
    NEED_TAG,
    NO_CONSENT,
    OVER_LIMIT,
    PENDING,
    ROOM_KEY_BYTES,
    ROOM_ROWS,
    ROOM_SUBJECTS,
    S_AGREED,
    S_ASK,
    S_KIN,
    SPAN_AGREED,
    SPAN_ALWAYS,
    SUPPRESSED,
    UNTAGGED,
    Live,
)
from features.state.place_kernel import note_place
from features.state.rows_kernel import engagement
from features.state.shared_screen_kernel import attribute, has_room
from features.state.spans_kernel import find_span
from features.state.subjects_kernel import SubjectKey, find_subject, insert_subject, mark

_FACTS = 0
_DEVICE = np.uint64(DEVICE_SPAN)
_LEAST = 1e-4  # an engagement below this is ignored


@bare
def apply(live: Live, events: Any, blob: Any, first: int, outcome: Any) -> Any:
    """Fold events from index `first` on.

    Parameters
    ----------
    events : ndarray of `features.records.batch.EVENT`, shape (n,)
        In the partition's sequence.
    blob : ndarray of uint8
        The bytes the records point into.
    outcome : ndarray of uint8, shape (n,)
        Filled with what became of each event.

    Returns
    -------
    (int, int)
        The reason it returned, and the index to go on from.
    """
    clock, c = live.clock, live.counters[0]
    for i in range(first, events.shape[0]):
        if outcome[i] != PENDING:
            continue  # decided by the caller
        if _is_told(live, events[i]):
            return NEED_FACT, i
        if _full(live):
            return NEED_ROOM, i
        ts = events[i].ts
        if ts > c.max_ts:
            c.max_ts = advanced(live.leaders, events[i], c.max_ts, clock.lateness)
        if c.max_ts - clock.lateness >= c.due:
            return NEED_DUE, i
        reached = (c.max_ts - clock.lateness + clock.offset) // DAY_MS
        if reached > c.open_day:
            c.target_day = reached
            return NEED_CLOSE, i
        account = find_subject(live.subjects, live.keys, _account_key(events[i], blob))
        what = _one(live, events[i], blob, account)
        if what < 0:
            return -what, i
        outcome[i] = what
        live.outcomes[what] += 1
        if c.fresh != 0:
            return NEED_FLAGS, i + 1
    return DONE, events.shape[0]


@inlined
def _is_told(live: Live, e: Any) -> Any:
    """Whether a record is no event: a fact, or what came of an offer, behind all sources."""
    return e.kind == _FACTS or e.kind >= live.clock.source.shape[0]


@inlined
def _full(live: Live) -> Any:
    c, keys = live.counters[0], live.keys
    return (
        c.subjects + ROOM_SUBJECTS > live.subjects.hash.shape[0]
        or 2 * (c.subjects + ROOM_SUBJECTS) > keys.slots.shape[0]
        or c.keys_end + ROOM_KEY_BYTES > keys.text.shape[0]
        or c.dirty + ROOM_SUBJECTS > keys.dirty.shape[0]
        or c.rows_end + ROOM_ROWS * (1 + live.clock.attribution) > live.rows.windows.shape[0]
        or c.ids_logged + 1 > live.dedup.log_hash.shape[0]
        or (live.clock.attribution != 0 and not has_room(live))
    )


@inlined
def _account_key(e: Any, blob: Any) -> SubjectKey:
    return SubjectKey(blob, e.raw_at + e.account_at, as_int(e.account_len), 0, 0, e.account_hash)


@inlined
def _member_key(e: Any, blob: Any) -> SubjectKey:
    return SubjectKey(
        blob,
        e.raw_at + e.account_at,
        as_int(e.account_len),
        e.raw_at + e.member_at,
        as_int(e.member_len),
        e.subject_hash,
    )


@inlined
def _one(live: Live, e: Any, blob: Any, account: int) -> int:
    """Outcome of an event; where something else is due first, the reason, negative."""
    s, clock, c = live.subjects, live.clock, live.counters[0]
    ts = e.ts
    # First: what may not be held is no duplicate, no dead letter, no unknown content, no number.
    what = _admission(live, e, blob, account)
    if what != PENDING:
        return what
    if ts < c.max_ts - clock.lateness:
        return LATE
    slot = _slot(live, e)
    if slot < 0:
        return -NEED_TAG
    # The horizon runs from when an event arrived, not from its own time, or a late one could be
    # counted twice.
    oldest = (c.max_ts - clock.horizon) // clock.bucket
    if seen_before(live.dedup, live.counters, e.event_hash, c.max_ts // clock.bucket, oldest):
        return DUPLICATE
    if account < 0:
        account = insert_subject(s, live.keys, live.counters, _account_key(e, blob), -1)
        s.consent_until[account] = as_int(2**62)
        mark(s, live.keys, live.counters, account, D_STATE)
    if slot == CONTENT_IDLE or slot == CONTENT_CHILDREN:
        return IDLE
    if slot == CONTENT_UNKNOWN:
        live.untagged_seconds[e.kind] += e.duration_ms // 1000
        return UNTAGGED
    weight = engagement(e.kind, e.mode, e.bytes, e.duration_ms, e.content_ms, clock)
    if weight < _LEAST:
        return IDLE
    sid = account
    if e.member_len > 0:
        sid = find_subject(s, live.keys, _member_key(e, blob))
        if sid < 0 and as_int(s.members[account]) >= clock.max_members:
            return OVER_LIMIT
    # What lies beyond the days that can be counted is of a clock that nobody else bears out: it
    # counts as of their end, if that is allowed as well.
    at = min(ts, (c.open_day + 2) * DAY_MS - clock.offset - 1)
    if at < ts and at < _allowed_from(live, e, account):
        return SUPPRESSED
    if sid < 0:
        sid = insert_subject(s, live.keys, live.counters, _member_key(e, blob), account)
        p = find_span(live.spans, e.subject_hash, e.account_hash) if clock.attribution != 0 else -1
        if p >= 0 and live.spans.scope[p] == SPAN_AGREED:
            s.status[sid] = np.uint8(S_AGREED)
    day = (at + clock.offset) // DAY_MS
    touch(s, sid, at, day, e.kind)
    note_place(live, sid, at, e)
    ages = ages_of(at, clock)
    if count(live, sid, slot, weight, e, at, ages, OWN) and s.day[sid] - day < 64:
        s.days[sid] = s.days[sid] | (np.uint64(1) << np.uint64(s.day[sid] - day))
    if clock.attribution != 0 and s.sibling[account] >= 0:
        attribute(live, account, sid, slot, weight, e, at, ages)
    mark(s, live.keys, live.counters, sid, D_STATE | D_PROFILE)
    return COUNTED


@inlined
def _admission(live: Live, e: Any, blob: Any, account: int) -> int:
    """Whether an event may be held, at its own time: `PENDING`; if not, its outcome.

    Negative: the reason to ask first.
    """
    s, c = live.subjects, live.counters[0]
    if account < 0:
        if live.clock.default_grant == 0:
            return NO_CONSENT
        if find_span(live.spans, e.account_hash, e.account_hash) >= 0:  # it refused
            return NO_CONSENT
        return -NEED_ACCOUNT if c.erasures != 0 else PENDING
    if e.ts < s.consent_from[account]:
        return SUPPRESSED
    if e.ts >= s.consent_until[account]:
        return NO_CONSENT
    kin = as_int(s.status[account]) & (S_KIN | S_ASK)
    if kin != 0 and e.device_hash != np.uint64(0):
        d = find_span(live.spans, e.device_hash ^ _DEVICE, e.account_hash)
        if d < 0:
            if kin & S_ASK:
                return -NEED_PERSON
        elif e.member_len == 0 or live.spans.scope[d] == SPAN_ALWAYS:
            if e.ts < live.spans.start[d] or e.ts >= live.spans.until[d]:
                return SUPPRESSED
    if e.member_len > 0 and (kin != 0 or c.erasures != 0):
        p = find_span(live.spans, e.subject_hash, e.account_hash)
        if p >= 0:
            if e.ts < live.spans.start[p] or e.ts >= live.spans.until[p]:
                return SUPPRESSED
        elif kin & S_ASK or c.erasures != 0:
            if kin & S_ASK or find_subject(s, live.keys, _member_key(e, blob)) < 0:
                return -NEED_PERSON
    return PENDING


@inlined
def _allowed_from(live: Live, e: Any, account: int) -> Any:
    """From when on the event's account and member may be held, ms."""
    start = live.subjects.consent_from[account]
    if e.member_len > 0:
        p = find_span(live.spans, e.subject_hash, e.account_hash)
        if p >= 0:
            start = max(start, live.spans.start[p])
    return start


@inlined
def _slot(live: Live, e: Any) -> int:
    """Slot of an event's content, or of the second one; -1 where it has to be looked up.

    Whatever is on, who looks at a channel for children or into their part of an app is one.
    """
    slot = find_content(live.contents, e.content_hash)
    if slot == CONTENT_UNKNOWN or slot >= FIRST_SLOT:
        second = find_content(live.contents, e.content2_hash)
        if slot == CONTENT_UNKNOWN or second < 0 or second == CONTENT_CHILDREN:
            return second
    return slot


@bare
def unresolved(live: Live, events: Any, blob: Any, first: int, out: Any) -> int:
    """Indices of events from `first` to the next fact that may be held and have no slot yet.

    Returns
    -------
    int
        How many; those whose answer a fact may change are left for later.
    """
    n = 0
    for i in range(first, events.shape[0]):
        if _is_told(live, events[i]):
            break
        if events[i].ts < live.counters[0].max_ts - live.clock.lateness:
            continue
        account = find_subject(live.subjects, live.keys, _account_key(events[i], blob))
        if _admission(live, events[i], blob, account) == PENDING and _slot(live, events[i]) < 0:
            out[n] = i
            n += 1
    return n
