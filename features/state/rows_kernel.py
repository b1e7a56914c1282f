"""Updates and reads one row (`features.state.layout.ROW`): rolls it to a day, adds an event.

Decay is exponential with half-life *h* days: mass *w* given at time *t* counts
``w * 2 ** (-(t0 - t) / h)`` at *t0* (forward decay, Cormode et al., ICDE 2009). Masses are kept
as of the start of a local day, so sums do not depend on the order or the cutting of events.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from features.jit import as_int, inlined
from features.state.layout import Clock
from features.vocabulary import Source

_NETWORK, _TV, _APP = int(Source.NETWORK), int(Source.TV), int(Source.APP)
_MS_HALF = 300_000.0  # five minutes of use are half of the most evidence
_BYTES_HALF = 20e6  # about five minutes of a video stream at 0.5 Mbit/s
_ZAP = 0.05  # less of a programme than this is a zap
_ZAP_WEIGHT = 0.05
#: Evidence of one day with an interest from which on it was engaged with: nine seconds on the
#: network or in an app, three minutes of zaps, three visits of three seconds. Of real web days one
#: in ten lies below; they come back no less often, but a machine's days lie there too.
ENGAGED = 0.03
# What no person does, by the bytes and the time of a flow. Of nDPI's flows with a host, machinery
# that stays connected moves 10 to 90 bytes a second (quartiles), what people use 130 to 2,000; a
# third of all lasts under a second. Nothing that is watched comes faster than four megabytes a
# second over its length, and a prefetch is bytes without time: of a short flow the time counts.
_CALL_MS, _CALL_BYTES, _SHORT_MS = 1_000, 20_000, 60_000
_LEAST_RATE, _MOST_RATE = 0.1, 4_000.0  # bytes per millisecond
_ASLEEP_MS = 4 * 3_600_000  # of one television event: set-top panels cap tuning there


@inlined
def engagement(kind: int, mode: int, size: int, duration: int, content: int, clock: Clock) -> Any:
    """Evidence of an event for an interest, 0 to 1, saturating in time and bytes.

    Parameters
    ----------
    kind, mode : int
        Source and its mode as in `features.records.batch.EVENT`.
    size : int
        Bytes down and up.
    duration, content : int
        Milliseconds given to it, and its full length where known (else 0).
    """
    time = duration / (duration + _MS_HALF)
    least = clock.least[kind, mode, 1 if duration > 0 else 0]
    source = clock.source[kind]
    if source == _NETWORK and _is_machine(size, duration):
        return least
    if source == _TV and duration >= _ASLEEP_MS:
        return 0.0
    if content > 0:
        if duration < _ZAP * content:
            return _ZAP_WEIGHT * time
        time = max(time, min(1.0, duration / content))
    if duration == 0 or duration >= _SHORT_MS:
        time = max(time, size / (size + _BYTES_HALF))
    return max(time, least)


@inlined
def _is_machine(size: int, duration: int) -> Any:
    """Whether a flow is a program's call, a connection left open, or a download.

    Bytes of 0 are bytes that nobody counted.
    """
    if size == 0:
        return duration < _CALL_MS
    if duration < _SHORT_MS:
        return size < _CALL_BYTES or (duration > 0 and size > _MOST_RATE * max(duration, _CALL_MS))
    return size < _LEAST_RATE * duration or size > _MOST_RATE * duration


@inlined
def roll(row: Any, day: int, clock: Clock) -> None:
    """Bring a row forward to `day`; a row never goes back."""
    steps = day - as_int(row.day)
    if steps <= 0:
        return
    for k in range(3):
        row.level[k] = opening_level(row, k, steps, clock)
        row.today[k] = row.tomorrow[k] if steps == 1 else np.float32(0.0)
        row.tomorrow[k] = np.float32(0.0)
    fade = decay(clock, 2, steps)
    for k in range(8):
        row.part[k] = np.float32(row.part[k] * fade)
    row.tv = np.float32(row.tv * fade)
    row.app = np.float32(row.app * fade)
    row.bits = shifted(row.bits, steps)
    row.day = np.uint16(day)


@inlined
def decay(clock: Clock, k: int, days: int) -> Any:
    """Share left of a level of half-life `k` after so many whole days."""
    if days < clock.decays.shape[1]:
        return clock.decays[k, days]
    rate = clock.rate0 if k == 0 else (clock.rate1 if k == 1 else clock.rate2)
    return 2.0 ** (-days * rate)


@inlined
def opening_level(row: Any, k: int, steps: int, clock: Clock) -> Any:
    """Level of half-life `k` as so many days after the row's begin, of the days before."""
    level = np.float64(row.level[k])
    if steps <= 0:
        return level
    level = (level + row.today[k]) * clock.decays[k, 1]
    if steps >= 2:
        level = (level + row.tomorrow[k]) * decay(clock, k, steps - 1)
    return level


