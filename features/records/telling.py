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
    rf"(?:(?<![A-Za-z]){SAID}(?:[_ -]?{any_case('id no number')})?{_S}\+?|[+])"
    rf"[0-9](?:[-_. ()/]{{0,2}}[0-9]){{6}}"
    r"|[A-Za-z0-9._%+-](?:@| ?[(\[]at[)\]] ?)[A-Za-z0-9-]+[.][A-Za-z0-9]"
    rf"|(?<![0-9A-Za-z:-]){MAC}(?![0-9A-Za-z:-])"
)
#: What names a person or a device, and what stands there: a text or a number.
_OF_SOMEBODY: Final = re.compile(
    rf'"[A-Za-z_ -]{{0,24}}{any_case("account member device owner subscriber customer person")}'
    r'[A-Za-z_ -]{0,24}"\s{0,8}:\s{0,8}(?:"([^"\\]{0,256})|([0-9]{1,40}))'
)
#: The same in what can be parsed: all that stands below such a name, in lists and objects too.
_WHOM: Final = re.compile(
    "account|member|device|owner|subscriber|customer|person|household|msisdn|imsi|imei|iccid|phone"
    "|mobile|^name$|^user|^mac"
)
#: Names of fields that tell by themselves, whatever stands there.
_PRIVATE: Final = re.compile(
    "^(?:(?:first|last|sur|full|given|family|maiden|customer|subscriber|contact|owner)name|dob|cli"
    "|iban|ip|ipaddress|(?:postal|street|home|billing)?address|street|birth(?:date|day)"
    "|dateofbirth|phone(?:number)?|e?mail(?:address)?)$"
)
#: Full-width characters, and digits of other scripts, as ours.
_AS_OURS: Final = {
    **{0xFEE0 + code: code for code in range(0x21, 0x7F) if chr(code) not in '"\\'},
    **{zero + n: 0x30 + n for zero in (0x660, 0x6F0, 0x966) for n in range(10)},
}
_ESCAPED: Final = re.compile(r"\\u([0-9A-Fa-f]{4})")
#: What parts the words of a text; a colon may be a part of a name.
_BETWEEN: Final = re.compile(r"""[\s,;|"'`{}\[\]()<>=&?#/\\]+""")


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
    if _TELLING.search(text) or _holds_somebody(text, accepts):
        return True
    return any(
        not accepts(match[1] or match[2] or "")
        for match in _OF_SOMEBODY.finditer(text)
        if match[1] or match[2]
    )


def _holds_somebody(text: str, accepts: Accepts) -> bool:
    """Whether anything below the name of a person or device is no pseudonym."""
    try:
        left: list[tuple[Any, bool]] = [(_parsed(text), False)]
    except (ValueError, RecursionError):
        return False
    while left:
        value, whom = left.pop()
        if isinstance(value, _Pairs):
            for name, inner in value:
                own = "".join(filter(str.isalpha, name.casefold()))
                if isinstance(inner, str) and inner and _PRIVATE.search(own):
                    return True
                left.append((inner, whom or bool(_WHOM.search(own))))
        elif isinstance(value, list):
            left += [(inner, whom) for inner in value]
        elif whom and isinstance(value, str) and value and not accepts(value):
            return True
    return False


def texts_in(raw: bytes) -> TextsHeld:
    """All texts and numbers that a record holds, whatever they stand for.

    Names of fields are among them, and the words of a text: a list, a sentence, JSON in quotes.
    """
    if len(raw) > MAX_BYTES:
        return TextsHeld(frozenset(), whole=False)
    text = _read(raw)
    left: list[Any] = [text]
    is_form = True
    try:
        left = [_parsed(text)]
    except (ValueError, RecursionError):
        is_form = False
    found = set[str]()
    while left and len(found) < MOST_TEXTS:
        value = left.pop()
        if isinstance(value, _Pairs):
            left += [told for pair in value for told in pair]
        elif isinstance(value, list):
            left += value
        elif isinstance(value, str | float):
            found |= _words_in(str(value), MOST_TEXTS - len(found) + 1)
    return TextsHeld(frozenset(found), whole=is_form and not left and len(found) < MOST_TEXTS)


def _words_in(text: str, most: int) -> set[str]:
    """A text and its words, also without what stands before a colon; about `most` of them."""
    found = {text}
    for part in _BETWEEN.split(text, most):
        found |= {part, *part.split(":", 8)}
    return found - {""}


class _Pairs(list[tuple[str, Any]]):
    """An object with all values of each name."""


def _parsed(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_Pairs, parse_int=str)


def _read(raw: bytes) -> str:
    text = raw.decode(json.detect_encoding(raw), "replace")
    if "\\u" in text:
        text = _ESCAPED.sub(lambda match: _plain(int(match[1], 16)), text)
    return text if text.isascii() else text.translate(_AS_OURS)


def _plain(code: int) -> str:
    """A character that was escaped; what has a meaning in JSON stays away."""
    char = chr(code)
    return char if char.isprintable() and char not in '"\\' else " "
