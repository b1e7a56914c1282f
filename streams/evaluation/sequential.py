"""Tells what contacts brought over none, with intervals that hold at every look.

Units are assigned by chance to be contacted or held out; what a unit's outcome says about the
difference is :math:`y z / p - y (1 - z) / (1 - p)` with its probability :math:`p` of contact, less
the same of a prediction that does not know the outcome, which takes noise out and no truth. The
interval of the running mean of :math:`t` such terms of variance :math:`s^2` is the asymptotic
confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2021, arXiv 2103.06476):

.. math:: \\pm s \\sqrt{\\frac{2 (t \\rho^2 + 1)}{t^2 \\rho^2}
          \\log \\frac{\\sqrt{t \\rho^2 + 1}}{\\alpha}}

It may be looked at every day and the look stopped at any: of all sequences of a null effect, at
most the share alpha ever excludes 0. `rho` is set for the least width after `tightest` terms.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: Terms after which the interval is to be at its narrowest, relative to what it could be.
TIGHTEST = 5_000
#: Terms before which the variance is not known well enough for any interval.
LEAST_TERMS = 100


class Look(NamedTuple):
    """Mean effect per unit after some terms, and the interval for all looks."""

    terms: int
    effect: float
    low: float
    high: float

    @property
    def decided(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0.0 or self.high < 0.0


def effects(contacted: NDArray[np.bool_], propensity: Floats, reward: Floats) -> Floats:
    """Turn each unit's outcome into what it says about the effect of a contact.

    Parameters
    ----------
    contacted : bool array (n,)
    propensity : float array (n,)
        Probability of contact, above 0 and below 1.
    reward : float array (n,)
        In the order in which they became known: the prediction taken off is the mean of the
        contacted and the held out before each.

    Raises
    ------
    ValueError
        If a propensity is 0 or 1: of such a unit nothing can be learned.
    """
    if not ((propensity > 0.0) & (propensity < 1.0)).all():
        raise ValueError("propensity: above 0 and below 1, or it says nothing about the effect")
    with_it = _mean_before(reward, contacted)
    without = _mean_before(reward, ~contacted)
    return np.asarray(
        with_it
        - without
        + np.where(
            contacted, (reward - with_it) / propensity, -(reward - without) / (1.0 - propensity)
        )
    )


def last_look(terms: Floats, alpha: float = 0.05, tightest: int = TIGHTEST) -> Look:
    """Interval after all terms, valid beside those of every other number of them."""
    return looks(terms, [len(terms)], alpha, tightest)[0]


def looks(
    terms: Floats, after: list[int], alpha: float = 0.05, tightest: int = TIGHTEST
) -> list[Look]:
    """Intervals after the first so many terms."""
    sums, squares = np.cumsum(terms), np.cumsum(terms * terms)
    found = []
    for t in after:
        if t < LEAST_TERMS:
            mean = float(sums[t - 1] / t) if t else 0.0
            found.append(Look(t, mean, -np.inf, np.inf))
            continue
        mean = float(sums[t - 1] / t)
        spread = np.sqrt(max(float(squares[t - 1] / t) - mean * mean, 0.0))
        reach = float(spread) * width(t, alpha, tightest)
        found.append(Look(t, mean, mean - reach, mean + reach))
    return found


def width(t: int, alpha: float, tightest: int) -> float:
    """Half width of the interval after `t` terms of variance 1."""
    rho2 = (-2.0 * np.log(alpha) + np.log(-2.0 * np.log(alpha) + 1.0)) / tightest
    grown = t * rho2 + 1.0
    return float(np.sqrt(2.0 * grown / (t * t * rho2) * np.log(np.sqrt(grown) / alpha)))


def _mean_before(values: Floats, which: NDArray[np.bool_]) -> Floats:
    """Mean of the chosen values before each place, 0 where there is none."""
    chosen = np.where(which, values, 0.0)
    count = np.cumsum(which, dtype=np.float64) - which
    return np.asarray((np.cumsum(chosen) - chosen) / np.maximum(count, 1.0))
