"""One conformance suite that every model passes, and the contest between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from features.models import base, prior
from features.models.adpredictor import AdPredictor
from features.models.base import Model, PoisonedRow
from features.models.binned import Binned
from features.models.comparison import LEAST_DAYS, Comparison
from features.models.drift import Drift
from features.models.hoeffding import HoeffdingTree
from features.models.learner import Learner
from features.models.linear import Hurdle, Intercepts, Logistic
from features.models.measures import Tally, losses
from features.models.mixture import Mixture
from features.models.registry import registered
from features.models.signals import HABIT, NAMES, DayRows
from features.state import snapshots
from tests.support.made_up_days import INTERESTS, day_rows, learned

_ODDS_28 = NAMES.index("odds_28")


class _Corrected(Binned):
    """A correction that learns what it corrects too, in the order that a worker keeps."""

    def __init__(self) -> None:
        self._own = Hurdle()
        super().__init__(self._own)

    def learn(self, rows: DayRows) -> None:
        super().learn(rows)
        self._own.learn(rows)

    def relearn(self) -> None:
        super().relearn()
        self._own.relearn()

    def snapshot(self) -> bytes:
        head, arrays = snapshots.unpack(super().snapshot())
        return snapshots.pack(head, arrays | {"own": np.frombuffer(self._own.snapshot(), np.uint8)})

    def restore(self, data: bytes) -> None:
        super().restore(data)
        self._own.restore(snapshots.unpack(data)[1]["own"].tobytes())

    def merge(self, other: bytes) -> None:
        super().merge(other)
        self._own.merge(snapshots.unpack(other)[1]["own"].tobytes())


class _Ensemble(Mixture):
    """A mixture that learns its members too, in the order that a worker keeps."""

    def __init__(self) -> None:
        self._own: tuple[Model, ...] = Intercepts(), Logistic(), AdPredictor()
        super().__init__(*self._own)

    def learn(self, rows: DayRows) -> None:
        super().learn(rows)
        for member in self._own:
            member.learn(rows)

    def snapshot(self) -> bytes:
        head, arrays = snapshots.unpack(super().snapshot())
        own = {f"own{k}": np.frombuffer(m.snapshot(), np.uint8) for k, m in enumerate(self._own)}
        return snapshots.pack(head, arrays | own)

    def restore(self, data: bytes) -> None:
        super().restore(data)
        for k, member in enumerate(self._own):
            member.restore(snapshots.unpack(data)[1][f"own{k}"].tobytes())

    def merge(self, other: bytes) -> None:
        super().merge(other)
        for k, member in enumerate(self._own):
            member.merge(snapshots.unpack(other)[1][f"own{k}"].tobytes())


_WITH_FORM = [Hurdle, Intercepts, Logistic, AdPredictor, _Ensemble, _Corrected]


@pytest.fixture(params=[*_WITH_FORM, HoeffdingTree])
def make(request: pytest.FixtureRequest) -> Callable[[], Model]:
    model: type[Model] = request.param
    return model


def test_it_learns(make: Callable[[], Model]) -> None:
    model = learned(make(), range(40))
    days = [day_rows(day) for day in range(90, 100)]
    y = np.concatenate([rows.y for rows in days])
    p = np.concatenate([model.score(rows) for rows in days])
    assert losses(p, y).mean() < 0.97 * losses(np.full(len(y), y.mean()), y).mean()
    assert model.learned == 40 * len(days[0])
    assert model.version == 40


@pytest.mark.parametrize("days", [0, 1, 5])
def test_scores_are_probabilities_and_those_of_the_kernel(
    make: Callable[[], Model], days: int
) -> None:
    model, rows = learned(make(), range(days)), day_rows(9)
    p = model.score(rows)
    assert p.shape == (len(rows),)
    assert ((p > 0.0) & (p < 1.0)).all()
    form = model.form()
    assert (form is not None) == (make in _WITH_FORM)
    if form is not None:
        np.testing.assert_array_equal(p, base.score_form(form, rows))


def test_a_row_is_scored_by_itself(make: Callable[[], Model]) -> None:
    """Whatever else the day brought: the rows and labels of others don't move a score."""
    model, rows = learned(make(), range(5)), day_rows(9)
    half = rows.part(slice(None, None, 2))
    half = replace(half, day=9, y=1 - half.y, active_today=1 - half.active_today)
    np.testing.assert_array_equal(model.score(rows)[::2], model.score(half))


def test_the_same_days_give_the_same_bytes(make: Callable[[], Model]) -> None:
    assert learned(make(), range(6)).snapshot() == learned(make(), range(6)).snapshot()


