"""Learns logistic regression by FTRL-proximal with River, as weights that can be merged.

`learn_one` because it measured best: `learn_many` takes one gradient step per batch and was
clearly worse. The signals are of order one by construction, so there is no scaler to poison.
McMahan et al., "Ad click prediction: a view from the trenches", KDD 2013.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from river import linear_model, optim

BETA, _L1, _L2 = 1.0, 0.0, 1e-3
DOUBT = 0.25  # share of the evidence kept when the world has changed: the step doubles
_INTEREST = "i"  # an interest's own intercept is a signal of this name and its number

Arrays = dict[str, NDArray[np.float64]]


class Ftrl:
    """Weights of named signals.

    Parameters
    ----------
    names : sequence of str
        Signals, in the order of the columns given to `learn`.
    rate : float
        Learning rate alpha: by how much the first rows move a weight.
    prior : mapping of str to float, optional
        Weights to start from; the rest start at 0.
    trust : float
        Squared gradients the prior is taken to have seen: the greater, the slower it goes.
    """

    def __init__(
        self,
        names: Sequence[str],
        rate: float,
        prior: Mapping[str, float] | None = None,
        trust: float = 0.0,
    ) -> None:
        self.names = tuple(names)
        self.rate = rate
        self._optimizer = optim.FTRLProximal(alpha=rate, beta=BETA, l1=_L1, l2=_L2)
        self._model = linear_model.LogisticRegression(optimizer=self._optimizer, intercept_lr=0.0)
        for name in self.names:
            self._set(name, (prior or {}).get(name, 0.0), trust if prior else 0.0)

    def learn(
        self,
        x: NDArray[np.float64],
        y: NDArray[np.uint8],
        interest: NDArray[np.uint16] | None = None,
    ) -> None:
        """Learn row by row; with `interest`, each has an intercept of its own."""
        names, learn_one = self.names, self._model.learn_one
        own = [] if interest is None else interest.tolist()
        for i, (row, label) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
            signals = dict(zip(names, row, strict=True))
            if own:
                signals[f"{_INTEREST}{own[i]}"] = 1.0
            learn_one(signals, bool(label))

    def weights(self) -> dict[str, float]:
        """Weight by signal."""
        held = self._model.weights
        return {name: float(held.get(name, 0.0)) for name in self.names}

    def intercepts(self) -> NDArray[np.float64]:
        """Own intercepts by interest, as long as the greatest interest demands."""
        own = {
            int(name[1:]): float(w)
            for name, w in self._model.weights.items()
            if name not in self.names
        }
        table = np.zeros(max(own, default=-1) + 1)
        for interest, weight in own.items():
            table[interest] = weight
        return table

    def relearn(self) -> None:
        """Keep the weights, forget most of the evidence for them."""
        for name, weight in list(self._model.weights.items()):
            self._set(name, weight, self._optimizer.n[name] * DOUBT)

    def arrays(self) -> tuple[list[str], Arrays]:
        """Names and state by name: weight ``w`` and FTRL's ``z`` and ``n``."""
        held = self._model.weights
        names = list(self.names) + sorted(set(held) - set(self.names))
        optimizer = self._optimizer
        return names, {
            "w": np.array([held.get(name, 0.0) for name in names]),
            "z": np.array([optimizer.z.get(name, 0.0) for name in names]),
            "n": np.array([optimizer.n.get(name, 0.0) for name in names]),
        }

    def take(self, names: Sequence[str], arrays: Arrays) -> None:
        """Go on from `arrays`; names that are signals no more are dropped."""
        for k, name in enumerate(names):
            if self._known(name):
                # River offers no public way to set weights; `weights` is a copy
                self._model._weights[name] = float(arrays["w"][k])
                self._optimizer.z[name] = float(arrays["z"][k])
                self._optimizer.n[name] = float(arrays["n"][k])

    def merge(self, names: Sequence[str], arrays: Arrays) -> None:
        """Average with a sibling, each weight by the evidence behind it."""
        held = self._model.weights
        for k, name in enumerate(names):
            if not self._known(name):
                continue
            mine, theirs = self._optimizer.n.get(name, 0.0), float(arrays["n"][k])
            if mine + theirs > 0.0:
                weight = mine * held.get(name, 0.0) + theirs * float(arrays["w"][k])
                self._set(name, weight / (mine + theirs), mine + theirs)

    def held(self, interests: int) -> NDArray[np.float64]:
        """Weights and FTRL's n of the signals, and of so many intercepts; shape (2, both)."""
        weights, seen = self._model.weights, self._optimizer.n
        names = self._all(interests)
        return np.array([[held.get(name, 0.0) for name in names] for held in (weights, seen)])

    def hold(self, held: NDArray[np.float64], interests: int) -> None:
        """Go on from what `held` gave; of what has seen nothing there is no weight."""
        for name, (weight, seen) in zip(self._all(interests), held.T.tolist(), strict=True):
            if seen > 0.0:
                self._set(name, weight, seen)

    def _all(self, interests: int) -> list[str]:
        return [*self.names, *(f"{_INTEREST}{interest}" for interest in range(interests))]

    def _known(self, name: str) -> bool:
        return name in self.names or (name.startswith(_INTEREST) and name[1:].isdigit())

    def _set(self, name: str, weight: float, seen: float) -> None:
        """A weight, and the z that FTRL derives it from when it has `seen` that much."""
        self._model._weights[name] = float(weight)
        self._optimizer.n[name] = float(seen)
        self._optimizer.z[name] = float(-weight * ((BETA + seen**0.5) / self.rate + _L2))
