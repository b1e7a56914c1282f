"""Learns River's Hoeffding tree, which splits once it is sure which split is the best.

Domingos and Hulten, "Mining high-speed data streams", KDD 2000. Of seven levels at most, so
64 leaves; only those above the last level observe signals.

Compared by `interest-streams quality`, not run by the worker: see `features.models.registry`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import river
from numpy.typing import NDArray
from river import tree

from features.models import base, tree_form
from features.models.answer_kernel import Form
from features.models.signals import NAMES, DayRows
from features.state import snapshots

_DEPTH = 6
_DELTA = 1e-3  # chance of a wrong split; 1e-2 made no difference, 1e-5 too few splits
_COLD = 0.05  # what is answered before the first row
_SURE = 1e-3  # leaves of a few hundred rows know no probability nearer to 0 or 1
_DOUBT = 0.25  # share of the weight of leaves kept when the world has changed


class HoeffdingTree:
    """One tree over all signals, leaves answering with their rate of labels."""

    id = "hoeffding-tree"

    def __init__(self) -> None:
        self._tree = _new_tree()
        self.learned = 0
        self.version = 0
        self.primed = False

    def score(self, rows: DayRows) -> NDArray[np.float64]:
        """See `features.models.base.Model`."""
        grown: Any = self._tree
        found = (
            [
                grown.predict_proba_one(dict(zip(NAMES, row, strict=True))).get(True, 0.0)
                for row in rows.x.tolist()
            ]
            if self.learned
            else [_COLD] * len(rows)
        )
        return np.clip(np.array(found, np.float64), _SURE, 1.0 - _SURE)

    def learn(self, rows: DayRows) -> None:
        """See `features.models.base.Model`."""
        base.check(rows)
        if not len(rows):
            return
        for row, label in zip(rows.x.tolist(), rows.y.tolist(), strict=True):
            self._tree.learn_one(dict(zip(NAMES, row, strict=True)), bool(label))
        self.learned += len(rows)
        self.version += 1

    def form(self) -> Form | None:
        """None, so it is compared and never promoted: a tree is no weights."""
        return None

    def relearn(self) -> None:
        """Keep the branches and the rates, forget most of the evidence for the rates.

        Leaves observe signals anew: a split they were about to make was one of the old world.
        """
        for leaf in tree_form.leaves(self._tree):
            for label in leaf.stats:
                leaf.stats[label] *= _DOUBT
            leaf.last_split_attempt_at = leaf.total_weight
            if leaf.is_active():
                leaf.splitters = {}

    def merge(self, other: bytes) -> None:
        """See `features.models.base.Model`; trees don't add up: the better-trained one stays.

        Of two that learned as many rows, the own one.
        """
        manifest, arrays = base.unpack(other, self.id)
        if manifest["learned"] > self.learned:
            self._regrow(manifest, arrays)
        self.learned += manifest["learned"]
        self.version = max(self.version, manifest["version"])

    def snapshot(self) -> bytes:
        """See `features.models.base.Model`."""
        manifest, table = tree_form.to_plain(self._tree)
        return snapshots.pack(
            manifest
            | {
                "model": self.id,
                "river": river.__version__,
                "learned": self.learned,
                "version": self.version,
            },
            {"observed": table},
        )

    def restore(self, data: bytes) -> None:
        """See `features.models.base.Model`."""
        manifest, arrays = base.unpack(data, self.id)
        self._regrow(manifest, arrays)
        self.learned, self.version = manifest["learned"], manifest["version"]

    def _regrow(self, manifest: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        self._tree = _new_tree()
        tree_form.regrow(self._tree, manifest, arrays["observed"], NAMES)


def _new_tree() -> tree.HoeffdingTreeClassifier:
    # River's own bound is by measured bytes, which differ between machines; depth is the bound.
    return tree.HoeffdingTreeClassifier(
        delta=_DELTA,
        max_depth=_DEPTH,
        leaf_prediction="mc",
        max_share_to_split=1.0,
        memory_estimate_period=1 << 62,
    )
