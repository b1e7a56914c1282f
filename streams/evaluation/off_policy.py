"""Estimates what a policy would have earned from the decisions that another one logged.

With reward :math:`r`, weight :math:`w` (probability of the logged action under the judged policy
over the one with which it was chosen), a model's expected reward :math:`q` of the logged action
and :math:`v` of the judged policy, the value is the mean of

=====  ===============================================================================
ips    w r                                              (Horvitz and Thompson, 1952)
snips  w r, divided by the mean of w                    (Swaminathan and Joachims, 2015)
dm     v                                                (the model alone)
dr     v + w (r - q)                                    (Dudik, Langford and Li, 2011)
dros   v + l w / (w^2 + l) (r - q)                      (Su and others, 2020)
=====  ===============================================================================

The model's answers come from a fit that has not seen the record's unit, so that `dr` keeps its
guarantee whatever the model is like. Intervals are of sums by unit (a person is one draw); `dm`
and `dros` have none, for the error of a model is not in the spread of its answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

ESTIMATORS: Final = ("ips", "snips", "dm", "dr", "dros")
#: Candidates for the shrinkage of `dros`; infinite is `dr`, 0 is `dm`.
_SHRINKAGES: Final = (0.1, 1.0, 10.0, 100.0, 1_000.0, 10_000.0, np.inf)
_FOLDS: Final = 5


class NoSupport(ValueError):
    """The judged policy does what the logging one never did, or a probability is none."""


@dataclass(frozen=True)
class Decisions:
    """Logged decisions, n of them among k actions.

    Attributes
    ----------
    unit : int array (n,)
        Whom it was about; decisions about one unit may depend on each other.
    context : int array (n,)
        What the reward model tells apart beside the action.
    action : int array (n,)
        From 0 to k - 1.
    propensity : float array (n,)
        Probability with which the action was chosen, above 0.
    reward : float array (n,)
    target : float array (n, k)
        Probability of every action under the judged policy.
    """

    unit: Whole
    context: Whole
    action: Whole
    propensity: Floats
    reward: Floats
    target: Floats

    def __post_init__(self) -> None:
        if not len(self.unit):
            raise NoSupport("no decision at all")
        if not ((self.propensity > 0.0) & (self.propensity <= 1.0)).all():
            raise NoSupport("propensity: above 0, at most 1")
        if (self.target < 0.0).any() or (np.abs(self.target.sum(axis=1) - 1.0) > 1e-6).any():
            raise NoSupport("target: probabilities of all actions, their sum 1")

    @property
    def weight(self) -> Floats:
        """Probability under the judged policy over the propensity."""
        return self.target[np.arange(len(self.action)), self.action] / self.propensity


@dataclass(frozen=True)
class Value:
    """Mean reward of a decision, and its interval where there is one that holds."""

    estimate: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.estimate:9.5f}  rests on a model: no interval"
        return f"{self.estimate:9.5f}  {self.low:9.5f} .. {self.high:9.5f}"


def estimate(log: Decisions, level: float = 0.95) -> dict[str, Value]:
    """Estimate the value of the judged policy by every estimator.

    Parameters
    ----------
    level : float
        Of the intervals, which hold for one look; for repeated ones see `sequential`.
    """
    w, r = log.weight, log.reward
    answers = expected_rewards(log)
    v = (log.target * answers).sum(axis=1)
    rest = r - answers[np.arange(len(r)), log.action]
    snips = float((w * r).sum() / w.sum()) if w.any() else 0.0
    dros = v + shrunk(w, best_shrinkage(v, w, rest)) * rest
    # Of a ratio, the error is that of the difference.
    of_ratio = snips + w * (r - snips) / max(float(w.mean()), 1e-12)
    return {
        "ips": _value(w * r, log.unit, level),
        "snips": _value(of_ratio, log.unit, level),
        "dm": Value(float(v.mean())),
        "dr": _value(v + w * rest, log.unit, level),
        "dros": Value(float(dros.mean())),
    }


def support(log: Decisions) -> float:
    """Share of the judged policy's probability on actions that were ever logged in a context."""
    seen = np.zeros((int(log.context.max()) + 1, log.target.shape[1]), bool)
    seen[log.context, log.action] = True
    return float((log.target * seen[log.context]).sum() / len(log.unit))


