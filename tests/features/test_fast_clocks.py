"""One clock ahead costs nobody else anything: event time moves on the word of several accounts."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from features.config import Config
from features.jit import bare
from features.records.batch import EVENT
from features.records.leaders_kernel import LEADER, advanced, new_leaders
from features.tags.exact import TagEntry
from tests.support.feeding import DAY, HOUR, START, Feed, Record, Stream
from tests.support.reference import canonical, differences

TABLE = {"host:sport.example": TagEntry((("483", 1.0),), "test", 1.0)}
#: When a backlog is read: long after its events.
READ = START + 60 * DAY


def _backlog(accounts: int, events: int, seed: int = 1) -> tuple[Stream, Feed, list[Record]]:
    """Events of some accounts over five days, in order, and a stream that knows the accounts."""
    stream, feed, rng = Stream(Config(), TABLE), Feed(), Random(seed)
    names = [f"acc-{n}" for n in range(accounts)]
    stream.feed(*(feed.consent(name, 0) for name in names))
    days = sorted(rng.uniform(1, 6) for _ in range(events))
    return stream, feed, [feed.visit(rng.choice(names), day, "sport.example") for day in days]


@pytest.mark.parametrize("at", [300, 40, 1_400])
@pytest.mark.parametrize("ahead", [30 * HOUR, 3 * HOUR, 50 * DAY])
def test_one_clock_ahead_in_a_backlog_makes_nobody_late(at: int, ahead: int) -> None:
    stream, feed, events = _backlog(40, 1_500)
    day = 1 + 5 * at / 1_500 + ahead / DAY
    fast = [feed.visit("acc-7", day + n / 10_000, "sport.example") for n in range(3)]
    outcomes = Counter(stream.feed(*events[:at], *fast, *events[at:], now=READ))
    assert outcomes == {"counted": 1_503}


def test_without_it_a_backlog_is_as_if_each_were_believed() -> None:
    stream, _, events = _backlog(40, 600)
    alone, _, again = _backlog(40, 600)
    stream.feed(*events, now=READ)
    alone.feed(*again)
    late = [s.engine.store.counters["max_ts"] for s in (stream, alone)]
    assert 0 <= late[1] - late[0] < HOUR
    stream.commit(), alone.commit()
    assert {k for k in stream.state if k[:2] == b"s/"} == {k for k in alone.state if k[:2] == b"s/"}


def test_as_many_accounts_as_are_set_move_time() -> None:
    stream, feed, events = _backlog(40, 600)
    stream.feed(*events, now=READ)
    for n in range(3):
        assert int(stream.engine.store.counters["max_ts"]) < START + 6 * DAY
        stream.feed(feed.visit(f"acc-{n}", 20, "sport.example"), now=READ)
    assert int(stream.engine.store.counters["max_ts"]) == START + 20 * DAY


def test_two_accounts_that_are_alone_move_it_themselves() -> None:
    stream, feed, _ = _backlog(2, 0)
    found = stream.feed(
        *(feed.visit(f"acc-{n % 2}", 1 + n, "sport.example") for n in range(9)), now=READ
    )
    assert found == ["counted"] * 9
    assert int(stream.engine.store.counters["max_ts"]) == START + 9 * DAY


def test_an_event_that_came_when_it_says_is_believed_alone() -> None:
    stream, feed, events = _backlog(40, 600)
    stream.feed(*events, now=READ)
    stream.feed(feed.visit("acc-3", 60, "sport.example"), now=READ)
    assert int(stream.engine.store.counters["max_ts"]) == READ


def test_a_clock_ahead_gets_round_no_refusal() -> None:
    """What is counted as of another time has to be allowed at both."""
    stream, feed, events = _backlog(40, 600)
    stream.feed(*events, now=READ)
    stream.feed(feed.consent("acc-3", 7, "withdrawn"), feed.consent("acc-3", 12))
    assert stream.feed(feed.visit("acc-3", 11, "sport.example"), now=READ) == ["suppressed"]
    assert stream.feed(feed.visit("acc-3", 13, "sport.example"), now=READ) == ["suppressed"]
    assert stream.feed(feed.visit("acc-4", 13, "sport.example"), now=READ) == ["counted"]


@pytest.mark.parametrize("seed", range(3))
def test_cuts_and_restarts_change_nothing(seed: int) -> None:
    """The accounts that move time are in the partition record."""
    rng = Random(seed)
    found = []
    for restarts in (False, True):
        stream, feed, events = _backlog(12, 200, seed)
        for k in (30, 60, 90, 120):
            events.insert(k, feed.visit("acc-5", 3 + k / 30, "sport.example"))
        for at in range(0, len(events), 7):
            stream.feed(*events[at : at + 7], now=READ)
            if restarts and rng.random() < 0.5:
                stream.commit()
                stream.restart()
        stream.commit()
        counters = stream.engine.store.counters
        found.append((int(counters["max_ts"]), stream.engine.store.leaders, set(stream.profiles)))
    assert found[0] == found[1]


def test_fewer_or_more_accounts_may_be_set_later() -> None:
    stream, _, events = _backlog(12, 200)
    stream.feed(*events, now=READ)
    stream.commit()
    three = stream.engine.store.leaders
    assert len(three) == 3
    for count in (1, 2, 5):
        stream.config = replace(stream.config, watermark_accounts=count)
        stream.restart()
        assert stream.engine.store.leaders == three[:count]


@bare
def _advance(leaders: np.ndarray, events: np.ndarray, now: int, slack: int) -> int:
    for i in range(events.shape[0]):
        if events[i].ts > now:
            now = advanced(leaders, events[i], now, slack)
    return now


@pytest.mark.parametrize("seed", range(20))
def test_time_is_the_least_of_the_latest_of_so_many_accounts(seed: int) -> None:
    """Against all accounts' latest times at once, from where as many have spoken."""
    rng = np.random.default_rng(seed)
    events = np.zeros(300, EVENT)
    events["witness"], events["ts"] = rng.integers(0, 9, 300), rng.integers(0, 1_000, 300) + 10**6
    events["arrival"] = 10**9
    events["ts"][:3], events["witness"][:3] = [1, 2, 3], [0, 1, 2]
    leaders = new_leaders(3)
    latest: dict[int, int] = {}
    now = 0
    for k in range(300):
        one = events[k : k + 1]
        now = int(_advance(leaders, one, now, 5))
        who, ts = int(one["witness"][0]), int(one["ts"][0])
        latest[who] = max(latest.get(who, 0), ts)
        if len(latest) > 3:
            assert now == max(3, sorted(latest.values())[-3])
    assert leaders.dtype == LEADER


@pytest.mark.parametrize("own", [False, True], ids=["account's consent", "member's own"])
def test_who_allows_nothing_as_of_where_it_would_count_leaves_no_trace(own: bool) -> None:
    """Neither among the subjects that are live, nor in the changelog: the two are the same."""
    stream, feed, events = _backlog(3, 30)
    stream.feed(*events, now=READ)
    stream.feed(feed.consent("acc-x", 0 if own else 40))
    if own:
        stream.feed(feed.consent("acc-x", 1, "denied", member_id="m"))
        stream.feed(feed.consent("acc-x", 40, member_id="m"))
    ahead = feed.visit("acc-x", 41, "sport.example", member_id="m")
    assert stream.feed(ahead, now=READ) == ["suppressed"]
    stream.commit()
    live = canonical(stream.engine)
    stream.restart()
    assert not differences(live, canonical(stream.engine))
    assert b"s/acc-x/m" not in live
