"""The budget: sums as OpenDP does them, and an account that is never overdrawn."""

from __future__ import annotations

import math
import random

import opendp.prelude as dp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.audiences.budget import DELTA, PERIOD_MS, Budget
from features.audiences.cells import Audiences
from features.audiences.segments import RELEASE, Segment
from streams.apps.noise import gaussian, measurement
from tests.support.audience_counting import DAY, START, TREE, K, fill, said, seeded


@pytest.mark.parametrize("epsilon", [0.5, 4.0, 10.0])
@pytest.mark.parametrize("contribution", [3, 12])
@pytest.mark.parametrize("days", [1, 7, 45])
def test_a_period_of_releases_costs_what_is_promised(
    epsilon: float, contribution: int, days: int
) -> None:
    budget = Budget(epsilon, contribution, days * DAY)
    each = measurement(budget.sigma).map(math.sqrt(contribution))  # a household leaves
    assert each == pytest.approx(budget.each)
    assert budget.each * budget.releases == pytest.approx(budget.total)
    whole = dp.m.make_gaussian(
        dp.atom_domain(T=int), dp.absolute_distance(T=int), scale=math.sqrt(1 / (2 * budget.total))
    )
    spent = dp.c.make_zCDP_to_approxDP(whole).map(1).epsilon(DELTA / 2)
    assert spent <= epsilon * (1 + 1e-6)  # OpenDP's conversion is tighter than the formula
    assert spent > 0.8 * epsilon


def test_noise_hardly_ever_brings_a_small_cell_to_be_said() -> None:
    """The other half of delta, over all cells of a household and all releases of a period."""
    budget = Budget(4.0, 12, DAY)
    above = math.erfc((budget.margin - 1) / budget.sigma / math.sqrt(2)) / 2
    assert above * 12 * 30 <= DELTA / 2
    assert above * 12 * 30 > DELTA / 4  # and no more is hidden than needs be


def test_a_cell_of_a_few_is_not_said_however_the_noise_falls() -> None:
    for seed in range(300):
        audiences = Audiences(TREE, K, noise=seeded(seed))
        fill(audiences, 60, ["483"])
        assert said({}, audiences.publish(START)) == {}


def test_drawn_noise_is_as_wide_as_was_asked_for() -> None:
    drawn = gaussian([100] * 4000, 27.0)
    mean = sum(drawn) / len(drawn)
    deviation = math.sqrt(sum((n - mean) ** 2 for n in drawn) / len(drawn))
    assert abs(mean - 100) < 27 / math.sqrt(4000) * 6 and 25 < deviation < 29
    assert gaussian([], 27.0) == [] and len(set(drawn)) > 50


# Moves of a clock, in hours, and 0: the app is started anew, with another time between releases.
MOVES = st.lists(st.sampled_from([0, 6, 24, 24, 72, -24, -72, 24 * 60, -24 * 60]), max_size=60)


@given(MOVES, st.randoms(use_true_random=False))
def test_whatever_the_clock_says_no_release_is_drawn_twice_nor_a_window_overdrawn(
    moves: list[int], chance: random.Random
) -> None:
    audiences, now, drawn = Audiences(TREE, K, noise=seeded(1)), START, list[tuple[int, float]]()
    ledger: list[Segment] = []
    for move in [6, *moves]:
        now += move * DAY // 24
        if not move:
            every = chance.choice([DAY, DAY // 4, 7 * DAY])
            audiences = Audiences(TREE, K, every, noise=seeded(1))
            for segment in chance.sample(ledger[-2:], len(ledger[-2:])):  # of two partitions
                audiences.restore(segment.key, segment.value)
        assert audiences.budget is not None
        for segment in audiences.publish(now):
            assert segment.key == RELEASE and segment.value is not None
            assert segment.value["budget"]["needed"] <= 1 + 1e-9
            ledger.append(segment)
            drawn.append((segment.value["release"], audiences.budget.each))
    assert audiences.budget is not None
    assert len({at for at, _ in drawn}) == len(drawn)
    for release, _ in drawn:
        window = sum(rho for at, rho in drawn if release - PERIOD_MS < at <= release)
        assert window <= audiences.budget.total * (1 + 1e-9)


def test_a_clock_that_goes_to_and_fro_does_not_draw_again() -> None:
    """Averaged, the noise of hundreds of draws would be gone."""
    audiences = Audiences(TREE, K, noise=seeded(1))
    fill(audiences, 500, ["483"])
    for turn in range(100):
        found = said({}, audiences.publish(START + turn % 2 * 3 * DAY))
        assert bool(found) == (turn < 2)


def test_a_month_of_days_fits_and_goes_on() -> None:
    audiences = Audiences(TREE, K, noise=seeded(1))
    for day in range(100):
        assert [segment.key for segment in audiences.publish(START + day * DAY)] == [RELEASE]
        assert audiences.budget_needed(START + day * DAY) == pytest.approx(min(day + 1, 30) / 30)


def test_a_spent_budget_freezes_what_is_said() -> None:
    """The epsilon is lowered: what stands stays, but for what has to go, until days are past."""
    before, after = (Audiences(TREE, K, noise=seeded(1, epsilon)) for epsilon in (8.0, 2.0))
    fill(before, 800, ["483"])
    fill(after, 800, ["483"])
    topic: dict[str, int] = {}
    for day in range(15):
        for segment in before.publish(START + day * DAY):
            after.restore(segment.key, segment.value)
            said(topic, [segment])
    assert topic["interest/483"]
    now = START + 15 * DAY
    assert after.budget_needed(now) > 1 and after.publish(now) == []
    for number in range(790):
        after.apply(f"a{number}", None)
    assert "interest/483" not in said(topic, after.publish(now))
    assert said({}, after.publish(START + 45 * DAY)) == {} == topic
    assert after.budget_needed(START + 45 * DAY) <= 1
