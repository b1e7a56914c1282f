"""What is remembered of stances: that an interest was engaged, and how rare is rare enough."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.models import learner
from features.models.base import single
from features.models.learner import Learner
from features.models.rarity import MOST_CAME, Rarity
from features.models.signals_kernel import SIGNALS
from features.models.stance_kernel import AVOID, ENGAGE, HOLD, RULE_NEW, RULE_STILL, Policy, decide
from features.state import layout as lay
from tests.oracle.views import Run, run
from tests.support import generators as gen
from tests.support.generators import DAY_MS, START, Record, config

_EVERY_DAY = np.uint64((1 << 20) - 1)


def _habit(days: int) -> list[Record]:
    """Rugby on so many days, and what closes the last of them."""
    done = {"app_id": "nobody.knows", "action": "view", "ts": START + (days + 2) * DAY_MS}
    end = Record(gen.APP, {"event_id": "end", "account_id": "acc-0", **done})
    return [gen.consent(0), *(gen.rugby(n, START + n * DAY_MS) for n in range(days)), end]


def _engaged(done: Run) -> list[bool]:
    store = done.engine.store
    sid = store.find(b"acc-0", b"")
    start = int(store.subjects["start"][sid])
    known = store.rows.windows["known"][start : start + int(store.subjects["used"][sid])]
    return [bool(flags & lay.F_ENGAGED) for flags in known]


def _said(
    score: float, flags: int, rare: float = 0.0, rate: float = 0.05, bits: np.uint64 = _EVERY_DAY
) -> tuple[int, int]:
    """Stance and rule of a row that a model gives this score, seen on twenty days."""
    form = single(np.zeros(SIGNALS), product=False)
    form = form._replace(shift=float(np.log(score / (1.0 - score))))
    policy = Policy(form, np.array([rate]), np.zeros(1), 1, np.zeros(3), rare)
    _, _, stance, rule, _, _ = decide(policy, np.zeros(SIGNALS), bits, 20, 20, 0, flags, False)
    return int(stance), int(rule)


@given(st.integers(1, 5))
@settings(max_examples=5)
def test_what_was_engaged_is_remembered_over_cuts_and_restarts(size: int) -> None:
    records = _habit(6)
    pieces = [records[at : at + size] for at in range(0, len(records), size)]
    whole, cut = run(config(), [records]), run(config(), pieces, restart=True)
    assert any(_engaged(whole))
    assert _engaged(cut) == _engaged(whole)
    assert cut.profiles() == whole.profiles()


def test_without_a_close_nothing_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above sees it where a close forgets to."""
    monkeypatch.setattr(learner, "remember_engaged", lambda *_: None)
    assert not any(_engaged(run(config(), [_habit(6)])))


def test_facts_leave_what_was_remembered() -> None:
    records = _habit(6)
    until = START + 8 * DAY_MS
    quiet = gen.fact(0, "declaration", until, interest="483", stance="like")
    done = run(config(), [[*records, quiet]])
    assert any(_engaged(done))
    flags = done.engine.store.rows.windows["known"]
    assert (flags & lay.F_LIKE).any()
    assert ((flags & lay.F_LIKE != 0) & (flags & lay.F_MORNINGS != 0)).any(), "and for how long"


def test_what_was_engaged_is_given_up_only_where_it_is_gone() -> None:
    few = np.uint64(1 << 3)
    assert _said(0.1, lay.F_ENGAGED, bits=few)[0] == HOLD
    assert _said(0.3, lay.F_ENGAGED, bits=few) == (ENGAGE, RULE_STILL)
    assert _said(0.3, 0, bits=few)[0] == HOLD
    assert _said(0.5, lay.F_ENGAGED, bits=few, rate=0.3) == (ENGAGE, RULE_STILL)
    assert _said(0.5, lay.F_ENGAGED, bits=few, rate=0.55)[0] == HOLD  # everybody does
    assert _said(0.7, 0)[0] == ENGAGE
    assert _said(0.7, 0, rate=0.65)[0] == HOLD  # everybody does


def test_what_began_is_engaged_for_a_week_and_begins_on_the_days_of_a_habit() -> None:
    few, weekly = np.uint64(0b111), np.uint64(1 << 6 | 1 << 13 | 1 << 20 | 1 << 27)
    began = lay.F_ENGAGED | lay.F_MORNING
    assert _said(0.03, began, bits=few) == (ENGAGE, RULE_STILL)
    assert _said(0.01, began, bits=few)[0] == HOLD, "clearly less than others"
    assert _said(0.7, 0, bits=few) == (HOLD, RULE_NEW)
    assert _said(0.7, 0, bits=weekly)[0] == ENGAGE


# -- avoided for its score


def test_a_small_score_is_avoided_only_where_it_proved_to_be_rare() -> None:
    assert _said(0.0005, 0, rate=0.2)[0] == HOLD
    assert _said(0.0005, 0, rare=0.001, rate=0.2)[0] == AVOID
    assert _said(0.002, 0, rare=0.001, rate=0.2)[0] == HOLD


@given(st.floats(0.0, 0.02), st.integers(1, 60_000), st.integers(0, 2**31 - 1))
@settings(max_examples=80)
def test_what_proved_to_be_rare_is_as_rare(came: float, rows: int, seed: int) -> None:
    """The limit is none, or its answers came on as few days as the bound allows."""
    chance = np.random.default_rng(seed)
    rarity = Rarity()
    score = np.exp(chance.uniform(np.log(1e-4), np.log(0.1), rows))
    y = (chance.random(rows) < came).astype(np.uint8)
    rarity.add(score, y)
    below = score < rarity.limit()
    if below.any():
        assert below.sum() >= 3000
        assert y[below].sum() <= MOST_CAME * below.sum()


def test_a_worker_counts_what_came_of_small_answers_and_keeps_it() -> None:
    """A day's clearly small answers, and only those, move the limit; it outlives a restart."""
    done = run(config(), [_habit(4)])
    own = done.engine.learner
    own.rarity.add(np.full(5000, 0.0004), np.zeros(5000, np.uint8))
    assert own.policy().rare > 0.0004
    again = Learner(len(own.population.hits))
    again.restore(own.snapshot())
    assert again.policy().rare == own.policy().rare
