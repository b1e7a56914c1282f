"""Names the moments of interests: probabilities by part of the day, and the next likely one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.moments.moments_kernel import (
    DAY_TYPES,
    N_ACTIVE,
    N_WEIGHTS,
    QUARTERS,
    MomentTables,
    cell_rate,
    close_moments,
    kind_of_day,
    score_cells,
)

PARTS = ("night", "morning", "afternoon", "evening")
_TYPES = ("weekday", "weekend")
#: A moment is named from this probability on, and from so many times its base.
_LEAST, _TIMES, _MOST = 0.3, 2.0, 3
_NEVER = 2**40


class Moment(NamedTuple):
    """A kind of day, a part of it, and how likely the interest is then."""

    day_type: str
    part: str
    p: float


class Moments:
    """Model and counts of a fixed number of pairs of a person and an interest.

    Parameters
    ----------
    persons : sequence of int
        The person of each pair, ascending.
    rate : float
        Of learning.
    """

    def __init__(self, persons: Sequence[int], rate: float = 0.03) -> None:
        pairs, people = len(persons), max(persons, default=-1) + 1
        if any(a > b for a, b in zip(persons, persons[1:], strict=False)):
            raise ValueError("pairs lie by person, in ascending order")
        self.rate = rate
        self.tables = MomentTables(
            np.zeros((pairs, DAY_TYPES, QUARTERS)),
            np.zeros(pairs, np.uint64),
            np.zeros((pairs, QUARTERS), np.uint64),
            np.full(pairs, _NEVER, np.int64),
            np.array(persons, np.int32),
            np.zeros((people, DAY_TYPES, QUARTERS)),
            np.zeros(people, np.uint64),
            np.zeros((people, DAY_TYPES)),
            np.zeros(N_WEIGHTS),
            np.zeros(N_WEIGHTS),
        )
        self._at = np.zeros(N_ACTIVE, np.int64)

    def morning(self, day: int, ahead: int = 0) -> NDArray[np.float64]:
        """Probability by pair and quarter of `day`, shape (pairs, 4); 0 for a pair not yet seen.

        Parameters
        ----------
        ahead : int
            How many days before `day` have not closed yet.
        """
        p = np.zeros((len(self.tables.person), QUARTERS))
        score_cells(self.tables, day, ahead, self.rate, self._at, p)
        return p

    def simple(self, day: int) -> NDArray[np.float64]:
        """Own rate times the person's share of the quarter, to compare with."""
        kind = int(kind_of_day(day))
        return np.array(
            [
                [cell_rate(self.tables, pair, kind, quarter) for quarter in range(QUARTERS)]
                for pair in range(len(self.tables.person))
            ]
        )

    def close(self, day: int, there: NDArray[np.uint8], hit: NDArray[np.uint8]) -> None:
        """Learn a day and count it.

        Parameters
        ----------
        there : ndarray of uint8, shape (persons,)
            1 where the person is a customer that day.
        hit : ndarray of uint8, shape (pairs,)
            Bit *q* where the pair was active in quarter *q*.
        """
        close_moments(self.tables, day, there, hit, self.rate, self._at)

    def named(self, day: int) -> list[list[Moment]]:
        """At most three moments of each pair, likeliest first, as of the morning of `day`.

        From the next working day and the next day of a weekend.
        """
        cells = np.zeros((len(self.tables.person), DAY_TYPES, QUARTERS))
        for kind in range(DAY_TYPES):
            ahead = next(d for d in range(7) if kind_of_day(day + d) == kind)
            cells[:, kind] = self.morning(day + ahead, ahead)
        base = cells.mean((1, 2))
        found = []
        for pair, of in enumerate(cells):
            likely = sorted(
                (
                    Moment(_TYPES[kind], PARTS[quarter], round(float(of[kind, quarter]), 3))
                    for kind, quarter in np.ndindex(DAY_TYPES, QUARTERS)
                    if of[kind, quarter] >= max(_LEAST, _TIMES * base[pair])
                ),
                key=lambda moment: -moment.p,
            )
            found.append(likely[:_MOST])
        return found

    def following(self, day: int, horizon: int = 7) -> list[tuple[int, str] | None]:
        """Day and part by which each pair is likelier than not to be active again.

        None where it is not within `horizon` days from the morning of `day` on. Cells are taken
        as independent, given what is known this morning.
        """
        missed = np.ones(len(self.tables.person))
        found: list[tuple[int, str] | None] = [None] * len(missed)
        for ahead in range(horizon):
            p = self.morning(day + ahead, ahead)
            for quarter in range(QUARTERS):
                missed *= 1.0 - p[:, quarter]
                for pair in np.flatnonzero(missed <= 0.5):
                    found[pair] = found[pair] or (day + ahead, PARTS[quarter])
        return found
