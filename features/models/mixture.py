"""Averages models, each weighing by how well it predicted lately."""

from __future__ import annotations

import numpy as np
import river
from numpy.typing import NDArray

from features.models import base
from features.models.answer_kernel import Form
from features.models.base import Model
from features.models.measures import losses
from features.models.signals import DayRows
from features.state import snapshots

DECAY = 2.0 ** (-1.0 / 28.0)  # half-life of a day's log-loss, in days
DOUBT = 0.25  # share of what was lost that counts when the world has changed
_SHARPNESS = 10.0  # a member whose log-loss is a tenth higher weighs 1 / e of the best


class Mixture:
    """Weights fall exponentially with recent log-loss; the members learn by themselves.

    Parameters
    ----------
    members : sequence of Model
        All with a form of one part. They are shared, not owned: whoever learns them must learn
        the mixture first, so that it weighs them by their predictions before.
    """

    id = "mixture"

    def __init__(self, *members: Model) -> None:
        self._members = members
        self._lost = np.zeros(len(members))
        self.learned = 0
        self.version = 0
        self.primed = all(member.primed for member in members)

    def weights(self) -> NDArray[np.float64]:
        """Share of each member, shape (members,)."""
        least = self._lost.min()
        share = np.exp(-_SHARPNESS * (self._lost / least - 1.0)) if least else self._lost + 1.0
        found: NDArray[np.float64] = share / share.sum()
        return found

    def score(self, rows: DayRows) -> NDArray[np.float64]:
        """See `features.models.base.Model`."""
        return base.score_form(self.form(), rows)

    def form(self) -> Form:
        """See `features.models.base.Model`."""
        forms = [form for form in (member.form() for member in self._members) if form is not None]
        width = max(form.intercepts.shape[1] for form in forms)
        table = np.zeros((len(forms), width))
        for row, form in zip(table, forms, strict=True):
            row[: form.intercepts.shape[1]] = form.intercepts[0]
        return Form(
            np.concatenate([form.weights for form in forms]),
            table,
            np.concatenate([form.variances for form in forms]),
            np.concatenate([form.product for form in forms]),
            np.concatenate([form.probit for form in forms]),
            self.weights(),
            1.0,
            0.0,
            np.zeros(0),
        )

    def learn(self, rows: DayRows) -> None:
        """See `features.models.base.Model`; before the members learn."""
        base.check(rows)
        if not len(rows):
            return
        lost = [float(losses(member.score(rows), rows.y).mean()) for member in self._members]
        self._lost = self._lost * DECAY + lost
        self.learned += len(rows)
        self.version += 1

    def relearn(self) -> None:
        """See `features.models.base.Model`."""
        self._lost = self._lost * DOUBT

    def merge(self, other: bytes) -> None:
        """See `features.models.base.Model`."""
        manifest, lost = self._unpack(other)
        total = self.learned + manifest["learned"]
        if total:
            self._lost = (self._lost * self.learned + lost * manifest["learned"]) / total
        self.learned = total
        self.version = max(self.version, manifest["version"])

    def hold(self, lost: NDArray[np.float64]) -> None:
        """Go on from the decayed log-loss of each member, shape (members,)."""
        self._lost = lost

    @property
    def members(self) -> tuple[str, ...]:
        """Ids of those that are averaged."""
        return tuple(member.id for member in self._members)

    def snapshot(self) -> bytes:
        """See `features.models.base.Model`."""
        return snapshots.pack(
            {
                "model": self.id,
                "river": river.__version__,
                "learned": self.learned,
                "version": self.version,
                "members": [member.id for member in self._members],
            },
            {"lost": self._lost},
        )

    def restore(self, data: bytes) -> None:
        """See `features.models.base.Model`."""
        manifest, self._lost = self._unpack(data)
        self.learned, self.version = manifest["learned"], manifest["version"]

    def _unpack(self, data: bytes) -> tuple[dict[str, int], NDArray[np.float64]]:
        manifest, arrays = base.unpack(data, self.id)
        held = dict(zip(manifest["members"], arrays["lost"].tolist(), strict=True))
        # A member it doesn't know starts as good as the average.
        usual = float(np.mean(arrays["lost"])) if held else 0.0
        return manifest, np.array([held.get(member.id, usual) for member in self._members])
