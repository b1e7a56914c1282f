"""Forecasts of moments against the slow twin, and on habits that anybody would see."""

from __future__ import annotations

import random

import numpy as np
import pytest

from features.moments import Moment, Moments
from tests.oracle.moments import TOLERANCE, Forecast

MONDAY = 18_001
PERSONS = [0, 0, 0, 1, 1]


def _day(rng: random.Random, day: int) -> dict[int, int]:
    """Pair 0 on Friday evenings, pair 1 on some mornings, the rest now and then."""
    hit = {0: 8} if day % 7 == 1 and rng.random() < 0.9 else {}
    if rng.random() < 0.4:
        hit[1] = 2
    for pair in (2, 3, 4):
        if rng.random() < 0.2:
            hit[pair] = hit.get(pair, 0) | 1 << rng.randrange(4)
    return hit


def _close(model: Moments, day: int, hit: dict[int, int]) -> None:
    bits = np.zeros(len(model.tables.person), np.uint8)
    for pair, of in hit.items():
        bits[pair] = of
    model.close(day, np.ones(2, np.uint8), bits)


def test_probabilities_are_those_of_the_twin() -> None:
    """From the first day on, for the next morning and for days ahead."""
    rng = random.Random(7)
    model, twin = Moments(PERSONS, 0.1), Forecast(PERSONS, 0.1)
    for day in range(MONDAY, MONDAY + 45):
        hit = _day(rng, day)
        _close(model, day, hit)
        twin.close(day, hit)
        for ahead in (0, 3):
            p = model.morning(day + 1 + ahead, ahead)
            for pair in range(len(PERSONS)):
                known = any(q == pair for q, _ in twin.hits)
                for quarter in range(4):
                    expected = twin.probability(pair, day + 1 + ahead, quarter) if known else 0.0
                    assert p[pair, quarter] == pytest.approx(expected, rel=TOLERANCE)


def _grown(rate: float = 0.1) -> tuple[Moments, int]:
    """A partition in which one pair is active every weekend morning, another on any evening."""
    model = Moments([0, 0], rate)
    for day in range(MONDAY, MONDAY + 70):
        weekend = day % 7 in (2, 3)
        model.close(day, np.ones(1, np.uint8), np.array([2 if weekend else 0, 8], np.uint8))
    return model, MONDAY + 70


def test_moments_are_named_where_likely_and_unlike_the_rest() -> None:
    """At most three, likeliest first, from 0.3 and twice the base on."""
    model, monday = _grown()
    first, second = model.named(monday)
    assert [moment[:2] for moment in first] == [("weekend", "morning")]
    assert {moment[:2] for moment in second} == {("weekday", "evening"), ("weekend", "evening")}
    assert all(moment.p >= 0.3 for moment in first + second)
    assert first == sorted(first, key=lambda moment: -moment.p)
    assert isinstance(first[0], Moment)


def test_the_next_time_is_when_it_is_likelier_than_not() -> None:
    """Weekend mornings: Saturday; every evening: today; somebody never seen: none."""
    model, monday = _grown()
    assert model.following(monday) == [(monday + 5, "morning"), (monday, "evening")]
    assert model.following(monday, 3) == [None, (monday, "evening")]
    assert Moments([0]).following(monday) == [None]


def test_pairs_lie_by_person() -> None:
    """Presence is counted in one pass over them."""
    with pytest.raises(ValueError, match="ascending"):
        Moments([0, 1, 0])