@pytest.mark.parametrize("stop", [0, 1, 4, 15])
def test_stopping_anywhere_changes_nothing(make: Callable[[], Model], stop: int) -> None:
    whole = learned(make(), range(stop + 5))
    again = make()
    again.restore(learned(make(), range(stop)).snapshot())
    assert learned(again, range(stop, stop + 5)).snapshot() == whole.snapshot()
    np.testing.assert_array_equal(again.score(day_rows(50)), whole.score(day_rows(50)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_poisoned_row_is_refused_and_nothing_of_its_day_learned(
    make: Callable[[], Model], bad: float
) -> None:
    model = learned(make(), range(3))
    before = model.snapshot()
    x = day_rows(3).x.copy()
    x[-1, 3] = bad
    with pytest.raises(PoisonedRow, match=NAMES[3]):
        model.learn(replace(day_rows(3), x=x))
    assert model.snapshot() == before


def test_an_empty_day_teaches_nothing(make: Callable[[], Model]) -> None:
    model, day = learned(make(), range(2)), day_rows(2)
    before = model.snapshot()
    model.learn(day.part(slice(0)))
    assert model.snapshot() == before


def test_siblings_merge(make: Callable[[], Model]) -> None:
    """A cold model takes its sibling's knowledge; two equals stay what they are."""
    rows, one = day_rows(50), learned(make(), range(20))
    cold = make()
    cold.merge(one.snapshot())
    np.testing.assert_allclose(cold.score(rows), one.score(rows), rtol=1e-6)
    twin = learned(make(), range(20))
    twin.merge(one.snapshot())
    np.testing.assert_allclose(twin.score(rows), one.score(rows), rtol=1e-6)
    assert twin.learned == 2 * one.learned


def test_drift_makes_it_learn_faster(make: Callable[[], Model]) -> None:
    steady, doubting = learned(make(), range(20)), learned(make(), range(20))
    before = doubting.score(day_rows(50))
    doubting.relearn()
    if make is not _Ensemble:
        # Less sure weights are a less sure answer where the answer knows how sure they are.
        slack = 0.05 if make is AdPredictor else 0.0
        np.testing.assert_allclose(doubting.score(day_rows(50)), before, rtol=1e-7, atol=slack)
        moved = [
            np.abs(learned(m, range(1), seed=9).score(day_rows(50)) - before).sum()
            for m in (steady, doubting)
        ]
        assert moved[1] > moved[0]


def test_a_snapshot_of_another_model_is_refused(make: Callable[[], Model]) -> None:
    other = snapshots.pack({"model": "tarot"}, {})
    with pytest.raises(ValueError, match="tarot"):
        make().restore(other)


@pytest.mark.parametrize("make", [Hurdle, Intercepts, Logistic])
def test_signals_come_and_go(make: Callable[[], Model]) -> None:
    """A signal that a snapshot doesn't know starts at 0, one that is no more is dropped."""
    model = learned(make(), range(5))
    head, arrays = snapshots.unpack(model.snapshot())
    part = "all" if "all" in head else "habit"
    k = head[part].index("odds_28")
    head[part][k] = "a_signal_of_last_year"
    other = make()
    other.restore(snapshots.pack(head, arrays))
    form, before = other.form(), model.form()
    assert form is not None and before is not None
    assert form.weights[0, _ODDS_28] == 0.0
    np.testing.assert_array_equal(
        np.delete(form.weights[0], _ODDS_28), np.delete(before.weights[0], _ODDS_28)
    )
    learned(other, range(5, 7))
    again = other.form()
    assert again is not None and again.weights[0, _ODDS_28] != 0.0


def test_intercepts_come_with_their_interests() -> None:
    form = learned(Intercepts(), range(30)).form()
    assert form is not None and form.intercepts.shape == (1, INTERESTS)
    assert form.intercepts[0, -1] > form.intercepts[0, 0]


def test_a_prior_answers_on_the_first_day() -> None:
    """Weights carry over to a cold model; what it learns then moves them."""
    taught = learned(Hurdle(), range(30))
    form = taught.form()
    assert form is not None
    prior = dict(zip(NAMES, form.weights[0].tolist(), strict=True))
    rows = day_rows(77)
    for kind in (Hurdle, Intercepts, AdPredictor):
        cold, warm = losses(kind().score(rows), rows.y), losses(kind(prior).score(rows), rows.y)
        assert warm.mean() < cold.mean()
        assert kind(prior).primed and not kind().primed
        moved = learned(kind(prior), range(3))
        assert (moved.score(rows) != kind(prior).score(rows)).all()


def test_a_worker_answers_from_the_first_day_and_a_cold_one_says_it_is_cold() -> None:
    assert Learner(INTERESTS).trained
    assert not Learner(INTERESTS, registered(primed=False)).trained


def test_the_shipped_prior_names_signals_that_exist() -> None:
    assert set(prior.HURDLE) <= set(NAMES)


def test_absence_teaches_no_habit() -> None:
    """A day on which nobody came moves presence and leaves the habits alone."""
    model = learned(Hurdle(), range(5))
    rows = day_rows(6)
    before = model.form()
    model.learn(
        replace(rows, active_today=np.zeros_like(rows.active_today), y=np.zeros_like(rows.y))
    )
    after = model.form()
    assert before is not None and after is not None
    habits = len(HABIT)
    np.testing.assert_array_equal(before.weights[0, :habits], after.weights[0, :habits])
    assert (before.weights[0, habits:] != after.weights[0, habits:]).any()


# -- the contest


class _Fixed(Logistic):
    """Answers the truth, mixed with a coin."""

    def __init__(self, name: str, truth: float) -> None:
        super().__init__()
        self.id, self._truth = name, truth

    def score(self, rows: DayRows) -> np.ndarray:
        noise = np.random.default_rng(rows.day).random(len(rows))
        return np.clip(0.05 + self._truth * (rows.y - 0.05) + 0.01 * noise, 0.01, 0.99)

    def _learn(self, rows: DayRows) -> None:
        pass


def _contest(learner: Learner, days: range) -> None:
    for day in days:
        rows = day_rows(day)
        learner._judge(rows, {name: m.score(rows) for name, m in learner.models.items()})
        learner._contest(day)


def test_a_better_challenger_is_promoted_once_it_has_shown_it() -> None:
    learner = Learner(INTERESTS, (_Fixed("old", 0.05), _Fixed("new", 0.2)))
    _contest(learner, range(LEAST_DAYS - 1))
    assert learner.champion.id == "old"
    _contest(learner, range(LEAST_DAYS - 1, LEAST_DAYS + 1))
    assert [(n.what, n.model, n.other) for n in learner.news] == [("promoted", "new", "old")]
    assert learner.champion.id == "new"
    assert learner.news[0].gain > 2.0 * learner.news[0].error > 0.0


def test_a_challenger_as_good_is_not() -> None:
    learner = Learner(INTERESTS, (_Fixed("old", 0.2), _Fixed("new", 0.2001)))
    _contest(learner, range(60))
    assert learner.champion.id == "old" and not learner.news


def test_a_champion_that_disappoints_falls_back_sooner_than_it_rose() -> None:
    good, bad = _Fixed("old", 0.05), _Fixed("new", 0.2)
    learner = Learner(INTERESTS, (good, bad))
    _contest(learner, range(LEAST_DAYS + 1))
    assert learner.champion.id == "new"
    good._truth, bad._truth = 0.2, 0.05
    _contest(learner, range(LEAST_DAYS + 1, LEAST_DAYS + 11))
    assert [n.what for n in learner.news] == ["promoted", "demoted"]
    assert learner.champion.id == "old"


def test_a_better_score_of_worse_calibration_is_not_enough() -> None:
    class _Loud(_Fixed):
        def score(self, rows: DayRows) -> np.ndarray:
            return np.clip(super().score(rows) * 1.5, 0.01, 0.99)

    learner = Learner(INTERESTS, (_Fixed("old", 0.3), _Loud("loud", 0.6)))
    learner._tallies["old"].sums[2] = learner._tallies["old"].sums[1]
    comparison = learner._comparisons["loud"]
    _contest(learner, range(30))
    gap = [learner.tally(name).calibration_error for name in ("old", "loud")]
    assert comparison.won() and (learner.champion.id == "old") == (gap[1] > gap[0] + 0.002)


def test_a_contest_goes_on_after_a_restart() -> None:
    whole = Learner(INTERESTS, (_Fixed("old", 0.05), _Fixed("new", 0.2)))
    _contest(whole, range(10))
    again = Learner(INTERESTS, (_Fixed("old", 0.05), _Fixed("new", 0.2)))
    again.restore(whole.snapshot())
    assert again.snapshot() == whole.snapshot()
    for learner in (whole, again):
        _contest(learner, range(10, 20))
    assert again.champion.id == "new"
    assert again.snapshot() == whole.snapshot()


def test_the_days_of_a_duel_are_bounded() -> None:
    comparison = Comparison()
    for _ in range(500):
        comparison.add(np.ones(3), np.ones(3))
    assert len(comparison.days) < 100
    assert not comparison.won()


def test_calibration_error_is_that_of_the_bins() -> None:
    tally = Tally()
    tally.add(np.full(1000, 0.2), (np.arange(1000) < 300).astype(np.uint8))
    assert tally.calibration_error == pytest.approx(0.1)


# -- drift


def _alarms(values: list[float]) -> list[int]:
    drift, rank = Drift(), np.repeat(np.arange(8), 25)
    return [k for k, value in enumerate(values) if drift.add(1, np.full(200, value), rank)]


def test_a_world_that_changes_is_noticed_and_one_that_does_not_is_not() -> None:
    chance = np.random.default_rng(3)
    steady = (0.07 + 0.01 * chance.normal(size=120)).tolist()
    assert _alarms(steady) == []
    worse = (0.20 + 0.02 * chance.normal(size=30)).tolist()
    alarms = _alarms(steady[:60] + worse)
    assert len(alarms) == 1 and 60 <= alarms[0] <= 70


def test_getting_better_is_no_alarm() -> None:
    assert _alarms([0.4] * 30 + [0.05] * 30) == []


def test_groups_with_few_rows_say_nothing() -> None:
    drift = Drift()
    for day in range(40):
        assert not drift.add(0, np.full(40, 0.1 if day < 20 else 5.0), np.arange(40))
    assert drift.values[0] == []


def test_what_drift_remembers_is_bounded() -> None:
    drift, rank = Drift(), np.repeat(np.arange(8), 25)
    drift.values[2] = [0.1] * 5000
    drift.add(2, np.full(200, 0.05), rank)
    assert len(drift.values[2]) <= 1440