@inlined
def long_level(row: Any) -> Any:
    """Level of a row in the longest half-life, its open days included."""
    return row.level[2] + row.today[2] + row.tomorrow[2]


@inlined
def shifted(bits: Any, steps: int) -> Any:
    """A bitmap `steps` days later."""
    if steps >= 64:
        return np.uint64(0)
    return np.uint64(bits) << np.uint64(steps)


@inlined
def start_row(row: Any, day: int, first: int) -> None:
    """Make a row an empty one of `day`."""
    row.bits = np.uint64(0)
    row.day = np.uint16(day)
    row.first = np.uint16(first)
    row.active = np.uint16(0)
    row.known = np.uint16(0)
    for k in range(3):
        row.level[k] = np.float32(0.0)
        row.today[k] = np.float32(0.0)
        row.tomorrow[k] = np.float32(0.0)
    for k in range(8):
        row.part[k] = np.float32(0.0)
    row.tv = np.float32(0.0)
    row.app = np.float32(0.0)
    row.abroad = np.float32(0.0)


@inlined
def add(
    row: Any, weight: float, day: int, ages: Any, part: int, kind: int, less: float, clock: Clock
) -> Any:
    """Add an event's mass to a row, which is at most one day behind the event.

    The day counts once its events, whatever their order, come to `ENGAGED` together. Returns
    whether these do.

    Parameters
    ----------
    weight : float
        Engagement times tag weight.
    day : int
        Local day of the event: the row's day or the next.
    ages : tuple of three float
        ``2 ** (x / h)`` for the fraction *x* of the day that had passed, per half-life.
    part : int
        Day-part, 0 to 7.
    kind : int
        Kind of input.
    less : float
        Of the day's mass, what does not let it count.
    """
    ahead = day - as_int(row.day)
    mass = weight * ages[2]
    bit = np.uint64(2)
    if ahead <= 0:
        row.today[0] = np.float32(row.today[0] + weight * ages[0])
        row.today[1] = np.float32(row.today[1] + weight * ages[1])
        row.today[2] = np.float32(row.today[2] + weight * ages[2])
        given = row.today[2]
    else:
        row.tomorrow[0] = np.float32(row.tomorrow[0] + weight * ages[0])
        row.tomorrow[1] = np.float32(row.tomorrow[1] + weight * ages[1])
        row.tomorrow[2] = np.float32(row.tomorrow[2] + weight * ages[2])
        given = row.tomorrow[2]
        mass = mass * 2.0 ** (ahead * clock.rate2)
        bit = np.uint64(1)
    row.part[part] = np.float32(row.part[part] + mass)
    if clock.source[kind] == _TV:
        row.tv = np.float32(row.tv + mass)
    elif clock.source[kind] == _APP:
        row.app = np.float32(row.app + mass)
    if day < as_int(row.first):
        row.first = np.uint16(day)
    reached = given - less >= ENGAGED
    if reached and row.bits & bit == 0:
        row.bits = row.bits | bit
        row.active = np.uint16(row.active + 1)
    return reached


@inlined
def opening(row: Any, day: int, clock: Clock, levels: Any) -> Any:
    """A row as it stood when `day` began, from the events of earlier days only.

    Parameters
    ----------
    day : int
        At least the row's day.
    levels : ndarray of float64, shape (3,)
        Filled with the levels per half-life.

    Returns
    -------
    uint64
        Active-day bitmap whose bit 0 is ``day - 1``.
    """
    steps = day - as_int(row.day)
    for k in range(3):
        levels[k] = opening_level(row, k, steps, clock)
    return days_before(row, day)


@inlined
def days_before(row: Any, day: int) -> Any:
    """Active-day bitmap of a row whose bit 0 is ``day - 1``, of 61 days before its own or later."""
    steps = day - as_int(row.day)
    if steps >= 2:
        return shifted(row.bits, steps - 2)
    return row.bits >> np.uint64(2 - steps)


@inlined
def active_on(row: Any, day: int) -> Any:
    """Whether a row was engaged with on `day` (not after the row's next day)."""
    back = as_int(row.day) + 1 - day
    if back < 0 or back > 63:
        return False
    return (row.bits >> np.uint64(back)) & np.uint64(1) != np.uint64(0)


@inlined
def trailing_zeros(bits: Any) -> int:
    """Number of bits below the lowest that is set; 64 where none is."""
    if bits == np.uint64(0):
        return 64
    return popcount(~bits & (bits - np.uint64(1)))


@inlined
def popcount(bits: Any) -> int:
    """Number of set bits of a 64-bit word (Warren, Hacker's Delight, 5-1)."""
    x = np.uint64(bits)
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return as_int((x * np.uint64(0x0101010101010101)) >> np.uint64(56))
