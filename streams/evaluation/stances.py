"""Evaluates stances against the days that followed, and intervals against frequencies."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import lgamma
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.vocabulary import Stance
from streams.evaluation.intervals import Blocks, Interval
from streams.evaluation.prequential import Answers

Floats = NDArray[np.float64]

#: An interval is compared with the share of so many following days.
AHEAD_DAYS = 14
_NOMINAL = 0.8
_Z = 1.2816  # one-sided 90 %
_SURE = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1.0)
_LEAST_ROWS = 100
_WEEK = 7
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
class Calm:
    """Measures how calm `engage` is, and how late.

    Attributes
    ----------
    comes, ends : float
        Changes to `engage` and from it, per week of a subject.
    back : Interval
        Of these, those that take back one of the week before: there and back, or back and there.
    onsets : int
        Habits that began: at least four of seven days, after at most two of fourteen.
    lag : float
        Mean days from there to `engage`, `AHEAD_DAYS` for one that was not found by then.
    """

    comes: float
    ends: float
    back: Interval
    onsets: int
    lag: float


def changes(answers: Answers, counted: NDArray[np.bool_]) -> Calm:
    """Count how often `engage` comes and goes, and how long a new habit waits for it."""
    order, pair = in_order_of_pairs(answers)
    day, y = answers.day[order], answers.y[order].astype(np.int64)
    engaged = answers.decisions["stance"][order] == Stance.ENGAGE
    flip = np.flatnonzero((np.diff(engaged) != 0) & (np.diff(pair) == 0)) + 1
    back = (np.diff(flip) <= _WEEK) & (np.diff(pair[flip]) == 0)
    judged = counted[order]
    subject, span = answers.subject[order], int(answers.day.max()) + 1
    mornings = np.unique(answers.subject[counted] * span + answers.day[counted])
    blocks = Blocks(mornings // span, mornings % span)
    hits = np.concatenate([[0], np.cumsum(y)])
    at = np.arange(AHEAD_DAYS, len(y) - AHEAD_DAYS)
    at = at[(pair[at - AHEAD_DAYS] == pair[at + AHEAD_DAYS - 1]) & (y[at] == 1)]
    at = at[day[at + AHEAD_DAYS - 1] - day[at - AHEAD_DAYS] == 2 * AHEAD_DAYS - 1]
    at = at[(hits[at + _WEEK] - hits[at] >= 4) & (hits[at] - hits[at - AHEAD_DAYS] <= 2)]
    at = at[np.diff(at, prepend=-AHEAD_DAYS) > 1]  # the first day of each
    waited = [int(np.argmax(np.append(engaged[i : i + AHEAD_DAYS], True))) for i in at.tolist()]

    def weekly(rows: NDArray[np.intp]) -> Interval:
        morning = np.searchsorted(mornings, (subject * span + day)[rows[judged[rows]]])
        return blocks.mean(_WEEK * np.bincount(morning, minlength=len(mornings)).astype(float))

    return Calm(
        weekly(flip[engaged[flip]]).value,
        weekly(flip[~engaged[flip]]).value,
        weekly(flip[1:][back]),
        len(at),
        float(np.mean(waited)) if waited else float("nan"),
    )


def in_order_of_pairs(answers: Answers) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Order of rows by subject, interest and day, and the number of each one's pair there."""
    order = np.lexsort((answers.day, answers.interest, answers.subject))
    subject, interest = answers.subject[order], answers.interest[order]
    new = (np.diff(subject, prepend=-1) != 0) | (np.diff(interest, prepend=-1) != 0)
    return order, np.cumsum(new)


@dataclass(frozen=True)
class Exactness:
    """Holds what was said of how exactly scores are known against the fortnight that followed.

    Attributes
    ----------
    said, came : float
        Mean standard error of the score as a share of it, from `confidence`, and what the share
        of engaged days deviated, without what fourteen days deviate by chance.
    """

    confidence: str
    mornings: int
    said: float
    came: float


def exactness(answers: Answers, counted: NDArray[np.bool_]) -> list[Exactness]:
    """Compare `confidence` with how far the following fortnight was from the score."""
    rows, engaged = _fortnights(answers, counted)
    said = answers.decisions[rows]
    score, sure = said["score"], said["confidence"]
    rate = engaged / AHEAD_DAYS
    off = ((rate - score) ** 2 - score * (1.0 - score) / AHEAD_DAYS) / score**2
    found = []
    for low, high in pairwise(_SURE):
        own = (sure >= low) & (sure < high)
        if own.sum() >= _LEAST_ROWS:
            variance = float(((1.0 - sure[own]) / sure[own]).mean())
            came = max(0.0, float(off[own].mean()))
            found.append(Exactness(f"{low:g}-{high:g}", int(own.sum()), variance**0.5, came**0.5))
    return found


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
    rows, engaged = _fortnights(answers, counted)
    subject, interest = answers.subject[rows], answers.interest[rows]
    said = answers.decisions[rows]
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
                len(set(zip(subject[own].tolist(), interest[own].tolist(), strict=True))),
                float(((bounds[:, 0] <= engaged[own]) & (engaged[own] <= bounds[:, 1])).mean()),
                float(score[own].mean()),
                float(answers.y[rows[own]].mean()),
                float(engaged[own].mean()) / AHEAD_DAYS,
            )
        )
    return found


def _fortnights(
    answers: Answers, counted: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Counted rows with a whole fortnight from their day on, and the engaged days of it."""
    order, pair = in_order_of_pairs(answers)
    day = answers.day[order]
    last = np.arange(len(order)) + AHEAD_DAYS - 1
    whole = last < len(order)
    last = np.minimum(last, len(order) - 1)
    whole &= (day[last] == day + AHEAD_DAYS - 1) & (pair[last] == pair) & counted[order]
    hits = np.concatenate([[0], np.cumsum(answers.y[order], dtype=np.int64)])
    at = np.flatnonzero(whole)
    return order[at], hits[at + AHEAD_DAYS] - hits[at]


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
