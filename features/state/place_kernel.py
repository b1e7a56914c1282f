"""Decides where a subject was on each day, at home or abroad, from the countries of its events.

A day is abroad where events of two quarters of it at least, and of more quarters than at home,
came from another country than the operator's; it is at home where more quarters were at home. Any
other day, one without a country or with a stray code say, is as the day before it. Of the two
open days the quarters are kept, four bits each: at home on the first, abroad on it, then those of
the next. Which bits are set depends on no order; a day is decided once it is closed, when all of
it has been seen. ``abroad`` has the decided days: bit 0 is the day before ``place_day``.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from features.jit import as_int, inlined
from features.state.layout import DAY_MS, NO_ZONE, Clock, Live, Subjects
from features.state.rows_kernel import decay, popcount, trailing_zeros

_QUARTER_MS: Final = DAY_MS // 4
_LEAST_QUARTERS: Final = 2  # one code may be a neighbour's mast; nobody comes back by mistake
_ONE = np.uint64(1)
_LATEST: Final = 2**32 - 1


@inlined
def is_abroad(country: int, clock: Clock) -> Any:
    """Whether the country of an event, 0 where it says none, is another than the operator's."""
    return clock.home != 0 and country != 0 and country != clock.home


@inlined
def note_place(live: Live, sid: int, at: int, e: Any) -> None:
    """Note where an event that counts as of `at` was, if it says so."""
    country, s, clock = as_int(e.country), live.subjects, live.clock
    if country == 0:
        return
    second, zone = min(at // 1000, _LATEST), as_int(e.tz_min)
    before = as_int(s.placed_at[sid])
    known = as_int(s.country[sid])
    # Of several in one second the greatest, so that their order does not matter.
    same = second == before and (country, zone) > (known, as_int(s.zone[sid]))
    if second > before or same:
        s.placed_at[sid] = np.uint32(second)
        s.country[sid], s.zone[sid] = np.uint16(country), np.int16(zone)
    if clock.home != 0:
        first = as_int(live.counters[0].open_day)
        _roll(s, sid, first)
        local = at + clock.offset
        bit = (local - local // DAY_MS * DAY_MS) // _QUARTER_MS
        bit += 4 if country != clock.home else 0
        bit += 8 if local // DAY_MS > first else 0
        s.quarters[sid] = np.uint16(as_int(s.quarters[sid]) | (1 << bit))


@inlined
def _roll(s: Subjects, sid: int, day: int) -> None:
    steps = day - as_int(s.place_day[sid])
    if steps > 0:
        s.abroad[sid] = days_abroad(s, sid, day)
        s.quarters[sid] = np.uint16(as_int(s.quarters[sid]) >> 8 if steps == 1 else 0)
        s.place_day[sid] = np.uint16(day)


@inlined
def _decided(quarters: int, before: Any) -> Any:
    """A day's bit, by its quarters and the bit of the day before."""
    home, away = popcount(quarters & 15), popcount((quarters >> 4) & 15)
    if away >= _LEAST_QUARTERS and away > home:
        return _ONE
    return np.uint64(0) if home > away else before & _ONE


@inlined
def days_abroad(s: Subjects, sid: int, day: int) -> Any:
    """Bitmap of a subject's days abroad whose bit 0 is ``day - 1``; bit 0 says where it is."""
    steps, bits, quarters = day - as_int(s.place_day[sid]), s.abroad[sid], as_int(s.quarters[sid])
    if steps <= 0:
        return bits >> np.uint64(min(-steps, 63))
    bits = (bits << _ONE) | _decided(quarters & 255, bits)
    if steps >= 2:
        bits = (bits << _ONE) | _decided(quarters >> 8, bits)
    ahead = steps - 2
    if ahead <= 0:
        return bits
    rest = ~np.uint64(0) if bits & _ONE else np.uint64(0)  # nothing new was said
    if ahead >= 64:
        return rest
    return (bits << np.uint64(ahead)) | (rest & ((_ONE << np.uint64(ahead)) - _ONE))


@inlined
def run_of_days(bits: Any) -> int:
    """Count the lowest bits that are as the lowest is; 64 where all are."""
    return trailing_zeros(~bits if bits & _ONE else bits)


@inlined
def place_since(live: Live, sid: int, day: int) -> int:
    """Place before `day`, 1 for abroad, and twice the local day since which it is there.

    That day is 0 where it is not known: for as long as days are.
    """
    bits = days_abroad(live.subjects, sid, day)
    n = run_of_days(bits)
    return as_int(bits & _ONE) + (2 * (day - n) if n < 64 else 0)


@inlined
def left_of_trips(bits: Any, clock: Clock) -> Any:
    """Share left of mass gathered abroad, 1 while there; it halves per middle half-life at home."""
    return 1.0 if bits & _ONE else decay(clock, 1, run_of_days(bits))


@inlined
def gathered_abroad(row: Any, bits: Any, steps: int, clock: Clock) -> Any:
    """Long level of a row as so many days after its own begin, of days that were abroad.

    Parameters
    ----------
    bits : uint64
        What `days_abroad` says of that day.
    """
    mass = np.float64(row.abroad)
    if steps <= 0:
        return mass
    mass = (mass + (row.today[2] if _was(bits, steps - 1) else 0.0)) * decay(clock, 2, 1)
    if steps >= 2:
        mass += row.tomorrow[2] if _was(bits, steps - 2) else 0.0
        mass *= decay(clock, 2, steps - 1)
    return mass


@inlined
def _was(bits: Any, back: int) -> Any:
    return back < 64 and (bits >> np.uint64(min(back, 63))) & _ONE != np.uint64(0)


@inlined
def share_abroad(gathered: float, level: float, left: float) -> Any:
    """Share of a row's level that was gathered abroad, when `left` of that is left; 0 to 1."""
    if gathered <= 0.0:
        return 0.0
    return left * gathered / (max(0.0, level - gathered) + left * gathered)


@inlined
def zone_of(s: Subjects, sid: int, clock: Clock) -> int:
    """Minutes east of UTC of a subject's clock, `NO_ZONE` where that is not known."""
    if s.placed_at[sid] != 0 and as_int(s.zone[sid]) != NO_ZONE:
        return as_int(s.zone[sid])
    return NO_ZONE if is_abroad(as_int(s.country[sid]), clock) else clock.offset // 60_000


@inlined
def forget_place(s: Subjects, sid: int) -> None:
    """Forget where a subject is and was."""
    s.country[sid], s.zone[sid], s.placed_at[sid] = np.uint16(0), np.int16(0), np.uint32(0)
    s.abroad[sid], s.place_day[sid], s.quarters[sid] = np.uint64(0), np.uint16(0), np.uint16(0)
