"""Runs the tables of `features.records.automaton` over texts of a blob."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.jit import as_int, bare, inlined
from features.records.automaton import Automaton
from features.records.identifiers import TEXT_CAPITALS, TEXT_DIGITS, TEXT_MARKS, WIDE
from features.records.sip_kernel import rest

_ONES: Final = np.uint64(0x0101010101010101)
_TOPS: Final = np.uint64(0x8080808080808080)
_LOW: Final = np.uint64(0x7F7F7F7F7F7F7F7F)
_TO_NINE: Final = np.uint64(0x7676767676767676)  # 0x76 + 10 is 0x80
_AT, _PERCENT, _COLON, _DASH, _ZERO = (np.uint64(ord(c) * 0x0101010101010101) for c in "@%:-0")
_WIDE: Final = np.uint64(WIDE * 0x0101010101010101)
#: Capitals from L to O differ in their last two bits.
_L: Final = np.uint64(0x4C4C4C4C4C4C4C4C)
_BUT_TWO: Final = np.uint64(0xFCFCFCFCFCFCFCFC)
_7, _56 = np.uint64(7), np.uint64(56)


@inlined
def tags_of(table: Automaton, blob: NDArray[np.uint8], begin: int, length: int) -> int:
    """Tags of the expressions that a text matches."""
    state = np.uint32(0)
    for p in range(begin, begin + length):
        state = table.step[state + table.kind[blob[p]]]
    return as_int(table.tags[as_int(state) // table.kinds])


@inlined
def _count(tops: np.uint64) -> int:
    """How many bytes have their top bit set, of a word that has no others."""
    return as_int(((tops >> _7) * _ONES) >> _56)


@inlined
def _zeros(word: np.uint64) -> np.uint64:
    """The top bits of the bytes that are 0."""
    return ~(((word & _LOW) + _LOW) | word | _LOW)


@bare
def holds_number(
    tables: tuple[Automaton, Automaton, Automaton, Automaton],
    blob: NDArray[np.uint8],
    words: NDArray[np.uint64],
    begin: int,
    length: int,
) -> bool:
    """Whether a text holds a number or an address of a person or a device, or may hold one."""
    digits = marks = capitals = wide = 0
    signs = np.uint64(0)
    for p in range(begin, begin + length, 8):
        left = begin + length - p
        word = words[p] if left >= 8 else rest(words, p, left)
        over = word ^ _ZERO
        digits += _count(~(((over & _LOW) + _TO_NINE) | over | _LOW))
        marks += _count(_zeros(word ^ _COLON)) + _count(_zeros(word ^ _DASH))
        signs |= _zeros(word ^ _AT) | _zeros(word ^ _PERCENT)
        if word & _TOPS:
            wide += _count(_zeros(word ^ _WIDE))
        capitals += _count(_zeros((word & _BUT_TWO) ^ _L))
    if (digits >= TEXT_DIGITS or signs) and (
        tags_of(tables[0], blob, begin, length) | tags_of(tables[1], blob, begin, length)
    ):
        return True
    if wide >= TEXT_DIGITS:
        return True  # for the decoder to tell
    if capitals >= TEXT_CAPITALS and tags_of(tables[3], blob, begin, length):
        return True
    return marks >= TEXT_MARKS and tags_of(tables[2], blob, begin, length) != 0
