"""Folds a batch's events from stop to stop, without finding out anew what the tables are made of.

Numba asks every array that it is called with for its type, which is nothing for a batch of events.
But the fold stops for each fact and for much of what ends, and goes on with what it had: for the
eighty arrays of a partition the question took ten times as long as the call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.records.batch import Batch
from features.state.fold_kernel import apply
from features.state.layout import DONE, Live


class Fold:
    """`features.state.fold_kernel.apply`, and what it goes on with where it stopped."""

    def __init__(self) -> None:
        self._same: tuple[object, ...] = ()
        self._direct: Callable[..., Any] | None = None  # takes it unasked

    def __call__(
        self, live: Live, batch: Batch, first: int, outcome: NDArray[np.uint8]
    ) -> tuple[int, int]:
        """Fold events from `first` on; returns why it stopped (`layout`) and where.

        No table of `live` may be given another type in its place, as numpy would let one.
        """
        same = self._same
        known = bool(same) and same[0] is live and same[1] is batch and same[2] is outcome
        fold = self._direct if known and self._direct is not None else apply
        why, at = fold(live, batch.records, batch.blob, first, outcome)
        if why == DONE:
            self._same = ()  # nothing of it is kept for what comes next
        elif not known:
            made = [*getattr(apply, "overloads", {}).values()]  # none where nothing is compiled
            # The only one there is takes these: it just did.
            self._same = live, batch, outcome
            self._direct = made[0].entry_point if len(made) == 1 else None
        return int(why), int(at)
