"""One pair's mornings as evaluations read them, made up day by day."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.models.stance_kernel import DECISION
from streams.evaluation.prequential import Answers


def mornings_of_one_pair(
    y: list[int],
    x: NDArray[np.float64] | None = None,
    bits: NDArray[np.uint64] | None = None,
    **said: Any,
) -> Answers:
    """Answers about one pair on days that follow each other.

    Parameters
    ----------
    y : list of int
        Whether it was engaged with, by day.
    x : ndarray of float64, shape (n, signals), optional
    bits : ndarray of uint64, shape (n,), optional
    **said : array_like
        Fields of the decisions.
    """
    n = len(y)
    decided = np.zeros(n, DECISION)
    for name, values in said.items():
        decided[name] = values
    zeros, small = np.zeros(n, np.int64), np.zeros(n, np.uint8)
    return Answers(
        np.arange(n),
        zeros,
        ["a"],
        zeros,
        np.array(y, np.uint8),
        small,
        small,
        small,
        zeros.astype(np.uint16),
        np.zeros((n, 0)) if x is None else x,
        {},
        decided,
        zeros.astype(np.uint64) if bits is None else bits,
    )
