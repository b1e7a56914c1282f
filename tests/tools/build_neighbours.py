"""Build ``features/data/neighbours.tsv``: interests that mean nearly the same.

    python -m tests.tools.build_neighbours [--check]

An interest's vector is the mean of the embedded phrases of its description and of its path of
names, less the mean of all. Two interests are neighbours if they are near enough and each is the
other's nearest below another tier-1 node: within one they meet in their ancestors already.
Sensitive interests and grouping nodes are nobody's neighbour. Needs the extra ``text``.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from features.tags import taxonomy
from features.tags.exact import STRUCTURAL
from features.tags.text import descriptions
from streams.apps import embedding
from tests.tools.table import write_or_check

HEADER = (
    "# Built by tests/tools/build_neighbours.py from taxonomy_descriptions.tsv; don't edit.\n"
    "id\tneighbour\tlikeness\n"
)
#: Cosine below which two interests are no neighbours: above it all pairs made sense by eye.
NEAR = 0.565


def main() -> int:
    """Write or check the table; 1 if the check finds another text."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    return write_or_check(parser, "neighbours.tsv", lambda _: build())


def build() -> str:
    """Text of the table."""
    tree, phrases, embed = taxonomy.load(), descriptions.load(), embedding.load()
    sums = embed([" ".join(path[-2:]) for path in tree.paths])
    for node, vector in zip(phrases.node.tolist(), embed(phrases.texts), strict=True):
        sums[node] += vector
    vectors = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    vectors -= vectors.mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    near = vectors @ vectors.T
    root = np.array([(i, *tree.ancestors(i))[-1] for i in range(len(tree))])
    never = tree.sensitive | np.array([interest in STRUCTURAL for interest in tree.ids])
    near[(root[:, None] == root[None, :]) | never[:, None] | never[None, :]] = -1.0
    nearest = near.argmax(axis=1)
    rows = [
        f"{tree.ids[i]}\t{tree.ids[j]}\t{near[i, j]:.2f}\n"
        for i, j in enumerate(nearest.tolist())
        if near[i, j] >= NEAR and nearest[j] == i
    ]
    return HEADER + "".join(rows)


if __name__ == "__main__":
    sys.exit(main())
