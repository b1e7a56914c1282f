"""Selects cells to publish together, so that subtracting them leaves no small count.

All published cells are looked at together, not neighbours alone:

* *within*: a cell and every cell it lies within, however far up (a pair or day-part in its
  interest, in the parent, in the grandparent): k apart, so that neither the few in between nor
  "all of them" can be told;
* *parts*: the day-parts of an interest hold each household at most once, so what a wider cell has
  beyond all of them together is k or more: an unpublished part can't be had by subtraction;
* *sums*: children of an interest and pairs with it may overlap, but mostly don't: a wider cell
  and the sum of them are k apart, either way;
* *union*: two interests less their pair, the households in either, within what lies above both;
* *groups*: a household is in one, so all of them but the published ones count k or more; and a
  group by one interest lies within it.

Cells are tried widest and largest first; one that doesn't fit those chosen is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from features.tags.taxonomy import Taxonomy

_SPLIT = "+"
_GROUPS = "groups"


def interests_of(key: str) -> list[str]:
    """Interests that all in a cell have; none in a group by two of which they may have one."""
    kind, _, rest = key.partition("/")
    if kind == "daypart":
        return [rest.partition("/")[2]]
    interests = rest.split(_SPLIT)
    return [] if kind == "group" and len(interests) > 1 else interests


def wider(key: str, taxonomy: Taxonomy) -> list[str]:
    """Cells that a cell lies within, all the way up, nearest first."""
    found: list[str] = []
    for interest in interests_of(key):
        index = taxonomy.index(interest)
        above = [f"interest/{taxonomy.ids[i]}" for i in taxonomy.ancestors(index)]
        found += above if key.startswith("interest/") else [f"interest/{interest}", *above]
    return list(dict.fromkeys(found))


def in_order(keys: Iterable[str], counts: Mapping[str, int], taxonomy: Taxonomy) -> list[str]:
    """Keys so that each stands behind those it lies within: interests first, large ones first."""
    return sorted(
        keys,
        key=lambda key: (
            not key.startswith("interest/"),
            len(wider(key, taxonomy)),
            -counts.get(key, 0),
            key,
        ),
    )


def sayable(
    keys: Iterable[str], views: Sequence[Mapping[str, int]], k: int, taxonomy: Taxonomy
) -> set[str]:
    """The cells of `keys` that can stand together.

    Parameters
    ----------
    keys : iterable of str
        Cells that are large enough each for itself.
    views : sequence of mapping of str to int
        Counts by which nothing small may follow, such as those now and those last published; each
        has all `keys`, and all groups there are.
    k : int
    taxonomy : Taxonomy
    """
    sides = [_Side(counts, k, taxonomy) for counts in views]
    kept = set()
    for key in in_order(keys, views[0], taxonomy):
        if all(side.fits(key) for side in sides):
            kept.add(key)
            for side in sides:
                side.take(key)
    return kept


class _Side:
    """Cells taken so far, with the counts of one view."""

    def __init__(self, counts: Mapping[str, int], k: int, taxonomy: Taxonomy) -> None:
        self._counts = counts
        self._k = k
        self._taxonomy = taxonomy
        self._said: set[str] = set()
        self._sums: dict[str, int] = defaultdict(int)  # family -> sum of those taken
        self._grouped = sum(n for key, n in counts.items() if key.startswith("group/"))

    def fits(self, key: str) -> bool:
        count = self._counts[key]
        around = [name for name in wider(key, self._taxonomy) if name in self._said]
        if any(self._counts[name] - count < self._k for name in around):
            return False
        for family, exclusive in _families(key, self._taxonomy):
            together = self._sums[family] + count
            for total in self._totals(family):
                left = total - together
                if (left if exclusive else abs(left)) < self._k:
                    return False
        return all(left >= self._k for left in self._beyond_union(key, count))

    def take(self, key: str) -> None:
        self._said.add(key)
        for family, _ in _families(key, self._taxonomy):
            self._sums[family] += self._counts[key]

    def _totals(self, family: str) -> Iterator[int]:
        """Counts of what all parts of a family lie within, as far as it is said. Of groups it is
        taken for known: interests that nearly all have would give it away."""
        if family == _GROUPS:
            yield self._grouped
            return
        total = f"interest/{family.partition('/')[2]}"
        for name in (total, *wider(total, self._taxonomy)):
            if name in self._said:
                yield self._counts[name]

    def _beyond_union(self, key: str, count: int) -> Iterator[int]:
        """What lies above both interests of a pair and in neither."""
        if not key.startswith("pair/"):
            return
        one, other = (f"interest/{interest}" for interest in interests_of(key))
        if one in self._said and other in self._said:
            union = self._counts[one] + self._counts[other] - count
            both = set(wider(one, self._taxonomy)).intersection(wider(other, self._taxonomy))
            yield from (self._counts[name] - union for name in both & self._said)


def _families(key: str, taxonomy: Taxonomy) -> Iterator[tuple[str, bool]]:
    """Families whose parts are added up, and whether a household is in one part at most."""
    kind = key.partition("/")[0]
    if kind == "group":
        yield _GROUPS, True
    elif kind == "interest":
        above = wider(key, taxonomy)
        if above:
            yield f"children/{above[0].partition('/')[2]}", False
    else:
        for interest in interests_of(key):
            yield f"{kind}/{interest}", kind == "daypart"
