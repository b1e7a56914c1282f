"""A grant of a child, or one for a device, an app or a person that it names inside, is none."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.after_a_fact import GOES_ON, HELD, HOST, NOW, begun, made

BOUNDED: tuple[dict[str, Any], ...] = (
    {"given_by": "minor"}, {"givenBy": "child"}, {"granted_by": "Kind"}, {"by_minor": True},
    {"by_child": "yes"}, {"signed_by": "teenager"}, {"consenting_party": "child"},
    {"given_by": {"role": "minor"}}, {"consent": {"by": "minor"}}, {"giver_is_minor": True},
    {"context": {"device": {"id": "d-1"}}}, {"context": {"device": "d-1"}},
    {"scope": {"deviceId": "d-1"}}, {"context": {"line": {"number": "l-1"}}},
    {"data": [{"terms": {"device_id": "d-1"}}]}, {"context": {"channel": "sms"}},
    {"app": "TuneApp"}, {"app_id": "tune"}, {"application": "x"}, {"context": {"app": {"id": "x"}}},
    {"bundle_id": "com.example.x"}, {"domain": "x.example"},
    {"for_member": "m-1"}, {"ttl_days": 3}, {"valid_for_hours": 1}, {"except_for": "television"},
    {"superseded_by": "c-2"}, {"test": True}, {"void": True}, {"pending_confirmation": True},
    {"on_behalf_of": "m-1"}, {"onBehalfOf": {"id": "m-1"}}, {"subject": "m-1"}, {"for": "tv:m-1"},
    {"data_subject": "acc-x/m1"}, {"regarding": " M-1 "}, {"beneficiary": ["m-1"]},
    {"subject": "acc/m-1"}, {"about": 7}, {"represented": "my daughter"}, {"target": "m-1;acc"},
    {"subject": {"member": "m-1"}}, {"terms": {"until": NOW}}, {"for": {"scope": "offers"}},
)  # fmt: skip
UNBOUNDED: tuple[dict[str, Any], ...] = (
    {"given_by": "adult"}, {"given_by": "customer"}, {"given_by": "m-1"}, {"by_minor": False},
    {"granted_by": "account_holder"}, {"context": {"user_agent": "x", "ip": "h"}},
    {"context": {"device": {"model": "Kindle", "os": "x"}}}, {"context": {"channel": "shop"}},
    {"source": {"device": "kiosk-3", "user": "desk-4", "app": "crm"}}, {"app": "selfcare"},
    {"app_version": 3}, {"proof": {"url": "x", "token": {"exp": 1}}}, {"meta": {"service": "cmp"}},
    {"context": {"device": None}}, {"context": {"app": []}},
    {"on_behalf_of": "acc"}, {"subject": "account:ACC"}, {"for": "household"}, {"about": "all"},
    {"on_behalf_of": None}, {"subject": ""}, {"target": "profiling"}, {"for": ["profiling"]},
    {"test": False}, {"void": False}, {"double_opt_in": True}, {"confirmed": "yes"},
)  # fmt: skip


@pytest.mark.parametrize("more", BOUNDED, ids=str)
@pytest.mark.parametrize("whose", [{}, {"purpose": "dpv:Marketing"}], ids=str)
def test_a_grant_that_is_bounded_grants_nothing(
    more: dict[str, Any], whose: dict[str, Any]
) -> None:
    run, feed = begun()
    run.feed(feed.consent("acc", 0, purpose="offers"))
    try:
        run.feed(made(feed, {"kind": "consent", "status": "granted"} | more | whose), now=NOW)
    except AssertionError as letter:
        assert "bounds the grant" in str(letter)
    assert run.feed(feed.visit("acc", 2.5, HOST)) == HELD


@pytest.mark.parametrize("more", UNBOUNDED, ids=str)
def test_who_gave_it_and_how_bounds_nothing(more: dict[str, Any]) -> None:
    run, feed = begun()
    assert run.feed(made(feed, {"kind": "consent", "status": "granted"} | more)) == ["fact"]
    assert run.feed(feed.visit("acc", 2.5, HOST)) == GOES_ON


@pytest.mark.parametrize("whom", ("on_behalf_of", "subject", "for"))
@pytest.mark.parametrize(("name", "is_his"), [("m-1", True), ("M_1", True), ("m-2", False)])
def test_a_members_grant_is_his_for_whom_he_speaks(whom: str, name: str, is_his: bool) -> None:
    run, feed = begun()
    run.feed(feed.consent("acc", 0), feed.consent("acc", 1, "withdrawn", member_id="m-1"))
    grant = {"kind": "consent", "status": "granted", "member_id": "m-1", whom: name}
    try:
        run.feed(made(feed, grant), now=NOW)
    except AssertionError as letter:
        assert "bounds the grant" in str(letter) and not is_his
    said = run.feed(feed.visit("acc", 2.5, HOST, member_id="m-1"))
    assert said == (GOES_ON if is_his else ["suppressed"])
