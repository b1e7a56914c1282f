"""Counts an event into the rows of a subject, his own or one that is attributed to him."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.jit import as_int, inlined
from features.state.apart_kernel import bring, note_day, put_apart
from features.state.layout import (
    DAY_MS,
    F_DISLIKE,
    FLAGGED,
    NO_ZONE,
    S_SUPPRESSIONS,
    Clock,
    Live,
    Subjects,
)
from features.state.rows_kernel import add, shifted
from features.state.slabs_kernel import find_row, insert_row

#: How an event is a subject's: his own; probably his, on a shared screen; surely.
OWN, PROBABLE, SURE = range(3)
_MS_PER_PART = 6 * 3_600_000


@inlined
def ages_of(at: int, clock: Clock) -> Any:
    """By half-life, the factor that makes mass given at `at` mass as of that day's start."""
    local = at + clock.offset
    passed = (local - local // DAY_MS * DAY_MS) / DAY_MS
    return (
        2.0 ** (passed * clock.rate0),
        2.0 ** (passed * clock.rate1),
        2.0 ** (passed * clock.rate2),
    )


@inlined
def count(
    live: Live, sid: int, slot: int, weight: float, e: Any, at: int, ages: Any, how: int
) -> Any:
    """Add an event, with what `ages_of` its time gives, to the rows of all its content's interests.

    Returns whether any of them has been engaged with on that day. What was attributed does not
    count towards it, unless it is sure and enough by itself: so the order is the same to it.
    """
    s, r, t, clock, c = live.subjects, live.rows, live.contents, live.clock, live.counters[0]
    day = (at + clock.offset) // DAY_MS
    there = e.ts + (clock.offset if e.tz_min == NO_ZONE else as_int(e.tz_min) * 60_000)
    part = (there % DAY_MS) // _MS_PER_PART
    if (there // DAY_MS + 3) % 7 >= 5:  # 1970-01-01 was a Thursday
        part += 4
    account = as_int(s.account[sid])
    ahead = day - c.open_day
    engaged = False
    for k in range(t.start[slot], t.start[slot + 1]):
        interest = as_int(t.interest[k])
        mass = weight * t.weight[k]
        j = find_row(s, r, sid, interest)
        if j < 0:
            j = insert_row(live, sid, interest, c.open_day, day)
            kind = FLAGGED[interest % FLAGGED.size]
            if s.status[account] & S_SUPPRESSIONS and (
                how != OWN or s.used[sid] == 1 or s.flagged[account] & kind == kind
            ):
                c.fresh = sid + 1 if how == OWN else -1 - account
                if how != OWN:
                    continue  # it may be disliked
        else:
            bring(live, sid, j, c.open_day)
        if how != OWN and r.windows[j].known & F_DISLIKE:
            continue
        less = 0.0
        if clock.attribution != 0 and sid != account:
            less = _not_counting(live, j, ahead, how)
        before = r.windows[j].bits
        reached = add(r.windows[j], mass, day, ages, part, e.kind, less, clock)
        engaged = engaged or reached
        if how != OWN:
            put_apart(live, j, mass * ages[2], ahead)
        if clock.attribution != 0 and reached and (how == OWN or r.windows[j].bits != before):
            note_day(live, j, ahead, how != OWN)
    return engaged


@inlined
def _not_counting(live: Live, j: int, ahead: int, how: int) -> Any:
    """Of a day's mass, what does not make a member engaged with an interest on it."""
    row, apart = live.rows.windows[j], live.rows.apart[j]
    if how == PROBABLE:
        return np.inf
    if how == SURE:
        return np.float64(row.today[2] if ahead <= 0 else row.tomorrow[2])
    return np.float64(apart.today if ahead <= 0 else apart.tomorrow)


@inlined
def touch(s: Subjects, sid: int, ts: int, day: int, kind: int) -> None:
    """Note that a subject was there."""
    if s.events[sid] == 0:
        s.last_ts[sid] = as_int(0)  # till now: when a fact first named the subject
        s.first[sid] = np.uint16(day)
        s.day[sid] = np.uint16(day)
    steps = day - as_int(s.day[sid])
    if steps > 0:
        s.days[sid] = shifted(s.days[sid], steps)
        s.day[sid] = np.uint16(day)
    if day < as_int(s.first[sid]):
        s.first[sid] = np.uint16(day)
    s.events[sid] += np.uint32(1)
    s.sources[sid] = np.uint8(s.sources[sid] | (1 << kind))
    if ts >= s.last_ts[sid]:
        s.last_ts[sid] = ts
