"""The tables of the scanner: field names, classes of bytes.

Made at import and frozen into the compiled code.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Fields with a number of their own; 0 is every other field.
NAMES: Final = (
    "", "event_id", "account_id", "member_id", "device_id", "ts", "tz_offset_min", "country",
    "line", "host", "app", "bytes_down", "bytes_up", "duration_ms", "content_id", "channel",
    "title", "watched_ms", "content_ms", "mode", "app_id", "action", "section",
)  # fmt: skip
(
    _, EVENT_ID, ACCOUNT_ID, MEMBER_ID, DEVICE_ID, TS, TZ_OFFSET_MIN, COUNTRY,
    LINE, HOST, APP, BYTES_DOWN, BYTES_UP, DURATION_MS, CONTENT_ID, CHANNEL,
    TITLE, WATCHED_MS, CONTENT_MS, MODE, APP_ID, ACTION, SECTION,
) = range(len(NAMES))  # fmt: skip

# Classes of bytes, one bit each.
PLAIN: Final = 1  # stands for itself inside a JSON string
DIGIT: Final = 2
LETTER: Final = 4
SEPARATOR: Final = 8  # - . _ : inside pseudonyms
NAME_PART: Final = 16  # inside a host name
NAME_START: Final = 32
ACTION_PART: Final = 64


def _classes() -> NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    lower = b"abcdefghijklmnopqrstuvwxyz"
    letters, digits = lower + lower.upper(), b"0123456789"
    # DEL is valid JSON, but a control character: the reference refuses it where it counts.
    plain = bytes(c for c in range(0x20, 0x7F) if c not in b'"\\')
    for bit, members in (
        (PLAIN, plain),
        (DIGIT, digits),
        (LETTER, letters),
        (SEPARATOR, b"-._:"),
        (NAME_PART, letters + digits + b"_.-"),
        (NAME_START, letters + digits + b"_"),
        (ACTION_PART, lower + b"_"),
    ):
        table[list(members)] |= bit
    return table


CLASS: Final = _classes()


def pack(text: bytes) -> tuple[int, int]:
    """First and second 8 bytes of a text of up to 16, as two integers."""
    return int.from_bytes(text[:8], "little"), int.from_bytes(text[8:], "little")


def _name_table() -> tuple[np.uint64, NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int64]]:
    """Perfect hash of the names by their two words: a multiplier without collisions."""
    words = [pack(name.encode()) for name in NAMES]
    factor = 0x9E3779B97F4A7C15
    while len({_slot(word, factor) for word in words}) < len(words):
        factor = (factor * 6364136223846793005 + 1442695040888963407) % 2**64 | 1
    first_of, second_of = np.zeros(64, np.uint64), np.zeros(64, np.uint64)
    code_of = np.zeros(64, np.int64)
    for code, word in enumerate(words):
        slot = _slot(word, factor)
        first_of[slot], second_of[slot], code_of[slot] = *word, code
    return np.uint64(factor), first_of, second_of, code_of


def _slot(word: tuple[int, int], factor: int) -> int:
    return ((word[0] ^ word[1]) * factor % 2**64) >> 58


#: A name's slot is the upper 6 bits of ``(first ^ second) * FACTOR``; there stand both words of
#: the only field it can be, and that field's number.
FACTOR, FIRST_OF, SECOND_OF, CODE_OF = _name_table()
