"""Who died, is on a list or may not be called is left alone, beside whatever fact that stands."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.after_a_fact import GOES_ON, HELD, HOST, NOW, becomes, made, settled

BARS: tuple[dict[str, Any], ...] = (
    {"deceased": True}, {"is_deceased": 1}, {"deceased_at": "2024-01-01"}, {"verstorben": "ja"},
    {"date_of_death": "2024-01-01"}, {"deceased": {"value": True}}, {"d\u00e9c\u00e9d\u00e9": True},
    {"status": "deceased"}, {"flags": ["vip", "deceased"]}, {"reason": "Deceased"},
    {"robinson": True}, {"robinson_list": "yes"}, {"on_robinson_list": 1}, {"list": "robinson"},
    {"lists": ["Robinson List"]}, {"blocklisted": True}, {"blacklist": "2024-01-01"},
    {"suppression_list": True}, {"lists": ["dnc"]}, {"dnc_list": "Y"}, {"do_not_contact": True},
    {"no_contact": True}, {"bloctel": "oui"}, {"tags": ["blocklisted"]},
    {"opt": "out"}, {"opted": "OUT"},
    {"call_allowed": False}, {"email_allowed": "no"}, {"contact_permitted": 0},
    {"allowCalls": False}, {"may_contact": False}, {"ok_to_call": False}, {"contactable": False},
    {"third_party_allowed": False}, {"data_sharing_allowed": "false"},
    {"personalisation": 0}, {"personalization": 0}, {"profiling": 0.0},
    {"idfa": "denied"}, {"idfa_status": "restricted"}, {"idfa": {"status": "denied"}},
    {"advertising_id": "00000000-0000-0000-0000-000000000000"}, {"gaid": "limited"},
    {"att": "restricted"}, {"att": "notDetermined"}, {"att": 2}, {"att_status": 1},
    {"ATTrackingManager": "authorizationStatus.denied"}, {"tracking_authorization": False},
)  # fmt: skip
#: What can only be read so where nothing else tells what the fact is about.
BARS_ALONE: tuple[dict[str, Any], ...] = (
    {"research_allowed": False}, {"visits_allowed": "no"}, {"tracking": 0}, {"targeting": 0},
    {"advertising": 0}, {"marketing_opt": "out"},
)  # fmt: skip
BARS_NOT: tuple[dict[str, Any], ...] = (
    {"deceased": False}, {"deceased": "no"}, {"deceased": None}, {"deceased": 0},
    {"tracking_number": "x1"}, {"tracking_number": 0}, {"tracking_id": 0}, {"death_benefit": 5000},
    {"opt": "in"}, {"opt": True}, {"opt": "outdoor"}, {"option": "out"}, {"direction": "out"},
    {"roaming_allowed": False}, {"international_calls_allowed": False}, {"data_allowed": False},
    {"premium_sms_allowed": False}, {"refund_allowed": False}, {"call_allowed": True},
    {"calls_allowed_per_day": 0}, {"max_speed_allowed": 0}, {"visits_allowed": 0},
    {"idfa": "authorized"}, {"idfa": "6D92078A-8246-4BA4-AE5B-76104861E7DC"}, {"att": 3},
    {"att": "authorized"}, {"ad_id": 0}, {"ad_id": "banner-7"}, {"att_version": 2},
    {"surname": "Robinson"}, {"name": "Robinson"}, {"robinson": False}, {"list": "newsletter"},
    {"blacklist": ["ads.example"]}, {"blacklist": 3}, {"blocklisted": False},
    {"status": "blacklisted"}, {"do_not_contact": False}, {"lists": ["vip"]},
    {"offers": 0}, {"profile": 0}, {"segments": 0}, {"ads": 0}, {"marketing_id": 0},
    {"contact_count": 0}, {"email_opened": False}, {"sms_sent": False},
)  # fmt: skip
KNOWN: tuple[dict[str, Any], ...] = (
    {"kind": "purchase", "interest": "483"}, {"kind": "consent", "status": "granted"},
    {"kind": "care_case", "case_id": "c", "status": "closed"},
    {"kind": "registry", "device_id": "d", "adult": True},
    {"kind": "declaration", "interest": "483", "stance": "like"},
)  # fmt: skip
UNKNOWN = {"kind": "crm_update", "page": "p"}


@pytest.mark.parametrize("said", [*BARS, *BARS_ALONE], ids=str)
def test_what_bars_in_a_fact_of_no_known_kind_holds_the_account(said: dict[str, Any]) -> None:
    assert becomes(UNKNOWN | said) == HELD


@pytest.mark.parametrize("said", BARS, ids=str)
@pytest.mark.parametrize("known", KNOWN, ids=lambda fact: str(fact["kind"]))
def test_what_bars_beside_a_known_fact_refuses(known: dict[str, Any], said: dict[str, Any]) -> None:
    if known.keys().isdisjoint(said):  # else it is a field of its own
        assert becomes(known | said) == HELD


@pytest.mark.parametrize("said", BARS_NOT, ids=str)
@pytest.mark.parametrize("fact", [UNKNOWN, *KNOWN], ids=lambda fact: str(fact["kind"]))
def test_what_only_looks_so_holds_nobody(fact: dict[str, Any], said: dict[str, Any]) -> None:
    if fact.keys().isdisjoint(said):
        assert becomes(fact | said) == GOES_ON


@pytest.mark.parametrize("fact", KNOWN[:1], ids=str)
def test_beside_a_fact_of_a_member_it_refuses_for_him(fact: dict[str, Any]) -> None:
    run, feed = settled()
    run.feed(made(feed, fact | {"deceased": True, "member_id": "m-1"}), now=NOW)
    visits = [feed.visit("acc", 2.5, HOST, member_id=member) for member in ("m-1", "m-2")]
    assert run.feed(*visits) == ["suppressed", "counted"]


@pytest.mark.parametrize("said", [{"gpc": True}, {"deceased": True}, {"lists": ["robinson"]}])
def test_a_signal_beside_a_grant_of_one_use_refuses_all(said: dict[str, Any]) -> None:
    grant = {"kind": "consent", "status": "granted", "purpose": "offers"}
    assert becomes(grant | said) == HELD


@pytest.mark.parametrize("said", [{"marketing_opt": "out"}, {"advertising": 0}], ids=str)
def test_who_refuses_one_use_beside_a_fact_refuses_that(said: dict[str, Any]) -> None:
    run, feed = settled()
    run.feed(made(feed, KNOWN[0] | said), feed.consent("acc", 1, purpose="offers"), now=NOW)
    assert run.feed(feed.visit("acc", 2.5, HOST)) == GOES_ON
    run.commit()
    assert not run.profile("acc")["contactable"]["offers"]["value"]
