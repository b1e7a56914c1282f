"""Corrects another model by weights of binned signals, learned by FTRL in the kernel's form."""

from __future__ import annotations

import numpy as np
import river
from numpy.typing import NDArray

from features.models import base
from features.models.answer_kernel import Form
from features.models.base import Model
from features.models.binned_kernel import BETA, L2, PAIR_RATE, RATE, learn_rows, weigh_rows
from features.models.bins_kernel import SIZE, blocks
from features.models.signals import DayRows
from features.state import snapshots

DOUBT = 0.25  # share of the evidence kept when the world has changed
DECAY = 2.0 ** (-1.0 / 128.0)  # half-life, in days, of what tells how far to trust the correction
# It is trusted by half before anything is known, with the weight of ten: of rows, a sure one counts
# little and a corrected one as the square of its correction. No trust at the start, or 3 or 40 in
# place of 10, costs the panels less than 0.2 %.
_FIRST_TRUST, _FIRST_WEIGHT, _MOST_TRUST = 0.5, 10.0, 1.25
_BLOCKS = blocks()


def _rates() -> NDArray[np.float64]:
    rates = np.full(SIZE, RATE)
    for name, (at, size) in _BLOCKS.items():
        if "*" in name and not name.startswith("interest"):
            rates[at : at + size] = PAIR_RATE
    return rates


RATES = _rates()


class Binned:
    """The log-odds of a model, plus a weight for each bin that the row falls into.

    It starts as the model itself. State is two sums of four bytes for each weight that was ever
    learned, at most 39 thousand.

    Small panels are too small for so many weights. So the answer has only a share of their sum,
    which is where Newton's steps on the log-loss of all answers so far lead, one a day.

    Attributes
    ----------
    trusted : ndarray of float64, shape (2, 1)
        What pulls the share, and with what weight: sums over days, decayed.

    Parameters
    ----------
    corrected : Model
        One with a form. It is shared, not owned: whoever learns its members must learn this
        first, so that the correction is one of what was answered that morning.
    """

    id = "binned"

    def __init__(self, corrected: Model) -> None:
        self._corrected = corrected
        self._sums = np.zeros((2, SIZE), np.float32)
        self._weights = np.zeros(SIZE)
        self.trusted = np.zeros((2, 1))
        self.learned = 0
        self.version = 0
        self.primed = corrected.primed

    def score(self, rows: DayRows) -> NDArray[np.float64]:
        """See `features.models.base.Model`."""
        return base.score_form(self.form(), rows)

    def form(self) -> Form:
        """See `features.models.base.Model`."""
        return self._below()._replace(steps=self.trust * self._weights)

    @property
    def trust(self) -> float:
        """Share of the correction that is answered with."""
        pull, weight = self.trusted[:, 0].tolist()
        share = (_FIRST_TRUST * _FIRST_WEIGHT + pull) / (_FIRST_WEIGHT + weight)
        return float(min(_MOST_TRUST, max(0.0, share)))

    def learn(self, rows: DayRows) -> None:
        """See `features.models.base.Model`; before the members of the corrected one learn."""
        base.check(rows)
        if not len(rows):
            return
        below, trust = self._below(), self.trust
        slope, curve = weigh_rows(below, rows.x, rows.y, rows.interest, self._weights, trust)
        self.trusted = self.trusted * DECAY + [[curve * trust - slope], [curve]]
        learn_rows(below, rows.x, rows.y, rows.interest, self._sums, self._weights)
        self.learned += len(rows)
        self.version += 1

    def relearn(self) -> None:
        """See `features.models.base.Model`."""
        self._take(self._weights, self._sums[1] * DOUBT)

    def merge(self, other: bytes) -> None:
        """See `features.models.base.Model`; each weight by the evidence behind it."""
        manifest, sums, trusted = self._unpack(other)
        mine, theirs = self._sums[1].astype(np.float64), sums[1].astype(np.float64)
        total = np.maximum(mine + theirs, 1e-30)
        weights = (mine * self._weights + theirs * _weights(sums)) / total
        self._take(weights, mine + theirs)
        self.trusted = self.trusted + trusted
        self.learned += manifest["learned"]
        self.version = max(self.version, manifest["version"])

    def held(self, where: slice) -> NDArray[np.float64]:
        """Weights and FTRL's n of some places, shape (2, places)."""
        return np.stack([self._weights[where], self._sums[1, where].astype(np.float64)])

    def hold(self, held: NDArray[np.float64], where: slice) -> None:
        """Go on from what `held` gave."""
        self._take(held[0], held[1], where)

    def snapshot(self) -> bytes:
        """See `features.models.base.Model`."""
        held = np.flatnonzero(self._sums[1])
        names = sorted(_BLOCKS, key=lambda name: _BLOCKS[name][0])
        starts = np.array([_BLOCKS[name][0] for name in names])
        return snapshots.pack(
            {
                "model": self.id,
                "river": river.__version__,
                "learned": self.learned,
                "version": self.version,
                "blocks": [[name, _BLOCKS[name][1]] for name in names],
            },
            {
                "block": (np.searchsorted(starts, held, side="right") - 1).astype("<u2"),
                "place": (held - starts[np.searchsorted(starts, held, side="right") - 1]).astype(
                    "<u2"
                ),
                "sums": self._sums[:, held],
                "trusted": self.trusted,
            },
        )

    def restore(self, data: bytes) -> None:
        """See `features.models.base.Model`."""
        manifest, self._sums, self.trusted = self._unpack(data)
        self._weights = _weights(self._sums)
        self.learned, self.version = manifest["learned"], manifest["version"]

    def _below(self) -> Form:
        form = self._corrected.form()
        if form is None:
            raise ValueError(f"{self._corrected.id} has no form to correct")
        return form

    def _take(
        self, weights: NDArray[np.float64], seen: NDArray[np.floating], where: slice = slice(None)
    ) -> None:
        """Weights, and the z that FTRL derives them from when it has `seen` that much."""
        n = seen.astype(np.float32)
        z = -weights * ((BETA + np.sqrt(n.astype(np.float64))) / RATES[where] + L2)
        self._sums[:, where] = np.stack([z.astype(np.float32), n])
        self._weights[where] = _weights(self._sums[:, where], where)

    def _unpack(
        self, data: bytes
    ) -> tuple[dict[str, int], NDArray[np.float32], NDArray[np.float64]]:
        """Manifest, the sums in today's places (by name, of a block that kept its size), trust.

        A release that knew no trust answered with the whole correction: it is gone on from there.
        """
        manifest, arrays = base.unpack(data, self.id)
        starts = np.array(
            [
                _BLOCKS[name][0] if _BLOCKS.get(name, (0, 0))[1] == size else -1
                for name, size in manifest["blocks"]
            ],
            np.int64,
        )
        at = starts[arrays["block"]]
        known = at >= 0
        sums = np.zeros((2, SIZE), np.float32)
        sums[:, (at + arrays["place"])[known]] = arrays["sums"][:, known]
        whole = np.array([[(1.0 - _FIRST_TRUST) * _FIRST_WEIGHT], [0.0]])
        return manifest, sums, arrays.get("trusted", whole).copy()


def _weights(sums: NDArray[np.float32], where: slice = slice(None)) -> NDArray[np.float64]:
    z, n = sums.astype(np.float64)
    found: NDArray[np.float64] = -z / ((BETA + np.sqrt(n)) / RATES[where] + L2)
    return found
