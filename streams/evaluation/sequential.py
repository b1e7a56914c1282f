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

The spread is estimated, and where few are held out and good answers are rare, none of them may have
come yet from the few: then it is far too small. So it counts `_UNSEEN` surprises more in each group
than there were (of one look, Agresti and Coull 1998 do as much for a share). Without them, of
sequences with one in twenty held out, half are decided wrongly.
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
#: Surprises, as great as the greatest so far, that each group's spread counts beside its own. With
#: one of them up to 7 % of null sequences were decided, with two 4 %.
_UNSEEN = 2.0


class UnitTerms(NamedTuple):
    """Hold what each unit says, in the order in which it became known.

    Attributes
    ----------
    value : float array (n,)
    surprise : float array (n,)
        Sum over the groups of the square of what one more surprise would have added to a value.
    """

    value: Floats
    surprise: Floats

    def first(self, count: int) -> UnitTerms:
        """Take the first so many."""
        return UnitTerms(self.value[:count], self.surprise[:count])


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


def effects(
    contacted: NDArray[np.bool_], propensity: Floats, reward: Floats, most: float = 0.0
) -> UnitTerms:
    """Turn each unit's outcome into what it says about the effect of a contact.

    Parameters
    ----------
    contacted : bool array (n,)
    propensity : float array (n,)
        Probability of contact, above 0 and below 1.
    reward : float array (n,)
        In the order in which they became known: the prediction taken off is the mean of the
        contacted and the held out before each.
    most : float
        How far a reward may be from what is expected, where that is known: 1 of yes and no.

    Raises
    ------
    ValueError
        If a propensity is 0 or 1: of such a unit nothing can be learned.
    """
    if not ((propensity > 0.0) & (propensity < 1.0)).all():
        raise ValueError("propensity: above 0 and below 1, or it says nothing about the effect")
    with_it = _mean_before(reward, contacted)
    without = _mean_before(reward, ~contacted)
    rest = reward - np.where(contacted, with_it, without)
    chance = np.where(contacted, propensity, propensity - 1.0)
    greatest = np.maximum(np.maximum.accumulate(np.abs(rest)), most)
    greatest[greatest == 0.0] = np.inf  # of rewards that were all alike nobody knows the scale
    weight = propensity**-2.0 + (1.0 - propensity) ** -2.0
    return UnitTerms(with_it - without + rest / chance, greatest**2 * _mean_so_far(weight))


def shares(which: NDArray[np.bool_]) -> UnitTerms:
    """Turn what happened to each unit, or did not, into terms whose mean is its share."""
    return UnitTerms(which.astype(np.float64), np.ones(len(which)))


def last_look(terms: UnitTerms, alpha: float = 0.05, tightest: int = TIGHTEST) -> Look:
    """Interval after all terms, valid beside those of every other number of them."""
    return looks(terms, [len(terms.value)], alpha, tightest)[0]


def looks(
    terms: UnitTerms, after: list[int], alpha: float = 0.05, tightest: int = TIGHTEST
) -> list[Look]:
    """Intervals after the first so many terms."""
    sums, squares = np.cumsum(terms.value), np.cumsum(terms.value**2)
    found = []
    for t in after:
        if t < LEAST_TERMS:
            mean = float(sums[t - 1] / t) if t else 0.0
            found.append(Look(t, mean, -np.inf, np.inf))
            continue
        mean = float(sums[t - 1] / t)
        square = float(squares[t - 1] + _UNSEEN * terms.surprise[t - 1]) / t
        reach = max(square - mean * mean, 0.0) ** 0.5 * width(t, alpha, tightest)
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


def _mean_so_far(values: Floats) -> Floats:
    return np.asarray(np.cumsum(values) / np.arange(1.0, len(values) + 1.0))
