"""Estimates of a policy that was not used, against a world whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from streams.evaluation import off_policy
from streams.evaluation.off_policy import Decisions, NoSupport, estimate

_ACTIONS, _CONTEXTS, _UNITS, _EACH = 5, 4, 500, 4
_RUNS = 400


@dataclass(frozen=True)
class World:
    """Chances of a reward by context and action, and two policies."""

    chance: np.ndarray
    logging: np.ndarray
    judged: np.ndarray

    @property
    def truth(self) -> float:
        return float((self.judged * self.chance).sum(axis=1).mean())

    def log(self, generator: np.random.Generator) -> Decisions:
        """Decisions about people of whom some answer more readily than others."""
        unit = np.repeat(np.arange(_UNITS), _EACH)
        context = generator.integers(0, _CONTEXTS, len(unit))
        ready = generator.uniform(0.5, 1.5, _UNITS)[unit]
        action = (self.logging[context].cumsum(1) > generator.random(len(unit))[:, None]).argmax(1)
        reward = generator.random(len(unit)) < self.chance[context, action] * ready
        propensity = self.logging[context, action]
        return Decisions(
            unit, context, action, propensity, reward.astype(float), self.judged[context]
        )


@pytest.fixture(scope="module")
def world() -> World:
    generator = np.random.default_rng(17)
    return World(
        generator.uniform(0.05, 0.5, (_CONTEXTS, _ACTIONS)),
        0.8 * generator.dirichlet(np.full(_ACTIONS, 2.0), _CONTEXTS) + 0.2 / _ACTIONS,
        generator.dirichlet(np.full(_ACTIONS, 2.0), _CONTEXTS),
    )


def coverage(world: World, mend: float = 1.0) -> dict[str, float]:
    """Share of logs whose interval holds the truth; `mend` other than 1 spoils propensities."""
    generator = np.random.default_rng(5)
    held = dict.fromkeys(("ips", "snips", "dr"), 0)
    for _ in range(_RUNS):
        log = world.log(generator)
        if mend != 1.0:
            spoilt = np.minimum(log.propensity * mend, 1.0)
            log = Decisions(log.unit, log.context, log.action, spoilt, log.reward, log.target)
        for name, value in estimate(log).items():
            if name in held:
                assert value.low is not None and value.high is not None
                held[name] += value.low <= world.truth <= value.high
    return {name: count / _RUNS for name, count in held.items()}


def test_intervals_hold_the_truth_as_often_as_they_say(world: World) -> None:
    for name, share in coverage(world).items():
        assert 0.92 <= share <= 0.98, name


def test_with_propensities_that_are_not_true_ones_they_do_not(world: World) -> None:
    assert coverage(world, 1.2)["ips"] < 0.8


def test_a_model_takes_noise_out_and_adds_no_error_of_its_own(world: World) -> None:
    generator = np.random.default_rng(3)
    found = [estimate(world.log(generator)) for _ in range(200)]
    spread = {
        name: np.std([values[name].estimate for values in found]) for name in off_policy.ESTIMATORS
    }
    off = {
        name: abs(np.mean([values[name].estimate for values in found]) - world.truth)
        for name in off_policy.ESTIMATORS
    }
    assert spread["dr"] < spread["ips"]
    assert off["dr"] < 3.0 * spread["dr"] / 200**0.5
    assert spread["dm"] < spread["ips"] and spread["dros"] < 1.01 * spread["dr"]


def test_the_logging_policy_itself_is_worth_its_mean_reward(world: World) -> None:
    log = world.log(np.random.default_rng(9))
    own = Decisions(
        log.unit, log.context, log.action, log.propensity, log.reward, world.logging[log.context]
    )
    assert estimate(own)["ips"].estimate == pytest.approx(log.reward.mean())
    assert estimate(own)["snips"].estimate == pytest.approx(log.reward.mean())
    assert off_policy.effective_size(own) == pytest.approx(len(log.unit))


def test_a_record_is_not_judged_by_a_model_that_saw_its_unit(world: World) -> None:
    log = world.log(np.random.default_rng(2))
    fold = log.unit % 5 == 0
    turned = np.where(fold, 1.0 - log.reward, log.reward)
    other = Decisions(log.unit, log.context, log.action, log.propensity, turned, log.target)
    before, after = off_policy.expected_rewards(log), off_policy.expected_rewards(other)
    np.testing.assert_array_equal(before[fold], after[fold])
    assert (before[~fold] != after[~fold]).any()


def test_what_was_never_done_is_no_support() -> None:
    log = Decisions(
        np.arange(4),
        np.zeros(4, np.int64),
        np.array([0, 0, 1, 1]),
        np.full(4, 0.5),
        np.ones(4),
        np.tile([0.25, 0.25, 0.5], (4, 1)),
    )
    assert off_policy.support(log) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("propensity", "target", "named"),
    [(0.0, [0.5, 0.5], "propensity"), (1.5, [0.5, 0.5], "propensity"), (0.5, [0.5, 0.4], "target"),
     (0.5, [1.5, -0.5], "target")],
)  # fmt: skip
def test_what_is_no_probability_is_named(
    propensity: float, target: list[float], named: str
) -> None:
    one = np.zeros(1, np.int64)
    with pytest.raises(NoSupport, match=named):
        Decisions(one, one, one, np.array([propensity]), np.ones(1), np.array([target]))
