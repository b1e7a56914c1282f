"""Who is named with a prefix is who is named without it, as far as it protects him."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from features.records.concealed import keyed_mark
from features.records.inputs import INPUTS
from tests.support.after_a_fact import HOST, NOW, made, settled
from tests.support.feeding import Feed, Stream, stance

PREFIXED = ("x:m-1", "urn:member:m-1", "dpv:M_1", "acc:m-1")
PROTECTS: tuple[dict[str, Any], ...] = (
    {"kind": "consent", "status": "withdrawn"}, {"kind": "consent", "status": "Opt-Out"},
    {"kind": "objection"}, {"kind": "purchase", "interest": "483", "gpc": True},
)  # fmt: skip


@pytest.mark.parametrize("name", PREFIXED)
@pytest.mark.parametrize("fact", PROTECTS, ids=str)
def test_a_refusal_is_his_whose_name_stands_behind_a_prefix(
    fact: dict[str, Any], name: str
) -> None:
    run, feed = settled()
    run.feed(made(feed, fact | {"member_id": name}), now=NOW)
    visits = [feed.visit("acc", 2.5, HOST, member_id=member) for member in (name, "m-1", "m-2")]
    assert run.feed(*visits) == ["suppressed", "suppressed", "counted"]


@pytest.mark.parametrize("name", PREFIXED)
def test_so_are_an_erasure_and_a_childs_device(name: str) -> None:
    run, feed = settled()
    run.feed(feed.visit("acc", 1.2, HOST, member_id="m-1"))
    run.feed(feed.visit("acc", 1.2, HOST, member_id="m-2"))
    run.commit()
    run.feed(made(feed, {"kind": "erasure", "member_id": name}), now=NOW)
    run.commit()
    assert set(run.profiles) == {b"acc", b"acc/m-2"}
    child = {"kind": "registry", "device_id": "d", "owner_member_id": name, "adult": False}
    run.feed(made(feed, child | {"event_id": "q"}), now=NOW)
    assert run.feed(feed.visit("acc", 2.5, HOST, member_id="m-1")) == ["suppressed"]


def test_a_grant_is_its_own_alone_and_a_name_with_a_digit_in_front_no_prefix() -> None:
    run, feed = settled()
    no = {"kind": "consent", "status": "withdrawn"}
    run.feed(made(feed, no | {"member_id": "home1:m-1"}), now=NOW)
    assert run.feed(feed.visit("acc", 2.5, HOST, member_id="m-1")) == ["counted"]
    run.feed(made(feed, no | {"member_id": "m-1", "event_id": "q"}), now=NOW)
    run.feed(feed.consent("acc", 2, member_id="x:m-1"))
    assert run.feed(feed.visit("acc", 2.6, HOST, member_id="m-1")) == ["suppressed"]


@pytest.mark.parametrize("field", ["profile", "tariff"])
def test_a_device_of_a_childs_profile_or_tariff_is_a_childs(field: str) -> None:
    run, feed = settled()
    run.feed(made(feed, {"kind": "registry", "device_id": "d", field: "Kids Mobile"}), now=NOW)
    assert run.feed(feed.visit("acc", 2.5, HOST, device_id="d")) == ["suppressed"]


#: One and the same member: words that say nothing, others, and the account, in front.
HIS = ("m-1", "urn:m-1", "URN:Member:M_1", "urn:acc:m-1", "acc:member:m-1", "x:m-1")
Say = Callable[[Feed, str], list[Any]]
_ABOUT = {"contact_id": "c", "channel": "email", "interest": "483"}


def _complains(feed: Feed, who: str) -> list[Any]:
    told = feed.record(INPUTS.outcomes, "acc", 1.2, kind="contact", member_id=who, **_ABOUT)
    answer = {"contact_id": "c", "answer": "complained", "member_id": who}
    return [told, feed.record(INPUTS.outcomes, "acc", 1.3, kind="answer", **answer)]


#: What bars a member, said under one of his names.
BARS: dict[str, Say] = {
    "refusal": lambda feed, who: [feed.consent("acc", 2, "withdrawn", member_id=who)],
    "erasure": lambda feed, who: [feed.fact("acc", 2, "erasure", member_id=who)],
    "child": lambda feed, who: [
        feed.fact("acc", 2, "registry", device_id="d", owner_member_id=who, adult=False)
    ],
}


@pytest.mark.parametrize("done", HIS)
@pytest.mark.parametrize("said", HIS)
@pytest.mark.parametrize("what", BARS)
def test_what_bars_him_is_joined_whichever_of_his_names_has_what_in_front(
    what: str, said: str, done: str
) -> None:
    """Held before it or not, and after a restart."""
    for known in (False, True):
        run, feed = settled()
        if known:
            seen = (feed.visit("acc", 1, HOST, member_id=who) for who in (done, "m-2"))
            assert run.feed(*seen) == ["counted"] * 2
            run.commit()
        assert run.feed(*BARS[what](feed, said)) == ["fact"]
        run.commit()
        assert (b"s/acc/m-2" in run.state) is known
        for _ in range(2):
            assert run.feed(feed.visit("acc", 1.5, HOST, member_id=done)) == ["suppressed"]
            assert f"s/acc/{done}".encode() not in run.state
            run.restart()


def _offers(run: Stream, who: str) -> bool:
    return bool(run.profile(f"acc/{who}")["contactable"]["offers"]["value"])


#: What he forbids of a use, or about an interest, and whether his profile keeps to it.
FORBIDS: dict[str, tuple[Say, Callable[[Stream, str], bool]]] = {
    "offers": (
        lambda feed, who: [feed.consent("acc", 1.2, "denied", member_id=who, purpose="offers")],
        lambda run, who: not _offers(run, who),
    ),
    "dislike": (
        lambda feed, who: [
            feed.fact("acc", 1.2, "declaration", interest="483", stance="dislike", member_id=who)
        ],
        lambda run, who: stance(run.profile(f"acc/{who}"), "483") == "avoid",
    ),
    "complaint": (_complains, lambda run, who: not _offers(run, who)),
}


@pytest.mark.parametrize("what", FORBIDS)
def test_what_he_forbids_is_kept_to_under_the_name_with_nothing_in_front(what: str) -> None:
    says, kept_to = FORBIDS[what]
    for said, done in (*((name, "m-1") for name in HIS[:5]), *(("m-1", name) for name in HIS[:5])):
        run, feed = settled()
        run.feed(feed.visit("acc", 1.1, HOST, member_id=done), *says(feed, said))
        for again in range(2):
            run.feed(feed.visit("acc", 2 + again, HOST, member_id=done))
            run.commit()
            assert kept_to(run, done), (said, done, again)
            run.restart()


def test_other_words_in_front_tell_apart_and_a_grant_is_not_joined() -> None:
    run, feed = settled()
    run.feed(*BARS["refusal"](feed, "tv:m-1"))
    visits = [feed.visit("acc", 2.5, HOST, member_id=who) for who in ("web:m-1", "tv:m-2", "m-1")]
    assert run.feed(*visits) == ["counted", "counted", "suppressed"]
    run.feed(feed.consent("acc", 3, member_id="m-1"))
    assert run.feed(feed.visit("acc", 3.5, HOST, member_id="m-1")) == ["suppressed"]


@pytest.mark.parametrize("done", ["tab-1", "urn:device:tab-1", "x:TAB_1", "acc:tab-1"])
@pytest.mark.parametrize("said", ["tab-1", "urn:tab-1", "x:tab-1"])
def test_a_device_is_known_by_its_name_with_and_without_words_in_front(
    said: str, done: str
) -> None:
    run, feed = settled()
    run.feed(feed.fact("acc", 1, "registry", device_id=said, adult=False))
    assert run.feed(feed.visit("acc", 1.5, HOST, device_id=done)) == ["suppressed"]


def test_an_earlier_release_finds_the_mark_of_a_name_that_it_spelled_otherwise() -> None:
    run, feed = settled()
    run.feed(*BARS["erasure"](feed, "urn:m-1"))
    marks = run.engine.accounts.ledger.marks
    found = [marks[keyed_mark(b"k" * 32, f"acc/{way}", "erasure")] for way in ("urnm1", "m1")]
    assert found[0] == found[1] and len(run.engine.accounts.receipts) == 1
