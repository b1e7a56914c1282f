"""Fills the columns of one record from its spans and numbers.

Each function fills its part of the row and says whether all of it was valid in the usual way;
where not, the row is void and `features.records.decoder` decides.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from features.jit import as_int, bare, inlined
from features.records import decoder, pseudonyms, scan_tables
from features.records.automaton import Automaton
from features.records.automaton_kernel import holds_number, tags_of
from features.records.everybody import WORD
from features.records.forms import Host, Pseudonym
from features.records.hash_kernel import (
    FNV_OFFSET,
    FNV_PRIME,
    finish,
    fnv_state,
    hash_span,
    hash_span_lower,
)
from features.records.identifiers import IBAN_LENGTHS
from features.records.inputs import EVENT_ID_TEXT, MAX_TZ_MIN, TS_END, TS_MIN
from features.records.scan_tables import CLASS, Tables
from features.records.sip_kernel import event_key, witness

#: Value of ``tz_min`` for an event that names no time zone.
NO_TZ: Final = -32768

_PREFIX_STATE: Final = np.array([fnv_state(p.encode()) for p in decoder.PREFIXES], np.uint64)
_LONGEST_EVENT_ID: Final = EVENT_ID_TEXT.longest
_LONGEST_PSEUDONYM: Final = Pseudonym.longest
_LONGEST_HOST: Final = Host.longest
_SLASH: Final = np.uint64(ord("/"))
_COLON: Final = ord(":")
_taken = inlined(pseudonyms.taken)
_IBAN: Final = np.zeros((26, 26), np.int64)  # length by the letters of a country
for _country, _length in IBAN_LENGTHS.items():
    _IBAN[ord(_country[0]) - 65, ord(_country[1]) - 65] = _length
_BYTE: Final = np.uint64(8)


@bare
def fill_common(
    blob: NDArray[np.uint8],
    words: NDArray[np.uint64],
    key: tuple[np.uint64, np.uint64],
    ids: Automaton,
    everybody: Automaton,
    at: NDArray[np.int64],
    size: NDArray[np.int64],
    number: NDArray[np.int64],
    texts: int,
    numbers: int,
    row: Any,
) -> bool:
    """Fill what all kinds have; false where the reference must decide."""
    state = FNV_OFFSET
    begin, length = at[scan_tables.ACCOUNT_ID], size[scan_tables.ACCOUNT_ID]
    good, state = _pseudonym(ids, blob, begin, length, state)
    row.account_hash = finish(state)
    row.witness = witness(row.account_hash, key[1])
    first_of, length_of = at[scan_tables.EVENT_ID], size[scan_tables.EVENT_ID]
    good &= _printable(blob, first_of, length_of)
    row.event_hash = event_key(words, begin, length, first_of, length_of, row.kind, key)
    row.account_at, row.account_len = begin - row.raw_at, length
    row.member_at, row.member_len = 0, 0
    if texts & (1 << scan_tables.MEMBER_ID):
        begin, length = at[scan_tables.MEMBER_ID], size[scan_tables.MEMBER_ID]
        fine, person = _pseudonym(ids, blob, begin, length, (state ^ _SLASH) * FNV_PRIME)
        good &= fine
        account = at[scan_tables.ACCOUNT_ID], size[scan_tables.ACCOUNT_ID]
        if not _is_everybody(everybody, blob, begin, length, *account):
            row.member_at, row.member_len = begin - row.raw_at, length
            state = person
    row.subject_hash = finish(state)
    row.device_hash = 0
    if texts & (1 << scan_tables.DEVICE_ID):
        fine, state = _pseudonym(
            ids, blob, at[scan_tables.DEVICE_ID], size[scan_tables.DEVICE_ID], FNV_OFFSET
        )
        good &= fine
        row.device_hash = finish(state)
    ts = number[scan_tables.TS]
    good &= TS_MIN <= ts < TS_END
    row.ts = ts
    row.tz_min = NO_TZ
    if numbers & (1 << scan_tables.TZ_OFFSET_MIN):
        tz = number[scan_tables.TZ_OFFSET_MIN]
        good &= -MAX_TZ_MIN <= tz <= MAX_TZ_MIN
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
def _printable(blob: NDArray[np.uint8], begin: int, length: int) -> bool:
    """Whether a text of plain string bytes is ASCII of 1 to so many."""
    if length < 1 or length > _LONGEST_EVENT_ID:
        return False
    every = 0
    for p in range(begin, begin + length):
        every |= blob[p]
    return every < 128


@inlined
def _pseudonym(
    ids: Automaton, blob: NDArray[np.uint8], begin: int, length: int, state: np.uint64
) -> tuple[bool, np.uint64]:
    """Whether a text is a pseudonym, and the hash state after it."""
    if length < 1 or length > _LONGEST_PSEUDONYM:
        return False, state
    tags = tags_of(ids, blob, begin, length)
    good = _taken(tags) and tags & pseudonyms.LIKE_IPV6 == 0
    if tags & pseudonyms.LIKE_IBAN and _may_be_iban(blob, begin, length):
        good = False
    return good, hash_span(blob, begin, begin + length, state)


@bare
def _is_everybody(
    everybody: Automaton,
    blob: NDArray[np.uint8],
    begin: int,
    length: int,
    account: int,
    account_length: int,
) -> bool:
    """Whether a member is everybody: as `features.records.everybody` says it of a pseudonym.

    Read from the end: nearly all names end the search at their last letters.
    """
    p, other = begin + length, account + account_length
    while p > begin or other > account:
        if p > begin and CLASS[blob[p - 1]] & scan_tables.SEPARATOR:
            p -= 1
        elif other > account and CLASS[blob[other - 1]] & scan_tables.SEPARATOR:
            other -= 1
        elif p > begin and other > account and blob[p - 1] | 32 == blob[other - 1] | 32:
            p -= 1
            other -= 1
        else:
            break
    if other == account and (p == begin or _ends_in_a_word(everybody, blob, begin, p)):
        return True
    return _ends_in_a_word(everybody, blob, begin, begin + length)


@bare
def _ends_in_a_word(everybody: Automaton, blob: NDArray[np.uint8], begin: int, end: int) -> bool:
    """Whether a text is a word for everybody, or has one behind a colon at its end."""
    state = np.uint32(0)
    for p in range(end - 1, begin - 1, -1):
        state = everybody.step[state + everybody.kind[blob[p]]]
        if as_int(state) == everybody.dead:
            return False
        tags = as_int(everybody.tags[as_int(state) // everybody.kinds])
        if tags and (p == begin or (tags & WORD and blob[p - 1] == _COLON)):
            return True
    return False


@bare
def _may_be_iban(blob: NDArray[np.uint8], begin: int, length: int) -> bool:
    """Whether a text has two letters in front and the length of their country's IBANs."""
    first = second = -1
    others = 0
    for p in range(begin, begin + length):
        if CLASS[blob[p]] & scan_tables.SEPARATOR:
            others += 1
        elif first < 0:
            first = (int(blob[p]) | 32) - 97
        elif second < 0:
            second = (int(blob[p]) | 32) - 97
    return second >= 0 and _IBAN[first, second] == length - others


