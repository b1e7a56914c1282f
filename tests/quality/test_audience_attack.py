"""The attack on the audiences in small: it finds what an open counter tells, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from features.audiences.segments import Segment
from tests.quality.audience_attack import Attack, K, Publication, figures, guarded
from tests.quality.audience_world import Household, all_cells, town, watch

DAYS = 12
TOWN = town(500, DAYS, seed=3)


class Open:
    """Counts of k and more, exact, as often as anybody looks."""

    def __init__(self) -> None:
        self._held: dict[str, set[str]] = {}

    def apply(self, subject: str, profile: dict[str, Any] | None) -> bool:
        self._held[subject] = set() if profile is None else all_cells(profile)
        return True

    def publish(self, _now: int) -> Iterable[Segment]:
        counts = Counter(cell for cells in self._held.values() for cell in cells)
        return [Segment(key, {"accounts": n}) for key, n in counts.items() if n >= K]


def cells(household: Household) -> set[str]:
    return all_cells(household.profile)


def test_the_programme_pins_households_where_counts_are_open() -> None:
    counter = Open()
    said = list(watch(TOWN, DAYS, counter, counter.publish))
    attack = Attack(TOWN, Publication(said, cells, rounded_to=1))
    inside, outside = attack.pinned()
    assert len(inside) > 20 and len(outside) > 100 and attack.guessed() > 0.95
    for at, key in inside | outside:  # it is the solver that decides, not the truth it is given
        assert attack.truth(key)[at] in (0, attack.sizes[at])


def test_it_pins_nobody_by_what_is_released() -> None:
    # A budget far beyond the default: with that, of so few households nothing would be said.
    found = figures(TOWN, guarded(TOWN, DAYS, noise=True, epsilon=60.0), DAYS)
    assert found["pinned in a cell"] == found["pinned out of one"] == 0
    assert found["undecided"] == 0 and float(found["guess"]) < 0.65
    assert found["interest"].partition("/")[0] != "0"  # something is said, all the same


def test_rounding_alone_leaves_little_but_not_nothing() -> None:
    """Why noise is on by default: who knows nine in ten may find a count right at its edge."""
    found = figures(TOWN, guarded(TOWN, DAYS, noise=False), DAYS)
    assert 0 < found["memberships pinned"] < 20
