"""Measures predictions over closed days: decayed log-loss and calibration."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BINS = 16
DECAY = 2.0 ** (-1.0 / 28.0)  # half-life of a closed day, in days
_LEAST = 1e-6


def losses(p: NDArray[np.float64], y: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Log-loss of each answer, clipped at 1e-6.

    Examples
    --------
    >>> losses(np.array([0.5, 0.99, 0.0]), np.array([1, 1, 1], np.uint8)).round(2).tolist()
    [0.69, 0.01, 13.82]
    """
    p = np.clip(p, _LEAST, 1.0 - _LEAST)
    found: NDArray[np.float64] = -np.where(y == 1, np.log(p), np.log1p(-p))
    return found


def band_of(p: NDArray[np.float64]) -> NDArray[np.intp]:
    """Bin of each answer by its log2, half a unit wide; the last has all that is small."""
    return np.clip(-np.log2(np.clip(p, _LEAST, 1.0)) * 2.0, 0, BINS - 1).astype(np.intp)


def binned_error(sums: NDArray[np.float64]) -> float:
    """Expected calibration error over bins, as of `Tally.sums`; NaN before the first row."""
    rows = float(sums[0].sum())
    return float(np.abs(sums[1] - sums[2]).sum() / rows) if rows else float("nan")


class Tally:
    """Log-loss and calibration of one model.

    Attributes
    ----------
    sums : ndarray of float64, shape (3, 16)
        Rows, probability and labels by bin of log2 probability; forgets by the day.
    loss, weight : float
    """

    def __init__(self) -> None:
        self.sums = np.zeros((3, BINS))
        self.loss = 0.0
        self.weight = 0.0

    def add(self, p: NDArray[np.float64], y: NDArray[np.uint8]) -> None:
        """Add the predictions of a day, made before it was learned."""
        bins = band_of(p)
        self.sums *= DECAY
        self.sums[0] += np.bincount(bins, minlength=BINS)
        self.sums[1] += np.bincount(bins, p, BINS)
        self.sums[2] += np.bincount(bins, y, BINS)
        self.loss = self.loss * DECAY + float(losses(p, y).sum())
        self.weight = self.weight * DECAY + len(p)

    @property
    def log_loss(self) -> float:
        """Mean log-loss, NaN before the first row."""
        return self.loss / self.weight if self.weight else float("nan")

    @property
    def calibration_error(self) -> float:
        """Expected calibration error over the bins, NaN before the first row."""
        return binned_error(self.sums)
