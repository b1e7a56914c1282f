"""Learns the weights of bins by FTRL-proximal (McMahan et al., KDD 2013), row by row."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.jit import as_int, inlined, njit
from features.models.answer_kernel import Form, answer
from features.models.bins_kernel import BINS, bin_of, coarse, correction, is_pair, odds_of

# Steps of a bin of its own and of a pair's, and what holds the first of them back: doubling or
# halving any costs less than 0.2 %. Small panels (five people) want them smaller, large ones not.
RATE, PAIR_RATE, BETA, L2 = 0.02, 0.005, 3.0, 1e-3


@inlined
def weight_of(z: float, n: float, rate: float) -> Any:
    """Weight that FTRL derives from its two sums."""
    return -z / ((BETA + np.sqrt(n)) / rate + L2)


@njit
def weigh_rows(form: Form, x: Any, y: Any, interest: Any, weights: Any, trust: float) -> Any:
    """Measure how far a morning's answers were from the best share of the correction.

    Parameters
    ----------
    form : Form
        Of the model that is corrected, as it answered that morning.
    weights : ndarray of float64, shape (SIZE,)
        Of the whole correction, as it stood that morning.
    trust : float
        Share of it that was answered with.

    Returns
    -------
    tuple of float
        The log-loss's first derivative by the share, and its second, summed over the rows.
    """
    slope, curve = 0.0, 0.0
    for i in range(x.shape[0]):
        of = as_int(interest[i])
        odds = odds_of(answer(form, x[i], of))
        added = correction(weights, x[i], odds, of)
        p = 1.0 / (1.0 + np.exp(-odds - trust * added))
        slope += (p - y[i]) * added
        curve += p * (1.0 - p) * added * added
    return slope, curve


@njit
def learn_rows(form: Form, x: Any, y: Any, interest: Any, sums: Any, weights: Any) -> None:
    """Learn a day's rows in order.

    Parameters
    ----------
    form : Form
        Of the model that is corrected, as it answered that morning.
    sums : ndarray of float32, shape (2, SIZE)
        FTRL's z and n, updated.
    weights : ndarray of float64, shape (SIZE,)
        What follows from them, updated.
    """
    for i in range(x.shape[0]):
        of = as_int(interest[i])
        odds = odds_of(answer(form, x[i], of))
        packed = coarse(x[i], odds)
        total = odds
        for k in range(BINS):
            total += weights[bin_of(x[i], odds, packed, of, k)]
        slope = 1.0 / (1.0 + np.exp(-total)) - y[i]
        for k in range(BINS):
            rate = PAIR_RATE if is_pair(k) else RATE
            j = bin_of(x[i], odds, packed, of, k)
            before = np.float64(sums[1, j])
            after = before + slope * slope
            step = (np.sqrt(after) - np.sqrt(before)) / rate
            sums[0, j] = np.float32(sums[0, j] + slope - step * weights[j])
            sums[1, j] = np.float32(after)
            weights[j] = weight_of(np.float64(sums[0, j]), np.float64(sums[1, j]), rate)
