"""Forms life-style groups: pairs of root interests that many households share.

Groups are made from published cells, never from profiles: so they tell nothing that is not
known, one household can't push another from group to group, and after a restart they are
the same. A household is in the group that holds most of its attention, or in none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from features.tags.taxonomy import Taxonomy

COUNT = 8
_PREFIX = "group/"
_SPLIT = "+"

#: Root interests that a group is named by, one or two, in order.
Group = tuple[str, ...]


def key_of(group: Group) -> str:
    """Name of a group's cell."""
    return _PREFIX + _SPLIT.join(group)


def formed(said: Mapping[str, int], taxonomy: Taxonomy) -> tuple[Group, ...]:
    """Groups that follow from what stands published.

    Parameters
    ----------
    said : mapping of str to int
        Published count by cell.
    taxonomy : Taxonomy

    Returns
    -------
    tuple of Group
        At most `COUNT` in order of their names: the pairs of roots that are most shared, then
        roots alone; none rather than a single one, which would be everybody.
    """
    pairs: Counter[Group] = Counter()
    alone: Counter[Group] = Counter()
    for key, count in said.items():
        kind, _, rest = key.partition("/")
        if kind not in ("pair", "interest"):
            continue
        roots = tuple(sorted({_root(interest, taxonomy) for interest in rest.split(_SPLIT)}))
        if kind == "interest":
            alone[roots] = max(alone[roots], count)
        elif len(roots) > 1:
            pairs[roots] += count
    found = _most(pairs)
    taken = {root for group in found for root in group}
    found += [group for group in _most(alone) if group[0] not in taken]
    return tuple(sorted(found[:COUNT])) if len(found) > 1 else ()


def standing(keys: Iterable[str], taxonomy: Taxonomy) -> tuple[Group, ...]:
    """Groups whose cells are among `keys`, as far as this taxonomy knows their roots."""
    named = (key[len(_PREFIX) :] for key in keys if key.startswith(_PREFIX))
    groups = sorted(tuple(name.split(_SPLIT)) for name in named)
    return tuple(group for group in groups if all(root in taxonomy for root in group))


def nearest(
    interests: Sequence[tuple[str, float]], groups: Sequence[Group], taxonomy: Taxonomy
) -> Group | None:
    """The group that holds most of a household's attention; None where no group holds any.

    Parameters
    ----------
    interests : sequence of (str, float)
        Interests of the household and their scores.
    """
    by_root: dict[str, float] = {}
    for interest, score in interests if groups else ():
        root = _root(interest, taxonomy)
        by_root[root] = by_root.get(root, 0.0) + score
    shares = [sum(by_root.get(root, 0.0) for root in group) for group in groups]
    best = max(shares, default=0.0)
    return groups[shares.index(best)] if best > 0 else None


def _most(counted: Counter[Group]) -> list[Group]:
    return sorted(counted, key=lambda group: (-counted[group], group))[:COUNT]


@cache
def _root(interest: str, taxonomy: Taxonomy) -> str:
    index = taxonomy.index(interest)
    return taxonomy.ids[(index, *taxonomy.ancestors(index))[-1]]
