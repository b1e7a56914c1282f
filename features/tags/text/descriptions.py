"""Loads the phrases that describe each interest: our own words per node of the taxonomy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from features.tags import taxonomy


@dataclass(frozen=True)
class Phrases:
    """Phrases and the node each speaks for.

    Attributes
    ----------
    texts : tuple of str
    node : ndarray of int16, shape (n,)
        Dense index of the node. Read-only.
    """

    texts: tuple[str, ...]
    node: NDArray[np.int16]


@cache
def load() -> Phrases:
    """Read the bundled descriptions once.

    Sensitive nodes have descriptions too: a text must be able to land there, so that nothing
    is said about it, instead of on the nearest harmless neighbour.

    Raises
    ------
    features.tags.taxonomy.TaxonomyError
        If a row names no node of the taxonomy (a packaging fault).
    """
    tree = taxonomy.load()
    texts: list[str] = []
    nodes: list[int] = []
    for number, row in taxonomy.read_rows("taxonomy_descriptions.tsv"):
        if len(row) != 3 or row[0] not in tree or tree.names[tree.index(row[0])] != row[1]:
            raise taxonomy.TaxonomyError(
                f"taxonomy_descriptions.tsv line {number}: {row[0]!r} is not {row[1:2]}"
            )
        texts.append(row[2])
        nodes.append(tree.index(row[0]))
    node = np.array(nodes, np.int16)
    node.setflags(write=False)
    return Phrases(tuple(texts), node)
