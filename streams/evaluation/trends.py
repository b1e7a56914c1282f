"""Evaluates trends: what was said of the coming week, against the week that came."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.models.trends import recorded_ages, trends_of
from features.vocabulary import Trend
from streams.evaluation.intervals import Blocks, Interval
from streams.evaluation.prequential import Answers
from streams.evaluation.stances import in_order_of_pairs

_WEEK = 7
#: What was seen on so few of 28 days has no trend that a sentence would say.
FEW_DAYS = 2
#: A week is as the one before it where it differs by no more than so many days.
_SAME_DAYS = 1
#: All, and by age in days.
_AGES = ((4, 64), (4, 7), (8, 14), (15, 28), (29, 64))


@dataclass(frozen=True)
class TrendRates:
    """Rates of what came after a trend was said.

    Attributes
    ----------
    said : str
        The trend, or ``habit`` for weeks that were as the one before whatever was said; with ages
        in days where it is of those alone.
    rows : int
    right : Interval
        Share of the rows that had more days in the coming week than in the last (rising), fewer
        (fading), the same but for one (steady); of habits, those that were called steady.
    opposite : float
        Share of which the contrary came; of habits, those that were said to rise.
    """

    said: str
    rows: int
    right: Interval
    opposite: float


def trends(answers: Answers, counted: NDArray[np.bool_]) -> list[TrendRates]:
    """Hold trends against the coming week, of what was seen on more than `FEW_DAYS` of 28 days."""
    order, pair = in_order_of_pairs(answers)
    day, hits = answers.day[order], np.append(0, np.cumsum(answers.y[order], dtype=int))
    last = np.minimum(np.arange(len(order)) + _WEEK - 1, len(order) - 1)
    whole = (day[last] == day + _WEEK - 1) & (pair[last] == pair) & counted[order]
    weeks = answers.bits[order]
    month = np.bitwise_count(weeks & np.uint64(0xFFFFFFF)).astype(int)
    at = np.flatnonzero(whole & (month > FEW_DAYS))
    rows = order[at]
    age = recorded_ages(answers.x[rows])
    # A row that is younger than a week had fewer days to be seen on.
    recent = np.bitwise_count(weeks[at] & np.uint64(0x7F)) * _WEEK / np.minimum(_WEEK, age)
    change = hits[at + _WEEK] - hits[at] - recent
    said = trends_of(age, weeks[at], answers.decisions["score"][rows])
    blocks = Blocks(answers.subject[rows], answers.day[rows])
    same, known = np.abs(change) <= _SAME_DAYS, said != Trend.NEW
    kinds = (
        (Trend.RISING.word, said == Trend.RISING, change > 0, change < 0),
        (Trend.FADING.word, said == Trend.FADING, change < 0, change > 0),
        (Trend.STEADY.word, said == Trend.STEADY, same, np.abs(change) > 2 * _SAME_DAYS),
        ("habit", known & same, said == Trend.STEADY, said == Trend.RISING),
    )
    found = []
    for name, own, right, opposite in kinds:
        for low, high in _AGES:
            of = own & (age >= low) & (age <= high)
            if not of.any():
                continue
            share = blocks.ratio((of & right).astype(float), of.astype(float))
            shown = name if (low, high) == _AGES[0] else f"{name}, {low} to {high}"
            found.append(TrendRates(shown, int(of.sum()), share, float(opposite[of].mean())))
    return found
