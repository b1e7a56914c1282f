"""Remembers what was worked out for the names of fields, which come again and again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final, TypeVar

#: As many come in a healthy feed many times over; who makes names up must not fill the memory.
_MOST: Final = 4_096

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memo(dict[K, V]):
    """Remembers what a function gives by its argument, and begins anew where that got too many.

    For methods of what holds long tuples: a cache of functools would hash those at each call.

    Examples
    --------
    >>> lengths = Memo(len)
    >>> lengths["dnt"], lengths
    (3, {'dnt': 3})
    """

    def __init__(self, work_out: Callable[[K], V]) -> None:
        super().__init__()
        self._work_out = work_out

    def __missing__(self, key: K) -> V:
        if len(self) >= _MOST:
            self.clear()
        found = self[key] = self._work_out(key)
        return found
