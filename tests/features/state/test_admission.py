"""Who may not be held is turned away first: before ids, contents, counters and what is untagged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.config import Config
from features.state import layout as lay
from features.state.contents import Contents
from features.state.spans import SpanTable
from features.state.store import Store
from features.tags.exact import TagEntry
from tests.support.feeding import DAY, HOUR, START, Feed, Record, Stream

TABLE = {
    "host:sport.example": TagEntry((("483", 1.0),), "test", 1.0),
    "host:phones.example": TagEntry((("635", 1.0),), "test", 1.0),
}


def _stream(**fields: Any) -> Stream:
    return Stream(Config(erasure_key=b"k" * 32, **{"lateness_ms": DAY, **fields}), TABLE)


def _child(feed: Feed, day: float = 0.0, **fields: Any) -> Record:
    said = {"device_id": "dev-kid", "owner_member_id": "kid", "adult": False, **fields}
    return feed.fact("acc", day, "registry", **said)


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("who", [{}, {"member_id": "m1"}])
def test_an_event_from_inside_a_refusal_is_not_counted(who: dict[str, str], restart: bool) -> None:
    """A member's gap as the account's: decided at the event's own time, however late it comes."""
    held, feed = _stream(), Feed()
    held.feed(
        feed.consent("acc", 0),
        feed.consent("acc", 1, "denied", **who),
        feed.consent("acc", 2.5, "granted", **who),
    )
    if restart:
        held.commit()
        held.restart()
    assert held.feed(
        feed.visit("acc", 2.6, "sport.example", member_id="m1"),
        feed.visit("acc", 2.0, "phones.example", member_id="m1"),
        feed.visit("acc", 2.2, "phones.example", member_id="m2"),
    ) == ["counted", "suppressed", "suppressed" if not who else "counted"]
    held.commit()
    assert [item["id"] for item in held.profile("acc/m1")["interests"]] == ["483"]


@pytest.mark.parametrize("restart", [False, True])
def test_a_members_consent_ends_at_its_hour_whatever_the_watermark(restart: bool) -> None:
    held, feed = _stream(), Feed()
    held.feed(
        feed.consent("acc", 0),
        feed.consent("acc", 0, "granted", member_id="m1", expires_at=START + 2 * DAY),
        feed.visit("acc", 1, "sport.example", member_id="m1"),
    )
    if restart:
        held.commit()
        held.restart()
    assert held.feed(
        feed.visit("acc", 2, "sport.example", member_id="m1"),
        feed.visit("acc", 2 - 1e-6, "sport.example", member_id="m1"),
    ) == ["suppressed", "counted"]
    held.feed(feed.visit("other", 4, "sport.example"))  # the watermark passes the end
    held.commit()
    assert b"acc/m1" not in held.profiles and b"s/acc/m1" not in held.state
    assert held.feed(feed.visit("acc", 1.9, "sport.example", member_id="m1")) == ["suppressed"]


@pytest.mark.parametrize("first", ["event", "fact"])
def test_what_a_member_had_before_a_gap_is_gone(first: str) -> None:
    """Also where both words of the gap come together, and the member was there or was not."""
    held, feed = _stream(), Feed()
    held.feed(feed.consent("acc", 0))
    if first == "event":
        held.feed(feed.visit("acc", 0.5, "phones.example", member_id="m1"))
        held.commit()
    held.feed(
        feed.consent("acc", 1, "withdrawn", member_id="m1"),
        feed.consent("acc", 2.5, "granted", member_id="m1"),
        feed.visit("acc", 3, "sport.example", member_id="m1"),
        feed.visit("acc", 5, "sport.example"),
    )
    held.commit()
    assert b"635" not in held.state[b"s/acc/m1"]
    assert [item["id"] for item in held.profile("acc/m1")["interests"]] == ["483"]


def test_nothing_of_the_barred_is_held_or_named() -> None:
    held, feed = _stream(), Feed()
    held.feed(feed.consent("acc", 0), _child(feed), feed.consent("acc", 0, "no", member_id="m2"))
    held.feed(feed.visit("acc", 1, "sport.example"))
    held.commit()
    ids = {key for key in held.state if key.startswith(b"d/")}
    contents, seconds = dict(vars(held.contents)), held.engine.store.live.untagged_seconds.tolist()
    for member in ("kid", "m2"):
        for host in ("unheard.example", "sport.example"):
            visit = feed.visit("acc", 1, host, member_id=member)
            late = feed.visit("acc", -9, host, member_id=member)
            assert held.feed(visit, visit, late) == ["suppressed"] * 3
    assert held.feed(feed.visit("nobody", 1, "unheard.example")) == ["no_consent"]
    held.commit()
    assert {key for key in held.state if key.startswith(b"d/")} == ids
    assert dict(vars(held.contents)) == contents
    assert held.engine.store.live.untagged_seconds.tolist() == seconds


