"""Graphs of related interests, made of pairs, and some interests to make them of."""

from __future__ import annotations

import numpy as np

from features.related.graph import Related
from features.tags import taxonomy

TREE = taxonomy.load()
RUGBY, CARS, GAMES, BEACH = (TREE.index(name) for name in ("529", "11", "690", "673"))


def graph(pairs: dict[tuple[int, int], float]) -> Related:
    """A graph whose masses are what its pairs sum up to, each of many households."""
    found = Related(TREE)
    for (i, j), count in sorted(pairs.items()):
        found.key = np.append(found.key, np.uint32(i * taxonomy.MAX_NODES + j))
        found.count = np.append(found.count, np.float32(count))
        found.mass[[i, j]] += count
    found.seen = found.before = np.full(len(found.key), 2**64 - 1, np.uint64)
    return found
