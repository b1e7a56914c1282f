"""Builds the scanner's tables from the table of inputs: names, masks, bounds, byte classes.

Classes of bytes are frozen into the compiled code; `tables` are handed to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from itertools import count
from typing import Any, Final, NamedTuple, assert_never

import numpy as np
from numpy.typing import NDArray

from features.records.forms import (
    CAPITAL,
    NO_CONTROL,
    SNAKE,
    Chance,
    Choice,
    Field,
    Flag,
    Host,
    Input,
    Pseudonym,
    Text,
    Whole,
)
from features.records.inputs import COMMON, Inputs

#: Numbers of the fields that every event has; 0 is every field without a number.
EVENT_ID, ACCOUNT_ID, MEMBER_ID, DEVICE_ID, TS, TZ_OFFSET_MIN, COUNTRY = range(1, 1 + len(COMMON))

# Classes of bytes, one bit each.
PLAIN: Final = 1  # stands for itself inside a JSON string
DIGIT: Final = 2
LETTER: Final = 4
SEPARATOR: Final = 8  # inside pseudonyms
NAME_PART: Final = 16  # inside a host name
NAME_START: Final = 32
SNAKE_PART: Final = 64
CAPITAL_LETTER: Final = 128
#: The class of bytes that a class of characters is, 0 where the characters of a JSON string are
#: all that is asked for; other classes are left to the reference.
_CLASSES: Final = {NO_CONTROL: 0, SNAKE: SNAKE_PART, CAPITAL: CAPITAL_LETTER}


def _class_of_bytes() -> NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    # DEL is valid JSON, but a control character: the reference refuses it where it counts.
    for bit, members in (
        (PLAIN, r'[^"\\\x00-\x1f\x7f]'),
        (DIGIT, "[0-9]"),
        (LETTER, "[A-Za-z]"),
        (SEPARATOR, "[-._:]"),
        (NAME_PART, "[A-Za-z0-9_.-]"),
        (NAME_START, "[A-Za-z0-9_]"),
        (SNAKE_PART, SNAKE),
        (CAPITAL_LETTER, CAPITAL),
    ):
        table[[c for c in range(128) if re.match(members, chr(c))]] |= bit
    return table


CLASS: Final = _class_of_bytes()


def pack(text: bytes) -> tuple[int, int]:
    """First and second 8 bytes of a text of up to 16, as two integers."""
    return int.from_bytes(text[:8], "little"), int.from_bytes(text[8:], "little")


#: What is done with a source's own fields, by their numbers, 0 for none: so many ``words`` are
#: known of ``mode``, and no others may be where it is ``closed``.
PLAN: Final = np.dtype([
    (name, "i8") for name in (
        "mode", "words", "closed", "host", "content", "prefix", "content2", "prefix2",
        "attention", "length", "size", "size2", "texts", "wholes",
    )
])  # fmt: skip


class Tables(NamedTuple):
    """Lookup tables of the scanner, for all inputs; the first index is the kind of input."""

    factor: np.uint64
    shift: np.uint64
    first_of: NDArray[np.uint64]  # shape (slots,): a name's first eight bytes, by its slot,
    second_of: NDArray[np.uint64]  # the next eight,
    code_of: NDArray[np.int64]  # and the number of its field
    texts: NDArray[np.int64]  # masks by number of field: what must be text,
    numbers: NDArray[np.int64]  # must be an integer,
    required: NDArray[np.int64]  # must be there,
    slow: NDArray[np.int64]  # is left to the reference
    plan: Any  # PLAN
    words: NDArray[np.uint64]  # shape (kinds, most, 2): known modes
    # Shape (kinds, most, 5): field, least and most bytes, their class, whether the text is kept.
    text: NDArray[np.int64]
    whole: NDArray[np.int64]  # shape (kinds, most, 3): field, least, most
    fields: int  # one more than the greatest number of a field


@cache
def tables(inputs: Inputs) -> Tables:
    """Tables of a set of inputs."""
    codes = {name: code for code, name in enumerate(inputs.field_names, 1)}
    kinds, most = 1 + len(inputs.events), max(len(item.fields) for item in inputs.events)
    masks = np.zeros((4, kinds), np.int64)
    plan = np.zeros(kinds, PLAN).view(np.recarray)
    words = np.zeros((kinds, max(len(item.words) for item in inputs.events), 2), np.uint64)
    text, whole = np.zeros((kinds, most, 5), np.int64), np.zeros((kinds, most, 3), np.int64)
    for kind, item in enumerate(inputs.events, 1):
        plan[kind] = _plan(item, codes)
        for at, word in enumerate(item.words):
            words[kind, at] = pack(word.encode())
        for field in (*COMMON, *item.fields):
            code, form, own = codes[field.name], field.form, field in item.fields
            masks[:, kind] |= (1 << code) * np.array([
                not isinstance(form, Whole | Flag), isinstance(form, Whole), field.required,
                own and not _is_fast(item, field),
            ])  # fmt: skip
            if own and isinstance(form, Whole):
                whole[kind, plan.wholes[kind]] = code, form.low, form.high
                plan.wholes[kind] += 1
            elif own and isinstance(form, Text):
                text[kind, plan.texts[kind]] = (
                    code, form.shortest, form.longest, _CLASSES.get(form.charset, 0), form.kept
                )  # fmt: skip
                plan.texts[kind] += 1
    texts, numbers, required, slow = masks
    return Tables(
        *_name_table(codes),
        texts,
        numbers,
        required,
        slow,
        plan,
        words,
        text,
        whole,
        1 + len(codes),
    )


def _is_fast(item: Input, field: Field) -> bool:
    """Whether the scanner can tell a good value of one of a source's own fields."""
    match field.form:
        case Text(shortest=shortest, charset=charset):
            return shortest <= 1 and charset in _CLASSES  # for it counts bytes, not characters
        case Host():
            return field.name == item.contents[0][1]
        case Choice():
            return field.name == item.mode
        case Whole():
            return True
        case Flag() | Pseudonym() | Chance():
            return False
        case other:
            assert_never(other)


