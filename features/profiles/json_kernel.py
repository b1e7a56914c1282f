"""Writes JSON bytes from numbers, without a Python object per field.

Every function writes at position `n` of `out` and returns the position behind what it wrote;
the caller has made sure that there is room.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.jit import as_index, as_int, inlined

_ZERO, _MINUS, _DOT, _DASH, _QUOTE = 48, 45, 46, 45, 34
DATE: Final = len('"YYYY-MM-DD"')
#: Dates that are remembered: those that profiles name lie within a few weeks.
DATES: Final = 64
#: ``0.00`` to ``9.99`` behind each other: what nearly all numbers of a profile are.
_HUNDREDTHS: Final = np.frombuffer(b"".join(b"%.2f" % (k / 100) for k in range(1000)), np.uint8)


class Dates(NamedTuple):
    """Dates as text, each at the last bits of its day."""

    day: NDArray[np.int64]  # shape (DATES,), the day that stands there, -1 for none
    text: NDArray[np.uint8]  # shape (DATES * DATE,)


@inlined
def put(out: Any, n: int, text: Any) -> int:
    """Copy `text`, an array of uint8."""
    to = as_index(n)
    for k in range(as_index(text.shape[0])):
        out[to + k] = text[k]
    return n + len(text)


@inlined
def put_span(out: Any, n: int, blob: Any, at: int, length: int) -> int:
    """Copy ``blob[at:at + length]``."""
    to, source = as_index(n), as_index(at)
    for k in range(as_index(length)):
        out[to + k] = blob[source + k]
    return n + length


@inlined
def put_int(out: Any, n: int, value: int) -> int:
    """Decimal digits of an integer."""
    if 0 <= value < 10:
        out[n] = np.uint8(_ZERO + value)
        return n + 1
    if value < 0:
        out[n] = _MINUS
        n += 1
    v = np.uint64(abs(value))
    digits = 1
    bound = np.uint64(10)
    while v >= bound and digits < 18:
        digits += 1
        bound *= np.uint64(10)
    for k in range(digits - 1, -1, -1):
        out[n + k] = np.uint8(np.uint64(_ZERO) + v % np.uint64(10))
        v //= np.uint64(10)
    return n + digits


@inlined
def put_hundredths(out: Any, n: int, value: float) -> int:
    """A number of 0 to 10**15 rounded half up to two places, a trailing zero dropped."""
    scaled = np.uint64(value * 100.0 + 0.5)
    if scaled < np.uint64(1000):
        at = as_int(scaled) * 4
        put_span(out, n, _HUNDREDTHS, at, 4)
        return n + (3 if _HUNDREDTHS[at + 3] == _ZERO else 4)
    rest = scaled % np.uint64(100)
    n = put_int(out, n, as_int(scaled // np.uint64(100)))
    out[n] = _DOT
    out[n + 1] = np.uint8(np.uint64(_ZERO) + rest // np.uint64(10))
    last = rest % np.uint64(10)
    out[n + 2] = np.uint8(np.uint64(_ZERO) + last)
    return n + (2 if last == 0 else 3)


@inlined
def put_probability(out: Any, n: int, value: float) -> int:
    """A number of 0 to 1 rounded half up to four places, trailing zeros dropped."""
    scaled = np.uint64(value * 10_000.0 + 0.5)
    out[n] = np.uint8(np.uint64(_ZERO) + scaled // np.uint64(10_000))
    out[n + 1] = _DOT
    for k in range(5, 1, -1):
        out[n + k] = np.uint8(np.uint64(_ZERO) + scaled % np.uint64(10))
        scaled //= np.uint64(10)
    end = n + 6
    while end > n + 3 and out[end - 1] == _ZERO:
        end -= 1
    return end


@inlined
def put_known_date(out: Any, n: int, day: int, dates: Dates) -> int:
    """`put_date`, which is done once for a day."""
    place = day & (DATES - 1)
    if dates.day[place] != day:
        put_date(dates.text, place * DATE, day)
        dates.day[place] = day
    return put_span(out, n, dates.text, place * DATE, DATE)


@inlined
def put_date(out: Any, n: int, day: int) -> int:
    """``"YYYY-MM-DD"`` of a day since 1970 (Hinnant, chrono-compatible date algorithms)."""
    z = as_int(day) + 719_468
    era = z // 146_097
    of_era = z - era * 146_097
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    date = of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    year = year + era * 400 + (1 if month <= 2 else 0)
    out[n] = _QUOTE
    n = _put_two(out, n + 1, year // 100)
    n = _put_two(out, n, year % 100)
    out[n] = _DASH
    n = _put_two(out, n + 1, month)
    out[n] = _DASH
    n = _put_two(out, n + 1, date)
    out[n] = _QUOTE
    return n + 1


@inlined
def _put_two(out: Any, n: int, value: int) -> int:
    out[n] = np.uint8(_ZERO + value // 10)
    out[n + 1] = np.uint8(_ZERO + value % 10)
    return n + 2
