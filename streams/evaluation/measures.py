"""Measures probabilities: proper scores, ranking, calibration, and lift.

An expected calibration error is small for a constant too. So beside it stand the *slope* of the
outcomes over the said log-odds (1 is right, 0 is a constant, below 1 is too sure; Cox 1958) and
their *spread* (0 for a constant).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streams.evaluation.intervals import TAIL, Blocks, Interval
from streams.evaluation.prequential import Answers

Floats = NDArray[np.float64]
MEASURES = ("log_loss", "auc", "pr_auc", "brier", "ece", "slope", "spread", "recall_5", "ndcg_10")
_LEAST = 1e-5
_BINS = 15
_RECALL, _NDCG = 5, 10
_DISCOUNT = 1.0 / np.log2(np.arange(2.0, 2.0 + _NDCG))
_IDEAL = np.cumsum(_DISCOUNT)


def measures(answers: Answers, p: Floats, counted: NDArray[np.bool_]) -> dict[str, float]:
    """All measures over the counted rows."""
    y, q = answers.y[counted], p[counted]
    ranks = ranking(answers, p, counted)
    return {
        "log_loss": log_loss(y, q),
        "auc": auc(y, q),
        "pr_auc": pr_auc(y, q),
        "brier": float(((q - y) ** 2).mean()),
        "ece": calibration_error(y, q),
        "slope": calibration_slope(y, q).value,
        "spread": float(log_odds(q).std()),
        "recall_5": float(ranks.recall.mean()) if len(ranks.recall) else float("nan"),
        "ndcg_10": float(ranks.ndcg.mean()) if len(ranks.ndcg) else float("nan"),
    }


def log_loss(y: NDArray[np.uint8], p: Floats) -> float:
    """Mean log-loss, probabilities clipped at 1e-5."""
    return float(row_losses(y, p).mean())


def row_losses(y: NDArray[np.uint8], p: Floats) -> Floats:
    """Log-loss of each answer, probabilities clipped at 1e-5."""
    p = np.clip(p, _LEAST, 1.0 - _LEAST)
    found: Floats = -np.where(y == 1, np.log(p), np.log1p(-p))
    return found


def log_odds(p: Floats) -> Floats:
    """Log-odds, probabilities clipped at 1e-5."""
    p = np.clip(p, _LEAST, 1.0 - _LEAST)
    found: Floats = np.log(p / (1.0 - p))
    return found


def calibration_slope(y: NDArray[np.uint8], p: Floats, blocks: Blocks | None = None) -> Interval:
    """Slope of a logistic regression of the outcomes on the said log-odds; 0 for a constant.

    Parameters
    ----------
    blocks : Blocks, optional
        Of the rows. A drawn slope is one step of Newton's from that of all rows.
    """
    x = log_odds(p)
    centre, spread = float(x.mean()), float(x.std())
    if spread < 1e-9 or y.min() == y.max():
        return Interval(0.0, 0.0, 0.0)
    x = (x - centre) / spread
    rate = float(y.mean())
    beta = np.array([np.log(rate / (1.0 - rate)), 0.0])
    for _ in range(50):
        terms = _newton_terms(beta, x, y)
        step = np.clip(_solved(*(term.sum() for term in terms)), -2.0, 2.0)
        beta += step
        if np.abs(step).max() < 1e-9:
            break
    value = float(beta[1] / spread)
    if blocks is None:
        return Interval(value, value, value)
    sums = np.array([blocks.sums(term) for term in _newton_terms(beta, x, y)])
    drawn = (beta[1] + _solved(*(blocks.draws @ sums.T).T)[1]) / spread
    low, high = np.quantile(drawn, (TAIL, 1.0 - TAIL))
    return Interval(value, float(low), float(high))


def _newton_terms(beta: Floats, x: Floats, y: NDArray[np.uint8]) -> tuple[Floats, ...]:
    """Each row's gradient and Hessian of the log-likelihood."""
    said = 1.0 / (1.0 + np.exp(-np.clip(beta[0] + beta[1] * x, -30.0, 30.0)))
    missed, weight = y - said, said * (1.0 - said)
    return missed, missed * x, weight, weight * x, weight * x * x


def _solved(g0: Any, g1: Any, h00: Any, h01: Any, h11: Any) -> Floats:
    least = h00 * h11 - h01 * h01 + 1e-12
    return np.array([(h11 * g0 - h01 * g1) / least, (h00 * g1 - h01 * g0) / least])


