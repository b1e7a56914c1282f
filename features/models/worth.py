"""Learns from what came of contacts whether one is worth it, for each kind of interest.

A kind is what stands at the top of the taxonomy. Contacts and hold-outs whose time for an answer
ended are learned at the close of that day, as a whole; see `features.models.uplift`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.models.uplift import Ridge, Uplift
from features.models.worth_kernel import PICKED, UNITS, ContactWorth, unknown_worth
from features.state import changelog_keys as keys
from features.state import snapshots

_RIDGES: Final = ("without", "with_it", "difference", "annoyance")


class Ended(NamedTuple):
    """A contact whose time for an answer ended, or a hold-out.

    Attributes
    ----------
    interest : int
        Dense index.
    signals : sequence of int
        When it was told, by `PICKED`, in 1/`UNITS`.
    held_out : bool
    propensity : float
        Probability with which it was chosen.
    fulfilled, annoyed : bool
    cluster : int
        What it adds to the square of how many its household has about its kind, 1 for the first.
    """

    interest: int
    signals: Sequence[int]
    held_out: bool
    propensity: float
    fulfilled: bool
    annoyed: bool
    cluster: int = 1


def kinds_of(parent: NDArray[np.int16]) -> NDArray[np.int64]:
    """Dense index of what stands at the top above each interest, by that of its parent."""
    kind = np.arange(len(parent))
    while (above := parent[kind]).max(initial=-1) >= 0:
        kind = np.where(above >= 0, above, kind)
    return kind


class Outcomes:
    """Learns what contacts change, by kind of interest.

    Parameters
    ----------
    parent : ndarray of int16, shape (interests,)
        Dense index of each interest's parent; -1 at the top.
    """

    def __init__(self, parent: NDArray[np.int16]) -> None:
        self._kind = kinds_of(parent)
        self.models: dict[int, Uplift] = {}

    def learn(self, ended: Sequence[Ended]) -> None:
        """Learn contacts and hold-outs that ended, in an order that the sequence gives."""
        if not ended:
            return
        interest, signals, held_out, propensity, *came, cluster = zip(*ended, strict=True)
        x, kinds = np.array(signals, float) / UNITS, self._kind[list(interest)]
        columns = (~np.array(held_out), *map(np.array, (propensity, *came, cluster)))
        for kind in np.unique(kinds).tolist():
            own = kinds == kind
            model = self.models.setdefault(kind, Uplift.cold(len(PICKED)))
            made, *others = (column[own] for column in columns)
            model.learn(x[own], made, *(column.astype(float) for column in others))

    def worth(
        self, least: int, price: float, caution: float, exploring: float = 0.0, salt: int = 0
    ) -> ContactWorth:
        """Make what kernels decide with until the next close.

        Parameters
        ----------
        least : int
            So many contacts of a kind, and as many that were held out, have to have ended.
        price : float
            What who is annoyed costs, in interests fulfilled.
        caution : float
            Standard errors that are taken off the uplift.
        exploring : float
            Share of what is not worth it that is tried all the same, in each week.
        salt : int
            Of the draws, 64 bits.
        """
        known = [
            kind
            for kind, model in sorted(self.models.items())
            if min(model.with_it.count, model.without.count) >= least
        ]
        if not known:
            return unknown_worth()
        models = [self.models[kind] for kind in known]
        place = np.full(len(self._kind), -1, np.int16)
        place[known] = np.arange(len(known))
        return ContactWorth(
            place[self._kind],
            np.array([model.difference.coefficients for model in models]),
            np.array([model.annoyance.coefficients for model in models]),
            np.array([model.difference.covariance for model in models]),
            price,
            caution,
            exploring,
            np.uint64(salt),
        )

    def counts(self) -> dict[int, tuple[int, int]]:
        """Contacts and hold-outs that were learned, by dense index of the kind."""
        return {
            kind: (int(model.with_it.count), int(model.without.count))
            for kind, model in sorted(self.models.items())
        }

    def snapshot(self) -> dict[bytes, bytes]:
        """Changelog record; none before anything was learned. It holds sums, and names nobody."""
        if not self.models:
            return {}
        kinds = sorted(self.models)
        ridges = [[getattr(self.models[kind], name) for name in _RIDGES] for kind in kinds]
        value = snapshots.pack(
            {"signals": PICKED},
            {
                "kinds": np.array(kinds, np.int32),
                "a": np.array([[ridge.a for ridge in own] for own in ridges]),
                "b": np.array([[ridge.b for ridge in own] for own in ridges]),
                "sums": np.array([[(r.squares, r.count) for r in own] for own in ridges]),
            },
        )
        return {keys.UPLIFT: value}

    def restore(self, records: Mapping[bytes, bytes]) -> None:
        """Go on from a snapshot; of other signals nothing is taken over."""
        if keys.UPLIFT not in records:
            return
        head, arrays = snapshots.unpack(records[keys.UPLIFT])
        if tuple(head["signals"]) != PICKED:
            return
        columns = (arrays[name] for name in ("kinds", "a", "b", "sums"))
        for kind, a, b, sums in zip(*columns, strict=True):
            self.models[int(kind)] = Uplift(
                *(Ridge(*own, *map(float, of)) for *own, of in zip(a, b, sums, strict=True))
            )
