"""Counts the households behind a key, so that no key of few, or of who left, is published.

Of a key at most `MOST` households are stored, by a keyed hash that means nothing outside this
process; the seconds of more of them are not counted, so a published figure is a lower bound.
"""

from __future__ import annotations

import os
from collections.abc import Container, Hashable, Iterable
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

K = TypeVar("K", bound=Hashable)
U64 = NDArray[np.uint64]

#: Households of a key; a crowd is told from fewer.
MOST = 64
#: Seconds below which a household has left a key: an hour has faded to it after two weeks.
_LEAST = 0.5


class Crowds(Generic[K]):
    """Counts households by key, with their seconds."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._secret = np.frombuffer(os.urandom(16), np.uint64)
        self._seconds: dict[K, dict[int, float]] = {}
        self._keys: dict[int, tuple[int, set[K]]] = {}  # partition and keys of a household

    def __len__(self) -> int:
        return len(self._seconds)

    def pseudonyms(self, accounts: U64) -> U64:
        """Hashes of accounts, each under another one that only this process knows."""
        mixed = (accounts ^ self._secret[0]) * (self._secret[1] | np.uint64(1))
        mixed = (mixed ^ (mixed >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
        return np.asarray(mixed ^ (mixed >> np.uint64(32)))

    def add(self, key: K, household: int, partition: int, seconds: float) -> None:
        """Add a household's seconds to a key."""
        held = self._seconds.setdefault(key, {})
        if household not in held and len(held) >= self._most:
            return
        held[household] = held.get(household, 0.0) + seconds
        self._keys.setdefault(household, (partition, set()))[1].add(key)

    def forget(self, household: int) -> None:
        """Take a household out of every key."""
        _, keys = self._keys.pop(household, (0, ()))
        for key in keys:
            held = self._seconds[key]
            del held[household]
            if not held:
                del self._seconds[key]

    def keep(self, keys: Container[K]) -> None:
        """Forget all keys but these."""
        for key in [key for key in self._seconds if key not in keys]:
            for household in list(self._seconds[key]):
                self._leave(key, household)

    def keep_partitions(self, partitions: Iterable[int]) -> None:
        """Forget households of other partitions: what befalls them is seen elsewhere."""
        ours = set(partitions)
        for household in [h for h, (at, _) in self._keys.items() if at not in ours]:
            self.forget(household)

    def fade(self, share: float) -> None:
        """Keep this share of all seconds; who has next to none left is forgotten."""
        for key, held in list(self._seconds.items()):
            for household, seconds in list(held.items()):
                held[household] = seconds * share
                if held[household] < _LEAST:
                    self._leave(key, household)

    def publishable(self, key: K, least: int) -> float:
        """Seconds of a key to publish, 0 where it has fewer households than `least`."""
        held = self._seconds.get(key, {})
        return sum(held.values()) if len(held) >= least else 0.0

    def _leave(self, key: K, household: int) -> None:
        held, keys = self._seconds[key], self._keys[household][1]
        del held[household]
        keys.discard(key)
        if not held:
            del self._seconds[key]
        if not keys:
            del self._keys[household]
