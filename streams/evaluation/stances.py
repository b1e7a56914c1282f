"""Evaluates stances against the days that followed, and intervals against frequencies."""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.vocabulary import Stance
from streams.evaluation.intervals import Blocks
from streams.evaluation.prequential import Answers

Floats = NDArray[np.float64]

#: An interval is compared with the share of so many following days.
AHEAD_DAYS = 14
_NOMINAL = 0.8
_Z = 1.2816  # one-sided 90 %
_BANDS = ((0.02, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.45), (0.45, 1.0))


def stances(
    answers: Answers, counted: NDArray[np.bool_], blocks: Blocks
) -> dict[str, dict[str, Any]]:
    """Share of rows and rate of engagement by stance, on the mornings that count."""
    y, stance = answers.y[counted], answers.decisions["stance"][counted]
    found: dict[str, dict[str, Any]] = {}
    for code in Stance:
        own = stance == code
        found[code.word] = {
            "share": float(own.mean()),
            "rows": int(own.sum()),
            "engaged": blocks.ratio((own & (y == 1)).astype(float), own.astype(float)),
        }
    return found


def abstention(answers: Answers, counted: NDArray[np.bool_]) -> list[tuple[float, float, float]]:
    """Share of rows to engage, least lower bound of lift, precision, from the surest on."""
    said = answers.decisions[counted]
    score, lift, trials = said["score"], said["lift"], said["trials"]
    # Below 0 the bound still ranks.
    low = (score - _Z * np.sqrt(score * (1.0 - score) / trials)) * lift / score
    order = np.argsort(-low, kind="stable")
    hits = np.cumsum(answers.y[counted][order])
    points = []
    for share in (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2):
        n = max(1, int(share * len(order)))
        points.append((share, max(0.0, float(low[order[n - 1]])), float(hits[n - 1] / n)))
    return points


@dataclass(frozen=True)
class Band:
    """Measured intervals of one band of scores.

    Attributes
    ----------
    mornings, pairs : int
        Rows with a whole fortnight after them, and the different pairs of subject and interest.
    held : float
        Share of nominal 80 % intervals that contained the engaged days of the fortnight.
    score, tomorrow, fortnight : float
        Mean score, and rate of engagement on the first day and on all fourteen.
    """

    scores: str
    mornings: int
    pairs: int
    held: float
    score: float
    tomorrow: float
    fortnight: float


def coverage(answers: Answers, counted: NDArray[np.bool_]) -> list[Band]:
    """Intervals against the share of engaged days of the following fortnight, by band of score.

    The interval is that of the number of days under the Beta that the decision assumes. By band,
    for nearly all pairs are all but certain not to come back. A score is for tomorrow, which is
    what it is calibrated for; where the fortnight's rate is far from tomorrow's, high scores are
    spells that end, and an interval around the score can't hold all of it.
    """
    order = np.lexsort((answers.day, answers.interest, answers.subject))
    day, subject, interest = (
        column[order] for column in (answers.day, answers.subject, answers.interest)
    )
    last = np.arange(len(order)) + AHEAD_DAYS - 1
    whole = last < len(order)
    last = np.minimum(last, len(order) - 1)
    whole &= (
        (day[last] == day + AHEAD_DAYS - 1)
        & (subject[last] == subject)
        & (interest[last] == interest)
        & counted[order]
    )
    hits = np.concatenate([[0], np.cumsum(answers.y[order], dtype=np.int64)])
    at = np.flatnonzero(whole)
    engaged = hits[at + AHEAD_DAYS] - hits[at]
    said = answers.decisions[order[at]]
    score, trials = said["score"], said["trials"]
    found = []
    for low, high in _BANDS:
        own = np.flatnonzero((score >= low) & (score < high))
        if not len(own):
            continue
        bounds = np.array(
            [_interval(p * n, (1.0 - p) * n) for p, n in zip(score[own], trials[own], strict=True)]
        )
        found.append(
            Band(
                f"{low:g}-{high:g}",
                len(own),
                len(set(zip(subject[at[own]].tolist(), interest[at[own]].tolist(), strict=True))),
                float(((bounds[:, 0] <= engaged[own]) & (engaged[own] <= bounds[:, 1])).mean()),
                float(score[own].mean()),
                float(answers.y[order[at[own]]].mean()),
                float(engaged[own].mean()) / AHEAD_DAYS,
            )
        )
    return found


def _interval(a: float, b: float) -> tuple[int, int]:
    """Central interval of the Beta-binomial over the days ahead, of at least the nominal mass."""
    n = AHEAD_DAYS
    chance = np.array(
        [
            np.exp(
                lgamma(n + 1)
                - lgamma(k + 1)
                - lgamma(n - k + 1)
                + lgamma(k + a)
                + lgamma(n - k + b)
                - lgamma(n + a + b)
                + lgamma(a + b)
                - lgamma(a)
                - lgamma(b)
            )
            for k in range(n + 1)
        ]
    )
    below = np.cumsum(chance)
    tail = (1.0 - _NOMINAL) / 2.0
    return int(np.searchsorted(below, tail)), int(np.searchsorted(below, 1.0 - tail))
