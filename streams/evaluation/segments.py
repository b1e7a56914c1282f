"""Holds what was said against what came, segment by segment: a mean over all hides all of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.models.signals import NAMES, ODDS_SCALE
from features.vocabulary import Source, Stance
from streams.evaluation.intervals import Blocks, Interval
from streams.evaluation.prequential import Answers

Floats = NDArray[np.float64]

_BANDS = (0.0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 1.0)
_NEW_DAYS, _ABSENT_DAYS, _RARE = 3, 7, 0.01


@dataclass(frozen=True)
class SegmentRates:
    """Rows of one kind: the mean score, and how much came for each engagement that was said.

    Attributes
    ----------
    name : str
    rows : int
    said : float
        Mean score.
    came : Interval
        Rate of engagement.
    ratio : Interval
        What came over what was said; calibrated where 1 lies within.
    """

    name: str
    rows: int
    said: float
    came: Interval
    ratio: Interval

    @property
    def off(self) -> bool:
        """Whether the interval excludes what was said."""
        return self.ratio.low > 1.0 or self.ratio.high < 1.0


def segments(
    answers: Answers, p: Floats, counted: NDArray[np.bool_], blocks: Blocks
) -> list[SegmentRates]:
    """Compare what was said with what came, by band of score, for new, rare, absent, and so on."""
    said, y = p[counted], answers.y[counted].astype(np.float64)
    found = []
    for name, own in _masks(answers, p, counted):
        if own.any():
            inside = own.astype(np.float64)
            found.append(
                SegmentRates(
                    name,
                    int(own.sum()),
                    float(said[own].mean()),
                    blocks.ratio(y * inside, inside),
                    blocks.ratio(y * inside, said * inside),
                )
            )
    return found


def _masks(
    answers: Answers, p: Floats, counted: NDArray[np.bool_]
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    said, x = p[counted], answers.x[counted]
    for low, high in zip(_BANDS[:-1], _BANDS[1:], strict=True):
        yield f"score {low:g}-{high:g}", (said >= low) & (said < high)
    age = np.expm1(4.0 * x[:, NAMES.index("age")])
    yield f"new: first seen {_NEW_DAYS} days ago or less", age < _NEW_DAYS + 0.5
    odds = ODDS_SCALE * x[:, NAMES.index("population")]
    yield f"rare: at most {_RARE:.0%} a day do", odds < np.log(_RARE / (1.0 - _RARE))
    away = np.expm1(x[:, NAMES.index("here_recency")])
    yield f"absent: not here for {_ABSENT_DAYS} days", away > _ABSENT_DAYS - 0.5
    for code in Stance:
        yield f"stance {code.word}", answers.decisions["stance"][counted] == code
    for number, word in enumerate(Source.words()):
        yield f"source {word}", answers.source[counted] == number
