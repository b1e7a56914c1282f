"""Trends are held against the week that came."""

from __future__ import annotations

import numpy as np

from features.models.signals import NAMES
from streams.evaluation import trends
from streams.evaluation.prequential import Answers
from streams.evaluation.trends import TrendRates
from tests.support.mornings import mornings_of_one_pair


def _pair(y: list[int], score: list[float]) -> Answers:
    """One pair's mornings, that it was engaged with from the day before the first."""
    n = len(y)
    days = [1, *y]
    bits = [sum(1 << k for k in range(i + 1) if days[i - k]) for i in range(n)]
    x = np.zeros((n, len(NAMES)))
    x[:, NAMES.index("age")] = np.log1p(np.arange(1, n + 1)) / 4.0
    return mornings_of_one_pair(y, x, np.array(bits, np.uint64), score=score)


def _rates(answers: Answers) -> dict[str, TrendRates]:
    found = trends.trends(answers, np.ones(len(answers), np.bool_))
    return {rates.said: rates for rates in found}


def test_a_steady_habit_is_counted_by_its_age() -> None:
    """Every other day, as its score says: nothing rises or fades."""
    found = _rates(_pair([0, 1] * 20, [0.5] * 40))
    ages = {name for name in found if name.startswith("habit")}
    spans = ("4 to 7", "8 to 14", "15 to 28", "29 to 64")
    assert ages == {"habit", *(f"habit, {span}" for span in spans)}
    assert all(found[name].right.value == 1.0 for name in ages)
    assert "rising" not in found and "fading" not in found
    assert found["steady, 8 to 14"].right.value == 1.0


def test_what_was_said_to_rise_or_fade_is_held_against_the_days_that_came() -> None:
    """Three days, then none for a week, then daily: told of the last day before each turn."""
    y = [1, 1, 0, 0, 0, 0, 0, 0, 0, 0] + [1] * 14 + [0] * 14
    score = [0.5] * 10 + [0.9] * 7 + [0.1] * 21
    found = _rates(_pair(y, score))
    assert found["rising"].right.value == 1.0 and found["rising"].opposite == 0.0
    assert 0.0 < found["fading"].right.value < 1.0, "it stayed for a week at a score of 0.1"


def test_what_was_seen_once_or_twice_has_no_trend() -> None:
    assert _rates(_pair([1] + [0] * 29, [0.9] * 30)) == {}
