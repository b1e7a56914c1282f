"""Finds the heaviest keys of a stream in bounded memory, by Misra and Gries' summary.

Weights are underestimated by at most ``total / (capacity + 1)``, and so is a key that is missing.
Summaries merge: Agarwal et al., "Mergeable Summaries" (2012), section 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K")


class HeavyHitters(Generic[K]):
    """A summary of weights by key.

    Parameters
    ----------
    capacity : int
        Keys kept; up to as many again are stored between two trims.

    Attributes
    ----------
    total : float
        Weight of everything added.
    lost : float
        Most by which any key's weight is underestimated.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"capacity {capacity}: must be above 0")
        self.capacity = capacity
        self.total = 0.0
        self.lost = 0.0
        self._weights: dict[K, float] = {}

    def __len__(self) -> int:
        return len(self._weights)

    def __contains__(self, key: object) -> bool:
        return key in self._weights

    def __iter__(self) -> Iterator[K]:
        return iter(self._weights)

    def add(self, pairs: Iterable[tuple[K, float]]) -> None:
        """Add weights above 0."""
        held = self._weights
        for key, weight in pairs:
            held[key] = held.get(key, 0.0) + weight
            self.total += weight
            if len(held) > 2 * self.capacity:
                self._trim()
                held = self._weights

    def merge(self, other: HeavyHitters[K]) -> None:
        """Add another summary, as if its stream had been added."""
        self.lost += other.lost
        missing = other.total - sum(other._weights.values())
        self.add(other._weights.items())
        self.total += missing

    def fade(self, share: float) -> None:
        """Keep this share of every weight."""
        self._weights = {key: weight * share for key, weight in self._weights.items()}
        self.total *= share
        self.lost *= share

    def drop(self, key: K) -> None:
        """Forget a key and its weight."""
        self.total -= self._weights.pop(key, 0.0)

    def top(self, count: int) -> list[tuple[K, float]]:
        """Heaviest keys with at least so much weight, heaviest first; at most `capacity`."""
        self._trim()
        ranked = sorted(self._weights.items(), key=lambda item: (-item[1], str(item[0])))
        return ranked[:count]

    def _trim(self) -> None:
        if len(self._weights) <= self.capacity:
            return
        ranked = sorted(self._weights.values(), reverse=True)
        floor = ranked[self.capacity]
        self.lost += floor
        self._weights = {
            key: weight - floor for key, weight in self._weights.items() if weight > floor
        }
