"""Loads the interests: IAB Content Taxonomy 3.1 as one dense, frozen table.

A dense index is the position of a node in the bundled file, so it is stable as long as the
`Taxonomy.fingerprint` is; state and wire carry the IAB ids, arrays carry the indices.
Interests that must never be inferred come from our own reviewed list; IAB's extension flag
``SCD`` marks neither politics nor most of the rest. Every node is decided, denied or allowed, by
a row of its own or (denied) of an ancestor: a node that was never looked at stops the load.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

VERSION = "iab-content-3.1"

#: Dense indices must fit ten bits (packed row keys).
MAX_NODES = 1024

#: Why a node is denied; ``features/data/README.md`` says what each class means.
DENIED_FOR = frozenset(
    "health distress sexuality religion politics union ethnicity adult gambling substances crime "
    "weapons children".split()
)
#: Kinds of nodes that are allowed.
ALLOWED_AS = frozenset(
    "goods trade sport culture pastime technology home genre travel money learning place food "
    "news".split()
)
MINORS = "children"


class TaxonomyError(ValueError):
    """A bundled taxonomy file contradicts itself; names the file and the line."""


@dataclass(frozen=True, eq=False)
class Taxonomy:
    """The tree of interests; position ``i`` of every column is node ``i``.

    Attributes
    ----------
    ids, names : tuple of str
        IAB unique id and name.
    paths : tuple of tuple of str
        Names from the root to the node itself.
    parent : ndarray of int16, shape (n,)
        Dense index of the parent, -1 for a root. Read-only.
    children : tuple of tuple of int
        Dense indices of the direct children, in file order.
    sensitive : ndarray of bool, shape (n,)
        Never to be inferred: listed in ``sensitive.tsv`` or below a listed node. Read-only.
    reasons : dict of int to str
        Why a node itself is denied, ``class: reason`` (inherited ones are not repeated).
    version : str
    fingerprint : str
        16 hex digits over ids, parents and their order: equal exactly if dense indices mean
        the same.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    paths: tuple[tuple[str, ...], ...]
    parent: NDArray[np.int16]
    children: tuple[tuple[int, ...], ...]
    sensitive: NDArray[np.bool_]
    reasons: dict[int, str]
    version: str
    fingerprint: str
    _index: dict[str, int] = field(repr=False)

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, interest: object) -> bool:
        return interest in self._index

    def index(self, interest: str) -> int:
        """Dense index of an IAB id.

        Raises
        ------
        KeyError
            If the id is not in this taxonomy.
        """
        return self._index[interest]

    def ancestors(self, index: int) -> tuple[int, ...]:
        """Dense indices from the parent up to the root; empty for a root."""
        above = []
        while (index := int(self.parent[index])) >= 0:
            above.append(index)
        return tuple(above)

    def is_sensitive(self, interest: str) -> bool:
        """Whether an IAB id is denied; an unknown id is denied too."""
        index = self._index.get(interest)
        return index is None or bool(self.sensitive[index])

    def reveals_minor(self, interest: str) -> bool:
        """Whether an IAB id is denied because it is for or about minors, itself or as a part."""
        index = self._index.get(interest)
        return index is not None and any(
            self.reasons.get(node, "").startswith(MINORS + ":")
            for node in (index, *self.ancestors(index))
        )

    def descendants(self, index: int) -> Iterator[int]:
        """Dense indices below a node, itself excluded, depth first."""
        for child in self.children[index]:
            yield child
            yield from self.descendants(child)


