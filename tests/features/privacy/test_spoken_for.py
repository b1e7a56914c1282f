"""A refusal is heard for whom it is meant, where it names him beside a member or by a device."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from features.vocabulary import Purpose, Tolerated
from tests.support.after_a_fact import GOES_ON, HELD, HOST, NOW, made, settled
from tests.support.feeding import Feed, Stream

REFUSES: tuple[dict[str, Any], ...] = (
    {"kind": "consent", "status": "withdrawn", "purpose": "profiling"},
    {"kind": "withdrawal"}, {"kind": "objection", "purpose": "profiling"},
    {"kind": "Consent", "status": "Opt-Out"}, {"kind": "purchase", "interest": "483", "gpc": True},
)  # fmt: skip
ERASES = {"kind": "erasure"}
BESIDE = ("on_behalf_of", "onBehalfOf", "subject", "data_subject", "for_member", "concerning",
          "member", "person", "betroffene_person", "ward")  # fmt: skip
WHOM = ("m-1", " M_1 ", "acc/m-1", "urn:member:m-1", "tv:m-1", ["m-1"], {"id": "m-1"}, "m-1;m-3")
DEVICE = ("d-1", "D_1", "device:d-1", "acc:d-1", "tv:d-1")
MINE = {"kind": "registry", "device_id": "d-1", "owner_member_id": "m-1", "adult": True}
OURS = {"kind": "registry", "device_id": "d-1", "adult": True}


def visits(run: Stream, feed: Feed, *whose: dict[str, str]) -> list[str]:
    """What becomes of an event of each."""
    return run.feed(*(feed.visit("acc", 2.5, HOST, **who) for who in whose))


@pytest.mark.parametrize("fact", (*REFUSES[:4], ERASES), ids=str)
@pytest.mark.parametrize("field", BESIDE)
def test_a_member_refuses_for_whom_he_speaks(fact: dict[str, Any], field: str) -> None:
    for whom in WHOM:
        run, feed = settled()
        run.feed(*(feed.visit("acc", 1, HOST, member_id=f"m-{i}") for i in (1, 2, 4)))
        run.feed(made(feed, fact | {"member_id": "m-2", field: whom}), now=NOW)
        run.commit()
        run.restart()
        names = [{"member_id": f"m-{i}"} for i in (1, 2, 4)]
        assert visits(run, feed, *names) == ["suppressed", "suppressed", "counted"], whom


@pytest.mark.parametrize("field", ("on_behalf_of", "subject", "member"))
@pytest.mark.parametrize("whom", ("acc", "household", "M_2", "", None, "a note"))
def test_who_is_no_other_is_not_made_one(field: str, whom: str | None) -> None:
    run, feed = settled()
    run.feed(*(feed.visit("acc", 1, HOST, member_id=f"m-{i}") for i in (2, 4)))
    run.feed(made(feed, ERASES | {"member_id": "m-2", field: whom}), now=NOW)
    assert visits(run, feed, {"member_id": "m-2"}, {"member_id": "m-4"}) == ["suppressed", *GOES_ON]
    run.commit()
    assert not {key for key in run.state if key.startswith(b"c/acc/")}


@pytest.mark.parametrize("fact", REFUSES, ids=str)
@pytest.mark.parametrize("name", DEVICE)
@pytest.mark.parametrize("turned", (False, True))
def test_who_is_named_by_his_device_refuses(fact: dict[str, Any], name: str, turned: bool) -> None:
    run, feed = settled()
    run.feed(*(feed.visit("acc", 1, HOST, member_id=f"m-{i}") for i in (1, 4)))
    refusal = fact | {"member_id": name, "event_id": "r"}
    for told in (MINE, refusal) if not turned else (refusal, MINE):
        run.feed(made(feed, told), now=NOW)
    run.commit()
    run.restart()
    who = [{"member_id": "M_1"}, {"device_id": "d-1"}, {"member_id": "m-4"}]
    assert visits(run, feed, *who) == ["suppressed", "suppressed", "counted"]
    run.feed(feed.consent("acc", 2.6, member_id="m-1"))
    assert run.feed(feed.visit("acc", 2.7, HOST, member_id="m-1")) == GOES_ON  # it was his


@pytest.mark.parametrize("facts", permutations((OURS, REFUSES[0] | {"member_id": "D_1"})), ids=str)
def test_by_the_households_device_anybody_may_be_meant(facts: tuple[dict[str, Any], ...]) -> None:
    run, feed = settled()
    for i, fact in enumerate(facts):
        run.feed(made(feed, fact | {"event_id": f"e-{i}"}), now=NOW)
    run.commit()
    run.restart()
    assert (
        visits(run, feed, {"device_id": "d-1"}) == visits(run, feed, {"member_id": "m-4"}) == HELD
    )


@pytest.mark.parametrize("device", (MINE, OURS), ids=str)
def test_nobody_is_erased_by_a_device_before_a_person_has_decided(device: dict[str, Any]) -> None:
    run, feed = settled()
    run.feed(feed.visit("acc", 1, HOST, member_id="m-1"), made(feed, device))
    run.feed(made(feed, ERASES | {"member_id": "d-1", "event_id": "r"}), now=NOW)
    assert run.commit().tolerated == {Tolerated.REFUSAL: 1}
    assert visits(run, feed, {"member_id": "m-1"}) == HELD
    assert run.engine.store.find(b"acc", b"m-1") >= 0
    run.feed(feed.consent("acc", 2.6))
    assert run.feed(feed.visit("acc", 2.7, HOST, member_id="m-1")) == GOES_ON


def test_a_refused_use_is_that_of_the_devices_owner_alone() -> None:
    run, feed = settled()
    run.feed(*(feed.consent("acc", 1, purpose=use) for use in Purpose), made(feed, MINE))
    fact = {"kind": "consent", "status": "withdrawn", "purpose": "offers", "member_id": "d-1"}
    run.feed(made(feed, fact | {"event_id": "r"}), now=NOW)
    visits(run, feed, {"member_id": "m-1"}, {"member_id": "m-4"})
    run.feed(feed.visit("other", 6, HOST))
    run.commit()
    told = {who: run.profile(f"acc/{who}") for who in ("m-1", "m-4")}
    offers = {who: it["contactable"]["offers"]["value"] for who, it in told.items() if it}
    assert offers == {"m-1": False, "m-4": True}


def test_a_member_who_is_called_as_anothers_device_refuses_for_himself_alone() -> None:
    run, feed = settled()
    run.feed(*(feed.visit("acc", 1, HOST, member_id=name) for name in ("d-1", "m-1")))
    run.feed(made(feed, MINE))
    run.feed(made(feed, REFUSES[0] | {"member_id": "d-1", "event_id": "r"}), now=NOW)
    assert visits(run, feed, {"member_id": "d-1"}, {"member_id": "m-1"}) == ["suppressed", *GOES_ON]
