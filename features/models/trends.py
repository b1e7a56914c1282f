"""Says the trends of recorded rows, as profiles of their mornings would but for bursts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.models.signals_kernel import AGE
from features.models.stance_kernel import trend

#: Levels of which none is a burst: what makes one is not recorded.
_CALM = np.ones(3)


def recorded_ages(x: NDArray[np.float64]) -> NDArray[np.int64]:
    """Read from rows of signals how many days each is old, at most 64."""
    return np.round(np.exp(4.0 * x[:, AGE]) - 1.0).astype(np.int64)


def trends_of(
    age: NDArray[np.int64], bits: NDArray[np.uint64], score: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Trend of each row by its age, its days (bit 0 is the eve) and its score."""
    rows = zip(bits, age.tolist(), score.tolist(), strict=True)
    return np.array([trend(_CALM, days, age, p) for days, age, p in rows], np.int64)
