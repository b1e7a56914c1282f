"""Reckons how right `engage` is by what people say, beside what they do.

Who was asked is no sample of all customers, and who speaks unasked is one of those who object: the
two are told apart, and neither stands for everybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.models.verdicts import OPINIONS, UNSEEN, Verdicts
from features.vocabulary import Opinion

_YES: Final = [OPINIONS.index(Opinion.LIKE)]
_NO: Final = [
    OPINIONS.index(word) for word in (Opinion.DISLIKE, Opinion.NOT_ANY_MORE, Opinion.NOT_ME)
]
_Z: Final = 1.96
#: Answers from which on the line from behaviour to opinion is drawn, and its steps.
_LEAST_ANSWERS: Final = 30
_STEPS: Final = 50


@dataclass(frozen=True)
class YesShare:
    """A share of answers with its 95 % interval (Wilson 1927); NaN of none."""

    of: int
    right: int

    @property
    def value(self) -> float:
        """The share itself."""
        return self.right / self.of if self.of else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Its bounds."""
        if not self.of:
            return float("nan"), float("nan")
        n, p = self.of, self.value
        middle = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        spread = _Z / (1 + _Z**2 / n) * sqrt(p * (1 - p) / n + _Z**2 / (4 * n * n))
        return max(0.0, middle - spread), min(1.0, middle + spread)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:.3f} [{low:.3f}, {high:.3f}] of {self.of}" if self.of else "none"


def precision(verdicts: Verdicts, asked: bool) -> YesShare:
    """YesShare of yes among the answers on what behaviour would have had engaged."""
    yes, no = _counts(verdicts, asked)
    return YesShare(int(yes[1].sum() + no[1].sum()), int(yes[1].sum()))


def recall(verdicts: Verdicts, asked: bool) -> YesShare:
    """YesShare engaged among what people said yes to."""
    yes, _ = _counts(verdicts, asked)
    return YesShare(int(yes.sum()), int(yes[1].sum()))


def by_score(verdicts: Verdicts, asked: bool) -> list[tuple[float, YesShare]]:
    """YesShare of yes by the score that behaviour gave, the greatest first; below 0 for none."""
    yes, no = (found.sum(axis=0) for found in _counts(verdicts, asked))
    return [
        (
            -1.0 if band == UNSEEN else _middle(band),
            YesShare(int(yes[band] + no[band]), int(yes[band])),
        )
        for band in range(UNSEEN + 1)
        if yes[band] + no[band]
    ]


def line(verdicts: Verdicts, asked: bool) -> tuple[float, float] | None:
    """Intercept and slope of the log-odds of yes over those of the score; None of too few.

    Platt's method (1999) on the bands of the score, with his smoothed targets, so that answers all
    alike have a line as well.
    """
    bands = [(score, share) for score, share in by_score(verdicts, asked) if score > 0.0]
    of = np.array([share.of for _, share in bands], float)
    right = np.array([share.right for _, share in bands], float)
    yes, no = right.sum(), (of - right).sum()
    if yes + no < _LEAST_ANSWERS or len(bands) < 2:
        return None
    high, low = (yes + 1.0) / (yes + 2.0), 1.0 / (no + 2.0)
    target = right * high + (of - right) * low
    p = np.clip(np.array([score for score, _ in bands]), 1e-4, 1.0 - 1e-4)
    x = np.stack([np.ones(len(p)), np.log(p / (1.0 - p))], axis=1)
    weights = np.zeros(2)
    for _ in range(_STEPS):
        said = 1.0 / (1.0 + np.exp(-x @ weights))
        bent = (of * said * (1.0 - said))[:, None] * x
        weights = weights + np.linalg.solve(
            x.T @ bent + 1e-9 * np.eye(2), x.T @ (target - of * said)
        )
    return float(weights[0]), float(weights[1])


def declared_lines(verdicts: Verdicts, k: int) -> Iterator[str]:
    """The report as lines of text; of fewer than `k` answers none are told."""
    for asked, title in ((True, "asked"), (False, "unasked")):
        told = int(verdicts.said[int(asked)].sum())
        if told < k:
            yield f"{title}: fewer than {k} answers"
            continue
        yield f"{title}: {told} answers"
        yield f"  engage is right by what they say   {precision(verdicts, asked)}"
        yield f"  what they say yes to is engaged    {recall(verdicts, asked)}"
        for score, share in by_score(verdicts, asked):
            if share.of >= k:
                about = "never seen" if score < 0.0 else f"score about {score:.3f}"
                yield f"    {about:20} yes {share}"
        if (found := line(verdicts, asked)) is not None:
            yield f"  log-odds of yes = {found[0]:+.2f} {found[1]:+.2f} x log-odds of the score"
    engaged, right, came = verdicts.mornings.tolist()
    yield f"by behaviour, on {engaged} mornings of who was there"
    if engaged and came:
        yield f"  engage came true that day          {right / engaged:.3f}"
        yield f"  what came was engaged              {right / came:.3f} of {came}"


def _counts(verdicts: Verdicts, asked: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Yes and no, each of shape (2, bands): by whether engaged, and band."""
    said = verdicts.said[int(asked)]
    return said[_YES].sum(axis=0), said[_NO].sum(axis=0)


def _middle(band: int) -> float:
    """Score in the middle of a band of `features.models.measures.band_of`."""
    return float(2.0 ** (-(band + 0.5) / 2.0))
