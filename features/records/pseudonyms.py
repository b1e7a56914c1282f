"""Decides which ids are pseudonyms, by the form that a deployment declares.

What looks like a number or an address of a person or a device is none, whatever the form. One
table decides (`features.records.automaton`), for the compiled parser and for the decoder.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from features.records.automaton import Automaton, compile_table, fewest_bits
from features.records.identifiers import (
    FORMS,
    IPV6,
    NO_HASH,
    NO_ID,
    NO_TEXT,
    NO_WORD,
    TEXT_CAPITALS,
    TEXT_DIGITS,
    TEXT_MARKS,
    WIDE,
    is_iban,
)

# Tags of the table of ids: of a form that needs no further look, of another declared one, none in
# that form, none unless digits are declared, none in any form, and what the table leaves open.
PLAIN, IN_FORM, NEVER, NO_NAME, FILLED, LIKE_IPV6, LIKE_IBAN = 1, 2, 4, 8, 16, 32, 64

DEFAULT_FORM: Final = "uuid|hex32|word"
#: Forms that need no further look: long enough to be nobody's number by chance, or declared.
_TAKEN: Final = frozenset({"uuid", "hex32", "digits"})
_TWO_COLONS: Final = "[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*"
_S: Final = "[-._:]*"
_LIKE_IBAN: Final = f"{_S}[A-Za-z]{_S}[A-Za-z](?:{_S}[0-9]){{2}}[0-9A-Za-z._:-]*"
_DIGITS: Final = [b"%d" % n for n in range(10)]
_CAPITALS: Final = [b"L", b"M", b"N", b"O"]
_IPV6: Final = re.compile(IPV6)


class FormError(ValueError):
    """A form of pseudonyms that can't be used, and why."""


@dataclass(frozen=True)
class Pseudonyms:
    """The form of pseudonyms of a deployment.

    Attributes
    ----------
    form : str
        Names of `FORMS` joined by ``|``, or ``re:`` and an expression of `automaton`'s subset.
    table : Automaton
        Its tags are those of this module.
    """

    form: str
    table: Automaton

    def accepts(self, text: str) -> bool:
        """Whether a text is a pseudonym."""
        tags = self.table.tags_of(text.encode("utf-8", "surrogatepass"))
        if not taken(tags):
            return False
        if tags & LIKE_IBAN and is_iban(text):
            return False
        return not (tags & LIKE_IPV6 and _IPV6.fullmatch(text))


def taken(tags: int) -> bool:
    """Whether an id with these tags is taken, as far as the table can tell."""
    if tags & PLAIN and not tags & FILLED:
        return True
    return tags & (IN_FORM | NEVER | NO_NAME | FILLED) == IN_FORM


@lru_cache(maxsize=8)
def pseudonyms(form: str = DEFAULT_FORM, least_bits: float = 0.0) -> Pseudonyms:
    """Make the form of pseudonyms of a deployment.

    Parameters
    ----------
    form
        As `Pseudonyms.form`.
    least_bits
        Bits of the number of ids that each form must allow at its shortest.

    Raises
    ------
    FormError
    """
    if form.startswith("re:"):
        parts = {"re": form[3:]}
    else:
        parts = {name: FORMS.get(name, "") for name in form.split("|")}
    for name, expression in parts.items():
        if not expression:
            raise FormError(f"{name!r} is none of {', '.join(FORMS)}, nor re:...")
        try:
            bits = fewest_bits(expression)
        except ValueError as error:
            raise FormError(f"{expression!r}: {error}") from None
        if bits < least_bits:
            raise FormError(f"{name!r} has ids of {bits:.0f} bits, at least {least_bits:g} are set")
    expressions = {
        **{text: PLAIN for name, text in parts.items() if name in _TAKEN},
        NO_HASH: FILLED,
        "|".join(NO_ID): NEVER,
        _TWO_COLONS: LIKE_IPV6,
        _LIKE_IBAN: LIKE_IBAN,
    }
    for name, text in parts.items():
        if name not in _TAKEN:
            expressions[text] = IN_FORM
    if "digits" not in parts:
        expressions["|".join(NO_WORD)] = NO_NAME
    return Pseudonyms(form, compile_table(expressions))


@cache
def personal_texts() -> tuple[Automaton, Automaton, Automaton, Automaton]:
    """Tables that tag a text which holds a number or an address of a person."""
    first, second, third, fourth = (compile_table({expression: 1}) for expression in NO_TEXT)
    return first, second, third, fourth


def is_personal(text: str) -> bool:
    """Whether a text holds a number or an address of a person or a device."""
    data = text.encode("utf-8", "surrogatepass")
    if data.count(WIDE) >= TEXT_DIGITS and _holds_one(_in_ascii(text)):
        return True
    return _holds_one(data)


def _in_ascii(text: str) -> bytes:
    return unicodedata.normalize("NFKC", text).encode("utf-8", "surrogatepass")


def _holds_one(data: bytes) -> bool:
    marks = data.count(b":") + data.count(b"-")
    if (
        b"@" not in data
        and b"%" not in data
        and marks < TEXT_MARKS
        and sum(map(data.count, _DIGITS)) < TEXT_DIGITS
        and sum(map(data.count, _CAPITALS)) < TEXT_CAPITALS
    ):
        return False
    return any(table.tags_of(data) for table in personal_texts())
