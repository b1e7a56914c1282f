"""What attribution must and must not do, on homes small enough to see it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from features.household import CHILD, Attribution, AttributionRules, Posteriors
from tests.oracle.household import REFUSED, Watched
from tests.support import homes as world

DAY_MS, HOUR_MS, BEGIN = world.DAY_MS, world.HOUR_MS, world.BEGIN
COOKING, SPORT, CARTOONS = 0, 1, 6


def _model(lines: int = 2) -> Attribution:
    return Attribution([0] * lines, world.childrens_flags())


def _own(days: int = 10, country: int = 0) -> list[Watched]:
    """Line 0 cooks, line 1 does sport, every evening of so many days."""
    return [
        Watched(BEGIN + day * DAY_MS + 19 * HOUR_MS + line, 0, line, 100 + line, ((line, 1.0),),
                country=country)
        for day in range(days) for line in (0, 1)
    ]  # fmt: skip


def _seen(interest: int, day: int = 12, hour: int = 20, **more: Any) -> Watched:
    event = Watched(
        BEGIN + day * DAY_MS + hour * HOUR_MS, 0, None, 100 + interest, ((interest, 1.0),)
    )
    return dataclasses.replace(event, **more)


def _fold(model: Attribution, events: list[Watched]) -> Posteriors:
    return model.fold(*world.columns(events))


def _share(found: Posteriors, who: int, at: int = -1) -> float:
    return float(found.r[at][found.who[at] == who].sum())


def test_each_gets_what_is_his() -> None:
    """Taste tells them apart, and only what is his becomes attributed mass."""
    model = _model()
    found = _fold(model, [*_own(), _seen(COOKING), _seen(SPORT, hour=23)])
    assert _share(found, 0, -2) > 0.7 and _share(found, 1) > 0.7
    mass = model.attributed(18_013)
    assert mass[0, COOKING] > 0.3 and mass[1, SPORT] > 0.3
    assert mass[0, SPORT] == mass[1, COOKING] == 0.0
    assert found.r[-1].sum() == pytest.approx(1.0)


def test_a_person_known_alone_is_given_nothing() -> None:
    """With nobody to tell him from, nothing says that it was he."""
    model = _model(1)
    found = _fold(model, [e for e in _own() if e.line == 0] + [_seen(COOKING)])
    assert _share(found, 0) == 1.0
    assert model.attributed(18_013).sum() == 0.0
    assert found.given(1, AttributionRules())[-1].sum() == 0.0


def test_who_is_abroad_was_not_at_the_screen() -> None:
    """His line says another country than the home's; back home he is a candidate again."""
    events = [*_own(country=1), _seen(COOKING, 11, country=1)]
    away = Watched(BEGIN + 12 * DAY_MS, 0, 0, 100, ((COOKING, 1.0),), country=2)
    back = dataclasses.replace(away, ts=BEGIN + 13 * DAY_MS, country=1)
    found = _fold(_model(), [*events, away, _seen(COOKING, 12), back, _seen(COOKING, 13)])
    assert _share(found, 0, -5) > 0.5
    assert _share(found, 0, -3) == 0.0 and _share(found, 1, -3) == 1.0
    assert _share(found, 0) > 0.5


def test_todays_own_events_are_no_evidence() -> None:
    """Being on the phone is not being at the screen: the day's events count from the next."""
    today = [
        Watched(BEGIN + 12 * DAY_MS + h * HOUR_MS, 0, 0, 999, ((3, 1.0),)) for h in range(5, 19)
    ]
    plain = _fold(_model(), [*_own(), _seen(3)])
    busy = _fold(_model(), [*_own(), *today, _seen(3)])
    assert _share(plain, 0) == _share(busy, 0)
    later = _fold(_model(), [*_own(), *today, _seen(3, 14)])
    assert _share(later, 0) > _share(plain, 0) + 0.1


def test_a_chosen_profile_is_believed_and_carried_on() -> None:
    """Whoever chose a profile is there, and still there a minute later."""
    chosen = _seen(4, chosen=1)
    after = dataclasses.replace(_seen(4), ts=chosen.ts + 60_000)
    found = _fold(_model(), [*_own(), chosen, after])
    assert _share(found, 1, -2) == 1.0
    assert _share(found, 1) > 0.9


def test_a_childs_slot_opens_for_its_contents_only() -> None:
    """Nobody without a line is invented: not for cooking, whatever was seen before."""
    model = _model()
    cartoons = [_seen(CARTOONS, 10 + day) for day in range(6)]
    found = _fold(model, [*_own(), *cartoons, _seen(COOKING, 17)])
    assert _share(found, CHILD, -2) > 0.7
    assert (found.who[-1] != CHILD).all()
    assert model.somebody_else()[0].tolist() == [k == CARTOONS for k in range(world.INTERESTS)]
    assert model.attributed(18_018)[:, CARTOONS].sum() < 0.1


def test_who_refused_is_possible_and_is_given_nothing() -> None:
    """His viewing does not land on whoever agreed."""
    stranger = _seen(3)
    open_home, warned = _model(), _model()
    warned.register(0, refused=1)
    assert _share(_fold(warned, [*_own(), stranger]), REFUSED) > 0.3
    _fold(open_home, [*_own(), stranger])
    assert warned.attributed(18_013).sum() <= open_home.attributed(18_013).sum()


def test_withdrawal_takes_all_that_was_held_of_a_person() -> None:
    """Line, sketch, presence, posterior and attributed mass; later events leave no trace."""
    model = _model()
    _fold(model, [*_own(), _seen(COOKING)])
    model.drop_line(0)
    more = Watched(BEGIN + 12 * DAY_MS + 21 * HOUR_MS, 0, 0, 100, ((COOKING, 1.0),))
    found = _fold(model, [more, _seen(COOKING, 13)])
    assert _share(found, 0) == 0.0 and _share(found, 1) == 1.0
    state = model.state()
    for name in ("opening", "today", "tomorrow", "sketch", "touched", "presence", "attributed"):
        assert not state[name][0].any(), name
    held = state["lines"][0]
    assert all(not held[name] for name in held.dtype.names if name not in ("home", "next", "gone"))


def test_what_comes_too_late_changes_nothing() -> None:
    """A day that has closed stays as it was."""
    one, other = _model(), _model()
    events = [*_own(), _seen(COOKING)]
    found = _fold(one, [*events, _seen(COOKING, 3)])
    _fold(other, events)
    assert (found.who[-1] < CHILD - 1).all()
    assert all(np.array_equal(one.state()[k], other.state()[k]) for k in one.state())


def test_labels_are_scored_before_they_are_learned() -> None:
    """Own-line events name their person; better than an even share once lines are known."""
    model = _model()
    _fold(model, _own(20))
    assert 0.0 < model.label_loss() < np.log(2)
    assert model.weights()["taste"] > AttributionRules().taste
