"""A policy that learns what contacts change, beside one that learns who answers."""

from __future__ import annotations

import numpy as np
import pytest

from features.models.uplift import Uplift
from streams.evaluation.campaigns import Course, courses
from streams.sandbox.campaigns import CAP, People, play


@pytest.fixture(scope="module")
def found() -> dict[str, Course]:
    return courses(10_000, 45, 11)


def test_it_needs_fewer_contacts_for_the_same_value(found: dict[str, Course]) -> None:
    response = found["response"]
    contacts, annoyed = found["uplift"].needed(float(response.gained[-1]))
    assert contacts <= 0.6 * response.contacts[-1]
    assert annoyed <= 0.5 * response.annoyed[-1]


def test_it_ranks_people_it_never_met_between_chance_and_the_oracle(
    found: dict[str, Course],
) -> None:
    assert found["oracle"].qini == pytest.approx(1.0)
    assert abs(found["random"].qini) < 0.05
    assert found["response"].qini + 0.1 < found["uplift"].qini < 1.0


def test_nobody_is_asked_more_often_than_the_cap() -> None:
    people = People.drawn(300, np.random.default_rng(2))
    days = play(people, "random", 28, 2).days
    # Twice a fortnight each, and two fortnights.
    assert sum(day.contacts for day in days) <= 300 * CAP * 2


def test_two_halves_of_a_day_are_learned_like_the_whole() -> None:
    generator = np.random.default_rng(5)
    n, d = 400, 3
    x = generator.normal(size=(n, d))
    contacted = generator.random(n) < 0.5
    y = (generator.random(n) < 0.3 + 0.2 * contacted).astype(float)
    whole, halves = Uplift.cold(d), Uplift.cold(d)
    whole.without.learn(x, y, np.ones(n))
    for part in (slice(0, 200), slice(200, n)):
        halves.without.learn(x[part], y[part], np.ones(200))
    np.testing.assert_allclose(whole.without.coefficients, halves.without.coefficients)


def test_what_a_contact_changes_is_found_in_a_plain_trial() -> None:
    generator = np.random.default_rng(7)
    model = Uplift.cold(2)
    for _ in range(30):
        x = np.stack([np.ones(1_000), generator.normal(size=1_000)], axis=1)
        contacted = generator.random(1_000) < 0.3
        y = generator.random(1_000) < 0.3 + contacted * (0.1 + 0.1 * (x[:, 1] > 0))
        model.learn(x, contacted, np.full(1_000, 0.3), y.astype(float), np.zeros(1_000))
    asked = np.array([[1.0, -1.0], [1.0, 1.0]])
    low, high = model.difference.answer(asked)
    assert 0.06 < low < 0.14 < high < 0.24
    assert (model.worth(asked, 0.0, caution=1.28) < model.worth(asked, 0.0)).all()
    assert (model.difference.spread(asked) < 0.02).all()
