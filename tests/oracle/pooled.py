"""What rows ask of a regression and how far they pull it, worked out densely and slowly."""

from __future__ import annotations

from math import erfc, exp, pi, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def quadratic(
    x: Floats, own: NDArray[np.int64], y: NDArray[np.uint8], held: Floats, noise: float
) -> tuple[Floats, Floats, Floats]:
    """Curvature with all intercepts spelled out, pull, and squared slopes."""
    wide: Floats = np.zeros((len(x), held.shape[1]))
    wide[:, : x.shape[1]] = x
    for row, interest in enumerate(own.tolist()):
        if interest >= 0:
            wide[row, x.shape[1] + interest] = 1.0
    n = held.shape[1]
    curvature, slopes, squares = np.zeros((n, n)), np.zeros(n), np.zeros(n)
    for row, label in zip(wide, y.tolist(), strict=True):
        z = float(row @ held[0])
        if noise:
            spread = sqrt(noise + float(np.sum(row**2 / np.where(row != 0, held[1], 1.0))))
            sign = 1.0 if label else -1.0
            t = sign * z / spread
            v = exp(-t * t / 2) / sqrt(2 * pi) / (erfc(-t / sqrt(2)) / 2)
            slope, curve = -sign * v / spread, v * (v + t) / spread**2
        else:
            p = 1.0 / (1.0 + exp(-z))
            slope, curve = p - label, p * (1 - p)
        curvature += curve * np.outer(row, row)
        slopes = slopes + slope * row
        squares = squares + (slope * row) ** 2
    return curvature, curvature @ held[0] - slopes, squares


#: Precision of a weight that learned nothing, by part.
FIRST = {"probit habit": 1.0 / 0.1, "probit here": 1.0}


def doubted(behind: Floats, share: float, least: float) -> Floats:
    """What is left behind weights when such a share of the world has changed.

    All of it leaves a quarter of what was gained on the least.
    """
    found: Floats = least + (behind - least) * 0.25**share
    return found


def followed(held: Floats, curvature: Floats, pull: Floats, rate: float, squares: Floats) -> Floats:
    """Weights after a flow in many small explicit steps."""
    weights: Floats = held[0].copy()
    steps = 4_000
    for t in range(steps):
        share = (t + 0.5) / steps
        if rate:
            step = rate / (1.0 + np.sqrt(held[1] + share * squares))
        else:
            step = 1.0 / (held[1] + share * np.diag(curvature))
        weights = weights - step / steps * (curvature @ weights - pull)
    return weights
