"""Tells whether a name, written without what parts its words, is made of known words alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

#: Longest name that is looked at, characters.
_LONGEST: Final = 48
_PLAIN, _TOLD = 1, 2


def is_made_of(name: str, wanted: tuple[str, ...], around: tuple[str, ...]) -> bool:
    """Whether a squeezed name is nothing but such words, one of the wanted at least.

    Examples
    --------
    >>> is_made_of("ownerage", ("age",), ("owner",)), is_made_of("storage", ("age",), ("owner",))
    (True, False)
    """
    if len(name) > _LONGEST or not any(word in name for word in wanted):
        return False
    reached = [_PLAIN] + [0] * len(name)
    for at in range(len(name)):
        if reached[at]:
            _step(name, at, around, reached[at], reached)
            _step(name, at, wanted, _TOLD, reached)
    return bool(reached[-1] & _TOLD)


def _step(name: str, at: int, words: Iterable[str], state: int, reached: list[int]) -> None:
    for word in words:
        if name.startswith(word, at):
            reached[at + len(word)] |= state
