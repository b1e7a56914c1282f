"""Chooses the cells that a household is counted in: few, however much it does.

At most `contribution` cells, so that a household can change that many counts by one each and no
more: its strongest interests, the day-part in which it follows each, some pairs of them and one
life-style group. An interest is never counted without those above it that the profile shows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from itertools import combinations
from typing import Any, NamedTuple

from features.audiences.groups import Group, key_of, nearest
from features.tags.taxonomy import Taxonomy

CONTRIBUTION = 12
#: One interest, its day-part and a group.
LEAST_CONTRIBUTION = 3
SPLIT = "+"
_MIN_SCORE = 0.1  # weaker ones are no interest to be counted


class Entry(NamedTuple):
    """An interest of a subject.

    Attributes
    ----------
    interest : str
    score : float
        Its own, or that of the strongest one below it.
    depth : int
        Levels above it.
    daypart : str or None
        In which it is followed most.
    """

    interest: str
    score: float
    depth: int
    daypart: str | None


def entries(profile: Mapping[str, Any], taxonomy: Taxonomy, most: int) -> tuple[Entry, ...]:
    """Strongest interests that a profile lets be counted, at most `most`, strongest first."""
    permission = profile.get("contactable", {}).get("audiences", {})
    if not permission.get("value", True) or any(
        item["scope"] == "audiences" for item in profile["suppressions"]
    ):
        return ()
    shown = {
        item["id"]: item
        for item in profile["interests"]
        if item["score"] >= _MIN_SCORE and not taxonomy.is_sensitive(item["id"])
    }
    scores = {interest: float(item["score"]) for interest, item in shown.items()}
    above = {
        interest: [taxonomy.ids[i] for i in taxonomy.ancestors(taxonomy.index(interest))]
        for interest in shown
    }
    for interest, wider in above.items():
        for name in wider:
            if name in scores:
                scores[name] = max(scores[name], float(shown[interest]["score"]))
    return _strongest(
        (
            Entry(name, scores[name], len(above[name]), _main(item["dayparts"]))
            for name, item in shown.items()
        ),
        most,
    )


def counted_until(profile: Mapping[str, Any]) -> int | None:
    """Find when a profile ceases to be counted, epoch milliseconds: with the consent it rests on,
    or with that to be counted; None where neither has a known end."""
    permission = profile.get("contactable", {}).get("audiences", {})
    ends = [profile.get("valid_until"), permission.get("until")]
    return min((int(end) for end in ends if end is not None), default=None)


def cells(
    subjects: Collection[tuple[Entry, ...]],
    contribution: int,
    groups: tuple[Group, ...],
    taxonomy: Taxonomy,
) -> list[str]:
    """Names of the cells of a household, at most `contribution`.

    Parameters
    ----------
    subjects : collection of tuple of Entry
        `entries` of each of its subjects.
    contribution : int
        At least `LEAST_CONTRIBUTION`.
    groups : tuple of Group
        The life-style groups there are.
    taxonomy : Taxonomy
    """
    most = most_interests(contribution)
    chosen = _merged(subjects, most)
    found = [f"interest/{entry.interest}" for entry in chosen]
    found += [f"daypart/{e.daypart}/{e.interest}" for e in chosen if e.daypart is not None]
    pairs = [
        f"pair/{SPLIT.join(sorted((one.interest, other.interest)))}"
        for one, other in combinations(chosen, 2)
        if not _nested(one.interest, other.interest, taxonomy)
    ]
    found += pairs[: contribution - 2 * most - 1]
    group = nearest([(entry.interest, entry.score) for entry in chosen], groups, taxonomy)
    if group is not None:
        found.append(key_of(group))
    return found


def most_interests(contribution: int) -> int:
    """Most interests of a household that are counted: a third of its cells."""
    return contribution // LEAST_CONTRIBUTION


def _merged(subjects: Collection[tuple[Entry, ...]], most: int) -> tuple[Entry, ...]:
    """Strongest interests of all subjects of a household, each as who follows it most has it."""
    if len(subjects) == 1:
        return next(iter(subjects))[:most]
    merged: dict[str, Entry] = {}
    for entry in (entry for subject in subjects for entry in subject):
        held = merged.get(entry.interest)
        if held is None or entry.score > held.score:
            merged[entry.interest] = entry
    return _strongest(merged.values(), most)


def _strongest(found: Iterable[Entry], most: int) -> tuple[Entry, ...]:
    """By score; an interest stands behind those above it, which score no less."""
    return tuple(sorted(found, key=lambda e: (-e.score, e.depth, e.interest))[:most])


def _main(shares: Iterable[str]) -> str | None:
    """The day-part with the greatest share; the first by name of equals, or of mere names."""
    weights = shares if isinstance(shares, Mapping) else {}
    return min(shares, key=lambda part: (-weights.get(part, 0.0), part), default=None)


@lru_cache(65_536)
def _nested(one: str, other: str, taxonomy: Taxonomy) -> bool:
    """Whether one is above the other: their pair would be the narrower one again."""
    a, b = taxonomy.index(one), taxonomy.index(other)
    return a in taxonomy.ancestors(b) or b in taxonomy.ancestors(a)
