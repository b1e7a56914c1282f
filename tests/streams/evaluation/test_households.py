"""Homes merged of real people: the protocol hides what it says, and the promises hold on it."""

from __future__ import annotations

import random

import numpy as np
import pytest

from features.household import SHARED
from streams.evaluation import attribution, households, member_profiles, people
from streams.evaluation import merged_homes as homes
from streams.evaluation.merged_homes import DAY_MS, WEEK_MS
from streams.evaluation.people import Seen

HOUR_MS = 3_600_000
MONDAY = 18_001 * DAY_MS
assert (MONDAY // DAY_MS + 3) % 7 == 0


def _diary(name: str, hours: list[int], own: bool | None = None) -> list[Seen]:
    return [Seen(MONDAY + h * HOUR_MS, name, ((name, 1.0),), own) for h in hours]


def test_weeks_without_an_event_are_taken_out() -> None:
    """Weekday and hour stay, and everybody begins in the same week."""
    times = np.array([3, 9 * 24, 40 * 24 + 5]) * HOUR_MS + MONDAY
    found = homes.without_empty_weeks(times)
    assert ((found - times) % WEEK_MS == 0).all()
    assert np.diff((found - found[0] + 3 * HOUR_MS) // WEEK_MS).tolist() == [1, 1]
    later = homes.without_empty_weeks(times + 30 * WEEK_MS)
    assert later.tolist() == found.tolist()


def test_whole_sittings_are_hidden() -> None:
    """Each event of a sitting is on the same screen; about two of five sittings are hidden."""
    minutes = [day * 1440 + minute for day in range(200) for minute in (0, 20, 40, 300, 310)]
    diaries = {
        name: [Seen(MONDAY + m * 60_000, name, ((name, 1.0),), None) for m in minutes]
        for name in "ab"
    }
    merged = homes.merge(diaries, [["a", "b"]], random.Random(1))
    shared = merged.events["line"] == SHARED
    by_sitting = {s: set(shared[merged.sitting == s].tolist()) for s in set(merged.sitting)}
    assert len(by_sitting) == 800
    assert all(len(kinds) == 1 for kinds in by_sitting.values())
    assert 0.33 < np.mean([kinds == {True} for kinds in by_sitting.values()]) < 0.47


def test_a_second_device_is_the_own_line() -> None:
    """The first quarter is not judged, nor what nobody shares."""
    diaries = {
        "a": _diary("a", [0, 100, 200, 300, 400], False) + _diary("a", [401], True),
        "b": _diary("b", [1, 101, 201, 301], True),
    }
    merged = homes.merge(diaries, [["a", "b"]], random.Random(1), devices=True)
    events = merged.events
    assert (events["line"] == SHARED).sum() == 5
    assert merged.truth[events["line"] == SHARED].tolist() == [0] * 5
    assert np.flatnonzero(merged.judged).tolist() == [4, 6, 8]  # hours 200, 300, 400
    assert (merged.judged <= (events["line"] == SHARED)).all()
    assert not merged.together[-1]


def test_a_sitting_counts_once() -> None:
    """However many events it has, and a home as much as another."""
    judged = attribution.Judged(
        home=np.array([0, 0, 0, 0, 1]),
        sitting=np.array([0, 0, 0, 1, 2]),
        block=np.array([0, 0, 0, 1, 2]),
        p=np.array([0.9, 0.9, 0.9, 0.2, 0.6]),
        right=np.array([1.0, 1.0, 1.0, 0.0, 1.0]),
        best=np.array([0.9, 0.9, 0.9, 0.8, 0.6]),
    )
    found = attribution.figures(judged)
    assert found.accuracy[0] == pytest.approx(0.75)
    losses = -np.log([0.9, 0.2, 0.6])
    assert found.log_loss[0] == pytest.approx((losses[:2].mean() + losses[2]) / 2)
    assert found.sure_share[0] == pytest.approx(0.5)
    assert found.sure_right[0] == pytest.approx(0.5)
    assert found.ece[0] == pytest.approx(0.025 + 0.2 + 0.2)
    assert found.accuracy[1] <= found.accuracy[0] <= found.accuracy[2]


@pytest.fixture(scope="module")
def bundled() -> dict[str, attribution.SittingFigures]:
    """The three panelists of the bundled sample in four homes, by device and tag."""
    panelists = people.web(None, tagged=True)
    of = households.pairs_and_triples(panelists)
    merged = homes.merge(panelists, of, random.Random(0), devices=True)
    lines = attribution.lines_of_table()
    names = ("household", "uniform", "taste", "time and taste", "last own line")
    return {
        name: attribution.figures(attribution.judge_draw(merged, lines[name](merged)))
        for name in names
    }


def test_the_promises_of_tags_hold_on_the_bundled_sample(
    bundled: dict[str, attribution.SittingFigures],
) -> None:
    """Accuracy, log-loss and calibration; and no baseline comes near."""
    own = bundled["household"]
    assert bundled["uniform"].accuracy[0] == pytest.approx(0.4583, abs=1e-4)
    assert own.accuracy[0] >= 0.80 and own.log_loss[0] <= 0.48
    assert own.sure_right[0] >= 0.9 and own.ece[0] <= 0.05
    assert all(
        own.log_loss[0] < bundled[name].log_loss[0] - 0.1 for name in bundled if name[0] != "h"
    )


def test_nobody_gets_what_is_others() -> None:
    """Attribution keeps others' interests out of a member's top five, and teaches what is his."""
    panelists = people.web(None)
    of = households.pairs_and_triples(panelists)
    merged = homes.merge(panelists, of, random.Random(0), devices=True)
    kinds = member_profiles.profile_kinds(merged, attribution.attributed_homes(merged)[1])
    found = member_profiles.profile_figures(merged, kinds)
    assert found["attributed"]["others_top_5"] <= 0.01
    assert found["household to all"]["others_top_5"] > 0.1
    assert found["oracle"]["others_top_5"] == 0.0
    assert found["attributed"]["ndcg_10"] > found["own line only"]["ndcg_10"] + 0.02
    assert found["attributed"]["ndcg_10"] > found["household to all"]["ndcg_10"] + 0.05
