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
    {"subject": {"member": "m-1"}}, {"terms": {"until": NOW}}, {"for": {"scope": "offers"}},
)  # fmt: skip
UNBOUNDED: tuple[dict[str, Any], ...] = (
    {"given_by": "adult"}, {"given_by": "customer"}, {"given_by": "m-1"}, {"by_minor": False},
    {"granted_by": "account_holder"}, {"context": {"user_agent": "x", "ip": "h"}},
    {"context": {"device": {"model": "Kindle", "os": "x"}}}, {"context": {"channel": "shop"}},
    {"source": {"device": "kiosk-3", "user": "desk-4", "app": "crm"}}, {"app": "selfcare"},
    {"app_version": 3}, {"proof": {"url": "x", "token": {"exp": 1}}}, {"meta": {"service": "cmp"}},
    {"context": {"device": None}}, {"context": {"app": []}},
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
