"""What contacts brought over none, looked at every day."""

from __future__ import annotations

import numpy as np
import pytest

from streams.evaluation.sequential import LEAST_TERMS, UnitTerms, effects, last_look, looks, shares

_UNITS, _DAILY, _RUNS = 12_000, 200, 400


def _terms(
    generator: np.random.Generator, lift: float, share: float = 0.8, alone: float = 0.05
) -> UnitTerms:
    contacted = generator.random(_UNITS) < share
    reward = generator.random(_UNITS) < alone + lift * contacted
    return effects(contacted, np.full(_UNITS, share), reward.astype(float))


def _ever(
    lift: float, share: float = 0.8, alone: float = 0.05, *, naive: bool = False, runs: int = _RUNS
) -> float:
    """Share of sequences that are decided at any daily look."""
    generator = np.random.default_rng(23)
    days = list(range(_DAILY, _UNITS + 1, _DAILY))
    decided = 0
    for _ in range(runs):
        terms = _terms(generator, lift, share, alone)
        if naive:
            value = terms.value
            reach = [1.96 * value[:t].std() / t**0.5 for t in days]
            decided += any(abs(value[:t].mean()) > r for t, r in zip(days, reach, strict=True))
        else:
            decided += any(seen.decided for seen in looks(terms, days))
    return decided / runs


def test_of_null_effects_at_most_one_in_twenty_is_ever_decided() -> None:
    assert _ever(0.0) <= 0.05


@pytest.mark.parametrize("alone", [0.01, 0.05, 0.3])
@pytest.mark.parametrize("share", [0.5, 0.95])
def test_nor_where_few_are_held_out_and_few_answer(share: float, alone: float) -> None:
    assert _ever(0.0, share, alone, runs=200) <= 0.05


@pytest.mark.parametrize("often", [0.002, 0.05])
def test_a_share_is_in_its_interval_at_every_look(often: float) -> None:
    generator, days = np.random.default_rng(3), list(range(LEAST_TERMS, 3_000, LEAST_TERMS))
    out = 0
    for _ in range(_RUNS):
        seen = looks(shares(generator.random(3_000) < often), days)
        out += any(not look.low <= often <= look.high for look in seen)
    assert out / _RUNS <= 0.05


def test_an_interval_for_one_look_is_none_for_sixty() -> None:
    assert _ever(0.0, naive=True) > 0.2


def test_an_effect_is_found() -> None:
    assert _ever(0.03) > 0.95


def test_the_estimate_has_no_bias_whatever_the_share_held_out() -> None:
    generator = np.random.default_rng(4)
    for share in (0.1, 0.5, 0.9):
        found = [last_look(_terms(generator, 0.02, share)).effect for _ in range(60)]
        assert np.mean(found) == pytest.approx(0.02, abs=3.0 * np.std(found) / 60**0.5)


def test_too_few_terms_say_nothing() -> None:
    terms = _terms(np.random.default_rng(1), 0.9)
    assert not last_look(terms.first(LEAST_TERMS - 1)).decided
    assert last_look(terms.first(0)).terms == 0


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_without_chance_nothing_is_learned(share: float) -> None:
    with pytest.raises(ValueError, match="propensity"):
        effects(np.array([True]), np.array([share]), np.ones(1))


def test_of_rewards_that_were_all_alike_nothing_is_known_but_that_they_are_of_yes_and_no() -> None:
    contacted, never = np.arange(400) % 2 == 0, np.zeros(400)
    assert last_look(effects(contacted, np.full(400, 0.5), never)).high == np.inf
    known = last_look(effects(contacted, np.full(400, 0.5), never, 1.0))
    assert -1.0 < known.low < 0.0 < known.high < 1.0
