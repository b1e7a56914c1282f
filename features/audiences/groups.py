"""Life-style groups: profiles clustered online, named by what their members do most.

The clusters are River's sequential k-means over shares of attention by root interest. Its
centres start where the first profiles lie, farthest first, for random ones would leave most
clusters empty; from then on every profile moves its centre a little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from river.cluster import KMeans

from features.tags.taxonomy import Taxonomy

COUNT = 8
_FIRST = 200  # profiles seen before there are groups; until then all are in group 0
_STEP = 0.02  # share of the way a centre goes to a new member
_NAMED_BY = 2
_LEAST_SHARE = 0.1


class Groups:
    """Groups of profiles.

    Parameters
    ----------
    taxonomy : Taxonomy
    count : int
        How many groups.
    """

    def __init__(self, taxonomy: Taxonomy, count: int = COUNT) -> None:
        self._taxonomy = taxonomy
        self._roots = [
            i for i in range(len(taxonomy)) if taxonomy.parent[i] < 0 and not taxonomy.sensitive[i]
        ]
        self._model = KMeans(n_clusters=count, halflife=_STEP, mu=0.0, sigma=0.0, seed=1)
        self._first: list[dict[str, float]] = []
        self._started = False

    def of(self, interests: Sequence[Mapping[str, Any]]) -> int:
        """Group of a profile's interests (``id``, ``score``); learns from them."""
        x = self._vector(interests)
        if self._started:
            return int(self._model.learn_predict_one(x))
        self._first.append(x)
        if len(self._first) < _FIRST:
            return 0
        self._start()
        return int(self._model.predict_one(x))

    def interests(self, group: int) -> list[str]:
        """Root interests that stand for a group, strongest first; none before there are groups."""
        if not self._started:
            return []
        centre = self._model.centers[group]
        strongest = sorted(centre, key=lambda name: (-centre[name], name))
        return [name for name in strongest[:_NAMED_BY] if centre[name] >= _LEAST_SHARE]

    def _vector(self, interests: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Shares by root, every root named: absent ones must pull their centre down."""
        x = {self._taxonomy.ids[root]: 0.0 for root in self._roots}
        for item in interests:
            index = self._taxonomy.index(item["id"])
            root = self._taxonomy.ids[(index, *self._taxonomy.ancestors(index))[-1]]
            if root in x:
                x[root] += float(item["score"])
        total = sum(x.values()) or 1.0
        return {name: value / total for name, value in x.items()}

    def _start(self) -> None:
        chosen = [self._first[0]]
        while len(chosen) < self._model.n_clusters:
            chosen.append(max(self._first, key=lambda x: min(_distance(x, c) for c in chosen)))
        for number, x in enumerate(chosen):
            self._model.centers[number].update(x)
        self._started = True
        for x in self._first:
            self._model.learn_one(x)
        self._first = []


def _distance(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    return sum((a[name] - b[name]) ** 2 for name in a)