@inlined
def fill_body(
    blob: NDArray[np.uint8],
    words: NDArray[np.uint64],
    personal: tuple[Automaton, Automaton, Automaton, Automaton],
    at: NDArray[np.int64],
    size: NDArray[np.int64],
    number: NDArray[np.int64],
    texts: int,
    numbers: int,
    row: Any,
    t: Tables,
) -> bool:
    """Fill what the kinds have of their own; false where the reference must decide."""
    kind = row.kind
    p = t.plan[kind]
    good = _checked(blob, words, personal, at, size, number, texts, numbers, kind, t)
    if p.host and texts & (1 << p.host):
        end = _host_end(blob, at[p.host], size[p.host])
        good &= end > 0 and not holds_number(personal, blob, words, at[p.host], size[p.host])
        size[p.host] = end - at[p.host]
    first, prefix = p.content, p.prefix
    second, prefix2 = p.content2, p.prefix2
    if not texts & (1 << first):
        first, prefix = second, prefix2
        good &= texts & (1 << first) != 0
        second = 0
    row.prefix = prefix
    row.content_at, row.content_len = at[first] - row.raw_at, size[first]
    row.content_hash = _key(blob, at[first], size[first], prefix)
    row.prefix2, row.content2_at, row.content2_len, row.content2_hash = 0, 0, 0, 0
    if texts & (1 << second):
        row.prefix2 = prefix2
        row.content2_at, row.content2_len = at[second] - row.raw_at, size[second]
        row.content2_hash = _key(blob, at[second], size[second], prefix2)
    row.mode = 0
    if p.mode:
        row.mode, known = _option(
            blob, at[p.mode], size[p.mode] if texts & (1 << p.mode) else 0, t.words[kind], p.words
        )
        good &= known or p.closed == 0 or not texts & (1 << p.mode)
    row.bytes = _number(number, numbers, p.size) + _number(number, numbers, p.size2)
    row.duration_ms = _number(number, numbers, p.attention)
    row.content_ms = _number(number, numbers, p.length)
    return bool(good)


