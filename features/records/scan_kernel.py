"""Scans one JSON object into spans and numbers, in one pass over its bytes.

:func:`read_fields` knows flat objects whose strings hold no escapes and whose numbers are plain
integers where it matters. Of everything else, valid or not, it says "unusual" and nothing more:
`features.records.decoder` then decides. It must therefore never accept what the reference refuses.

A record is followed by a newline, which no token holds and which is not read as white space,
so tokens are scanned without comparing positions to the end.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.jit import bare, inlined
from features.records.scan_tables import CLASS, DIGIT, PLAIN, Tables, pack

# Eight bytes at a time in one word, first byte lowest (every platform numba runs on but s390x).
_ONES: Final = np.uint64(0x0101010101010101)
_HIGHS: Final = np.uint64(0x8080808080808080)
_QUOTES: Final = np.uint64(0x2222222222222222)
_BACKSLASHES: Final = np.uint64(0x5C5C5C5C5C5C5C5C)
_SPACES: Final = np.uint64(0x2020202020202020)
_ALL: Final = np.uint64(2**64 - 1)
_ZERO: Final = np.uint64(0)
_ONE: Final = np.uint64(1)
_TOP: Final = np.uint64(56)
_FIVE_BYTES: Final = np.uint64(0xFFFFFFFFFF)
_FOUR_BYTES: Final = np.uint64(0xFFFFFFFF)


_NULL: Final = np.uint64(pack(b"null")[0])
_TRUE: Final = np.uint64(pack(b"true")[0])
_FALSE: Final = np.uint64(pack(b"false")[0])


@inlined
def read_fields(
    blob: NDArray[np.uint8],
    words: NDArray[np.uint64],
    start: int,
    end: int,
    at: NDArray[np.int64],
    size: NDArray[np.int64],
    number: NDArray[np.int64],
    t: Tables,
) -> tuple[bool, int, int]:
    """Read the known fields of ``blob[start:end]``.

    Parameters
    ----------
    blob
        Bytes, uint8; ``blob[end]`` is a newline.
    words
        The same bytes, from each position the eight that start there, uint64; reaches from
        ``start`` to ``end + 8`` at least.
    start, end
        The record.
    at, size, number
        int64[t.fields], filled by field number: start and length of the text between the
        quotes, or the value of an integer. Only entries named by the masks are filled.

    Returns
    -------
    Whether the record is of the usual form, and bit masks by field number of the fields that
    hold text and of those that hold an integer. Fields that hold null are in neither.
    """
    texts = numbers = seen = 0
    p = _skip(blob, start, end)
    if blob[p] != ord("{"):
        return False, 0, 0
    more = True
    while more:
        p = _skip(blob, p + 1, end)
        if blob[p] != ord('"'):
            return False, 0, 0
        p, code = _name(blob, words, p + 1, t)
        if p < 0 or blob[p] != ord('"'):
            return False, 0, 0
        p = _skip(blob, p + 1, end)
        if blob[p] != ord(":"):
            return False, 0, 0
        p = _skip(blob, p + 1, end)
        bit = (1 << code) & ~1
        if seen & bit:
            return False, 0, 0
        seen |= bit
        c = blob[p]
        if c == ord('"'):
            begin = p + 1
            p = _string(blob, words, begin)
            at[code], size[code] = begin, p - begin
            texts |= bit
            p += 1
        elif c == ord("n"):
            p = p + 4 if words[p] & _FOUR_BYTES == _NULL else -1
        elif bit == 0:
            p = _other(blob, words, p)
        else:
            p, number[code] = _integer(blob, p)
            numbers |= bit
        if p <= 0:
            return False, 0, 0
        p = _skip(blob, p, end)
        more = blob[p] == ord(",")
    if blob[p] != ord("}"):
        return False, 0, 0
    return _skip(blob, p + 1, end) == end, texts, numbers


@bare(inline="always")
def _skip(blob: NDArray[np.uint8], p: int, end: int) -> int:
    while blob[p] <= 32 and p < end:
        c = blob[p]
        if c != 32 and c != 10 and c != 13 and c != 9:
            break
        p += 1
    return p


@bare(inline="always")
def _stops(word: np.uint64) -> np.uint64:
    """The top bit of each byte that is not plain; bytes above the first such may be wrong.

    After "Bit Twiddling Hacks" (S. E. Anderson): ``(x - 1) & ~x`` finds zero bytes, and a
    borrow reaches only bytes above one that was found.
    """
    quote, back = word ^ _QUOTES, word ^ _BACKSLASHES
    found = ((quote - _ONES) & ~quote) | ((back - _ONES) & ~back) | ((word - _SPACES) & ~word)
    return (found | word | (word + _ONES)) & _HIGHS


@bare(inline="always")
def _first(stops: np.uint64) -> int:
    """Keys of the lowest byte with its top bit set, where there is one."""
    below = (stops - _ONE) & ~stops & _ONES
    return int((below * _ONES) >> _TOP) - 1


@bare(inline="always")
def _name(blob: NDArray[np.uint8], words: NDArray[np.uint64], p: int, t: Tables) -> tuple[int, int]:
    """End of a plain name and its field number; 0 where the name is unknown."""
    first, second = words[p], _ZERO
    stops = _stops(first)
    if stops:
        first &= _below(stops)
        p += _first(stops)
    else:
        second = words[p + 8]
        stops = _stops(second)
        if not stops:
            return _string(blob, words, p + 16), 0
        second &= _below(stops)
        p += 8 + _first(stops)
    slot = ((first ^ second) * t.factor) >> t.shift
    if first == t.first_of[slot] and second == t.second_of[slot]:
        return p, int(t.code_of[slot])
    return p, 0


@bare(inline="always")
def _below(stops: np.uint64) -> np.uint64:
    """Mask of the whole bytes below the first one that stops."""
    return ((stops & (~stops + _ONE)) >> np.uint64(7)) - _ONE


@bare(inline="always")
def _string(blob: NDArray[np.uint8], words: NDArray[np.uint64], p: int) -> int:
    """Position of the closing quote, -1 where the string is unusual."""
    stops = _stops(words[p])
    while not stops:
        p += 8
        stops = _stops(words[p])
    p += _first(stops)
    if blob[p] == ord('"'):
        return p
    return _unicode_string(blob, p)


@bare
def _unicode_string(blob: NDArray[np.uint8], p: int) -> int:
    """As :func:`_string` for text with UTF-8 (table 3-7 of the Unicode Standard)."""
    while True:
        c = blob[p]
        if CLASS[c] & PLAIN:
            p += 1
            continue
        if c == ord('"'):
            return p
        least, most, more = 0x80, 0xBF, 0
        if 0xC2 <= c <= 0xDF:
            more = 1
        elif 0xE0 <= c <= 0xEF:
            more = 2
            if c == 0xE0:
                least = 0xA0
            elif c == 0xED:
                most = 0x9F
        elif 0xF0 <= c <= 0xF4:
            more = 3
            if c == 0xF0:
                least = 0x90
            elif c == 0xF4:
                most = 0x8F
        else:
            return -1
        for _ in range(more):
            p += 1
            if blob[p] < least or blob[p] > most:
                return -1
            least, most = 0x80, 0xBF
        p += 1


@bare(inline="always")
def _integer(blob: NDArray[np.uint8], p: int) -> tuple[int, int]:
    """End and value of an integer of up to 18 digits; end -1 for everything else."""
    negative = blob[p] == ord("-")
    if negative:
        p += 1
    begin = p
    value = 0
    while CLASS[blob[p]] & DIGIT:
        value = value * 10 + int(blob[p]) - 48
        p += 1
    digits = p - begin
    c = blob[p]
    if digits == 0 or digits > 18 or (digits > 1 and blob[begin] == ord("0")):
        return -1, 0
    if c == ord(".") or c == ord("e") or c == ord("E"):
        return -1, 0
    return p, -value if negative else value


@bare
def _other(blob: NDArray[np.uint8], words: NDArray[np.uint64], p: int) -> int:
    """End of true, false or a short decimal number, whose value nobody asks for; else -1."""
    if words[p] & _FOUR_BYTES == _TRUE:
        return p + 4
    if words[p] & _FIVE_BYTES == _FALSE:
        return p + 5
    if blob[p] == ord("-"):
        p += 1
    begin = p
    while CLASS[blob[p]] & DIGIT:
        p += 1
    digits = p - begin
    if digits == 0 or digits > 18 or (digits > 1 and blob[begin] == ord("0")):
        return -1
    if blob[p] == ord("."):
        begin = p + 1
        p = begin
        while CLASS[blob[p]] & DIGIT:
            p += 1
        if p == begin:
            return -1
    return -1 if blob[p] == ord("e") or blob[p] == ord("E") else p
