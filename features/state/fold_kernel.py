"""The main loop: a sequence of events into live state, one pass, in order.

The kernel returns wherever something other than an event is due: a day closes, a fact stands
in the sequence, or a table is full. The caller does that and comes back with the same index.
So a batch is split exactly where the sequence demands it, whatever the batches were.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from features.jit import as_int, bare, inlined
from features.state.contents_kernel import find_content
from features.state.event_ids_kernel import seen_before
from features.state.layout import (
    C_DEDUP_LOG,
    C_DIRTY,
    C_DUE,
    C_FRESH,
    C_KEYS_END,
    C_MARKS,
    C_MAX_TS,
    C_OPEN_DAY,
    C_ROWS_END,
    C_SUBJECTS,
    C_TARGET_DAY,
    CONTENT_IDLE,
    CONTENT_UNKNOWN,
    COUNTED,
    D_PROFILE,
    D_STATE,
    DAY_MS,
    DONE,
    DUPLICATE,
    IDLE,
    LATE,
    NEED_ACCOUNT,
    NEED_CLOSE,
    NEED_DUE,
    NEED_FACT,
    NEED_FLAGS,
    NEED_ROOM,
    NO_CONSENT,
    O_SECONDS,
    PENDING,
    S_BARRED,
    S_SUPPRESSIONS,
    SUPPRESSED,
    UNTAGGED,
    Clock,
    ContentMap,
    Dedup,
    Index,
    Rows,
    Subjects,
)
from features.state.rows_kernel import add, engagement, roll, shifted
from features.state.slabs_kernel import find_row, insert_row
from features.state.subjects_kernel import find_subject, insert_subject, mark

_FACTS = 0
_NO_ZONE = -32768
_LEAST = 1e-4  # an engagement below this says nothing
_MS_PER_PART = 6 * 3_600_000


@bare
def apply(
    events: Any,
    blob: Any,
    first: int,
    outcome: Any,
    s: Subjects,
    x: Index,
    r: Rows,
    d: Dedup,
    t: ContentMap,
    clock: Clock,
    c: Any,
    o: Any,
) -> Any:
    """Fold events from index `first` on.

    Parameters
    ----------
    events : ndarray of `features.records.batch.EVENT`, shape (n,)
        In the partition's sequence.
    blob : ndarray of uint8
        The bytes the records point into.
    outcome : ndarray of uint8, shape (n,)
        Filled with what became of each event.
    c, o : ndarray of int64
        Counters of `features.state.layout`, and outcome counters.

    Returns
    -------
    (int, int)
        Why it came back, and the index to go on from.
    """
    for i in range(first, events.shape[0]):
        if outcome[i] != PENDING:
            continue  # decided by the caller
        if events[i].kind == _FACTS:
            return NEED_FACT, i
        if _full(s, x, r, d, c):
            return NEED_ROOM, i
        ts = events[i].ts
        if ts > c[C_MAX_TS]:
            c[C_MAX_TS] = ts
        if c[C_MAX_TS] - clock.lateness >= c[C_DUE]:
            return NEED_DUE, i
        reached = (c[C_MAX_TS] - clock.lateness + clock.offset) // DAY_MS
        if reached > c[C_OPEN_DAY]:
            c[C_TARGET_DAY] = reached
            return NEED_CLOSE, i
        at = events[i].raw_at + events[i].account_at
        account = find_subject(s, x, blob, at, events[i].account_len, 0, 0, events[i].account_hash)
        if account < 0 and clock.default_grant != 0 and c[C_MARKS] != 0:
            return NEED_ACCOUNT, i
        what = _one(events, blob, i, account, s, x, r, d, t, clock, c, o)
        outcome[i] = what
        o[what] += 1
        if c[C_FRESH] != 0:
            return NEED_FLAGS, i + 1
    return DONE, events.shape[0]


@inlined
def _full(s: Subjects, x: Index, r: Rows, d: Dedup, c: Any) -> Any:
    return (
        c[C_SUBJECTS] + 2 > s.hash.shape[0]
        or 2 * (c[C_SUBJECTS] + 2) > x.slots.shape[0]
        or c[C_KEYS_END] + 256 > x.keys.shape[0]
        or c[C_DIRTY] + 2 > x.dirty.shape[0]
        or c[C_ROWS_END] + 8 * 1026 > r.f4.shape[0]
        or c[C_DEDUP_LOG] + 1 > d.log_hash.shape[0]
    )


@inlined
def _one(
    events: Any,
    blob: Any,
    i: int,
    account: int,
    s: Subjects,
    x: Index,
    r: Rows,
    d: Dedup,
    t: ContentMap,
    clock: Clock,
    c: Any,
    o: Any,
) -> int:
    e = events[i]
    ts = e.ts
    at = e.raw_at + e.account_at
    if account >= 0:
        if ts < s.consent_from[account]:
            return SUPPRESSED
        if ts >= s.consent_until[account]:
            return NO_CONSENT
    elif clock.default_grant == 0:
        return NO_CONSENT
    if ts < c[C_MAX_TS] - clock.lateness:  # only now: what may not be held is no dead letter either
        return SUPPRESSED if _is_barred(e, blob, at, s, x) else LATE
    # Only now: without consent not even the hash of an event id is kept. The horizon runs from
    # when an event came, not from its own time, or a late one could be counted twice.
    oldest = (c[C_MAX_TS] - clock.horizon) // clock.bucket
    if seen_before(d, c, e.event_hash, c[C_MAX_TS] // clock.bucket, oldest):
        return DUPLICATE
    if account < 0:
        account = insert_subject(s, x, c, blob, at, e.account_len, 0, 0, e.account_hash, -1)
        s.consent_until[account] = as_int(2**62)
        mark(s, x, c, account, D_STATE)
    slot = find_content(t, e.content_hash)
    if slot == CONTENT_UNKNOWN:
        slot = find_content(t, e.content2_hash)
    if slot == CONTENT_IDLE:
        return IDLE
    if slot <= CONTENT_UNKNOWN:
        o[O_SECONDS + e.kind] += e.duration_ms // 1000
        return UNTAGGED
    weight = engagement(e.kind, e.mode, e.bytes, e.duration_ms, e.content_ms, clock)
    if weight < _LEAST:
        return IDLE
    sid = account
    if e.member_len > 0:
        member = e.raw_at + e.member_at
        sid = find_subject(s, x, blob, at, e.account_len, member, e.member_len, e.subject_hash)
        if sid < 0:
            sid = insert_subject(
                s, x, c, blob, at, e.account_len, member, e.member_len, e.subject_hash, account
            )
        elif s.status[sid] & S_BARRED:
            return SUPPRESSED
    _touch(s, sid, ts, (ts + clock.offset) // DAY_MS, e.kind, e.country)
    _count(s, r, t, clock, c, sid, slot, weight, ts, e.tz_min, e.kind)
    mark(s, x, c, sid, D_STATE | D_PROFILE)
    return COUNTED


@bare
def _is_barred(e: Any, blob: Any, at: int, s: Subjects, x: Index) -> Any:
    """Whether an event is of a member about whom nothing may be held."""
    if e.member_len == 0:
        return False
    sid = find_subject(
        s, x, blob, at, e.account_len, e.raw_at + e.member_at, e.member_len, e.subject_hash
    )
    return sid >= 0 and s.status[sid] & S_BARRED != 0


@inlined
def _count(
    s: Subjects,
    r: Rows,
    t: ContentMap,
    clock: Clock,
    c: Any,
    sid: int,
    slot: int,
    weight: float,
    ts: int,
    tz_min: int,
    kind: int,
) -> None:
    """Add an event to the rows of every interest its content raises."""
    local = ts + clock.offset
    day = local // DAY_MS
    there = ts + (clock.offset if tz_min == _NO_ZONE else as_int(tz_min) * 60_000)
    part = (there % DAY_MS) // _MS_PER_PART
    if (there // DAY_MS + 3) % 7 >= 5:  # 1970-01-01 was a Thursday
        part += 4
    passed = (local - day * DAY_MS) / DAY_MS
    age0, age1 = 2.0 ** (passed * clock.rate0), 2.0 ** (passed * clock.rate1)
    age2 = 2.0 ** (passed * clock.rate2)
    for k in range(t.start[slot], t.start[slot + 1]):
        interest = as_int(t.interest[k])
        j = find_row(s, r, sid, interest)
        if j < 0:
            j = insert_row(s, r, c, sid, interest, c[C_OPEN_DAY], day, clock.max_rows)
            if s.status[s.account[sid]] & S_SUPPRESSIONS:
                c[C_FRESH] = sid + 1
        else:
            roll(r, j, c[C_OPEN_DAY], clock)
        add(r, j, weight * t.weight[k], day, age0, age1, age2, part, kind, clock)


@inlined
def _touch(s: Subjects, sid: int, ts: int, day: int, kind: int, country: int) -> None:
    if s.events[sid] == 0:
        s.last_ts[sid] = as_int(0)  # till now it said when the subject was first spoken of
        s.first[sid] = np.uint16(day)
        s.day[sid] = np.uint16(day)
    steps = day - as_int(s.day[sid])
    if steps > 0:
        s.days[sid] = shifted(s.days[sid], steps)
        s.day[sid] = np.uint16(day)
        steps = 0
    if steps > -64:
        s.days[sid] = s.days[sid] | (np.uint64(1) << np.uint64(-steps))
    if day < as_int(s.first[sid]):
        s.first[sid] = np.uint16(day)
    s.events[sid] += np.uint32(1)
    s.sources[sid] = np.uint8(s.sources[sid] | (1 << kind))
    if ts >= s.last_ts[sid]:
        s.last_ts[sid] = ts
        if country != 0:
            s.country[sid] = np.uint16(country)
