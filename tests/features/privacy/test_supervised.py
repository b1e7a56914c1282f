"""What parents set for a child protects it, whichever fact says so, in whatever order it comes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest

from features.vocabulary import Purpose
from tests.support.after_a_fact import GOES_ON, HELD, HOST, NOW, becomes, made, settled
from tests.support.feeding import Feed, Stream

KINDS = ("parental_control", "ParentalControls", "child_lock", "kids-profile", "Kindersicherung")
SAYS: tuple[dict[str, Any], ...] = (
    {}, {"status": "on"}, {"enabled": True}, {"state": "active"}, {"action": "activated"},
    {"level": 12}, {"parental_control": "strict"},
)  # fmt: skip
#: What tells of a child, and may be said of the device, of the member, or of both.
TELLS: tuple[dict[str, Any], ...] = (
    {"kind": "registry", "device_id": "tab", "owner_member_id": "kid", "parental_control": True},
    {"kind": "registry", "device_id": "tab", "child_id": "kid-7", "owner_member_id": "kid"},
    {"kind": "parental_control", "device_id": "tab", "member_id": "kid", "status": "on"},
)
#: What comes after it, and says nothing of that.
AFTER: tuple[dict[str, Any], ...] = (
    {"kind": "registry", "device_id": "tab", "owner_member_id": "kid"},
    {"kind": "registry", "device_id": "TAB", "owner_member_id": "mum"},
    {"kind": "registry", "device_id": "tab", "owner_member_id": "kid", "parental_control": False},
    {"kind": "parental_control", "device_id": "tab", "member_id": "kid", "status": "off"},
    {"kind": "erasure"},
    {"kind": "consent", "status": "granted", "purpose": "profiling", "member_id": "kid"},
)


def said(run: Stream, feed: Feed, fact: dict[str, Any], now: int = NOW) -> None:
    """Feed a fact; one that says nothing is none in form, and a dead letter."""
    try:
        run.feed(made(feed, fact), now=now)
    except AssertionError:
        assert fact.get("status") == "off" or fact.get("enabled") is False


def seen(run: Stream, feed: Feed) -> set[str]:
    """What becomes of what the child and the tablet do, however they are spelled."""
    who = [{"device_id": "TAB"}, {"device_id": "tab"}, {"member_id": "KID"}]
    who.append({"member_id": "kid", "device_id": "other"})
    return {word for v in who for word in run.feed(feed.visit("acc", 2.5, HOST, **v))}


def told() -> Iterator[dict[str, Any]]:
    yield from ({"kind": kind} | says for kind in KINDS for says in SAYS)


@pytest.mark.parametrize("fact", told(), ids=str)
@pytest.mark.parametrize("whose", ("device_id", "member_id"))
def test_a_fact_of_its_own_kind_says_whose_child_it_is(fact: dict[str, Any], whose: str) -> None:
    assert becomes(fact | {whose: "x-7"}, **{whose: "X_7"}) == ["suppressed"]
    assert becomes(fact | {whose: "x-7"}, **{whose: "x-8"}) == GOES_ON
    assert becomes(fact, **{whose: "x-8"}) == HELD  # a child's, but whose? a person decides


@pytest.mark.parametrize("off", ({"status": "off"}, {"enabled": False}, {"state": "disabled"}))
def test_one_that_is_off_says_nothing(off: dict[str, Any]) -> None:
    fact = {"kind": "parental_control", "device_id": "tab", "member_id": "mum"} | off
    assert becomes(fact, member_id="mum", device_id="tab") == GOES_ON
    assert becomes(fact | {"opt_out": True}, member_id="mum") == HELD


@pytest.mark.parametrize("tells", TELLS, ids=str)
@pytest.mark.parametrize("stops", (False, True))
def test_nothing_that_informs_ends_it(tells: dict[str, Any], stops: bool) -> None:
    for after in [*permutations(AFTER, 1), *permutations(AFTER, 2)]:
        run, feed = settled()
        run.feed(feed.visit("acc", 1.2, HOST, member_id="kid"))
        for i, fact in enumerate((tells, *after)):
            said(run, feed, fact | {"event_id": f"e-{i}", "ts": NOW + i}, NOW + i)
            if fact == {"kind": "erasure"}:
                run.feed(*(feed.consent("acc", 2.1, purpose=use) for use in Purpose))
            if stops:
                run.commit()
                run.restart()
        run.commit()
        assert seen(run, feed) <= {"suppressed", "no_consent"}, after
        assert not {b"acc/kid", b"acc/KID"} & set(run.profiles), after


@pytest.mark.parametrize("tells", TELLS, ids=str)
@pytest.mark.parametrize("apart", (-1, 0, 1))
def test_it_holds_in_any_order_but_for_a_later_word_that_he_is_an_adult(
    tells: dict[str, Any], apart: int
) -> None:
    for other in AFTER[:4]:
        for facts in permutations((tells | {"event_id": "a", "ts": NOW}, other)):
            run, feed = settled()
            for fact in facts:
                said(run, feed, {"event_id": "b", "ts": NOW + apart} | fact)
            assert seen(run, feed) == {"suppressed"}, other
    run, feed = settled()
    said(run, feed, tells | {"event_id": "a", "ts": NOW})
    grown = {"kind": "registry", "device_id": "tab", "owner_member_id": "kid", "adult": True}
    said(run, feed, grown | {"event_id": "b", "ts": NOW + apart})
    assert seen(run, feed) == {"counted" if apart > 0 else "suppressed"}


@pytest.mark.parametrize("device", ("D_1", "urn:device:d-1", "acc:d-1"))
@pytest.mark.parametrize("turned", (False, True))
def test_whose_device_is_spelled_as_a_childs_is_a_child(device: str, turned: bool) -> None:
    run, feed = settled()
    run.feed(feed.visit("acc", 1.2, HOST, member_id="kid"))
    childs = {"kind": "registry", "device_id": "d-1", "adult": False, "event_id": "a"}
    his = {"kind": "registry", "device_id": device, "owner_member_id": "kid", "event_id": "b"}
    for fact in (his, childs) if turned else (childs, his):
        said(run, feed, fact)
    run.commit()
    run.restart()
    assert run.feed(feed.visit("acc", 2.5, HOST, member_id="KID")) == ["suppressed"]
    assert b"acc/kid" not in run.profiles
    said(run, feed, {"kind": "erasure", "event_id": "c", "ts": NOW + 1}, NOW + 1)
    run.feed(feed.consent("acc", 2.1))
    run.restart()
    assert run.feed(feed.visit("acc", 2.6, HOST, member_id="kid")) == ["suppressed"]


@pytest.mark.parametrize(
    "named",
    [
        *({name: "m-7"} for name in ("child", "child_id", "childMemberId", "minor_id", "kid")),
        *({"children": value} for value in ("m-7;m-9", ["m-9", "m-7"], [{"id": "m-7"}])),
        {"child": {"member_id": "m-7", "name": "x"}}, {"adult": False, "used_by": "m-7"},
        {"adult": False, "owners": ["m-7"]}, {"parental_control": True, "assigned_to": "m-7"},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("owner", ({}, {"owner_member_id": "mum"}))
def test_a_child_that_an_entry_names_beside_its_owner_is_one(
    named: dict[str, Any], owner: dict[str, str]
) -> None:
    entry = {"kind": "registry", "device_id": "tab"} | owner | named
    assert becomes(entry, member_id="M_7") == ["suppressed"]
    assert becomes(entry, member_id="dad") == GOES_ON
    if "children" in named:  # they are the owner's
        assert becomes(entry, member_id="mum") == GOES_ON


@pytest.mark.parametrize("name", ("device", "deviceIds", "terminal_id", "handset", "stb"))
@pytest.mark.parametrize("childs", ({"adult": False}, {"age": 9}, {"parental_control": "on"}))
def test_a_childs_device_is_known_by_other_names_of_the_field(
    name: str, childs: dict[str, Any]
) -> None:
    entry = {"kind": "registry", name: "d-1", "owner_member_id": "kid"} | childs
    assert becomes(entry, device_id="D_1") == ["suppressed"]
    assert becomes(entry, member_id="kid") == ["suppressed"]
