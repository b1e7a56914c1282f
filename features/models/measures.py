"""Measures predictions over closed days: decayed log-loss and calibration."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BINS = 16
_DECAY = 2.0 ** (-1.0 / 28.0)  # half-life of a closed day, in days
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


class Tally:
    """Log-loss and calibration of one model.

    Attributes
    ----------
    sums : ndarray of float64, shape (3, 16)
        Rows, probability and labels by bin of log2 probability; forgets by the day.
    loss, weight : float
    """

    def __init__(self) -> None:
        self.sums = np.zeros((3, _BINS))
        self.loss = 0.0
        self.weight = 0.0

    def add(self, p: NDArray[np.float64], y: NDArray[np.uint8]) -> None:
        """Add the predictions of a day, made before it was learned."""
        bins = np.clip(-np.log2(np.clip(p, _LEAST, 1.0)) * 2.0, 0, _BINS - 1).astype(np.intp)
        self.sums *= _DECAY
        self.sums[0] += np.bincount(bins, minlength=_BINS)
        self.sums[1] += np.bincount(bins, p, _BINS)
        self.sums[2] += np.bincount(bins, y, _BINS)
        self.loss = self.loss * _DECAY + float(losses(p, y).sum())
        self.weight = self.weight * _DECAY + len(p)

    @property
    def log_loss(self) -> float:
        """Mean log-loss, NaN before the first row."""
        return self.loss / self.weight if self.weight else float("nan")

    @property
    def calibration_error(self) -> float:
        """Expected calibration error over the bins, NaN before the first row."""
        if not self.weight:
            return float("nan")
        return float(np.abs(self.sums[1] - self.sums[2]).sum() / self.sums[0].sum())
