"""Puts intervals around figures: a block bootstrap by subject and week.

Days of a person resemble each other, and persons differ more than days do. So subjects are drawn
with replacement, and of each drawn subject its weeks (both levels of the nested bootstrap of
Davison and Hinkley, 1997, 3.8): with three people the interval is as wide as three people are.
Every answerer is measured on the same draws, so a difference is paired.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.evaluation.prequential import Answers

Floats = NDArray[np.float64]

_TIMES = 400
TAIL = 0.05  # on each side: 90 % lie between
_WEEK = 7
_LEAST_BLOCKS = 8  # of fewer subject-weeks an interval would be made up


@dataclass(frozen=True)
class Interval:
    """A figure and where 90 % of its resampled values lie.

    Examples
    --------
    >>> f"{Interval(0.037, 0.034, 0.04):.1%}", Interval(0.01, -0.01, 0.03).sign
    ('3.7% [3.4%, 4.0%]', 0)
    """

    value: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 or -1 where the interval excludes 0 on that side; 0 where nothing can be claimed."""
        return int(self.low > 0.0) - int(self.high < 0.0)

    def __format__(self, how: str) -> str:
        return f"{self.value:{how}} [{self.low:{how}}, {self.high:{how}}]"


class Blocks:
    """Subject-weeks of the counted rows, and what is drawn of them.

    Parameters
    ----------
    subject, day : ndarray of int64, shape (n,)
        Of each counted row; weeks begin on Monday.
    seed : int
        Of the draws.

    Attributes
    ----------
    of_row : ndarray of intp, shape (n,)
        Block of each row.
    draws : ndarray of float64, shape (times, blocks)
        How often each block was drawn.
    """

    def __init__(
        self,
        subject: NDArray[np.int64],
        day: NDArray[np.int64],
        times: int = _TIMES,
        seed: int = 20_251,
    ) -> None:
        week = (day + 3) // _WEEK  # 1970-01-01 was a Thursday
        pairs, self.of_row = np.unique(
            np.stack([subject, week], axis=1), axis=0, return_inverse=True
        )
        self.of_row = self.of_row.reshape(-1)
        _, first, weeks = np.unique(pairs[:, 0], return_index=True, return_counts=True)
        chance = np.random.default_rng(seed)
        self.draws = np.zeros((times, len(pairs)))
        for row in self.draws:
            drawn = chance.integers(len(first), size=len(first))
            lengths = weeks[drawn]
            within = (chance.random(int(lengths.sum())) * np.repeat(lengths, lengths)).astype(
                np.intp
            )
            row += np.bincount(np.repeat(first[drawn], lengths) + within, minlength=len(pairs))

    def sums(self, values: Floats) -> Floats:
        """Sum of a value of each row, by block."""
        found: Floats = np.bincount(self.of_row, values, self.draws.shape[1]).astype(np.float64)
        return found

    def interval(self, figure: Callable[..., Floats], *values: Floats) -> Interval:
        """A figure of sums of values, such as a mean, with its interval.

        Parameters
        ----------
        figure : callable
            Of as many arrays of sums; a draw where it is not finite says nothing. Where few
            subject-weeks have any, there is no interval: NaN, of which nothing is claimed.
        values : ndarray of float64, shape (n,)
            One value a row.
        """
        sums = np.array([self.sums(value) for value in values])
        with np.errstate(divide="ignore", invalid="ignore"):
            drawn = figure(*(self.draws @ sums.T).T)
            value = float(figure(*sums.sum(axis=1)))
        drawn = drawn[np.isfinite(drawn)]
        if not len(drawn) or (sums != 0.0).any(axis=0).sum() < _LEAST_BLOCKS:
            return Interval(value, float("nan"), float("nan"))
        low, high = np.quantile(drawn, (TAIL, 1.0 - TAIL))
        return Interval(value, float(low), float(high))

    def mean(self, values: Floats) -> Interval:
        """Mean over the rows."""
        return self.interval(lambda total, rows: total / rows, values, np.ones(len(values)))

    def ratio(self, above: Floats, below: Floats) -> Interval:
        """Ratio of two sums."""
        return self.interval(lambda one, other: one / other, above, below)

    def gain(self, own: Floats, other: Floats) -> Interval:
        """Share by which the sum of `own` losses lies below that of the `other`."""
        return self.interval(lambda one, two: 1.0 - one / two, own, other)


def of_rows(answers: Answers, counted: NDArray[np.bool_]) -> Blocks:
    """The blocks of the counted rows."""
    return Blocks(answers.subject[counted], answers.day[counted])
