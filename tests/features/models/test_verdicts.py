"""How right `engage` was is counted once, by what the log alone says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.models import memory_kernel
from features.models.verdicts import OPINIONS, UNSEEN, Opined, Verdicts
from features.state import changelog_keys as keys
from features.state import layout as lay
from features.vocabulary import Opinion
from tests.oracle.views import Run, run
from tests.support import generators as gen
from tests.support.generators import DAY_MS, HOUR_MS, SENSITIVE, START, Record, config

_RUGBY, _NEVER = "529", "11"
_DAYS = 8
_NOON = START + _DAYS * DAY_MS + 12 * HOUR_MS


def _habit(account: int = 0, days: int = _DAYS) -> list[Record]:
    """Rugby every day, then an app that nobody knows, which moves the clock to the next noon."""
    last = {"app_id": "nobody.knows", "action": "view", "ts": START + days * DAY_MS + 12 * HOUR_MS}
    end = Record(gen.APP, {"event_id": f"end{account}", "account_id": f"acc-{account}", **last})
    seen = [gen.rugby(n, START + n * DAY_MS, account=account) for n in range(days)]
    return [gen.consent(account), *seen, end]


def _declared(ts: int = _NOON, account: int = 0, **more: Any) -> Record:
    said = {"interest": _RUGBY, "stance": Opinion.LIKE, "asked": True, **more}
    return gen.fact(account, "declaration", ts, **said)


def _told(*records: Record) -> Run:
    return run(config(), [[*_habit(), *records]])


def _cells(verdicts: Verdicts) -> dict[tuple[bool, str, bool, bool], int]:
    """What is counted, by asked, opinion, engaged and whether the interest was ever seen."""
    found: dict[tuple[bool, str, bool, bool], int] = {}
    for asked, opinion, engaged, band in np.argwhere(verdicts.said).tolist():
        name = bool(asked), str(OPINIONS[opinion]), bool(engaged), band != UNSEEN
        found[name] = found.get(name, 0) + int(verdicts.said[asked, opinion, engaged, band])
    return found


def _counted(done: Run) -> dict[tuple[bool, str, bool, bool], int]:
    return _cells(done.engine.learner.verdicts)


@pytest.mark.parametrize("opinion", OPINIONS)
def test_an_answer_stands_beside_what_behaviour_said(opinion: Opinion) -> None:
    assert _counted(_told(_declared(stance=opinion))) == {(True, opinion, True, True): 1}
    unasked = _told(_declared(stance=opinion, asked=None))
    assert _counted(unasked) == {(False, opinion, True, True): 1}
    never = _told(_declared(stance=opinion, interest=_NEVER))
    assert _counted(never) == {(True, opinion, False, False): 1}


def test_what_was_declared_before_changes_nothing_of_what_behaviour_said() -> None:
    done = _told(
        _declared(stance="dislike"),
        _declared(_NOON + 1, stance="like"),
        _declared(_NOON + 2, interest=_NEVER),
        _declared(_NOON + 3, interest=_NEVER, stance="not_any_more"),
    )
    assert _counted(done) == {
        (True, "dislike", True, True): 1,
        (True, "like", True, True): 1,
        (True, "like", False, False): 1,
        (True, "not_any_more", False, False): 1,
    }


def test_what_is_told_again_or_of_a_closed_day_or_may_not_be_held_is_not_counted() -> None:
    again = _told(_declared(), _declared(_NOON + 1), _declared(_NOON + 2, event_id="other"))
    assert sum(_counted(again).values()) == 1
    assert not _counted(_told(_declared(START + DAY_MS)))
    assert not _counted(_told(_declared(interest=SENSITIVE)))
    assert not _counted(_told(_declared(account=3)))  # who never agreed


def test_what_is_not_liked_any_more_is_as_what_is_disliked() -> None:
    words = ("not_any_more", "dislike")
    gone, disliked = (_told(_declared(stance=word, event_id="answer")) for word in words)
    said = [done.profiles()[b"acc-0"] for done in (gone, disliked)]
    assert said[0]["suppressions"] and said[0] == said[1]
    about = [key for key in gone.changelog if key.startswith(b"i/")]
    assert about and all(gone.changelog[key] == disliked.changelog[key] for key in about)


@given(st.integers(1, 7), st.booleans())
@settings(max_examples=8)
def test_counts_are_those_of_the_log_however_it_is_cut(size: int, restart: bool) -> None:
    records = _story()
    pieces = [records[at : at + size] for at in range(0, len(records), size)]
    whole, cut = run(config(), [records]), run(config(), pieces, restart=restart)
    assert _counted(whole) and _counted(cut) == _counted(whole)
    mornings = [done.engine.learner.verdicts.mornings.tolist() for done in (whole, cut)]
    assert mornings[0] == mornings[1]
    assert cut.changelog[keys.VERDICTS] == whole.changelog[keys.VERDICTS]


def test_mornings_are_those_that_the_rows_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each close counts what stood in the rows before it, of subjects who were there."""
    expected = np.zeros(3, np.int64)
    real = memory_kernel.remember_engaged

    def spied(live: Any, day: int, policy: Any, counts: Any) -> None:
        subjects, rows = live.subjects, live.rows
        for sid in range(int(live.counters[0]["subjects"])):
            start, used = int(subjects["start"][sid]), int(subjects["used"][sid])
            own = rows.windows[start : start + used]
            active = [_was_active(row, day - 1) for row in own]
            if any(active):
                engaged = [bool(row["known"] & lay.F_ENGAGED) for row in own]
                expected[0] += sum(engaged)
                expected[1] += sum(a and e for a, e in zip(active, engaged, strict=True))
                expected[2] += sum(active)
        real(live, day, policy, counts)

    monkeypatch.setattr("features.models.learner.remember_engaged", spied)
    done = run(config(), [_story()])
    assert expected[0] and expected[1] and expected[2] > expected[1]
    assert done.engine.learner.verdicts.mornings.tolist() == expected.tolist()


def _was_active(row: Any, day: int) -> bool:
    back = int(row["day"]) + 1 - day
    return 0 <= back < 64 and bool(int(row["bits"]) >> back & 1)


def _story() -> Sequence[Record]:
    """Two habits, one of which ends, and answers on the way."""
    first, second = _habit(0, 9), _habit(1, 6)
    declared = [
        _declared(_NOON - DAY_MS),
        _declared(_NOON - 2 * DAY_MS, account=1, stance="not_any_more"),
        _declared(_NOON - DAY_MS, account=1, interest=_NEVER, asked=None),
    ]
    return sorted([*first, *second, *declared], key=lambda record: int(record.doc["ts"]))


def test_sums_outlive_a_restart_and_add_up_over_partitions() -> None:
    own, other = Verdicts(), Verdicts()
    own.add(Opined(True, Opinion.LIKE, True), 0.7)
    own.mornings += [5, 3, 9]
    for record in own.snapshot(), own.snapshot():
        other.take(record[keys.VERDICTS])
    assert _cells(other) == {(True, "like", True, True): 2}
    assert other.mornings.tolist() == [10, 6, 18]
    again = Verdicts()
    again.restore({})
    assert not again.said.any()
