"""Keeps names in sets by account or spelling, and no set that is empty."""

from __future__ import annotations

from typing import TypeVar

K = TypeVar("K")


def keep_name(sets: dict[K, set[str]], key: K, name: str, *, kept: bool) -> None:
    """Put a name into the set of a key, or take it out; the key goes with its last name.

    Examples
    --------
    >>> sets: dict[bytes, set[str]] = {}
    >>> keep_name(sets, b"acc-1", "m-1", kept=True); sets
    {b'acc-1': {'m-1'}}
    >>> keep_name(sets, b"acc-1", "m-1", kept=False); sets
    {}
    """
    if kept:
        sets.setdefault(key, set()).add(name)
    elif key in sets:
        sets[key].discard(name)
        if not sets[key]:
            del sets[key]
