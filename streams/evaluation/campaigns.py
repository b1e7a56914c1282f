"""Measures policies of contact that were played in a closed loop."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from streams.sandbox.campaigns import POLICIES, Day, People, play
from streams.sandbox.campaigns import qini as area


class Course(NamedTuple):
    """Sums by day of one policy, and how well it ranks people it never met."""

    contacts: np.ndarray
    gained: np.ndarray
    annoyed: np.ndarray
    qini: float

    def needed(self, value: float) -> tuple[float, float]:
        """Contacts, and annoyed customers, until so much was gained; infinite if it never was."""
        day = int(np.searchsorted(self.gained, value))
        if day == len(self.gained):
            return float("inf"), float("inf")
        return float(self.contacts[day]), float(self.annoyed[day])


def courses(subjects: int, days: int, seed: int) -> dict[str, Course]:
    """Play every policy against the same people."""
    people = People.drawn(subjects, np.random.default_rng(seed))
    others = People.drawn(subjects, np.random.default_rng(seed + 50_000))
    found = {}
    for policy in POLICIES:
        played = play(people, policy, days, seed + 1)
        qini = area(others, policy, played.model, np.random.default_rng(seed))
        found[policy] = Course(*_sums(played.days), qini)
    return found


def _sums(days: list[Day]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    contacts, gained, annoyed = np.cumsum(np.array(days, float), axis=0).T
    return contacts, gained, annoyed
