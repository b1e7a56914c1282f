"""Will this subject engage with this interest tomorrow? The River model that answers.

Learned online from the openings of closed days, scored before learned (prequential). FTRL with
``learn_one`` because it measured best; `learn_many` takes one gradient step per batch and was
clearly worse. The signals are of order one by construction, so there is no scaler to poison.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import river
from numpy.typing import NDArray
from river import linear_model, optim

from features import snapshots

_ALPHA, _BETA, _L1, _L2 = 0.05, 1.0, 0.0, 1e-3
_ENOUGH_ROWS = 500  # labels before the model's answer replaces population and frequency
_EWMA = 2.0 ** (-1.0 / 20_000)  # half-life of the prequential log-loss, in rows


class PoisonedRow(ValueError):
    """A signal is not finite: learning from it would spoil the weights for ever."""


@dataclass
class Score:
    """Prequential log-loss, forgetting exponentially."""

    loss: float = 0.0
    weight: float = 0.0

    def add(self, p: float, y: int) -> None:
        """Take up a probability given before its label `y` was learned."""
        p = min(max(p, 1e-6), 1.0 - 1e-6)
        self.loss = self.loss * _EWMA - (math.log(p) if y else math.log(1.0 - p))
        self.weight = self.weight * _EWMA + 1.0

    @property
    def value(self) -> float:
        """Mean log-loss, NaN before the first row."""
        return self.loss / self.weight if self.weight else math.nan


class Propensity:
    """Logistic regression by FTRL-proximal over named signals.

    Parameters
    ----------
    names : tuple of str
        Order of the signal vector; ``names[0]`` is a constant 1 and serves as intercept.
    """

    id = "ftrl-logistic"

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.learned = 0
        self.version = 0
        self.score = Score()
        self._model = linear_model.LogisticRegression(
            optimizer=optim.FTRLProximal(alpha=_ALPHA, beta=_BETA, l1=_L1, l2=_L2),
            intercept_lr=0.0,
        )

    @property
    def trained(self) -> bool:
        """Whether it has seen enough labels to answer."""
        return self.learned >= _ENOUGH_ROWS

    def learn(self, x: NDArray[np.float64], y: NDArray[np.uint8]) -> None:
        """Score, then learn, row by row in the given order.

        Parameters
        ----------
        x : ndarray of float64, shape (n, len(names))
        y : ndarray of uint8, shape (n,)

        Raises
        ------
        PoisonedRow
            Where a signal is not finite; nothing was learned then.
        """
        if not np.isfinite(x).all():
            raise PoisonedRow(f"signal {self.names[int(np.argwhere(~np.isfinite(x))[0][1])]}")
        model, names, score = self._model, self.names, self.score
        for row, label in zip(x.tolist(), y.tolist(), strict=True):
            signals = dict(zip(names, row, strict=True))
            score.add(model.predict_proba_one(signals)[True], label)
            model.learn_one(signals, bool(label))
        if len(x):
            self.learned += len(x)
            self.version += 1

    def weights(self) -> NDArray[np.float64]:
        """Weight per signal; ``1 / (1 + exp(-x @ weights()))`` is River's own answer."""
        held = self._model.weights
        return np.array([held.get(name, 0.0) for name in self.names])

    def snapshot(self) -> bytes:
        """Everything needed to go on learning as if never stopped."""
        optimizer = self._model.optimizer
        manifest = {
            "model": self.id, "river": river.__version__, "signals": list(self.names),
            "learned": self.learned, "version": self.version,
            "iterations": optimizer.n_iterations,
            "loss": self.score.loss, "weight": self.score.weight,
        }
        return snapshots.pack(manifest, {
            "w": self.weights(),
            "z": np.array([optimizer.z.get(name, 0.0) for name in self.names]),
            "n": np.array([optimizer.n.get(name, 0.0) for name in self.names]),
        })

    def restore(self, data: bytes) -> None:
        """Go on from a snapshot.

        Raises
        ------
        ValueError
            Where it is of another model or of other signals.
        """
        manifest, arrays = snapshots.unpack(data)
        if manifest["model"] != self.id or tuple(manifest["signals"]) != self.names:
            raise ValueError(f"snapshot of model {manifest['model']} over {manifest['signals']}")
        self.learned, self.version = manifest["learned"], manifest["version"]
        self.score = Score(manifest["loss"], manifest["weight"])
        optimizer = self._model.optimizer
        optimizer.n_iterations = manifest["iterations"]
        for k, name in enumerate(self.names):
            if self.learned:
                # River offers no public way to set weights; `weights` is a copy
                self._model._weights[name] = float(arrays["w"][k])
            optimizer.z[name] = float(arrays["z"][k])
            optimizer.n[name] = float(arrays["n"][k])
