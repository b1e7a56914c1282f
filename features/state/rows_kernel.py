"""One row of windows: bring it to a day, add an event, read it as a morning's opening.

Decay is exponential with half-life *h* days: mass *w* given at time *t* counts
``w * 2 ** (-(t0 - t) / h)`` at *t0* (forward decay, Cormode et al., ICDE 2009). Masses are kept
as of the start of a local day, so sums do not depend on the order or the cutting of events.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from features.jit import as_int, bare, inlined
from features.state.layout import (
    R_ACTIVE,
    R_APP,
    R_BASE,
    R_DAY,
    R_FIRST,
    R_NEXT,
    R_PART,
    R_TODAY,
    R_TV,
    Clock,
    Rows,
)
from features.vocabulary import Source

_TV, _APP = int(Source.TV), int(Source.APP)
_MS_HALF = 300_000.0  # five minutes of use is half of what a sitting can say
_BYTES_HALF = 20e6  # about five minutes of a video stream at 0.5 Mbit/s
_ZAP = 0.05  # less of a programme than this is a zap
_ZAP_WEIGHT = 0.05


@inlined
def engagement(kind: int, mode: int, size: int, duration: int, content: int, clock: Clock) -> Any:
    """How much an event says about an interest, 0 to 1, saturating in time and bytes.

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
    if content > 0:
        if duration < _ZAP * content:
            return _ZAP_WEIGHT * time
        time = max(time, min(1.0, duration / content))
    time = max(time, size / (size + _BYTES_HALF))
    return max(time, clock.least[kind, mode, 1 if duration > 0 else 0])


@inlined
def roll(rows: Rows, j: int, day: int, clock: Clock) -> None:
    """Bring row `j` forward to `day`; a row never goes back."""
    steps = day - as_int(rows.u2[j, R_DAY])
    if steps <= 0:
        return
    for k in range(3):
        rows.f4[j, R_BASE + k] = _opening_level(rows, j, k, steps, clock)
        rows.f4[j, R_TODAY + k] = rows.f4[j, R_NEXT + k] if steps == 1 else np.float32(0.0)
        rows.f4[j, R_NEXT + k] = np.float32(0.0)
    fade = decay(clock, 2, steps)
    for k in range(10):
        rows.f4[j, R_PART + k] = np.float32(rows.f4[j, R_PART + k] * fade)
    bits = shifted(row_bits(rows, j), steps)
    rows.u4[j, 0] = np.uint32(bits & np.uint64(0xFFFFFFFF))
    rows.u4[j, 1] = np.uint32(bits >> np.uint64(32))
    rows.u2[j, R_DAY] = np.uint16(day)


@inlined
def decay(clock: Clock, k: int, days: int) -> Any:
    """What is left of a level of half-life `k` after so many whole days."""
    if days < clock.decays.shape[1]:
        return clock.decays[k, days]
    rate = clock.rate0 if k == 0 else (clock.rate1 if k == 1 else clock.rate2)
    return 2.0 ** (-days * rate)


@inlined
def _opening_level(rows: Rows, j: int, k: int, steps: int, clock: Clock) -> Any:
    base = np.float64(rows.f4[j, R_BASE + k])
    if steps <= 0:
        return base
    level = (base + rows.f4[j, R_TODAY + k]) * clock.decays[k, 1]
    if steps >= 2:
        level = (level + rows.f4[j, R_NEXT + k]) * decay(clock, k, steps - 1)
    return level


@inlined
def row_bits(rows: Rows, j: int) -> Any:
    """The active-day bitmap of row `j` as one word."""
    return np.uint64(rows.u4[j, 0]) | (np.uint64(rows.u4[j, 1]) << np.uint64(32))


@inlined
def shifted(bits: Any, steps: int) -> Any:
    """A bitmap `steps` days later."""
    if steps >= 64:
        return np.uint64(0)
    return np.uint64(bits) << np.uint64(steps)


@bare
def start_row(rows: Rows, j: int, day: int, first: int) -> None:
    """Make row `j` an empty one of `day`."""
    for k in range(rows.f4.shape[1]):
        rows.u4[j, k] = np.uint32(0)
    rows.u2[j, R_DAY] = np.uint16(day)
    rows.u2[j, R_FIRST] = np.uint16(first)


@inlined
def add(
    rows: Rows,
    j: int,
    weight: float,
    day: int,
    age0: float,
    age1: float,
    age2: float,
    part: int,
    kind: int,
    clock: Clock,
) -> None:
    """Add an event's mass to row `j`, which is at most one day behind the event.

    Parameters
    ----------
    weight : float
        Engagement times tag weight.
    day : int
        Local day of the event: the row's day or the next.
    age0, age1, age2 : float
        ``2 ** (x / h)`` for the fraction *x* of the day that had passed, per half-life.
    part : int
        Day-part column, 0 to 7.
    kind : int
        Kind of input.
    """
    ahead = day - as_int(rows.u2[j, R_DAY])
    at = R_TODAY if ahead <= 0 else R_NEXT
    rows.f4[j, at] = np.float32(rows.f4[j, at] + weight * age0)
    rows.f4[j, at + 1] = np.float32(rows.f4[j, at + 1] + weight * age1)
    rows.f4[j, at + 2] = np.float32(rows.f4[j, at + 2] + weight * age2)
    mass = weight * age2
    bit = np.uint32(2)
    if ahead > 0:
        mass = mass * 2.0 ** (ahead * clock.rate2)
        bit = np.uint32(1)
    rows.f4[j, R_PART + part] = np.float32(rows.f4[j, R_PART + part] + mass)
    if clock.source[kind] == _TV:
        rows.f4[j, R_TV] = np.float32(rows.f4[j, R_TV] + mass)
    elif clock.source[kind] == _APP:
        rows.f4[j, R_APP] = np.float32(rows.f4[j, R_APP] + mass)
    if rows.u4[j, 0] & bit == 0:
        rows.u4[j, 0] = rows.u4[j, 0] | bit
        rows.u2[j, R_ACTIVE] = np.uint16(rows.u2[j, R_ACTIVE] + 1)
        if day < as_int(rows.u2[j, R_FIRST]):
            rows.u2[j, R_FIRST] = np.uint16(day)


@inlined
def opening(rows: Rows, j: int, day: int, clock: Clock, levels: Any) -> Any:
    """Row `j` as it stood when `day` began, from the events of earlier days only.

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
    steps = day - as_int(rows.u2[j, R_DAY])
    for k in range(3):
        levels[k] = _opening_level(rows, j, k, steps, clock)
    bits = row_bits(rows, j)
    if steps >= 2:
        return shifted(bits, steps - 2)
    return bits >> np.uint64(2 - steps)


@bare
def active_on(rows: Rows, j: int, day: int) -> Any:
    """Whether row `j` saw an event on `day` (not after the row's next day)."""
    back = as_int(rows.u2[j, R_DAY]) + 1 - day
    if back < 0 or back > 63:
        return False
    return (row_bits(rows, j) >> np.uint64(back)) & np.uint64(1) != np.uint64(0)


@inlined
def popcount(bits: Any) -> int:
    """Number of set bits of a 64-bit word (Warren, Hacker's Delight, 5-1)."""
    x = np.uint64(bits)
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return as_int((x * np.uint64(0x0101010101010101)) >> np.uint64(56))
