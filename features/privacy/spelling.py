"""Tells whether two names are one person's or device's, as far as what forbids is concerned.

Case, separators, the account in front and words that say nothing (``urn:member:m-1``) tell nobody
apart. Any other word in front (``tv:m-1``) tells apart who has another, but not who has none.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from features.privacy.name_sets import keep_name

#: Words in front of a name that say no more than that it is one.
_SAYS_NOTHING: Final = frozenset(
    "urn uri uuid uid id ref member members memberid person personid user userid subscriber "
    "subscriberid customer customerid device devices deviceid account accountid".split()
)
_LONGEST_WORD: Final = 64
_BETWEEN: Final = "-._:/ "


def letters(name: str) -> str:
    """Leave case and separators out of a name; one that has nothing else is itself.

    Examples
    --------
    >>> letters("M-1"), letters("urn:m.1"), letters("-")
    ('m1', 'urnm1', '-')
    """
    return "".join(filter(str.isalnum, name.casefold())) or name


@lru_cache(maxsize=1 << 16)
def spelled(name: str, account: str = "") -> str:
    """A name without what varies in spelling: it is the same for names that are surely one.

    Parameters
    ----------
    account : str
        Whose member or device it is.

    Examples
    --------
    >>> spelled("M-1"), spelled("acc-1:m.1", "acc-1"), spelled("acc-12", "acc-1")
    ('m1', 'm1', 'acc12')
    >>> spelled("urn:member:m-1"), spelled("urn:acc-1:m-1", "acc-1"), spelled("tv:m-1")
    ('m1', 'm1', 'tvm1')
    """
    return _behind(name, account, _says_nothing)


@lru_cache(maxsize=1 << 16)
def ways(name: str, account: str = "") -> tuple[str, ...]:
    """Spell a name, and once more without any word in front if it has one.

    Examples
    --------
    >>> ways("m-1"), ways("urn:m-1"), ways("urn:tv:m-1"), ways("home1:m-1")
    (('m1',), ('m1',), ('tvm1', 'm1'), ('home1m1',))
    """
    return tuple(dict.fromkeys((spelled(name, account), _behind(name, account, _is_word))))


def are_one(name: str, other: str, account: str = "") -> bool:
    """Whether two names are one, as far as they can be told.

    Examples
    --------
    >>> are_one("tv:m-1", "M_1"), are_one("member:m-1", "urn:m-1"), are_one("tv:m-1", "web:m-1")
    (True, True, False)
    """
    mine, others = ways(name, account), ways(other, account)
    return mine[0] in others or others[0] in mine


def keep_spelling(sets: dict[str, set[str]], name: str, account: str, *, kept: bool) -> None:
    """Put a name into the sets of all its ways, or take it out."""
    for way in ways(name, account):
        keep_name(sets, way, name, kept=kept)


def likewise(sets: dict[str, set[str]], name: str, account: str) -> set[str]:
    """Find the names in `keep_spelling`'s sets that are one with a name, itself among them."""
    found = {other for way in ways(name, account) for other in sets.get(way, ())}
    return {other for other in found if are_one(name, other, account)}


def earlier_ways(name: str, account: str) -> tuple[str, ...]:
    """List the ways under which a name is hashed, or was by earlier releases; the first is main.

    Examples
    --------
    >>> earlier_ways("m-1", "acc"), earlier_ways("acc:m-1", "acc"), earlier_ways("urn:m-1", "acc")
    (('m1',), ('m1', 'accm1'), ('m1', 'urnm1'))
    """
    before = _behind(name, account, _never), letters(name)
    return tuple(dict.fromkeys((*ways(name, account), *before)))


def _behind(name: str, account: str, left_out: Callable[[str], bool]) -> str:
    """The letters behind words in front of a name, and behind the account."""
    front, told = account.casefold(), name.casefold()
    while True:
        told = told.lstrip(_BETWEEN)
        word, _, rest = told.partition(":")
        behind = told[len(front) :] if front and told.startswith(front) else ""
        if behind[:1].isalnum():  # the name merely begins as the account does
            behind = ""
        if not any(map(str.isalnum, behind)):
            behind = rest if word and left_out(word) else ""
        if not any(map(str.isalnum, behind)):
            return letters(told) if told else name
        told = behind


def _says_nothing(word: str) -> bool:
    return letters(word) in _SAYS_NOTHING


def _is_word(word: str) -> bool:
    told = word.replace("-", "").replace("_", "").replace(".", "")
    return len(word) <= _LONGEST_WORD and told.isalpha() and told.isascii()


def _never(_: str) -> bool:
    return False