def test_a_content_is_looked_up_only_for_who_may_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    held, feed, asked = _stream(), Feed(), list[str]()
    slot = Contents._slot

    def spy(self: Contents, key: str, new: list[tuple[tuple[int, float], ...]]) -> int:
        asked.append(key)
        return slot(self, key, new)

    monkeypatch.setattr(Contents, "_slot", spy)
    held.feed(feed.consent("acc", 0), _child(feed), feed.consent("gone", 0))
    outcome = held.feed(
        feed.visit("nobody", 1, "a.example"),
        feed.visit("acc", 1, "b.example", member_id="kid"),
        feed.visit("gone", 1, "c.example"),
        feed.consent("gone", 2, "withdrawn"),
        feed.visit("gone", 1, "d.example"),
        feed.consent("nobody", 1.5),
        feed.visit("nobody", 1.4, "e.example"),
        feed.visit("nobody", 1.6, "f.example"),
        feed.visit("nobody", 1.7, "g.example"),
        feed.visit("acc", -3, "h.example"),
    )
    assert outcome[-1] == "suppressed" and outcome.count("untagged") == 3
    assert [key for key in asked if key] == ["host:c.example", "host:f.example", "host:g.example"]


@pytest.mark.parametrize("by_default", [False, True])
def test_a_member_beyond_the_limit_is_refused_loudly(by_default: bool) -> None:
    held, feed = _stream(members_per_account=3, consent_default_grant=by_default), Feed()
    held.feed(feed.consent("acc", 0))
    visits = [feed.visit("acc", 1, "sport.example", member_id=f"m{n}") for n in range(5)]
    assert held.feed(*visits) == ["counted"] * 3 + ["over_limit"] * 2
    assert held.feed(
        feed.visit("acc", 1, "sport.example", member_id="m1"),
        feed.visit("acc", 1, "sport.example"),
        feed.visit("acc", 1, "sport.example", member_id="m9"),
    ) == ["counted", "counted", "over_limit"]
    held.feed(feed.consent("acc", 2, "withdrawn", member_id="m1"))
    assert held.feed(feed.visit("acc", 1, "sport.example", member_id="m9")) == ["counted"]


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(-1, 40), st.integers(0, 2)), max_size=120)
)
@settings(max_examples=60)
def test_spans_are_as_a_dictionary_says(told: list[tuple[str, int, int]]) -> None:
    spans = SpanTable()
    spans.table = lay.new_spans(2)
    twin: dict[tuple[str, int], tuple[int, int]] = {}
    for n, (account, member, scope) in enumerate(told):
        name = b"" if member < 0 else b"m%d" % member
        spans.put(account.encode(), (n, n + 9), member=name, scope=scope)
        twin[account, member] = n, scope
        assert 2 * np.count_nonzero(spans.table.hash) <= spans.table.hash.size
    for (account, member), (n, scope) in twin.items():
        name = b"" if member < 0 else b"m%d" % member
        said = spans.get(account.encode(), member=name)
        assert said == ((n, n + 9) if scope != lay.SPAN_VOID else None)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 6), st.booleans()), max_size=60))
@settings(max_examples=60)
def test_members_hang_in_one_chain_both_ways(told: list[tuple[int, int, bool]]) -> None:
    store = Store(Config().clock(), 1000)
    twin: dict[tuple[int, int], int] = {}
    for account, member, drop in told:
        at = b"a%d" % account, b"m%d" % member
        if drop and (account, member) in twin:
            store.forget(twin.pop((account, member)), entirely=True)
        elif not drop:
            twin[account, member] = store.ensure(*at)
    for account in range(3):
        sid = store.find(b"a%d" % account)
        if sid < 0:
            continue
        there = store.members(sid)[1:]
        assert set(there) == {twin[key] for key in twin if key[0] == account}
        assert int(store.subjects["members"][sid]) == len(there)
        before = store.subjects["previous"][there].tolist()
        assert before == [sid, *there][: len(there)]


def test_late_is_late_only_of_who_may_be_held() -> None:
    """A dead letter keeps the record's bytes: of somebody who refused there must be none."""
    held, feed = _stream(lateness_ms=HOUR), Feed()
    held.feed(feed.consent("acc", 0), feed.consent("acc", 0, "denied", member_id="m2"))
    held.feed(feed.visit("acc", 3, "sport.example"))
    assert held.feed(
        feed.visit("acc", 1, "sport.example", member_id="m1"),
        feed.visit("acc", 1, "sport.example", member_id="m2"),
        feed.visit("nobody", 1, "sport.example"),
    ) == ["late", "suppressed", "no_consent"]
