"""Compares a challenger's log-loss with the champion's, paired by row and judged by day."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

#: Days a challenger must have been compared with the champion, and the most that count.
LEAST_DAYS, MOST_DAYS = 14, 56
#: Mean log-loss it must win, as a share of the champion's, beyond two standard errors.
MARGIN, STANDARD_ERRORS = 0.01, 2.0
#: Calibration error it may have above the champion's.
CALIBRATION_SLACK = 0.002
#: A new champion is on probation: its predecessor comes back with less.
PROBATION_DAYS, BACK_DAYS, BACK_STANDARD_ERRORS = 28, 7, 1.0


class Comparison:
    """Days of a challenger against the champion.

    Attributes
    ----------
    days : list of (float, float, float)
        Rows, champion's log-loss, challenger's log-loss, summed, per closed day.
    """

    def __init__(self) -> None:
        self.days: list[tuple[float, float, float]] = []

    def add(self, champion: NDArray[np.float64], challenger: NDArray[np.float64]) -> None:
        """Add a day's log-losses, row by row in the same order."""
        if len(champion):
            self.days.append((float(len(champion)), float(champion.sum()), float(challenger.sum())))
            del self.days[:-MOST_DAYS]

    def gain(self) -> tuple[float, float]:
        """Mean log-loss won per row, and its standard error with the day as the unit."""
        if not self.days:
            return 0.0, math.inf
        n = sum(rows for rows, _, _ in self.days)
        mean = sum(old - new for _, old, new in self.days) / n
        spread = sum((old - new - mean * rows) ** 2 for rows, old, new in self.days)
        return mean, math.sqrt(spread) / n

    def won(self) -> bool:
        """Whether the challenger is better by the margin."""
        if len(self.days) < LEAST_DAYS:
            return False
        mean, error = self.gain()
        champion = sum(old for _, old, _ in self.days) / sum(rows for rows, _, _ in self.days)
        return mean - STANDARD_ERRORS * error > MARGIN * champion

    def won_back(self) -> bool:
        """Whether the former champion is better again, while the new one is on probation."""
        if len(self.days) < BACK_DAYS:
            return False
        mean, error = self.gain()
        return mean - BACK_STANDARD_ERRORS * error > 0.0
