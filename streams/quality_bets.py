"""What the bet is worth: stances against the days that followed, intervals against frequency."""

from __future__ import annotations

from math import lgamma

import numpy as np
from numpy.typing import NDArray

from features.kernels.bet import AVOID, ENGAGE, HOLD
from streams.quality_run import Answers

Floats = NDArray[np.float64]

#: An interval is held against the share of so many following days.
AHEAD_DAYS = 14
_NOMINAL = 0.8
_BANDS = ((0.02, 0.1), (0.1, 0.3), (0.3, 1.0))


def stances(answers: Answers, counted: NDArray[np.bool_]) -> dict[str, dict[str, float]]:
    """Share of rows, and rate of engagement, by stance, on the mornings that count."""
    y, stance = answers.y[counted], answers.bets[counted, 3]
    found = {}
    for name, code in (("engage", ENGAGE), ("hold", HOLD), ("avoid", AVOID)):
        own = y[stance == code]
        found[name] = {"share": len(own) / len(y), "rows": float(len(own)),
                       "engaged": float(own.mean()) if len(own) else float("nan")}
    return found


def abstention(answers: Answers, counted: NDArray[np.bool_]) -> list[tuple[float, float, float]]:
    """Share of rows bet on, least lower bound of lift, precision, from the surest bets on."""
    score, lift, confidence = answers.bets[counted, :3].T
    # The bound that the kernel compares; `confidence` is days / (days + 7).
    trials = 7.0 / (1.0 - confidence)
    spread = 1.2816 * np.sqrt(score * (1.0 - score) / trials)
    low = np.maximum(0.0, score - spread) * lift / score
    order = np.argsort(-low, kind="stable")
    hits = np.cumsum(answers.y[counted][order])
    points = []
    for share in (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2):
        n = max(1, int(share * len(order)))
        points.append((share, float(low[order[n - 1]]), float(hits[n - 1] / n)))
    return points


def coverage(answers: Answers, counted: NDArray[np.bool_]) -> list[tuple[str, int, float]]:
    """Of nominal 80 % intervals, how many held the share of the following 14 days.

    The interval is that of the number of days under the Beta that the bet assumes (as many
    trials as days were observed, at most 28, plus 7). Pairs are asked once in 14 days, and by
    band of score, for nearly all pairs are all but certain not to come back.
    """
    score = answers.bets[:, 0]
    trials = 7.0 / (1.0 - answers.bets[:, 2])
    at = {key: row for row, key in enumerate(zip(
        answers.subject.tolist(), answers.interest.tolist(), answers.day.tolist(), strict=True))}
    held: dict[tuple[float, float], list[bool]] = {band: [] for band in _BANDS}
    for (subject, interest, day), row in at.items():
        if day % AHEAD_DAYS or not counted[row]:
            continue
        following = [at.get((subject, interest, day + k)) for k in range(AHEAD_DAYS)]
        band = next((b for b in _BANDS if b[0] <= score[row] < b[1]), None)
        if band is None or None in following:
            continue
        days = int(sum(int(answers.y[k]) for k in following if k is not None))
        low, high = _interval(score[row] * trials[row], (1.0 - score[row]) * trials[row])
        held[band].append(low <= days <= high)
    return [(f"{low:g}-{high:g}", len(own), float(np.mean(own)) if own else float("nan"))
            for (low, high), own in held.items()]


def _interval(a: float, b: float) -> tuple[int, int]:
    """Central interval of the Beta-binomial over the days ahead, of at least the nominal mass."""
    n = AHEAD_DAYS
    chance = np.array([np.exp(
        lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + lgamma(k + a) + lgamma(n - k + b)
        - lgamma(n + a + b) + lgamma(a + b) - lgamma(a) - lgamma(b)) for k in range(n + 1)])
    below = np.cumsum(chance)
    tail = (1.0 - _NOMINAL) / 2.0
    return int(np.searchsorted(below, tail)), int(np.searchsorted(below, 1.0 - tail))
