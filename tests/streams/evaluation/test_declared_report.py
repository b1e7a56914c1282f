"""Shares of yes with their intervals, and the line from what people do to what they say."""

from __future__ import annotations

import numpy as np
import pytest

from features.models.verdicts import Opined, Verdicts
from features.vocabulary import Opinion
from streams.evaluation.declared_report import (
    YesShare,
    by_score,
    declared_lines,
    line,
    precision,
    recall,
)


def _answers(seed: int = 5, asked: bool = True, n: int = 4_000, slope: float = 0.5) -> Verdicts:
    """People whose log-odds of yes are half of those of their score, and a half more."""
    chance, found = np.random.default_rng(seed), Verdicts()
    for score in chance.uniform(0.01, 0.95, n).tolist():
        odds = 0.5 + slope * np.log(score / (1.0 - score))
        yes = chance.random() < 1.0 / (1.0 + np.exp(-odds))
        word = Opinion.LIKE if yes else Opinion.NOT_ANY_MORE
        found.add(Opined(asked, word, score > 0.5), score)
    return found


def test_precision_and_recall_are_of_what_was_said() -> None:
    told = Verdicts()
    for opinion, engaged, times in (
        (Opinion.LIKE, True, 6), (Opinion.DISLIKE, True, 2), (Opinion.NOT_ME, True, 1),
        (Opinion.NOT_ANY_MORE, True, 3), (Opinion.LIKE, False, 4), (Opinion.NEUTRAL, True, 50),
    ):  # fmt: skip
        for _ in range(times):
            told.add(Opined(True, opinion, engaged), 0.6)
    assert precision(told, True) == YesShare(12, 6)
    assert recall(told, True) == YesShare(10, 6)
    assert precision(told, False) == YesShare(0, 0)


@pytest.mark.parametrize(
    ("of", "right", "low", "high"), [(10, 5, 0.237, 0.763), (20, 20, 0.839, 1)]
)
def test_the_interval_is_wilsons(of: int, right: int, low: float, high: float) -> None:
    assert YesShare(of, right).interval == pytest.approx((low, high), abs=1e-3)


def test_the_line_is_found_again() -> None:
    found = line(_answers(), True)
    assert found is not None
    assert found[0] == pytest.approx(0.5, abs=0.15) and found[1] == pytest.approx(0.5, abs=0.1)
    flat = line(_answers(slope=0.0), True)
    assert flat is not None and abs(flat[1]) < 0.1
    assert line(_answers(n=20), True) is None


def test_bands_hold_the_scores_that_were_given() -> None:
    told = Verdicts()
    for score in (0.9, 0.3, 0.02, -1.0):
        told.add(Opined(True, Opinion.LIKE, False), score)
    assert [round(score, 3) for score, _ in by_score(told, True)] == [0.841, 0.297, 0.019, -1.0]


def test_few_answers_are_not_told() -> None:
    said = "\n".join(declared_lines(_answers(n=9), 20))
    assert "asked: fewer than 20 answers" in said and "yes" not in said
    said = "\n".join(declared_lines(_answers(n=400, asked=False), 20))
    assert "unasked: 400 answers" in said and "asked: fewer than 20 answers" in said
