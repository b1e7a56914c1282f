"""Computes how a subject's attention of the next week is shared among its interests.

A conditional logit (McFadden, 1974): the share of an interest is its appeal over that of all the
subject's interests, and its appeal is a product of powers of its score, of its share of the last
week, and of its long level. The powers are learned: `features.models.attention`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from features.jit import as_int, inlined, njit
from features.models.signals_kernel import NAMES, SHARE_7D

#: How many powers there are.
POWERS = 3
LEVEL_60D = NAMES.index("level_60d")
_LEAST_SHARE, _LEAST_LEVEL = 1e-3, 1e-2  # of what the logarithm is taken
_Z = 1.2816  # one-sided 90 %
# A share deviates from what came as if a week were so many draws: by the subject's long level,
# measured on four panels (1.3 below a level of 3, 1.5 below 10, 2 below 30, 4 above).
_DRAWS, _DRAWS_PER_LEVEL = 1.2, 0.05


@inlined
def _logs(score: float, share_7d: float, level_60d: float) -> Any:
    return (
        np.log(score),
        np.log(share_7d + _LEAST_SHARE),
        np.log(long_level_of(level_60d) + _LEAST_LEVEL),
    )


@inlined
def long_level_of(level_60d: float) -> Any:
    """Level of a row in the longest half-life, by its signal."""
    return np.exp(level_60d) - 1.0


@inlined
def appeal(powers: Any, score: float, vector: Any) -> Any:
    """Appeal of an interest to a subject, above 0; only its ratio to others means something.

    Parameters
    ----------
    powers : ndarray of float64, shape (POWERS,)
    vector : ndarray of float64, shape (SIGNALS,)
    """
    return appeal_of(powers, score, vector[SHARE_7D], vector[LEVEL_60D])


@inlined
def appeal_of(powers: Any, score: float, share_7d: float, level_60d: float) -> Any:
    """`appeal`, by the signals that it is made of."""
    a, b, c = _logs(score, share_7d, level_60d)
    return np.exp(powers[0] * a + powers[1] * b + powers[2] * c)


@inlined
def share_bounds(share: float, level: float) -> Any:
    """Lower and upper bound of a share, 80 % between; `level` is the subject's long one."""
    spread = _Z * np.sqrt(share * (1.0 - share) / (_DRAWS + _DRAWS_PER_LEVEL * level))
    return max(0.0, share - spread), min(1.0, share + spread)


@njit
def share_rows(powers: Any, x: Any, subject: Any, out: Any) -> None:
    """Fill the shares of rows, those of a subject together.

    Parameters
    ----------
    x : ndarray of float64, shape (n, SIGNALS)
    subject : ndarray of int32, shape (n,)
    out : ndarray of `features.models.stance_kernel.DECISION`, shape (n,)
        The score is read.
    """
    start = 0
    while start < x.shape[0]:
        end, total, level = start, 0.0, 0.0
        while end < x.shape[0] and subject[end] == subject[start]:
            out[end].share = appeal(powers, out[end].score, x[end])
            total += out[end].share
            level += long_level_of(x[end, LEVEL_60D])
            end += 1
        for i in range(start, end):
            said = out[i]
            said.share = said.share / total
            said.share_low, said.share_high = share_bounds(said.share, level)
        start = end


@njit
def share_gradient(x: Any, y: Any, subject: Any, said: Any, out: Any) -> None:
    """Add up the slope of the loss of a day's shares, those who engaged with nothing aside.

    Parameters
    ----------
    y : ndarray of uint8, shape (n,)
        What was engaged with shares the day equally.
    said : ndarray of `features.models.stance_kernel.DECISION`, shape (n,)
    out : ndarray of float64, shape (POWERS,)
    """
    start = 0
    while start < x.shape[0]:
        end, hits = start, 0
        while end < x.shape[0] and subject[end] == subject[start]:
            hits += as_int(y[end])
            end += 1
        for i in range(start, end if hits else start):
            missed = said[i].share - y[i] / hits
            a, b, c = _logs(said[i].score, x[i, SHARE_7D], x[i, LEVEL_60D])
            out[0] += missed * a
            out[1] += missed * b
            out[2] += missed * c
        start = end