def effective_size(log: Decisions) -> float:
    """Effective number of decisions, of Kish: (sum of w)^2 / sum of w^2."""
    w = log.weight
    return float(w.sum() ** 2 / (w @ w)) if w.any() else 0.0


def shrunk(w: Floats, shrinkage: float) -> Floats:
    """Weights that great ones shrink to 0 in: l w / (w^2 + l)."""
    return w if np.isinf(shrinkage) else shrinkage * w / (w * w + shrinkage)


def best_shrinkage(v: Floats, w: Floats, rest: Floats) -> float:
    """Shrinkage of the least estimated squared error: variance, and bias against `dr`."""
    n = len(v)

    def error(shrinkage: float) -> float:
        terms = v + shrunk(w, shrinkage) * rest
        missing = (shrunk(w, shrinkage) - w) * rest
        # A bias that its own noise explains is none.
        bias = max(float(missing.mean() ** 2 - missing.var() / n), 0.0)
        return bias + float(terms.var()) / n

    return min(_SHRINKAGES, key=error)


def expected_rewards(log: Decisions) -> Floats:
    """Expected reward of every action, (n, k), from units outside the record's own fold.

    An action's mean is shrunk to the mean of all, and an action's in a context to the action's,
    each by as many records as their spread asks for (empirical Bayes by moments).
    """
    # Folds by unit: those of one person stand or fall together.
    _, number = np.unique(log.unit, return_inverse=True)
    fold = number % _FOLDS
    found = np.empty(log.target.shape)
    for k in range(_FOLDS):
        own = fold == k
        if own.any():
            learned = ~own if (~own).any() else own
            found[own] = _means(log, learned)[log.context[own]]
    return found


def _means(log: Decisions, learned: NDArray[np.bool_]) -> Floats:
    """Mean reward by context and action, shrunk."""
    r, action = log.reward[learned], log.action[learned]
    contexts, actions = int(log.context.max()) + 1, log.target.shape[1]
    overall = float(r.mean())
    noise = max(float(r.var()), 1e-12)
    by_action = _shrunk_means(action, r, np.full(actions, overall), noise)
    cell = log.context[learned] * actions + action
    start = np.broadcast_to(by_action, (contexts, actions)).ravel()
    return _shrunk_means(cell, r, start, noise).reshape(contexts, actions)


def _shrunk_means(group: Whole, r: Floats, start: Floats, noise: float) -> Floats:
    count = np.bincount(group, minlength=len(start)).astype(np.float64)
    total = np.bincount(group, r, len(start))
    seen = count > 0
    distance = total[seen] / count[seen] - start[seen]
    between = float((count[seen] * distance**2 - noise).sum() / count[seen].sum())
    strength = noise / between if between > 0.0 else np.inf
    if np.isinf(strength):
        return start.copy()
    return np.asarray((total + strength * start) / (count + strength))


def _value(terms: Floats, unit: Whole, level: float) -> Value:
    """Mean, and Student's interval of it with the units as draws."""
    _, number = np.unique(unit, return_inverse=True)
    from scipy import stats  # half a second, which a list of commands does without

    units = int(number.max()) + 1
    mean = float(terms.mean())
    if units < 2:
        return Value(mean, -np.inf, np.inf)
    sums = np.bincount(number, terms - mean, units)
    error = float(np.sqrt((sums @ sums) * units / (units - 1.0)) / len(terms))
    reach = float(stats.t.ppf(0.5 + level / 2.0, units - 1)) * error
    return Value(mean, mean - reach, mean + reach)
