"""Builds the models' training rows and the interests' base rates, from closed days only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.models import training_kernel as kernels
from features.models.signals_kernel import HABIT, LINEAR, NAMES, PRESENCE
from features.state.store import Store

__all__ = ["HABIT", "LINEAR", "NAMES", "PRESENCE", "DayRows", "BaseRates", "training_rows"]

# The population's rate of an interest starts at one subject in fifty, with the weight of
# twenty subject-days, and forgets with a half-life of two weeks.
_PRIOR_RATE = 0.02
_PRIOR_WEIGHT = 20.0
DECAY = 2.0 ** (-1.0 / 14.0)
ODDS_SCALE = 4.0  # brings log-odds of everyday rates to order one


class BaseRates:
    """Share of a partition's subjects that engage with each interest on a day."""

    def __init__(self, interests: int) -> None:
        self.hits = np.zeros(interests)
        self.alive = 0.0

    def close_day(self, store: Store, day: int) -> None:
        """Count the engaged subjects of a day that closed."""
        self.hits *= DECAY
        self.alive *= DECAY
        self.alive += kernels.day_counts(store.live, day, self.hits)

    def rate(self) -> NDArray[np.float64]:
        """Daily rate of each interest, shape (interests,), above 0 and below 1."""
        return (self.hits + _PRIOR_RATE * _PRIOR_WEIGHT) / (self.alive + _PRIOR_WEIGHT)

    def log_odds(self) -> NDArray[np.float64]:
        """Log-odds of the rates, scaled to order one."""
        rate = self.rate()
        odds: NDArray[np.float64] = np.log(rate / (1.0 - rate)) / ODDS_SCALE
        return odds


@dataclass(frozen=True)
class DayRows:
    """Openings and labels of a day that closed; the rows of a subject follow each other.

    Attributes
    ----------
    day : int
        Local days since 1970.
    x : ndarray of float64, shape (n, len(NAMES))
    y : ndarray of uint8, shape (n,)
        1 where the subject engaged with the interest on `day`.
    interest : ndarray of uint16, shape (n,)
    subject : ndarray of int32, shape (n,)
    active_today : ndarray of uint8, shape (n,)
        1 where the subject was active at all on `day`.
    source : ndarray of uint8, shape (n,)
        Where most of the row comes from: 0 network, 1 TV, 2 app.
    evidence : ndarray of uint8, shape (n,)
        Active days of the subject after the row's first.
    known : ndarray of uint16, shape (n,)
        Flags of the row, ``F_...``.
    bits : ndarray of uint64, shape (n,)
        Days on which the row was engaged with, bit 0 is the eve of `day`.
    """

    day: int
    x: NDArray[np.float64]
    y: NDArray[np.uint8]
    interest: NDArray[np.uint16]
    subject: NDArray[np.int32]
    active_today: NDArray[np.uint8]
    source: NDArray[np.uint8]
    evidence: NDArray[np.uint8]
    known: NDArray[np.uint16]
    bits: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.y)

    def part(self, which: slice | NDArray[np.intp]) -> DayRows:
        """Some of the rows."""
        columns = {name: column for name, column in vars(self).items() if name != "day"}
        return DayRows(self.day, **{name: column[which] for name, column in columns.items()})

    def firsts(self) -> NDArray[np.intp]:
        """Index of the first row of each subject."""
        if not len(self):
            return np.zeros(0, np.intp)
        return np.flatnonzero(np.diff(self.subject, prepend=self.subject[0] - 1))


def training_rows(store: Store, day: int, limit: int, population: BaseRates) -> DayRows:
    """Opening signals and labels of a day that closes.

    Parameters
    ----------
    limit : int
        Most rows; where there are more, subjects are sampled by a hash of subject and day.
    """
    candidates = int(kernels.count_candidates(store.live, day))
    keep = min(1.0, limit / max(1, candidates))
    size = min(candidates, 2 * limit)
    columns = kernels.Columns(
        np.zeros((size, len(NAMES))),
        np.zeros(size, np.uint8),
        np.zeros(size, np.uint16),
        np.zeros(size, np.int32),
        np.zeros(size, np.uint8),
        np.zeros(size, np.uint8),
        np.zeros(size, np.uint8),
        np.zeros(size, np.uint16),
        np.zeros(size, np.uint64),
    )
    n = kernels.fill_training_rows(store.live, day, keep, population.log_odds(), columns)
    return DayRows(day, *columns).part(slice(n))
