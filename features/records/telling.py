"""Says what the bytes of a refused record name, and whether they tell who somebody is.

A record is refused for the first fault that is found, so its bytes may hold a second one: a clock
that is off and a telephone number. And a fault of form does not make it speak of nobody. Nothing
here raises, and the work is linear in the bytes.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple

from features.records.fields import Accepts
from features.records.identifiers import MAC, SAID, any_case

#: Longest record that is looked at, bytes, and most texts in it.
MAX_BYTES: Final = 1_048_576
MOST_TEXTS: Final = 256

_S: Final = r"""[-_.:=/ "'\\]{0,6}"""
#: A number behind a word that says what it is, or behind a plus; an address; a hardware address.
_TELLING: Final = re.compile(
    rf"(?:(?<![A-Za-z]){SAID}(?:_?{any_case('id no number')})?{_S}\+?|[+])"
    rf"[0-9](?:[-_. ()/]{{0,2}}[0-9]){{6}}"
    "|[A-Za-z0-9._%+-]@[A-Za-z0-9-]+[.][A-Za-z0-9]"
    rf"|(?<![0-9A-Za-z:-]){MAC}(?![0-9A-Za-z:-])"
)
#: What names a person or a device, and what stands there: a text or a number.
_OF_SOMEBODY: Final = re.compile(
    rf'"[A-Za-z_ -]{{0,24}}{any_case("account member device owner subscriber customer person")}'
    r'[A-Za-z_ -]{0,24}"\s{0,8}:\s{0,8}(?:"([^"\\]{0,256})|([0-9]{1,40}))'
)
_ESCAPED: Final = re.compile(r"\\u([0-9A-Fa-f]{4})")
_TOKEN: Final = re.compile(r'"([^"\\]{1,256})')


class TextsHeld(NamedTuple):
    """The texts and numbers in a record, and whether these are all."""

    found: frozenset[str]
    whole: bool


def names_somebody(raw: bytes, accepts: Accepts) -> bool:
    """Whether bytes hold what may be somebody's number or address.

    Parameters
    ----------
    accepts
        Whether a text is a pseudonym.
    """
    if len(raw) > MAX_BYTES:
        return True
    text = _read(raw)
    if _TELLING.search(text):
        return True
    return any(
        not accepts(match[1] or match[2] or "")
        for match in _OF_SOMEBODY.finditer(text)
        if match[1] or match[2]
    )


def texts_in(raw: bytes) -> TextsHeld:
    """All texts and numbers that a record holds, whatever they stand for."""
    if len(raw) > MAX_BYTES:
        return TextsHeld(frozenset(), whole=False)
    text = _read(raw)
    try:
        left: list[Any] = [json.loads(text, object_pairs_hook=_Pairs, parse_int=str)]
    except (ValueError, RecursionError):
        return TextsHeld(frozenset(_TOKEN.findall(text)[:MOST_TEXTS]), whole=False)
    found = set[str]()
    while left and len(found) < MOST_TEXTS:
        value = left.pop()
        if isinstance(value, _Pairs):
            left += [inner for _, inner in value]
        elif isinstance(value, list):
            left += value
        elif isinstance(value, str | float):
            found.add(str(value))
    return TextsHeld(frozenset(found), whole=not left)


class _Pairs(list[tuple[str, Any]]):
    """An object with all values of each name."""


def _read(raw: bytes) -> str:
    text = raw.decode(json.detect_encoding(raw), "replace")
    if "\\u" in text:
        text = _ESCAPED.sub(lambda match: _plain(int(match[1], 16)), text)
    return text


def _plain(code: int) -> str:
    """A character that was escaped; what has a meaning in JSON stays away."""
    char = chr(code)
    return char if char.isprintable() and char not in '"\\' else " "
