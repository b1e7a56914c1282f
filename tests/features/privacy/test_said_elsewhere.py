"""Signals, plain words, ended mandates and odd states hold an account, everyday words do not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.after_a_fact import GOES_ON, HELD, HOST, NOW, becomes, begun, made, settled
from tests.support.feeding import DAY, START
from tests.support.rights_facts import WORDS

SIGNALS = ("gpc", "GPC", "Sec-GPC", "sec_gpc", "dnt", "DNT", "do_not_sell", "doNotShare",
           "do_not_track", "globalPrivacyControl", "limit_ad_tracking", "lmt", "gpc_signal",
           "gpcEnabled", "http_dnt")  # fmt: skip


@pytest.mark.parametrize("on", [True, 1, "1", "true", "set", {"enabled": True}, {"value": 1}, [1]])
@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_that_is_set_holds_the_account(name: str, on: Any) -> None:
    assert becomes({"kind": "web_session", name: on}) == HELD


@pytest.mark.parametrize("off", [False, 0, "0", "false", None, "unset", {"enabled": False}])
@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_that_is_not_set_holds_nobody(name: str, off: Any) -> None:
    assert becomes({"kind": "web_session", name: off, "page": "home"}) == GOES_ON


@pytest.mark.parametrize(
    ("fact", "after"),
    [({"kind": "gpc", "value": 1}, HELD), ({"kind": "gpc", "value": 0}, GOES_ON),
     ({"kind": "global_privacy_control", "enabled": True}, HELD),
     ({"kind": "global_privacy_control", "enabled": False}, GOES_ON),
     ({"kind": "header", "name": "Sec-GPC", "value": "1"}, HELD),
     ({"kind": "header", "name": "Sec-GPC", "value": "0"}, GOES_ON),
     ({"kind": "header", "seen": [{"name": "gpc", "value": True}]}, HELD),
     ({"kind": "visit", "us_privacy": "1YYN"}, HELD), ({"kind": "visit", "usp": "1YNN"}, GOES_ON),
     ({"kind": "visit", "us_privacy": "1---"}, GOES_ON), ({"kind": "visit", "att": "denied"}, HELD),
     ({"kind": "visit", "att": "authorized"}, GOES_ON),
     ({"kind": "visit", "ad_storage": "denied"}, HELD),
     ({"kind": "consent", "status": "granted", "gpc": True}, HELD),
     ({"kind": "consent", "status": "granted", "gpc": False}, GOES_ON),
     ({"kind": "purchase", "interest": "483", "dnt": 1}, HELD),
     ({"kind": "purchase", "interest": "483", "dnt": 0}, GOES_ON)], ids=str
)  # fmt: skip
def test_a_signal_counts_wherever_it_stands(fact: dict[str, Any], after: list[str]) -> None:
    assert becomes(fact) == after


# -- texts

REFUSES = (
    "please stop profiling me", "I don't want to be profiled", "Do not profile me.",
    "stop sending me your personalised ads", "no more advertising please", "delete all my data",
    "I object to the processing of my data", "leave me alone", "remove me from tracking, please",
    "bitte kein Profiling mehr", "Keine Werbung mehr!", "hören Sie auf, mich zu profilieren",
    "Löschen Sie bitte alle meine Daten", "Ich möchte nicht, dass Sie mich verfolgen",
    "arrêtez de me profiler", "je ne veux plus de publicité ciblée", "supprimez toutes mes données",
    "no quiero publicidad", "dejen de perfilarme", "borren mis datos", "smettete di profilarmi",
    "non voglio più pubblicità", "cancellate i miei dati", "não quero mais publicidade",
    "ik wil geen reclame meer", "stop met het profileren", "sluta profilera mig",
    "jag vill inte ha reklam", "stop med at profilere mig", "nie chcę reklam",
    "przestańcie mnie profilować", "прекратите следить за мной", "удалите мои данные",
    "διαγράψτε τα δεδομένα μου", "verilerimi silin", "停止分析我的行为", "请不要跟踪我",
    "プロファイリングをやめてください", "내 데이터를 삭제해 주세요",
)  # fmt: skip
EVERYDAY = (
    "Don't miss our personalised offers", "router stopped working", "no data on the line",
    "account not profiled yet", "TV without ads", "No Ads", "no parcel tracking number",
    "how was your day, please stop by the shop", "withdrawn once", "customer was not at home",
    "remove my data plan", "no more data", "delete data older than 30 days", "no data please",
    "I don't mind profiling", "My data is not working please help", "keine Daten vorhanden",
    "please stop the data connection of my phone", "no interest in football", "moved",
    "Fernseher ohne Ton", "Störung behoben, nicht mehr anrufen", "pas de réseau à la maison",
)  # fmt: skip


@pytest.mark.parametrize("text", REFUSES)
def test_who_plainly_refuses_in_a_text_is_heard(text: str) -> None:
    assert WORDS.refuses_in_words(text)
    assert WORDS.refuses_in_words(f"Hello there. {text.upper()}")


@pytest.mark.parametrize("text", [*EVERYDAY, "no tracking number", "no profile found"])
def test_an_everyday_text_refuses_nothing(text: str) -> None:
    assert not WORDS.refuses_in_words(text)


@pytest.mark.parametrize(
    "fact", [{"kind": "remark", "text": REFUSES[0]}, {"kind": "chat", "said": {"de": REFUSES[9]}},
             {"kind": "sms", "text": "STOP"}, {"kind": "sms", "body": " Stop all!"},
             {"kind": "prefs", "tracking": False}, {"kind": "letter", "note": REFUSES[14]},
             {"kind": "mail", "body": [REFUSES[7], "x"]},
             {"kind": "consent", "status": "granted", "comment": REFUSES[0]},
             {"kind": "care_case", "case_id": "c", "status": "opened", "subject": REFUSES[7]},
             {"kind": "purchase", "interest": "483", "note": REFUSES[4]},
             {"kind": "purchase", "interest": 483, "note": REFUSES[4]},
             {"kind": "registry", "device_id": "d", "adult": True, "note": REFUSES[4]},
             {"kind": "registry", "device_id": "d", "adult": False, "note": REFUSES[4]},
             {"kind": "care_case", "case_id": "c", "status": "new", "note": REFUSES[4]}], ids=str
)  # fmt: skip
def test_a_refusing_text_holds_the_account(fact: dict[str, Any]) -> None:
    assert becomes(fact) == HELD


@pytest.mark.parametrize("text", EVERYDAY)
@pytest.mark.parametrize("fact", [{"kind": "remark"}, {"kind": "consent", "status": "granted"},
                                  {"kind": "purchase", "interest": "483"}], ids=str)  # fmt: skip
def test_an_everyday_text_holds_nobody(fact: dict[str, Any], text: str) -> None:
    assert becomes(fact | {"text": text, "page": "p"}) == GOES_ON


def test_a_case_beside_a_refusing_text_stays_open() -> None:
    run, feed = settled()
    fact = {"kind": "care_case", "case_id": "c", "status": "opened", "subject": REFUSES[7]}
    run.feed(made(feed, fact), now=NOW)
    run.feed(feed.consent("acc", 2))
    run.feed(feed.visit("acc", 2.5, HOST))
    run.commit()
    assert ("all", "care_case") in {
        (s["scope"], s["reason"]) for s in run.profile("acc")["suppressions"]
    }


# -- mandates, and states that are no words


@pytest.mark.parametrize("kind", ["mandate", "power_of_attorney", "Vollmacht", "procura", "poder",
                                  "procuration", "volmacht", "доверенность"])  # fmt: skip
@pytest.mark.parametrize(
    "more", [{"status": "revoked"}, {"revoked": True}, {"valid": False}, {"active": False},
             {"state": "ended"}, {"ended_at": START}, {"valid_until": START}, {"stato": "revocata"},
             {"change": "removed"}, {"revocation_date": "2024-01-01"}, {}], ids=str
)  # fmt: skip
def test_a_mandate_that_ends_holds_the_account(kind: str, more: dict[str, Any]) -> None:
    assert becomes({"kind": kind, **more}) == HELD


@pytest.mark.parametrize("more", [{"status": "granted"}, {"active": True}, {"valid": True},
                                  {"valid_until": NOW + 99 * DAY, "status": "given"}])  # fmt: skip
def test_a_mandate_that_holds_changes_nothing(more: dict[str, Any]) -> None:
    assert becomes({"kind": "mandate", **more}) == GOES_ON


ODD: tuple[Any, ...] = ({"x": 1}, {"x": "y"}, {}, [], [7], 7, -1, 1.5, [[2]], {"code": {"x": 3}})


@pytest.mark.parametrize("status", ODD, ids=str)
@pytest.mark.parametrize("kind", ["consent", "line_state", "x1"])
def test_a_state_that_is_no_word_is_for_a_person_to_decide(kind: str, status: Any) -> None:
    run, feed = settled()
    assert run.feed(made(feed, {"kind": kind, "status": status}), now=NOW) == ["malformed"]
    assert run.feed(feed.visit("acc", 2.5, HOST)) == HELD


@pytest.mark.parametrize(
    "status", ["shipped", True, "in progress", ["granted"], {"status": "given"}]
)
def test_a_state_that_can_be_told_to_be_none_holds_nobody(status: Any) -> None:
    assert becomes({"kind": "line_state", "status": status, "page": "p"}) == GOES_ON


# -- grants for a part


@pytest.mark.parametrize(
    "more", [{"device_id": "d-1"}, {"deviceId": "d-1"}, {"device": {"id": "d-1"}},
             {"line": "mobile"}, {"line_id": "l-1"}, {"lineType": "fixed"},
             {"devices": ["d-1", "d-2"]}, {"channel": "sms"}, {"channels": ["email", "post"]},
             {"contact_channel": "phone"},
             {"subject": {"device_id": "d-1"}}, {"msisdn": "p-1"}, {"channel": ["shop", "sms"]},
             {"subscription_id": "s-1"}, {"for": {"line_id": "l-1"}}, {"kanal": "brief"},
             {"excluded": ["profiling"]}, {"conditions": "only for tv"}, {"draft": True},
             {"valid_from": NOW + DAY}, {"startsAt": "2030-01-01"}, {"service": "tv"}], ids=str
)  # fmt: skip
@pytest.mark.parametrize("whose", [{}, {"member_id": "m-1"}, {"purpose": "offers"}], ids=str)
def test_a_grant_for_a_part_is_none_for_the_account(
    more: dict[str, Any], whose: dict[str, Any]
) -> None:
    run, feed = begun()
    with pytest.raises(AssertionError, match="bounds the grant"):
        run.feed(feed.consent("acc", 0, **more, **whose), now=NOW)
    assert run.feed(feed.visit("acc", 1, HOST)) == HELD


@pytest.mark.parametrize(
    "more", [{"channel": "shop"}, {"channel": "Web Site"}, {"channel": "call-centre"},
             {"device_age": 2}, {"channel": None}, {"model": "Kindle", "os": "x"},
             {"device_id": "all"}, {"line": "*"}, {"device_id": None},
             {"media_plan": "x"}, {"channel": "all"}, {"draft": False}, {"exceptions": []},
             {"valid_from": START}, {"conditions": None}, {"channel": []}], ids=str
)  # fmt: skip
def test_what_only_says_how_a_grant_came_bounds_nothing(more: dict[str, Any]) -> None:
    run, feed = begun()
    assert run.feed(feed.consent("acc", 0, **more), feed.visit("acc", 1, HOST))[1] == "counted"


def test_to_stop_something_else_holds_nobody() -> None:
    assert becomes({"kind": "playback", "action": "stop", "at_s": 7}) == GOES_ON


@pytest.mark.parametrize("more", [{"device_id": "d-1"}, {"line": "mobile"}, {"channel": "sms"}])
def test_a_refusal_for_a_part_is_one_of_the_account(more: dict[str, Any]) -> None:
    assert becomes({"kind": "consent", "status": "withdrawn", **more}) == HELD


def test_an_event_of_everybody_makes_no_profile() -> None:
    run, feed = settled()
    for name in ("all", "household", "ACC", "everyone"):
        assert run.feed(feed.visit("acc", 2, HOST, member_id=name)) == GOES_ON
    assert run.feed(feed.visit("acc", 2.1, HOST, member_id="m-1")) == GOES_ON
    run.commit()
    assert set(run.profiles) == {b"acc", b"acc/m-1"}