@inlined
def _number(number: NDArray[np.int64], numbers: int, field: int) -> int:
    return int(number[field]) if numbers & (1 << field) else 0


@inlined
def _checked(
    blob: NDArray[np.uint8],
    words: NDArray[np.uint64],
    personal: tuple[Automaton, Automaton, Automaton, Automaton],
    at: NDArray[np.int64],
    size: NDArray[np.int64],
    number: NDArray[np.int64],
    texts: int,
    numbers: int,
    kind: int,
    t: Tables,
) -> bool:
    """Whether texts and numbers are within their bounds, and texts of their class."""
    good = True
    for k in range(t.plan[kind].wholes):
        code = t.whole[kind, k, 0]
        if numbers & (1 << code):
            good &= t.whole[kind, k, 1] <= number[code] <= t.whole[kind, k, 2]
    for k in range(t.plan[kind].texts):
        code = t.text[kind, k, 0]
        if texts & (1 << code):
            good &= t.text[kind, k, 1] <= size[code] <= t.text[kind, k, 2]
            if t.text[kind, k, 4]:
                good &= not holds_number(personal, blob, words, at[code], size[code])
            wanted = t.text[kind, k, 3]
            if wanted:
                for p in range(at[code], at[code] + size[code]):
                    good &= CLASS[blob[p]] & wanted != 0
    return bool(good)


@bare
def _option(
    blob: NDArray[np.uint8], begin: int, length: int, options: NDArray[np.uint64], count: int
) -> tuple[int, bool]:
    """Keys of a text among options, their number where it is none of them; whether it is one."""
    low = high = np.uint64(0)
    if length <= 16:
        for p in range(begin + length - 1, begin + 7, -1):
            high = (high << _BYTE) | np.uint64(blob[p])
        for p in range(begin + min(length, 8) - 1, begin - 1, -1):
            low = (low << _BYTE) | np.uint64(blob[p])
    for i in range(count):
        if low == options[i, 0] and high == options[i, 1]:
            return i, True
    return count, False


@bare
def _host_end(blob: NDArray[np.uint8], begin: int, length: int) -> int:
    """End of a host name less its trailing dot; 0 for addresses, ports and what is neither."""
    if length < 1 or length > _LONGEST_HOST or not CLASS[blob[begin]] & scan_tables.NAME_START:
        return 0
    for p in range(begin, begin + length):
        if not CLASS[blob[p]] & scan_tables.NAME_PART:
            return 0
    end = begin + length
    return end - 1 if blob[end - 1] == ord(".") else end


@inlined
def _key(blob: NDArray[np.uint8], begin: int, length: int, prefix: int) -> np.uint64:
    """Hash of a content key."""
    return finish(hash_span_lower(blob, begin, begin + length, _PREFIX_STATE[prefix]))
