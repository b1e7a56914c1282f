"""What is not to be talked about takes the parent along that is little else."""

from __future__ import annotations

import json

import pytest

from features.state import layout as lay
from features.tags.taxonomy import load
from tests.oracle.views import Run
from tests.support import generators as gen
from tests.support.generators import config

_HOME, _IMPROVEMENT = "274", "280"


def _stances(days: int, flag: int, parents_flag: int = 0) -> dict[str, str]:
    """Stances where a parent was there each day of the last week, and its part on so many."""
    tree = load()
    done = Run(config())
    store = done.engine.store
    store.counters["open_day"] = gen.FIRST_DAY
    sid = store.ensure(b"a")
    done.engine._policy = done.engine._policy._replace(trained=0)
    for name, seen, known in ((_HOME, 7, parents_flag), (_IMPROVEMENT, days, flag)):
        j = store.row(sid, tree.ids.index(name), gen.FIRST_DAY - 20)
        store.rows.windows["day"][j] = gen.FIRST_DAY
        store.rows.windows["bits"][j] = ((1 << seen) - 1) << 2
        store.rows.windows["known"][j] = known
    value = done.engine.profile(b"a")
    assert value is not None
    return {item["id"]: item["stance"] for item in json.loads(value)["interests"]}


@pytest.mark.parametrize("flag", [lay.F_DISLIKE, lay.F_QUIET])
def test_nobody_is_to_talk_about_a_whole_that_is_little_but_the_part(flag: int) -> None:
    assert _stances(7, flag) == {_IMPROVEMENT: "avoid"}


def test_what_is_left_of_a_whole_may_be_talked_about() -> None:
    assert _stances(3, lay.F_DISLIKE) == {_HOME: "engage", _IMPROVEMENT: "avoid"}


def test_a_whole_that_is_said_to_be_liked_stays() -> None:
    assert _stances(7, lay.F_DISLIKE, lay.F_LIKE) == {_HOME: "engage", _IMPROVEMENT: "avoid"}