def auc(y: NDArray[np.uint8], p: Floats) -> float:
    """Area under the ROC curve, ties counted half (Mann and Whitney)."""
    _, place, count = np.unique(p, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2.0)[place]
    hits = int(y.sum())
    if hits in (0, len(y)):
        return float("nan")
    return float((rank[y == 1].sum() - hits * (hits + 1) / 2.0) / (hits * (len(y) - hits)))


def pr_auc(y: NDArray[np.uint8], p: Floats) -> float:
    """Average precision, rows of equal probability taken together."""
    values, place = np.unique(-p, return_inverse=True)
    hits = np.cumsum(np.bincount(place, y, len(values)))
    taken = np.cumsum(np.bincount(place, minlength=len(values)))
    if not hits[-1]:
        return float("nan")
    gained = np.diff(hits, prepend=0.0) / hits[-1]
    return float((gained * hits / taken).sum())


def calibration_error(y: NDArray[np.uint8], p: Floats) -> float:
    """Expected calibration error, the greater of bins of equal width and of equal size.

    At a base rate of two in a hundred, bins of equal width put nearly all rows into the first.
    """
    wide = np.minimum((p * _BINS).astype(np.intp), _BINS - 1)
    even = np.argsort(np.argsort(p, kind="stable"), kind="stable") * _BINS // len(p)
    return max(
        float(np.abs(np.bincount(bins, p - y, _BINS)).sum() / len(p)) for bins in (wide, even)
    )


@dataclass(frozen=True)
class Ranking:
    """Quality of the ranking of a subject's interests, by the days with an engagement.

    Attributes
    ----------
    subject, day : ndarray of int64, shape (n,)
    recall : ndarray of float64, shape (n,)
        Share of what was engaged with that stood among the first five; at most five count.
    ndcg : ndarray of float64, shape (n,)
        Normalised discounted cumulative gain of the first ten.
    """

    subject: NDArray[np.int64]
    day: NDArray[np.int64]
    recall: Floats
    ndcg: Floats


def ranking(answers: Answers, p: Floats, counted: NDArray[np.bool_], seed: int = 7) -> Ranking:
    """Rank each subject's interests of each day; ties stand in random order."""
    at = np.flatnonzero(counted)
    chance = np.random.default_rng(seed).random(len(at))
    order = np.lexsort((chance, -p[at], answers.subject[at], answers.day[at]))
    at = at[order]
    subject, day, y = answers.subject[at], answers.day[at], answers.y[at].astype(np.float64)
    changes = (np.diff(day, prepend=-1) != 0) | (np.diff(subject, prepend=-1) != 0)
    starts = np.flatnonzero(changes)
    if not len(starts):
        return Ranking(subject, day, y, y)
    place = np.arange(len(at)) - np.repeat(starts, np.diff([*starts, len(at)]))
    hits = np.add.reduceat(y, starts)
    found = np.add.reduceat(y * (place < _RECALL), starts)
    gain = np.add.reduceat(
        y * np.where(place < _NDCG, _DISCOUNT[np.minimum(place, _NDCG - 1)], 0), starts
    )
    own = hits > 0
    most = hits[own].astype(np.intp)
    return Ranking(
        subject[starts][own],
        day[starts][own],
        found[own] / np.minimum(most, _RECALL),
        gain[own] / _IDEAL[np.minimum(most, _NDCG) - 1],
    )


def reliability(y: NDArray[np.uint8], p: Floats, bins: int = 12) -> list[tuple[float, float, int]]:
    """Mean probability, rate and rows of bins of equal size in ascending order."""
    parts = np.array_split(np.argsort(p, kind="stable"), bins)
    return [(float(p[i].mean()), float(y[i].mean()), len(i)) for i in parts if len(i)]


def lift_curve(y: NDArray[np.uint8], p: Floats) -> list[tuple[float, float]]:
    """Share of rows taken from the top, and share of engagements found in it."""
    hits = np.cumsum(y[np.argsort(-p, kind="stable")]) / max(1, int(y.sum()))
    shares = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
    return [(share, float(hits[max(0, int(share * len(y)) - 1)])) for share in shares]


def judged(answers: Answers, judged_from: Mapping[str, int]) -> NDArray[np.bool_]:
    """The rows that count: of each subject those from its own day on.

    Parameters
    ----------
    judged_from : mapping of str to int
        First day by subject: `streams.evaluation.panels.Panel.judged_from`.
    """
    first = np.array([judged_from[name] for name in answers.subjects])
    counted: NDArray[np.bool_] = answers.day >= first[answers.subject]
    return counted
