"""What is bought again and again asks for the next one by its own pace, not for the same one."""

from __future__ import annotations

import statistics
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.privacy import rules
from features.privacy.person import Held, Person
from features.records.facts import Purchase
from tests.oracle.views import run
from tests.support import generators as gen
from tests.support.generators import DAY_MS, START, config

FLIGHTS, TENTS = "672", "529"


def _bought(*days: float, interest: str = FLIGHTS, quiet_days: int | None = None) -> Person:
    person = Person()
    for day in days:
        ts = START + int(day * DAY_MS)
        person.keep(Held(ts, f"e-{day}", Purchase(interest, quiet_days=quiet_days)))
    return person


def _quiet_days(person: Person) -> float:
    [said] = person.quiet(START, rules.load())
    latest = max(held.ts for held in person.about.values())
    return (said.until - latest) / DAY_MS


@pytest.mark.parametrize(
    ("days", "quiet"),
    [
        ((0,), 60),  # as the class says
        ((0, 14), 60),  # one gap is no pace
        ((0, 14, 28), 10.5),
        ((0, 1, 14, 15, 28, 29), 10.5),  # there and back, a ticket each
        ((0, 14, 28, 128), 10.5),  # once missed is not slower
        ((0, 180, 360), 135),  # nor does he want the next one the day the class ends
        ((0, 0.1, 0.2), 60),  # one journey for three
    ],
)
def test_it_is_quiet_until_the_next_one_is_due(days: tuple[float, ...], quiet: float) -> None:
    assert _quiet_days(_bought(*days)) == quiet


def test_what_is_said_in_the_fact_and_other_classes_go_on_as_before() -> None:
    assert _quiet_days(_bought(0, 14, 28, quiet_days=3)) == 3
    assert _quiet_days(_bought(0, 14, 28, interest=TENTS)) == 30


def test_times_outside_what_is_allowed_are_forgotten() -> None:
    person = _bought(0, 14, 28)
    assert person.forget_outside(START + DAY_MS, START + 90 * DAY_MS)
    assert _quiet_days(person) == 60


@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=12, unique=True),
    st.randoms(use_true_random=False),
    st.integers(0, 12),
)
def test_order_repetitions_and_restores_change_nothing(
    days: list[int], chance: Random, stop: int
) -> None:
    told = _bought(*sorted(days))
    shuffled = [*days, *chance.sample(days, len(days) // 2)]
    chance.shuffle(shuffled)
    person = _bought(*shuffled[:stop])
    person = Person.from_bytes(None, person.about_bytes())
    for held in (next(iter(_bought(day).about.values())) for day in shuffled[stop:]):
        person.keep(held)
    assert person == told
    kept = sorted(days)[-8:]
    apart: list[int] = []
    for day in reversed(kept):
        apart += [] if apart and apart[-1] - day < 3 else [day]
    gaps = [a - b for a, b in zip(apart, apart[1:], strict=False)]
    expected = 0.75 * statistics.median_low(gaps) if len(gaps) > 1 else 60
    assert _quiet_days(person) == expected


def test_the_profile_asks_for_the_next_flight() -> None:
    """After the third flight in six weeks: silent about flights until the next is due."""
    flights = [gen.fact(0, "purchase", START + n * 14 * DAY_MS, interest=FLIGHTS) for n in range(3)]
    due = START + 28 * DAY_MS + 10 * DAY_MS + DAY_MS // 2
    for restart in (False, True):
        pieces = [[gen.consent(0), *flights[:2]], [gen.rugby(1, START + 28 * DAY_MS)], flights[2:]]
        done = run(config(), pieces, restart=restart)
        [said] = done.profiles()[b"acc-0"]["suppressions"]
        assert (said["scope"], said["reason"], said["until"]) == (FLIGHTS, "purchase", due)
        done.apply([gen.rugby(2, due + 7 * gen.HOUR_MS)])
        assert done.profiles()[b"acc-0"]["suppressions"] == []
