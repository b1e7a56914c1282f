"""Tells names of members that mean everybody from those of somebody, in facts and in events alike.

What stands for nobody (``null``, ``unknown``, ``-``) may be anybody, too. A word for all counts
whatever its case, accents and separators, and behind any prefix or path: ``House_hold``, ``x:all``,
``https://op.example/members#ALL``. So does the account's own name, by itself and behind such a
word. The compiled parser asks a table, which reads a name from its end: nearly all names end the
search at their last letters.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import Final

from features.records.automaton import Automaton, compile_table
from features.records.identifiers import EVERYBODY, SEPARATOR, any_case

#: Tags of the table: a word, and a name without a letter.
WORD, BLANK = 1, 2
_WORDS: Final = frozenset(EVERYBODY.split())
#: What parts the letters of a name, and is none by itself.
_BETWEEN: Final = "-._:#/ "
_PARTS: Final = re.compile("[#/:]")
#: Characters of a name that are looked at: the last.
_LONGEST: Final = 256


@cache
def everybody_words() -> Automaton:
    """Table of the words, read from their ends; those in letters that a pseudonym can have."""
    between = f"{SEPARATOR}*"
    told = (between.join(map(any_case, reversed(word))) for word in _WORDS if word.isascii())
    words = "|".join(sorted(word for word in told if "*" not in word.replace(between, "")))
    return compile_table({f"{between}(?:{words}){between}": WORD, f"{SEPARATOR}+": BLANK})


def means_everybody(member: str, account: str) -> bool:
    """Whether the name of a member means all of the account: by a word for it, or by its own.

    Examples
    --------
    >>> [means_everybody(name, "acc-1") for name in ("All", "house_hold", "ACC.1", "ball", "m-1")]
    [True, True, True, False, False]
    >>> [means_everybody(name, "acc-1") for name in ("x:all", "account:acc-1", "m:acc-1", "ВСЕ")]
    [True, True, False, True]
    """
    if _ends_in_a_word(member):
        return True
    name, own = _folded(member), _folded(account)
    if account == "" or not name.endswith(own):
        return False
    return len(name) == len(own) or _ends_in_a_word(_before(member, len(own)))


@lru_cache(maxsize=4096)
def _ends_in_a_word(name: str) -> bool:
    word = ""
    for part in reversed(_PARTS.split(name[-_LONGEST:])):
        word = _folded(part) + word
        if word in _WORDS:
            return True
    return not name.strip(_BETWEEN)


@lru_cache(maxsize=4096)
def _folded(text: str) -> str:
    """The letters and digits of a name, in small letters and without accents."""
    plain = text if text.isascii() else unicodedata.normalize("NFKD", text[-_LONGEST:])
    return "".join(filter(_counts, plain.casefold()))


def _counts(char: str) -> bool:
    return char.isalnum() or char == "*"


def _before(text: str, count: int) -> str:
    """What stands before so many letters and digits at the end of a text."""
    plain = unicodedata.normalize("NFKD", text[-_LONGEST:]).casefold()
    at = len(plain)
    while count:
        at -= 1
        count -= _counts(plain[at])
    return plain[:at]
