"""Converts a River Hoeffding tree to plain lists and a table of numbers, and back: no pickle.

A node is a list: ``["branch", signal, threshold, depth, labels]``, followed by its left and its
right subtree, or ``["leaf", depth, labels, tried, active]``, where `labels` is pairs of label and
weight and `tried` the weight at the last attempt to split. The table has a row per leaf, signal
and label that a leaf observes. Orders are kept throughout, for River breaks ties by them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import proba, tree
from river.tree.nodes.branch import NumericBinaryBranch
from river.tree.splitter import GaussianSplitter

#: Columns: number of the leaf, of the signal, label; least and greatest value, weight, mean and
#: sum of squared deviations of a Gaussian.
COLUMNS = 8
_MOST_DEPTH = 64  # of a tree that is read: what is nested deeper was not written here


def leaves(model: tree.HoeffdingTreeClassifier) -> Iterator[Any]:
    """The leaves, from the left; none before the first row."""
    return (node for node in _preorder(model._root) if not isinstance(node, NumericBinaryBranch))


def to_plain(model: tree.HoeffdingTreeClassifier) -> tuple[dict[str, Any], NDArray[np.float64]]:
    """Everything that a tree has learned.

    Returns
    -------
    manifest : dict
        ``nodes`` in preorder, ``signals`` by number, ``leaves`` active and not, ``weight`` seen.
    table : ndarray of float64, shape (n, COLUMNS)
    """
    nodes: list[list[Any]] = []
    numbers: dict[str, int] = {}
    rows: list[tuple[float, ...]] = []
    leaf = 0
    for node in _preorder(model._root):
        labels = [[bool(label), float(weight)] for label, weight in node.stats.items()]
        if isinstance(node, NumericBinaryBranch):
            nodes.append(["branch", node.feature, float(node.threshold), node.depth, labels])
            continue
        nodes.append(
            ["leaf", node.depth, labels, float(node.last_split_attempt_at), node.is_active()]
        )
        for signal, splitter in (node.splitters or {}).items():
            number = numbers.setdefault(signal, len(numbers))
            rows += [(leaf, number, *row) for row in _gaussians(splitter)]
        leaf += 1
    manifest = {
        "nodes": nodes,
        "signals": list(numbers),
        "leaves": [model._n_active_leaves, model._n_inactive_leaves],
        "weight": float(model._train_weight_seen_by_model),
    }
    return manifest, np.array(rows, np.float64).reshape(-1, COLUMNS)


def regrow(
    model: tree.HoeffdingTreeClassifier,
    manifest: dict[str, Any],
    table: NDArray[np.float64],
    known: Collection[str],
) -> None:
    """Make a new `model` what `plain` was given.

    Parameters
    ----------
    known : collection of str
        Signals; what leaves observed of others is dropped. A branch by another stays: River then
        follows the side that saw more.

    Raises
    ------
    ValueError
        Where the nodes are no tree.
    """
    nodes = iter(manifest["nodes"])
    found: list[Any] = []
    if manifest["nodes"]:
        model._root = _node(model, nodes, found, 0)
    if next(nodes, None) is not None:
        raise ValueError("nodes beyond the tree")
    for leaf, number, label, *values in table.tolist():
        signal = manifest["signals"][int(number)]
        if signal in known:
            splitters = found[int(leaf)].splitters
            _observe(splitters.setdefault(signal, model.splitter.clone()), bool(label), *values)
    model._n_active_leaves, model._n_inactive_leaves = manifest["leaves"]
    model._train_weight_seen_by_model = manifest["weight"]
    model.classes = {label for leaf in found for label in leaf.stats}


def _preorder(node: Any) -> Iterator[Any]:
    if node is not None:
        yield from node.iter_dfs()


def _node(
    model: tree.HoeffdingTreeClassifier, nodes: Iterator[list[Any]], found: list[Any], depth: int
) -> Any:
    node = next(nodes, None)
    if node is None or depth > _MOST_DEPTH:
        raise ValueError("a tree without an end")
    if node[0] == "branch":
        _, signal, threshold, own_depth, labels = node
        left = _node(model, nodes, found, depth + 1)
        right = _node(model, nodes, found, depth + 1)
        return NumericBinaryBranch(dict(labels), signal, threshold, own_depth, left, right)
    _, own_depth, labels, tried, active = node
    leaf = model._new_leaf(dict(labels))
    leaf.depth, leaf.last_split_attempt_at = own_depth, tried
    if not active:
        leaf.deactivate()
    found.append(leaf)
    return leaf


def _gaussians(splitter: GaussianSplitter) -> Iterator[tuple[float, ...]]:
    for label, gaussian in splitter._att_dist_per_class.items():
        var = gaussian._var
        yield (
            float(label),
            float(splitter._min_per_class[label]),
            float(splitter._max_per_class[label]),
            float(var.mean.n),
            float(var.mean.get()),
            float(var._S),
        )


def _observe(
    splitter: GaussianSplitter,
    label: bool,
    least: float,
    most: float,
    weight: float,
    mean: float,
    squares: float,
) -> None:
    gaussian = proba.Gaussian()
    # `Gaussian._from_state` takes the variance, and back to the sum is not bit for bit.
    gaussian._var.mean.n, gaussian._var.mean._mean = weight, mean
    gaussian._var._S = squares
    splitter._att_dist_per_class[label] = gaussian
    splitter._min_per_class[label], splitter._max_per_class[label] = least, most
