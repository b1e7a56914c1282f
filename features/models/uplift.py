"""Learns what a contact changes: the chance of an interest fulfilled with it, less without.

A person who would have come anyway answers best of all, and brings nothing; so what is learned is
the difference. Three linear models share the signals :math:`x`: of the outcome without a contact
(:math:`m_0`), with one (:math:`m_1`), and of the doubly robust difference of Kennedy (2023,
arXiv 2004.14497), with :math:`e` the probability with which the contact was chosen and :math:`a`
whether it was made:

.. math:: \\phi = m_1(x) - m_0(x) + \\frac{a - e}{e (1 - e)} (y - m_a(x))

A household that is asked again is no new draw, so in the spread of the difference its decisions
count by the square of their number. A fourth model tells how likely a contact annoys. Each keeps
sufficient statistics only, so that a day's decisions are learned as a whole, two partitions'
statistics add up to one model, and the spread of an answer follows from them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: Weight of the prior, in decisions: each coefficient 0.
RIDGE = 50.0
#: A propensity counts as at least so much: one rare contact must not outweigh a day.
LEAST_PROPENSITY = 0.01


@dataclass
class Ridge:
    """Ridge regression kept as sums.

    Attributes
    ----------
    a : float array (d, d)
        Sum of outer products of signals, and the prior.
    b : float array (d,)
        Sum of signals times targets.
    squares, count : float
        Sum of squared targets, more where those of a household agree, and how many.
    """

    a: Floats
    b: Floats
    squares: float = 0.0
    count: float = 0.0

    @classmethod
    def cold(cls, signals: int) -> Ridge:
        """Start with the prior alone."""
        return cls(np.eye(signals) * RIDGE, np.zeros(signals))

    def learn(self, x: Floats, y: Floats, weight: Floats, cluster: Floats | None = None) -> None:
        """Add a day: signals (n, d), targets, weights and, as in `Uplift`, clusters (n,)."""
        weighted = x * weight[:, None]
        self.a += weighted.T @ x
        self.b += weighted.T @ y
        self.squares += float(weight @ (y * y * (1.0 if cluster is None else cluster)))
        self.count += float(weight.sum())

    @property
    def coefficients(self) -> Floats:
        """Coefficients, (d,)."""
        return np.asarray(np.linalg.solve(self.a, self.b))

    def answer(self, x: Floats) -> Floats:
        """Expected targets, (n,)."""
        return np.asarray(x @ self.coefficients)

    @property
    def noise(self) -> float:
        """Variance of a target beside what is expected of it; 1 before the first."""
        left = self.squares - float(self.b @ self.coefficients)
        return max(left / max(self.count, 1.0), 0.0) if self.count else 1.0

    @property
    def covariance(self) -> Floats:
        """Covariance of the coefficients, (d, d)."""
        return np.asarray(self.noise * np.linalg.inv(self.a))

    def spread(self, x: Floats) -> Floats:
        """Standard errors of the expected targets, (n,)."""
        own = np.einsum("ij,ji->i", x, np.linalg.solve(self.a, x.T))
        return np.asarray(np.sqrt(self.noise * own))


@dataclass
class Uplift:
    """Models of the change by a contact, and of annoyance.

    Attributes
    ----------
    without, with_it, difference, annoyance : Ridge
    """

    without: Ridge
    with_it: Ridge
    difference: Ridge
    annoyance: Ridge

    @classmethod
    def cold(cls, signals: int) -> Uplift:
        """Start knowing nothing of `signals` signals."""
        return cls(*(Ridge.cold(signals) for _ in range(4)))

    def learn(
        self,
        x: Floats,
        contacted: NDArray[np.bool_],
        propensity: Floats,
        y: Floats,
        annoyed: Floats,
        cluster: Floats | None = None,
    ) -> None:
        """Learn a day's decisions, whose outcomes are known by now.

        Parameters
        ----------
        x : float array (n, d)
            Signals when it was decided.
        contacted : bool array (n,)
        propensity : float array (n,)
            Probability of contact.
        y, annoyed : float array (n,)
            Interest fulfilled; dismissed, complained of or unsubscribed.
        cluster : float array (n,), optional
            What each adds to the square of how many its household has. Who is held out is drawn
            for all of them at once, and they are much alike: the sum of m that agree varies by m
            squared, not m, so the mth counts 2 m - 1 times in the spread. Unless given, each was
            drawn by itself.
        """
        # Of models that have not seen the day: the difference stays free of its noise.
        with_it, without = self.with_it.answer(x), self.without.answer(x)
        e = np.clip(propensity, LEAST_PROPENSITY, 1.0 - LEAST_PROPENSITY)
        rest = y - np.where(contacted, with_it, without)
        told = with_it - without + (contacted - e) / (e * (1.0 - e)) * rest
        # Of the overlap alone much is known: contacts and their absence both.
        self.difference.learn(x, told, 4.0 * e * (1.0 - e), cluster)
        ones = np.ones(len(x))
        self.with_it.learn(x[contacted], y[contacted], ones[contacted])
        self.annoyance.learn(x[contacted], annoyed[contacted], ones[contacted])
        self.without.learn(x[~contacted], y[~contacted], ones[~contacted])

    def worth(self, x: Floats, price: float, caution: float = 0.0) -> Floats:
        """Expected gain of a contact, (n,): uplift less the price of annoyance.

        Parameters
        ----------
        price : float
            What an annoyed customer costs, in interests fulfilled.
        caution : float
            Standard errors that are taken off: 0 for the best guess, 1.28 for a bound that holds
            nine times in ten.
        """
        bound = self.difference.answer(x)
        if caution:
            bound = bound - caution * self.difference.spread(x)
        return np.asarray(bound - price * np.clip(self.annoyance.answer(x), 0.0, 1.0))
