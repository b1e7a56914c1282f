"""Bytes of JSON from numbers, without a Python object per field.

Every function writes at position `n` of `out` and returns the position behind what it wrote;
the caller has made sure that there is room.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from features.kernels.jit import as_int, bare

_ZERO, _MINUS, _DOT, _DASH, _QUOTE = 48, 45, 46, 45, 34


@bare
def put(out: Any, n: int, text: Any) -> int:
    """Copy `text`, an array of uint8."""
    for k in range(text.shape[0]):
        out[n + k] = text[k]
    return n + len(text)


@bare
def put_span(out: Any, n: int, blob: Any, at: int, length: int) -> int:
    """Copy ``blob[at:at + length]``."""
    for k in range(length):
        out[n + k] = blob[at + k]
    return n + length


@bare
def put_int(out: Any, n: int, value: int) -> int:
    """Decimal digits of an integer."""
    v = as_int(value)
    if v < 0:
        out[n] = _MINUS
        n += 1
        v = -v
    digits = 1
    bound = as_int(10)
    while v >= bound and digits < 18:
        digits += 1
        bound *= 10
    for k in range(digits - 1, -1, -1):
        out[n + k] = np.uint8(_ZERO + v % 10)
        v //= 10
    return n + digits


@bare
def put_fixed(out: Any, n: int, value: float, decimals: int) -> int:
    """A finite number rounded half up to `decimals` places, trailing zeros dropped."""
    scale = as_int(1)
    for _ in range(decimals):
        scale *= 10
    negative = value < 0
    scaled = as_int(np.floor(abs(value) * scale + 0.5))
    if negative and scaled > 0:
        out[n] = _MINUS
        n += 1
    n = put_int(out, n, scaled // scale)
    rest = scaled % scale
    out[n] = _DOT
    n += 1
    if rest == 0:
        out[n] = _ZERO
        return n + 1
    while rest > 0:
        scale //= 10
        out[n] = np.uint8(_ZERO + rest // scale)
        n += 1
        rest %= scale
    return n


@bare
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


@bare
def _put_two(out: Any, n: int, value: int) -> int:
    out[n] = np.uint8(_ZERO + value // 10)
    out[n + 1] = np.uint8(_ZERO + value % 10)
    return n + 2
