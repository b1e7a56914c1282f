"""Sums up what rows ask of a regression, and moves its weights as learning those rows would.

A day's log-likelihood, near the weights of that morning, is a quadratic: curvature H and pull h,
of which ``h - H w`` is the slope at w. Quadratics of days and of partitions add up, wherever each
was taken. Curvature is kept as an arrow: all pairs of signals, each interest's own intercept with
every signal, and no pairs of intercepts, for no row has two.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from features.jit import as_int, inlined, njit

_STEPS: Final = 16  # of a flow: with 64 nothing changes in the fourth digit of log-loss


@njit
def sum_up(x: Any, own: Any, y: Any, held: Any, noise: float, pairs: Any, sums: Any) -> None:
    """Add the rows of a day.

    Parameters
    ----------
    x : ndarray of float64, shape (n, signals)
    own : ndarray of int64, shape (n,)
        Interest whose intercept a row has, -1 for none.
    held : ndarray of float64, shape (2, signals + interests)
        Weights of the morning, and FTRL's n or a Gaussian weight's precision.
    noise : float
        Variance of a probit's own noise, 0 for a logistic regression.
    pairs : ndarray of float64, shape (signals, signals + interests)
        Curvature of a signal with signals and with intercepts, updated.
    sums : ndarray of float64, shape (3, signals + interests)
        Own curvature, pull, and squared slopes of the rows, updated.
    """
    d = x.shape[1]
    for r in range(x.shape[0]):
        z, total = 0.0, noise
        for a in range(d):
            z += held[0, a] * x[r, a]
            if noise:
                total += x[r, a] * x[r, a] / held[1, a]
        i = d + as_int(own[r]) if own[r] >= 0 else -1
        if i >= 0:
            z += held[0, i]
        slope, curve = _slope(z, total, as_int(y[r])) if noise else _logistic(z, as_int(y[r]))
        for a in range(d):
            value = x[r, a]
            for b in range(d):
                pairs[a, b] += curve * value * x[r, b]
            sums[0, a] += curve * value * value
            sums[1, a] += (curve * z - slope) * value
            sums[2, a] += slope * slope * value * value
            if i >= 0:
                pairs[a, i] += curve * value
        if i >= 0:
            sums[0, i] += curve
            sums[1, i] += curve * z - slope
            sums[2, i] += slope * slope


@njit
def flow(held: Any, pairs: Any, sums: Any, rate: float, beta: float) -> None:
    """Move weights towards where a sum of days pulls them, as far as learning those would.

    A row's step is small and its successor's begins where it ended, so a day is a flow down the
    quadratic. It is followed in some steps, each weight in turn and implicitly: stable for any
    curvature.

    Parameters
    ----------
    held : ndarray of float64, shape (2, n)
        See `sum_up`; updated.
    rate : float
        FTRL's alpha, 0 for Gaussian weights, whose step is their variance.
    """
    d = pairs.shape[0]
    for t in range(_STEPS):
        share = (t + 0.5) / _STEPS
        for j in range(held.shape[1]):
            curve = sums[0, j]
            if curve <= 0.0:
                continue
            if rate:
                step = rate / (beta + math.sqrt(held[1, j] + share * sums[2, j])) / _STEPS
            else:
                step = 1.0 / (held[1, j] + share * curve) / _STEPS
            slope = -sums[1, j]
            if j < d:
                for b in range(held.shape[1]):
                    slope += pairs[j, b] * held[0, b]
            else:
                slope += curve * held[0, j]
                for a in range(d):
                    slope += pairs[a, j] * held[0, a]
            held[0, j] -= step * slope / (1.0 + step * curve)
    for j in range(held.shape[1]):
        held[1, j] += sums[2, j] if rate else sums[0, j]


@inlined
def _logistic(z: float, label: int) -> Any:
    p = 1.0 / (1.0 + np.exp(-z))
    return p - label, p * (1.0 - p)


@inlined
def _slope(z: float, total: float, label: int) -> Any:
    """Slope and curvature of a probit's loss: v and w of the paper of AdPredictor."""
    root, sign = math.sqrt(total), 1.0 if label else -1.0
    t = sign * z / root
    if t < -30.0:
        v, w = -t - 1.0 / t, 1.0
    else:
        v = math.exp(-0.5 * t * t) / (
            math.sqrt(2.0 * math.pi) * 0.5 * math.erfc(-t / math.sqrt(2.0))
        )
        w = min(1.0, max(0.0, v * (v + t)))
    return -sign * v / root, w / total
