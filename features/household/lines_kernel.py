"""Keeps what an own line says of its person: tastes, contents, hours, activity, by closed day."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.household.tables import (
    BUCKETS,
    CELLS,
    DAY_MS,
    EPOCH_DAYS,
    HOUR_MS,
    LANDMARK_DAY,
    STEP,
    AttributionRules,
    LineTables,
)
from features.jit import as_int, inlined

_MOST = 255


@inlined
def local_day_of(ts: int, rules: AttributionRules) -> int:
    """Local day of an event time."""
    return (ts + rules.offset) // DAY_MS


@inlined
def grown(ts: int, rules: AttributionRules) -> Any:
    """Factor by which mass given at `ts` is kept: forward decay from the landmark."""
    days = (ts + rules.offset) / DAY_MS - LANDMARK_DAY
    return 2.0 ** (days / rules.half_life)


@inlined
def faded(day: int, rules: AttributionRules) -> Any:
    """Factor that turns kept mass into mass as of the start of `day`."""
    return 2.0 ** ((LANDMARK_DAY - day) / rules.half_life)


@inlined
def hour_of(ts: int, rules: AttributionRules) -> int:
    """Hour of the local day."""
    return ((ts + rules.offset) % DAY_MS) // HOUR_MS


@inlined
def day_type(day: int) -> int:
    """0 for a working day, 1 for a weekend's; 1970-01-01 was a Thursday."""
    return 1 if (day + 3) % 7 >= 5 else 0


@inlined
def bucket_of(content: Any, rules: AttributionRules) -> int:
    """Bucket of the sketch that a content's hash falls into; salted, so that it names nothing."""
    mixed = (np.uint64(content) ^ np.uint64(rules.salt)) * np.uint64(0xBF58476D1CE4E5B9)
    return as_int(mixed >> np.uint64(56))


@inlined
def roll_line(t: LineTables, line: int, day: int) -> None:
    """Close a line's days before `day`; nothing else depends on when that is done."""
    own = t.lines[line]
    if own.day == 0:
        own.day, own.seen = np.uint16(day), np.uint16(day - 1)  # nothing known is no silence
    while as_int(own.day) < day:
        if is_still(own) and (day - as_int(own.day)) > 1:
            _halve(t, line, as_int(own.day), day)
            own.day = np.uint16(day)
            return
        _close(t, line)
        _halve(t, line, as_int(own.day), as_int(own.day) + 1)
        own.day = np.uint16(as_int(own.day) + 1)


@inlined
def _close(t: LineTables, line: int) -> None:
    own = t.lines[line]
    if own.hours_0 != 0:
        own.seen = own.day
        row = day_type(as_int(own.day)) * (CELLS // 2)
        for hour in range(CELLS // 2):
            if (as_int(own.hours_0) >> hour) & 1:
                t.presence[line, row + hour] = min(_MOST, t.presence[line, row + hour] + STEP)
        for b in range(BUCKETS):
            if (t.touched[line, 0, b >> 3] >> (b & 7)) & 1:
                t.sketch[line, b] = min(_MOST, t.sketch[line, b] + STEP)
        count_line(t, line)
    if own.hours_0 != 0 or own.hours_1 != 0:
        for b in range(BUCKETS // 8):
            t.touched[line, 0, b] = t.touched[line, 1, b]
            t.touched[line, 1, b] = 0
    own.act, own.act_0, own.act_1 = own.act + own.act_0, own.act_1, 0.0
    own.mass, own.mass_0, own.mass_1 = own.mass + own.mass_0, own.mass_1, 0.0
    own.kids, own.kids_0, own.kids_1 = own.kids + own.kids_0, own.kids_1, 0.0
    own.hours_0, own.hours_1 = own.hours_1, np.uint32(0)
    own.there_0, own.there_1 = own.there_1, np.uint8(0)
    own.touched_0, own.touched_1 = own.touched_1, np.uint16(0)


@inlined
def _halve(t: LineTables, line: int, before: int, day: int) -> None:
    times = min(8, day // EPOCH_DAYS - before // EPOCH_DAYS)
    if times > 0:
        for b in range(BUCKETS):
            t.sketch[line, b] >>= times
        for c in range(CELLS):
            t.presence[line, c] >>= times
        count_line(t, line)


@inlined
def count_line(t: LineTables, line: int) -> None:
    """Sum sketch and presence of a line."""
    own = t.lines[line]
    total = 0
    for b in range(BUCKETS):
        total += t.sketch[line, b]
    own.touched = np.uint32(total)
    total = 0
    for c in range(CELLS):
        total += t.presence[line, c]
    own.present = np.uint32(total)


@inlined
def is_still(own: Any) -> Any:
    """Whether a line has nothing in its open days."""
    return own.hours_0 == 0 and own.hours_1 == 0 and own.mass_0 == 0.0 and own.mass_1 == 0.0


@inlined
def give_mass(t: LineTables, line: int, ts: int, mass: float, kids: float, rules: Any) -> None:
    """Add what a person has certainly seen, wherever; its day is the line's or the next.

    Parameters
    ----------
    mass, kids : float
        Evidence of all interests, and the share of children's.
    """
    own = t.lines[line]
    total = mass * grown(ts, rules)
    if local_day_of(ts, rules) == as_int(own.day):
        own.mass_0 += total
        own.kids_0 += total * kids
    else:
        own.mass_1 += total
        own.kids_1 += total * kids


@inlined
def observe(t: LineTables, line: int, ts: int, content: Any, rules: AttributionRules) -> None:
    """Note when and at what a person was, on a device of his own."""
    own = t.lines[line]
    ahead = local_day_of(ts, rules) - as_int(own.day)
    bit = np.uint32(1) << np.uint32(hour_of(ts, rules))
    if ahead == 0:
        own.act_0 += grown(ts, rules)
        own.there_0 = np.uint8(own.there_0 + (1 if own.hours_0 & bit == 0 else 0))
        own.hours_0 = own.hours_0 | bit
    else:
        own.act_1 += grown(ts, rules)
        own.there_1 = np.uint8(own.there_1 + (1 if own.hours_1 & bit == 0 else 0))
        own.hours_1 = own.hours_1 | bit
    b = bucket_of(content, rules)
    if (t.touched[line, ahead, b >> 3] >> (b & 7)) & 1 == 0:
        t.touched[line, ahead, b >> 3] |= np.uint8(1 << (b & 7))
        if ahead == 0:
            own.touched_0 = np.uint16(own.touched_0 + 1)
        else:
            own.touched_1 = np.uint16(own.touched_1 + 1)
