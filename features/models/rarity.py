"""Tells from what score downward answers proved to be rare enough to avoid an interest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: What is avoided may come on so many days, with an upper bound of one-sided 95 %.
MOST_CAME = 1e-3
_Z = 1.645
_PER_OCTAVE, _OCTAVES = 4, 14  # bins of the score, from 2^-14 on
DECAY = 2.0 ** (-1.0 / 90.0)  # half-life of a closed day, in days


class Rarity:
    """Counts what came of the answers that were clearly below the population's rate.

    A small score is the least certain of all: on people's television of 16 kinds what was said to
    come on less than one day in a thousand came on two. So nothing is avoided for its score alone
    before some three thousand answers as small showed that it may be.

    Attributes
    ----------
    sums : ndarray of float64, shape (2, 56)
        Rows and labels by bin of the score; forgets by the day.
    """

    def __init__(self) -> None:
        self.sums = np.zeros((2, _PER_OCTAVE * _OCTAVES))

    def add(self, score: NDArray[np.float64], y: NDArray[np.uint8]) -> None:
        """Add the answers of a day, made before it was learned."""
        bins = ((np.log2(score) + _OCTAVES) * _PER_OCTAVE).astype(np.intp)
        bins = np.clip(bins, 0, self.sums.shape[1] - 1)
        self.sums *= DECAY
        self.sums[0] += np.bincount(bins, minlength=self.sums.shape[1])
        self.sums[1] += np.bincount(bins, y, self.sums.shape[1])

    def limit(self) -> float:
        """Score below which the answers proved to be rare, 0 for none.

        The bound of a count of k is Anscombe's, ``(sqrt(k + 1) + z / 2)**2``: 3.3 for none.

        Examples
        --------
        >>> rarity = Rarity()
        >>> rarity.add(np.full(3000, 0.0005), np.zeros(3000, np.uint8))
        >>> rarity.limit()
        0.0
        >>> rarity.add(np.full(400, 0.0005), np.zeros(400, np.uint8))
        >>> round(rarity.limit(), 5)
        0.00058
        """
        rows, came = np.cumsum(self.sums, axis=1)
        rare = (np.sqrt(came + 1.0) + _Z / 2.0) ** 2 <= MOST_CAME * rows
        proved = np.flatnonzero(rare & (self.sums[0] > 0.0))  # of other scores nothing is known
        if not len(proved):
            return 0.0
        return float(2.0 ** ((proved[-1] + 1) / _PER_OCTAVE - _OCTAVES))