def _plan(item: Input, codes: Mapping[str, int]) -> tuple[int, ...]:
    forms = {field.name: field.form for field in item.fields}
    (prefix, content), (prefix2, content2) = (*item.contents, (0, ""))[:2]
    number = {"": 0, **codes}
    return (
        number[item.mode],
        len(item.words),
        isinstance(forms.get(item.mode), Choice),
        number[content] if isinstance(forms[content], Host) else 0,
        number[content],
        prefix,
        number[content2],
        prefix2,
        number[item.attention],
        number[item.length],
        *(number[name] for name in (*item.size, "", "")[:2]),
        0,
        0,
    )


def _name_table(
    codes: Mapping[str, int],
) -> tuple[np.uint64, np.uint64, NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int64]]:
    """Perfect hash of the names by their two words: a multiplier without collisions.

    A name's slot is the upper bits of ``(first ^ second) * factor``; there stand both words of
    the only field it can be, and that field's number.
    """
    words = {pack(name.encode()): code for name, code in {"": 0, **codes}.items()}
    for bits in count(6):
        factor = 0x9E3779B97F4A7C15
        for _ in range(10_000):
            slots = [((first ^ second) * factor % 2**64) >> (64 - bits) for first, second in words]
            if len(set(slots)) == len(words):
                break
            factor = (factor * 6364136223846793005 + 1442695040888963407) % 2**64 | 1
        else:
            continue
        first_of, second_of = np.zeros(1 << bits, np.uint64), np.zeros(1 << bits, np.uint64)
        code_of = np.zeros(1 << bits, np.int64)
        for slot, ((first, second), code) in zip(slots, words.items(), strict=True):
            first_of[slot], second_of[slot], code_of[slot] = first, second, code
        return np.uint64(factor), np.uint64(64 - bits), first_of, second_of, code_of
    raise AssertionError("count has no end")