@cache
def load() -> Taxonomy:
    """Read the bundled taxonomy once.

    Raises
    ------
    TaxonomyError
        If a bundled file is inconsistent (a packaging fault).
    """
    nodes = [*_iab_nodes(), *_supplement()]
    if len(nodes) > MAX_NODES:
        raise TaxonomyError(f"{len(nodes)} nodes: at most {MAX_NODES}")
    ids = tuple(node[0] for node in nodes)
    index = {interest: i for i, interest in enumerate(ids)}
    if len(index) != len(ids):
        raise TaxonomyError("an id occurs twice")
    parent = np.array([_parent(index, node) for node in nodes], dtype=np.int16)
    children: list[list[int]] = [[] for _ in ids]
    for i, above in enumerate(parent.tolist()):
        if above >= 0:
            children[above].append(i)
    names = tuple(node[2] for node in nodes)
    paths = _paths(names, parent)  # refuses circles, on which the next would never end
    sensitive, reasons = _sensitive(index, names, parent)
    for column in (parent, sensitive):
        column.setflags(write=False)
    lines = "\n".join(f"{node[0]}\t{node[1]}" for node in nodes)
    return Taxonomy(
        ids=ids,
        names=names,
        paths=paths,
        parent=parent,
        children=tuple(tuple(below) for below in children),
        sensitive=sensitive,
        reasons=reasons,
        version=VERSION,
        fingerprint=hashlib.sha256(lines.encode()).hexdigest()[:16],
        _index=index,
    )


def read_rows(name: str) -> Iterator[tuple[int, list[str]]]:
    """Rows of a bundled TSV with their line numbers; comments and the header are left out."""
    text = resources.files("features.data").joinpath(name).read_text(encoding="utf-8")
    headed = False
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        if headed:
            yield number, line.split("\t")
        headed = True


def _iab_nodes() -> list[tuple[str, str, str]]:
    rows = read_rows("iab_content_3.1.tsv")
    next(rows)  # the file has two header lines
    return [(row[0].strip(), row[1].strip(), row[2].strip()) for _, row in rows if row[0].strip()]


def _supplement() -> list[tuple[str, str, str]]:
    return [(row[0], row[1], row[2]) for _, row in read_rows("iab_supplement.tsv")]


def _parent(index: dict[str, int], node: tuple[str, str, str]) -> int:
    if not node[1]:
        return -1
    if node[1] not in index:
        raise TaxonomyError(f"node {node[0]}: unknown parent {node[1]!r}")
    return index[node[1]]


def _paths(names: tuple[str, ...], parent: NDArray[np.int16]) -> tuple[tuple[str, ...], ...]:
    paths = []
    for i in range(len(names)):
        path = [names[i]]
        above = int(parent[i])
        while above >= 0:
            path.append(names[above])
            if len(path) > len(names):
                raise TaxonomyError(f"node {names[i]!r}: its parents form a circle")
            above = int(parent[above])
        paths.append(tuple(reversed(path)))
    return tuple(paths)


def _sensitive(
    index: dict[str, int], names: tuple[str, ...], parent: NDArray[np.int16]
) -> tuple[NDArray[np.bool_], dict[int, str]]:
    denied = _decisions("sensitive.tsv", index, names, DENIED_FOR)
    allowed = _decisions("allowed.tsv", index, names, ALLOWED_AS)
    sensitive = np.zeros(len(names), dtype=np.bool_)
    for i in range(len(names)):
        above = i
        while above >= 0 and not sensitive[i]:
            sensitive[i] = above in denied
            above = int(parent[above])
    for wrong, nodes in (
        ("both denied and allowed", [i for i in allowed if sensitive[i]]),
        ("neither denied nor allowed", [i for i in np.flatnonzero(~sensitive) if i not in allowed]),
    ):
        if nodes:
            raise TaxonomyError(f"{wrong}: {', '.join(names[i] for i in nodes[:10])}")
    return sensitive, denied


def _decisions(
    file: str, index: dict[str, int], names: tuple[str, ...], classes: frozenset[str]
) -> dict[int, str]:
    """Class and reason by dense index, of a file that says what was decided."""
    found: dict[int, str] = {}
    for number, row in read_rows(file):
        i = index.get(row[0], -1)
        if i < 0 or names[i] != row[1] or i in found:
            raise TaxonomyError(f"{file} line {number}: {row[0]!r} is not {row[1]!r}, or again")
        if row[2] not in classes:
            raise TaxonomyError(f"{file} line {number}: {row[2]!r} is no class")
        found[i] = f"{row[2]}: {row[3]}"
    return found
