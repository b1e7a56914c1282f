"""Measures probabilities: proper scores, ranking, calibration, and lift."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from streams.evaluation.prequential import Answers

Floats = NDArray[np.float64]
MEASURES = ("log_loss", "auc", "pr_auc", "brier", "ece", "recall_5")
_LEAST = 1e-5
_BINS = 15


def measures(answers: Answers, p: Floats, counted: NDArray[np.bool_]) -> dict[str, float]:
    """All measures over the counted rows."""
    y, q = answers.y[counted], p[counted]
    return {
        "log_loss": log_loss(y, q),
        "auc": auc(y, q),
        "pr_auc": pr_auc(y, q),
        "brier": float(((q - y) ** 2).mean()),
        "ece": calibration_error(y, q),
        "recall_5": recall(answers, p, counted),
    }


def log_loss(y: NDArray[np.uint8], p: Floats) -> float:
    """Mean log-loss, probabilities clipped at 1e-5."""
    p = np.clip(p, _LEAST, 1.0 - _LEAST)
    return float(-np.where(y == 1, np.log(p), np.log1p(-p)).mean())


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


def recall(answers: Answers, p: Floats, counted: NDArray[np.bool_], top: int = 5) -> float:
    """Of what a subject did engage with on a day, the share among its `top` by probability.

    Mean over the days of subjects with an engagement; at most `top` count.
    """
    at = np.flatnonzero(counted)
    order = at[np.lexsort((-p[at], answers.subject[at], answers.day[at]))]
    change = (np.diff(answers.day[order], prepend=-1) != 0) | (
        np.diff(answers.subject[order], prepend=-1) != 0
    )
    starts = np.flatnonzero(change)
    found = []
    for a, b in zip(starts, [*starts[1:], len(order)], strict=True):
        y = answers.y[order[a:b]]
        if y.any():
            found.append(y[:top].sum() / min(top, y.sum()))
    return float(np.mean(found)) if found else float("nan")


def reliability(y: NDArray[np.uint8], p: Floats, bins: int = 12) -> list[tuple[float, float, int]]:
    """Mean probability, rate and rows of bins of equal size in ascending order."""
    parts = np.array_split(np.argsort(p, kind="stable"), bins)
    return [(float(p[i].mean()), float(y[i].mean()), len(i)) for i in parts if len(i)]


def lift_curve(y: NDArray[np.uint8], p: Floats) -> list[tuple[float, float]]:
    """Share of rows taken from the top, and share of engagements found in it."""
    hits = np.cumsum(y[np.argsort(-p, kind="stable")]) / max(1, int(y.sum()))
    shares = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
    return [(share, float(hits[max(0, int(share * len(y)) - 1)])) for share in shares]


def first_quarter_out(answers: Answers) -> NDArray[np.bool_]:
    """The rows that count: from the day on which a quarter of all rows had passed."""
    counted: NDArray[np.bool_] = answers.day >= answers.day[len(answers) // 4]
    return counted


def gains(table: Mapping[str, Mapping[str, float]], name: str) -> dict[str, float]:
    """By how much the log-loss of `name` is below that of each other line."""
    own = table[name]["log_loss"]
    return {other: 1.0 - own / row["log_loss"] for other, row in table.items() if other != name}
