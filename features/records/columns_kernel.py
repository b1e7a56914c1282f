"""From the spans and numbers of one record to its row of columns.

Each function fills its part of the row and says whether all of it was valid in the usual way;
where not, the row is void and `features.records.decoder` decides.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from features.jit import bare
from features.records import decoder, scan_tables
from features.records.fields import IBAN_LENGTHS, PERSON_DIGITS
from features.records.hash_kernel import (
    FNV_OFFSET,
    FNV_PRIME,
    finish,
    fnv_state,
    hash_span,
    hash_span_lower,
)
from features.records.scan_tables import CLASS, pack

#: Value of ``tz_min`` for an event that names no time zone.
NO_TZ: Final = -32768

_PREFIX_STATE: Final = np.array([fnv_state(p.encode()) for p in decoder.PREFIXES], np.uint64)
_TS_MIN: Final = decoder.TS_MIN
_TS_END: Final = decoder.TS_END
_MAX_DURATION_MS: Final = decoder.MAX_DURATION_MS
_MAX_BYTES: Final = decoder.MAX_BYTES
_MAX_TZ_MIN: Final = decoder.MAX_TZ_MIN
_FEW_DIGITS, _MANY_DIGITS = PERSON_DIGITS
_SLASH: Final = np.uint64(ord("/"))
_DOT, _COLON, _DASH = ord("."), ord(":"), ord("-")
_IBAN: Final = np.zeros((26, 26), np.int64)  # length by the letters of a country
for _country, _length in IBAN_LENGTHS.items():
    _IBAN[ord(_country[0]) - 65, ord(_country[1]) - 65] = _length
_BYTE: Final = np.uint64(8)


def _words(options: tuple[str, ...]) -> NDArray[np.uint64]:
    return np.array([pack(option.encode()) for option in options], np.uint64)


_LINES: Final = _words(decoder.LINES)
_TV_MODES: Final = _words(decoder.TV_MODES)
_ACTIONS: Final = _words(decoder.ACTIONS)


@bare
def fill_common(
    blob: NDArray[np.uint8],
    at: NDArray[np.int64],
    size: NDArray[np.int64],
    number: NDArray[np.int64],
    texts: int,
    numbers: int,
    row: Any,
) -> bool:
    """Fill what all kinds have; false where the reference must decide."""
    good, event_hash = _printable(blob, at[scan_tables.EVENT_ID], size[scan_tables.EVENT_ID])
    state = FNV_OFFSET
    begin, length = at[scan_tables.ACCOUNT_ID], size[scan_tables.ACCOUNT_ID]
    fine, state = _pseudonym(blob, begin, length, state)
    good &= fine
    row.event_hash = event_hash
    row.account_hash = finish(state)
    row.account_at, row.account_len = begin - row.raw_at, length
    row.member_at, row.member_len = 0, 0
    if texts & (1 << scan_tables.MEMBER_ID):
        begin, length = at[scan_tables.MEMBER_ID], size[scan_tables.MEMBER_ID]
        fine, state = _pseudonym(blob, begin, length, (state ^ _SLASH) * FNV_PRIME)
        good &= fine
        row.member_at, row.member_len = begin - row.raw_at, length
    row.subject_hash = finish(state)
    row.device_hash = 0
    if texts & (1 << scan_tables.DEVICE_ID):
        fine, state = _pseudonym(
            blob, at[scan_tables.DEVICE_ID], size[scan_tables.DEVICE_ID], FNV_OFFSET
        )
        good &= fine
        row.device_hash = finish(state)
    ts = number[scan_tables.TS]
    good &= _TS_MIN <= ts < _TS_END
    row.ts = ts
    row.tz_min = NO_TZ
    if numbers & (1 << scan_tables.TZ_OFFSET_MIN):
        tz = number[scan_tables.TZ_OFFSET_MIN]
        good &= -_MAX_TZ_MIN <= tz <= _MAX_TZ_MIN
        row.tz_min = tz
    row.country = 0
    if texts & (1 << scan_tables.COUNTRY):
        p = at[scan_tables.COUNTRY]
        first, second = int(blob[p]), int(blob[p + 1])
        good &= size[scan_tables.COUNTRY] == 2 and 65 <= first <= 90 and 65 <= second <= 90
        row.country = first * 256 + second
    return bool(good)


@bare
def hash_step(state: np.uint64, byte: np.uint64) -> np.uint64:
    """One byte of FNV-1a."""
    return (state ^ byte) * np.uint64(0x100000001B3)


@bare
def _printable(blob: NDArray[np.uint8], begin: int, length: int) -> tuple[bool, np.uint64]:
    """Whether a text of plain string bytes is ASCII of 1 to 64, and its hash."""
    if length < 1 or length > 64:
        return False, FNV_OFFSET
    every = 0
    for p in range(begin, begin + length):
        every |= blob[p]
    return every < 128, finish(hash_span(blob, begin, begin + length, FNV_OFFSET))


@bare
def _pseudonym(
    blob: NDArray[np.uint8], begin: int, length: int, state: np.uint64
) -> tuple[bool, np.uint64]:
    """Whether a text is a pseudonym of 1 to 64, and the hash state after it."""
    if length < 1 or length > 64:
        return False, state
    good, letters, digits = True, 0, 0
    for p in range(begin, begin + length):
        c = CLASS[blob[p]]
        good &= (c & (scan_tables.LETTER | scan_tables.DIGIT | scan_tables.SEPARATOR)) != 0
        letters |= c & scan_tables.LETTER
        digits += (c & scan_tables.DIGIT) != 0
    state = hash_span(blob, begin, begin + length, state)
    if letters == 0 and _FEW_DIGITS <= digits <= _MANY_DIGITS:
        good = False
    if good and _suspicious(blob, begin, length):
        good = False
    return good, state


@bare
def _suspicious(blob: NDArray[np.uint8], begin: int, length: int) -> bool:
    """Whether the reference must look if a pseudonym is an IBAN, an IP or a MAC address.

    An IBAN has two letters in front and its country's length; addresses have three dots, two
    colons or five dashes.
    """
    dots = colons = dashes = others = 0
    for p in range(begin, begin + length):
        dots += blob[p] == _DOT
        colons += blob[p] == _COLON
        dashes += blob[p] == _DASH
        others += (CLASS[blob[p]] & scan_tables.SEPARATOR) != 0
    if dots == 3 or colons >= 2 or (dashes == 5 and length == 17):
        return True
    first = second = -1
    for p in range(begin, begin + length):
        if CLASS[blob[p]] & scan_tables.SEPARATOR:
            continue
        if not CLASS[blob[p]] & scan_tables.LETTER:
            return False
        letter = (int(blob[p]) | 32) - 97
        if first < 0:
            first = letter
        else:
            second = letter
            break
    return second >= 0 and _IBAN[first, second] == length - others


@bare
def fill_body(
    blob: NDArray[np.uint8],
    at: NDArray[np.int64],
    size: NDArray[np.int64],
    number: NDArray[np.int64],
    texts: int,
    numbers: int,
    row: Any,
) -> bool:
    """Fill what the kinds have of their own; false where the reference must decide."""
    row.bytes, row.content_ms = 0, 0
    if row.kind == decoder.NETWORK:
        row.mode, good = _option(blob, at[scan_tables.LINE], size[scan_tables.LINE], _LINES)
        down = number[scan_tables.BYTES_DOWN] if numbers & (1 << scan_tables.BYTES_DOWN) else 0
        up = number[scan_tables.BYTES_UP] if numbers & (1 << scan_tables.BYTES_UP) else 0
        good &= 0 <= down <= _MAX_BYTES and 0 <= up <= _MAX_BYTES
        row.bytes = down + up
        duration = (
            number[scan_tables.DURATION_MS] if numbers & (1 << scan_tables.DURATION_MS) else 0
        )
        if texts & (1 << scan_tables.HOST):
            end = _host_end(blob, at[scan_tables.HOST], size[scan_tables.HOST])
            good &= end > 0
            size[scan_tables.HOST] = end - at[scan_tables.HOST]
            good &= _first_key(blob, at, size, scan_tables.HOST, decoder.HOST_KEY, 253, row)
            good &= _second_key(blob, at, size, texts, scan_tables.APP, decoder.APP_KEY, 128, row)
        else:
            good &= texts & (1 << scan_tables.APP) != 0
            good &= _first_key(blob, at, size, scan_tables.APP, decoder.APP_KEY, 128, row)
            good &= _second_key(blob, at, size, 0, scan_tables.APP, decoder.APP_KEY, 128, row)
    elif row.kind == decoder.TV:
        row.mode, good = _option(blob, at[scan_tables.MODE], size[scan_tables.MODE], _TV_MODES)
        duration = number[scan_tables.WATCHED_MS]
        if numbers & (1 << scan_tables.CONTENT_MS):
            row.content_ms = number[scan_tables.CONTENT_MS]
            good &= 1 <= number[scan_tables.CONTENT_MS] <= _MAX_DURATION_MS
        good &= texts & (1 << scan_tables.TITLE) == 0 or size[scan_tables.TITLE] <= 512
        good &= _first_key(blob, at, size, scan_tables.CONTENT_ID, decoder.PROGRAMME_KEY, 128, row)
        good &= _second_key(
            blob, at, size, texts, scan_tables.CHANNEL, decoder.CHANNEL_KEY, 128, row
        )
    else:
        row.mode, _ = _option(blob, at[scan_tables.ACTION], size[scan_tables.ACTION], _ACTIONS)
        good = _action(blob, at[scan_tables.ACTION], size[scan_tables.ACTION])
        duration = (
            number[scan_tables.DURATION_MS] if numbers & (1 << scan_tables.DURATION_MS) else 0
        )
        good &= _first_key(blob, at, size, scan_tables.APP_ID, decoder.APP_KEY, 128, row)
        good &= _second_key(
            blob, at, size, texts, scan_tables.SECTION, decoder.SECTION_KEY, 64, row
        )
    row.duration_ms = duration
    return bool(good and 0 <= duration <= _MAX_DURATION_MS)


@bare
def _option(
    blob: NDArray[np.uint8], begin: int, length: int, options: NDArray[np.uint64]
) -> tuple[int, bool]:
    """Index of a text among options, their number where it is none of them; whether it is one."""
    low = high = np.uint64(0)
    if length <= 16:
        for p in range(begin + length - 1, begin + 7, -1):
            high = (high << _BYTE) | np.uint64(blob[p])
        for p in range(begin + min(length, 8) - 1, begin - 1, -1):
            low = (low << _BYTE) | np.uint64(blob[p])
    for i in range(len(options)):
        if low == options[i, 0] and high == options[i, 1]:
            return i, True
    return len(options), False


@bare
def _action(blob: NDArray[np.uint8], begin: int, length: int) -> bool:
    for p in range(begin, begin + length):
        if not CLASS[blob[p]] & scan_tables.ACTION_PART:
            return False
    return 1 <= length <= 32


@bare
def _host_end(blob: NDArray[np.uint8], begin: int, length: int) -> int:
    """End of a host name less its trailing dot; 0 for addresses, ports and what is neither."""
    if length < 1 or length > 253 or not CLASS[blob[begin]] & scan_tables.NAME_START:
        return 0
    for p in range(begin, begin + length):
        if not CLASS[blob[p]] & scan_tables.NAME_PART:
            return 0
    end = begin + length
    return end - 1 if blob[end - 1] == ord(".") else end


@bare
def _first_key(
    blob: NDArray[np.uint8],
    at: NDArray[np.int64],
    size: NDArray[np.int64],
    field: int,
    prefix: int,
    longest: int,
    row: Any,
) -> bool:
    begin, length = at[field], size[field]
    if length < 1 or length > longest:
        return False
    row.prefix = prefix
    row.content_at, row.content_len = begin - row.raw_at, length
    row.content_hash = finish(hash_span_lower(blob, begin, begin + length, _PREFIX_STATE[prefix]))
    return True


@bare
def _second_key(
    blob: NDArray[np.uint8],
    at: NDArray[np.int64],
    size: NDArray[np.int64],
    texts: int,
    field: int,
    prefix: int,
    longest: int,
    row: Any,
) -> bool:
    row.prefix2, row.content2_at, row.content2_len, row.content2_hash = 0, 0, 0, 0
    if not texts & (1 << field):
        return True
    begin, length = at[field], size[field]
    if length < 1 or length > longest:
        return False
    row.prefix2 = prefix
    row.content2_at, row.content2_len = begin - row.raw_at, length
    row.content2_hash = finish(hash_span_lower(blob, begin, begin + length, _PREFIX_STATE[prefix]))
    return True
