"""Learns what makes up a subject's attention: the powers of a conditional logit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.models.attention_kernel import POWERS, share_gradient
from features.models.signals import DayRows

# Of the score, of the share of the last week, of the long level: near what one half of each panel
# fits best. One step a day, by AdaGrad, so that it does not depend on how many there are.
_START = (0.5, 0.2, 0.3)
_RATE = 0.1


class Attention:
    """Learns the powers of a conditional logit, a step a day.

    Attributes
    ----------
    powers, sums : ndarray of float64, shape (POWERS,)
        And AdaGrad's sums of squared slopes.
    """

    def __init__(self) -> None:
        self.powers = np.array(_START)
        self.sums = np.ones(POWERS)

    def learn(self, rows: DayRows, said: NDArray[np.void]) -> None:
        """Learn a day from what was said of its rows that morning.

        Parameters
        ----------
        said : ndarray of `features.models.stance_kernel.DECISION`, shape (len(rows),)
        """
        slope = np.zeros(POWERS)
        share_gradient(rows.x, rows.y, rows.subject, said, slope)
        self.sums += slope**2
        self.powers = self.powers - _RATE * slope / np.sqrt(self.sums)
