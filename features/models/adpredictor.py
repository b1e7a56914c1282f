"""Learns AdPredictor: probit regression with Gaussian weights, updated in closed form.

Graepel, Quiñonero Candela, Borchert and Herbrich, "Web-scale Bayesian click-through rate
prediction for sponsored search advertising in Microsoft's Bing search engine", ICML 2010: its
updates, for real-valued signals where the paper's are 0 or 1, and its forgetting, by the day.

A weight learns as fast as it is unsure, and forgetting keeps it a little unsure for ever.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import river
from numpy.typing import NDArray
from river import base as river_base
from river.base.typing import ClfTarget

from features.models import base
from features.models.answer_kernel import Form
from features.models.signals import HABIT, LINEAR, PRESENCE, DayRows
from features.state import snapshots

NOISE = 1.0  # variance of the probit's own noise, beta squared
_HABIT_VARIANCE = 0.1  # of a weight before the first row: signals are of order one
_PRESENCE_VARIANCE = 1.0  # a subject gives one row a day to presence, and a hundred to habit
# Shares of the way back to that variance which a day takes. Half of both costs 0.6 %, twice as
# much 0.1 %, not forgetting at all 1.6 % of log-loss on web and app keys.
HABIT_FORGETS, PRESENCE_FORGETS = 0.01, 0.03
DOUBT = 0.75  # share that a drift takes, of the variance alone
_PER_LOGIT = 1.0 / 1.6  # weights of a probit for those of a logistic regression, nearly
_HABITS = len(HABIT)

Signals = dict[Hashable, Any]


class GaussianProbit(river_base.Classifier):
    """A River classifier: the answer is Phi(mean / sqrt(noise + variance)).

    Parameters
    ----------
    variance : float
        Of every weight before it has learned.
    start : mapping of str to float, optional
        Means of weights before they have learned; the rest start at 0.
    """

    def __init__(self, variance: float, start: Mapping[str, float] | None = None) -> None:
        self.variance = variance
        self.start: dict[Hashable, float] = {n: m for n, m in (start or {}).items()}
        self.weights: dict[Hashable, tuple[float, float]] = {}  # mean and variance

    def learn_one(self, x: Signals, y: ClfTarget) -> None:
        """Move each weight towards the label, the less certain ones further."""
        mean, total = self._sums(x)
        root, sign = math.sqrt(total), 1.0 if y else -1.0
        slope, curve = _corrections(sign * mean / root)
        step, shrink = sign * slope / root, curve / total
        for name, value in x.items():
            if value:
                m, v = self.weight(name)
                self.weights[name] = m + step * value * v, v * (1.0 - shrink * value * value * v)

    def predict_proba_one(self, x: Signals, **kwargs: Any) -> dict[ClfTarget, float]:
        """Probability of both labels."""
        mean, total = self._sums(x)
        p = _phi(mean / math.sqrt(total))
        return {False: 1.0 - p, True: p}

    def forget(self, share: float) -> None:
        """Take every weight that share of the way back to what it was before it learned."""
        for name, (m, v) in self.weights.items():
            wider = self._wider(v, share)
            back = share * self.start.get(name, 0.0) / self.variance
            self.weights[name] = wider * (m * (1.0 - share) / v + back), wider

    def doubt(self, share: float) -> None:
        """Raise the variance of the weights, keep their means."""
        for name, (m, v) in self.weights.items():
            self.weights[name] = m, self._wider(v, share)

    def blend(self, sibling: Mapping[Hashable, tuple[float, float]]) -> None:
        """Average with a sibling, each weight by the precision it has gained.

        Precisions are averaged too, not added: siblings may have seen the same people.
        """
        start = 1.0 / self.variance
        for name, (m, v) in sibling.items():
            own_m, own_v = self.weight(name)
            own, other = 1.0 / own_v - start, 1.0 / v - start
            if own + other > 0.0:
                part = other / (own + other)
                self.weights[name] = (
                    own_m + part * (m - own_m),
                    1.0 / (start + (1.0 - part) * own + part * other),
                )

    def held(self, names: Sequence[str]) -> NDArray[np.float64]:
        """Mean and precision of weights, shape (2, len(names))."""
        both = np.array([self.weight(name) for name in names]).T
        return np.stack([both[0], 1.0 / both[1]])

    def hold(self, names: Sequence[str], held: NDArray[np.float64]) -> None:
        """Go on from what `held` gave."""
        self.weights |= {n: (m, 1.0 / p) for n, (m, p) in zip(names, held.T.tolist(), strict=True)}

    def forgotten(
        self, names: Sequence[str], held: NDArray[np.float64], share: float
    ) -> NDArray[np.float64]:
        """Take what `held` gave a share of the way back to what it was before it learned."""
        start = np.array([self.start.get(name, 0.0) for name in names])
        first = share / self.variance
        precision = (1.0 - share) * held[1] + first
        return np.stack(
            [((1.0 - share) * held[1] * held[0] + first * start) / precision, precision]
        )

    def weight(self, name: Hashable) -> tuple[float, float]:
        """Mean and variance of a weight."""
        held = self.weights.get(name)
        return (self.start.get(name, 0.0), self.variance) if held is None else held

    def _sums(self, x: Signals) -> tuple[float, float]:
        mean, total = 0.0, NOISE
        for name, value in x.items():
            m, v = self.weight(name)
            mean += m * value
            total += v * value * value
        return mean, total

    def _wider(self, variance: float, share: float) -> float:
        return variance * self.variance / ((1.0 - share) * self.variance + share * variance)


class AdPredictor:
    """A hurdle as `features.models.linear.Hurdle`, each of its two questions a probit.

    Parameters
    ----------
    prior : mapping of str to float, optional
        Weights of a logistic hurdle to start from, and to forget towards.
    """

    id = "adpredictor"

    def __init__(self, prior: Mapping[str, float] | None = None) -> None:
        start = {name: weight * _PER_LOGIT for name, weight in (prior or {}).items()}
        self._parts = {
            "habit": GaussianProbit(_HABIT_VARIANCE, start),
            "here": GaussianProbit(_PRESENCE_VARIANCE, start),
        }
        self.learned = 0
        self.version = 0
        self.primed = prior is not None

    def score(self, rows: DayRows) -> NDArray[np.float64]:
        """See `features.models.base.Model`."""
        return base.score_form(self.form(), rows)

    def learn(self, rows: DayRows) -> None:
        """See `features.models.base.Model`."""
        base.check(rows)
        if not len(rows):
            return
        habit, presence = self._parts["habit"], self._parts["here"]
        first = rows.firsts()
        for row, was_active in zip(
            rows.x[first].tolist(), rows.active_today[first].tolist(), strict=True
        ):
            presence.learn_one(_named(PRESENCE, row[_HABITS:LINEAR]), bool(was_active))
        there = rows.active_today == 1
        for row, label in zip(rows.x[there].tolist(), rows.y[there].tolist(), strict=True):
            habit.learn_one(_named(HABIT, row[:_HABITS]), bool(label))
        habit.forget(HABIT_FORGETS)
        presence.forget(PRESENCE_FORGETS)
        self.learned += len(rows)
        self.version += 1

    def form(self) -> Form:
        """See `features.models.base.Model`."""
        held = {
            name: self._parts[part].weight(name) for part, names in self._known() for name in names
        }
        return base.single(
            base.vector({name: m for name, (m, _) in held.items()}),
            product=True,
            variances=base.vector({name: v for name, (_, v) in held.items()}),
        )

    def relearn(self) -> None:
        """See `features.models.base.Model`."""
        for part in self._parts.values():
            part.doubt(DOUBT)

    def snapshot(self) -> bytes:
        """See `features.models.base.Model`."""
        manifest = {
            "model": self.id,
            "river": river.__version__,
            "learned": self.learned,
            "version": self.version,
            **{name: list(part.weights) for name, part in self._parts.items()},
        }
        return snapshots.pack(
            manifest,
            {
                name: np.array(list(part.weights.values()), np.float64).reshape(-1, 2)
                for name, part in self._parts.items()
            },
        )

    def restore(self, data: bytes) -> None:
        """See `features.models.base.Model`."""
        manifest, arrays = base.unpack(data, self.id)
        self.learned, self.version = manifest["learned"], manifest["version"]
        for part, known in self._known():
            held = zip(manifest[part], arrays[part].tolist(), strict=True)
            self._parts[part].weights = {name: (m, v) for name, (m, v) in held if name in known}

    def merge(self, other: bytes) -> None:
        """See `features.models.base.Model`; each weight by the precision it has gained."""
        manifest, arrays = base.unpack(other, self.id)
        self.learned += manifest["learned"]
        self.version = max(self.version, manifest["version"])
        for part, known in self._known():
            held = zip(manifest[part], arrays[part].tolist(), strict=True)
            self._parts[part].blend({name: (m, v) for name, (m, v) in held if name in known})

    def part(self, name: str) -> GaussianProbit:
        """One of its two probits."""
        return self._parts[name]

    def _known(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return ("habit", HABIT), ("here", PRESENCE)


def _named(names: Sequence[str], values: Sequence[float]) -> Signals:
    return dict(zip(names, values, strict=True))


def _phi(t: float) -> float:
    return 0.5 * math.erfc(-t / math.sqrt(2.0))


def _corrections(t: float) -> tuple[float, float]:
    """Mean and variance correction of a Gaussian cut off at ``-t``: v and w of the paper."""
    if t < -30.0:  # Phi is about to underflow; the first terms of its expansion
        return -t - 1.0 / t, 1.0
    v = math.exp(-0.5 * t * t) / (math.sqrt(2.0 * math.pi) * _phi(t))
    return v, min(1.0, max(0.0, v * (v + t)))
