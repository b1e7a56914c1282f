"""A town whose audiences are published, and what somebody outside gets to see of it.

Households move in and out; what they do stays the same while they are there. Publication is a
function of time and of who is there, whatever the guard: `watch` notes all that it ever says.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from features.tags import taxonomy

TREE = taxonomy.load()
DAY_MS = 86_400_000
START_MS = 1_700_006_400_000  # a midnight
#: Looks a day: profiles come and go in between, as often as cells can be withdrawn.
TICKS = 8
_ROOTS = 16
_PARTS = ("weekday-evening", "weekend-evening", "weekday-morning", "weekday-night")
_PART_WEIGHTS = (12, 6, 3, 1)


class Publisher(Protocol):
    """What is attacked, as far as it is driven."""

    def apply(self, subject: str, profile: dict[str, Any] | None) -> bool: ...


@dataclass(frozen=True)
class Household:
    """One that may be counted from tick `joins` on, until tick `leaves` (that one excluded)."""

    name: str
    joins: int
    leaves: int
    profile: dict[str, Any]

    def counted_at(self, tick: int) -> bool:
        return self.joins <= tick < self.leaves


@dataclass(frozen=True)
class Said:
    """A record, seen at a tick; None: withdrawn."""

    tick: int
    key: str
    accounts: int | None


def town(households: int, days: int, seed: int) -> list[Household]:
    """Households: four in five from the start, one in seven leaves again."""
    rng = random.Random(seed)
    last = days * TICKS
    return [_household(f"h{number}", last, rng) for number in range(households)]


def watch(
    households: Iterable[Household],
    days: int,
    publisher: Publisher,
    publish: Callable[[int], Iterable[Any]],
) -> Iterator[Said]:
    """Everything that is said while households come and go.

    Parameters
    ----------
    publish : callable
        From epoch milliseconds to records with `key` and `value`.
    """
    joining: dict[int, list[Household]] = {}
    leaving: dict[int, list[Household]] = {}
    for household in households:
        joining.setdefault(household.joins, []).append(household)
        leaving.setdefault(household.leaves, []).append(household)
    for tick in range(days * TICKS):
        now = START_MS + tick * DAY_MS // TICKS
        for household in leaving.get(tick, ()):
            publisher.apply(household.name, None)
        for household in joining.get(tick, ()):
            publisher.apply(household.name, {**household.profile, "as_of": now})
        for record in publish(now):
            accounts = None if record.value is None else int(record.value["accounts"])
            yield Said(tick, record.key, accounts)


def all_cells(profile: dict[str, Any]) -> set[str]:
    """Every cell that a profile stands for, groups aside: what there would be to say."""
    items = profile["interests"]
    pairs = {
        "pair/" + "+".join(sorted((one["id"], other["id"])))
        for at, one in enumerate(items)
        for other in items[at + 1 :]
    }
    parts = {f"daypart/{part}/{item['id']}" for item in items for part in item["dayparts"]}
    return {f"interest/{item['id']}" for item in items} | parts | pairs


def _household(name: str, last: int, rng: random.Random) -> Household:
    joins = 0 if rng.random() < 0.8 else rng.randrange(1, last)
    leaves = rng.randrange(joins + 1, last + 1) if rng.random() < 1 / 7 else last + 1
    found: dict[str, float] = {}
    for _ in range(rng.randint(2, 5)):
        root = _roots()[min(int(rng.expovariate(0.25)), _ROOTS - 1)]
        score = rng.uniform(0.4, 0.95)
        found[TREE.ids[root]] = score
        if rng.random() < 0.4:  # what somebody does within it
            found[TREE.ids[rng.choice(_open_children(root)[:3])]] = score * 0.9
    profile = {
        "version": 1,
        "suppressions": [],
        "interests": [
            {
                "id": interest,
                "score": score,
                "dayparts": {rng.choices(_PARTS, _PART_WEIGHTS)[0]: 0.7},
            }
            for interest, score in sorted(found.items(), key=lambda item: -item[1])
        ],
    }
    return Household(name, joins, leaves, profile)


def _roots() -> list[int]:
    return [i for i in range(len(TREE)) if TREE.parent[i] < 0 and len(_open_children(i)) >= 3][
        :_ROOTS
    ]


def _open_children(index: int) -> list[int]:
    return (
        [] if TREE.sensitive[index] else [i for i in TREE.children[index] if not TREE.sensitive[i]]
    )
