"""Look-ups over HTTP: what is shown to whom, what is refused, and what stays on record."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any
from unittest.mock import Mock, call

import pytest
from jsonschema import Draft202012Validator

from features.records.concealed import keyed_mark
from streams.apps.lookup import openapi, server, views
from streams.apps.lookup.callers import Budgets, Tokens, TokensError
from streams.apps.lookup.problems import Problem
from streams.client import ReaderLag
from streams.contract.schemas import SCHEMAS
from tests.support.bad_lookups import BAD
from tests.support.lookup_service import KEY, OTHER, Answer, Service, settled, token, write_keys
from tests.support.processes import wait_until

SPORTS = {"id": "483", "name": "Sports", "score": 0.8, "lift": 2.3, "confidence": 0.7,
          "trend": "rising", "last_active": "2023-11-14", "dayparts": {"weekday-evening": 0.6},
          "sources": {"tv": 1.0}, "stance": "engage",
          "reasons": [{"code": "active_days_28", "value": 12}]}  # fmt: skip
CARS = {**SPORTS, "id": "1", "name": "Automotive", "stance": "avoid", "reasons": []}
PLACE = {"context": {"roaming": False, "country": "DE"},
         "evidence": {"events": 3, "days": 1, "sources": ["tv"]}}  # fmt: skip
PAST = {"scope": "1", "reason": "decision_against", "until": 1_567_382_400_000}
BALL = {"scope": "1", "reason": "purchase", "until": None}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = Service(tmp_path_factory.mktemp("lookup"))
    made.reader.put("acc-1", interests=[SPORTS], **PLACE)
    made.reader.put("acc-1/m-2", interests=[SPORTS, CARS], suppressions=[BALL])
    made.reader.put("acc-1/m-1", interests=[CARS])
    paused = {**CARS, "reasons": [{"code": "suppressed", "value": 1}]}
    made.reader.put("acc-31/m-3", interests=[paused], suppressions=[PAST])
    refused = [{"scope": "all", "reason": "no_consent_offers", "until": None}]
    made.reader.put("acc-2", interests=[SPORTS], suppressions=refused)
    made.reader.put("acc-2/kid", suppressions=[{**refused[0], "reason": "child_device"}])
    made.reader.put("acc-3/m", contactable={"offers": {"value": False}})
    made.reader.put("acc-4/over", contactable={"offers": {"value": True, "until": 1_000}})
    case = {"value": False, "why": "care_case", "until": None}
    made.reader.put("acc-4/case", contactable={"offers": case, "audiences": case})
    settled(made)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _fresh(service: Service) -> None:
    service.producer.records.clear()


# -- what is shown


def test_a_household_comes_in_one_answer(service: Service) -> None:
    answer = service.ask("/v1/profiles/acc-1")
    assert answer.status == 200 and answer.json["account"] == "acc-1"
    assert answer.json["household"]["interests"] == [SPORTS]
    assert [m["subject"] for m in answer.json["members"]] == ["acc-1/m-1", "acc-1/m-2"]
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["profiles-lag"] == "records=0, silent-ms=12"
    assert answer.headers["vary"] == "Authorization"


def test_a_member_alone(service: Service) -> None:
    answer = service.ask("/v1/profiles/acc-1/m-2")
    assert answer.json["subject"] == "acc-1/m-2" and len(answer.json["interests"]) == 2
    only = service.ask("/v1/profiles/acc-1/m-2?stance=avoid&fields=interests.id,interests.name")
    assert only.json == {
        "subject": "acc-1/m-2",
        "version": 2,
        "interests": [{"id": "1", "name": "Automotive"}],
    }
    said = service.ask("/v1/profiles/acc-1/m-2?words=de").json
    assert said["interests"][0]["words"].startswith("Darauf ansprechen: an 12 der letzten 28")
    words = "Nichts zu Automotive: der Kunde hat etwas davon gekauft, oder etwas Verwandtes."
    assert said["suppressions"][0]["words"] == words


def test_why_says_what_speaks_against(service: Service) -> None:
    yes = service.ask("/v1/profiles/acc-1/why/483").json
    assert yes["engage"] is True and yes["suppressions"] == []
    assert yes["words"] == (
        "Talk about it: seen on 12 of the last 28 days: few for such a chance, which is a rough "
        "estimate. Chance of it tomorrow: about 80%, 2.3 times the average customer's.\nNext 7 "
        "days: probably on more days than in the last 7. Seen only on TV.\nValid today; it can "
        "change any day: check again on the day you send."
    )
    assert yes["rule"] == "", "none decided by a number"
    no = service.ask("/v1/profiles/acc-1/m-2/why/1").json
    assert no["engage"] is False and no["suppressions"][0]["reason"] == "purchase"
    assert service.ask("/v1/profiles/acc-1/m-1/why/483").status == 404
    row = service.ask("/v1/profiles/acc-31/m-3?words=en").json["interests"][0]
    why = service.ask("/v1/profiles/acc-31/m-3/why/1").json
    assert "paused until 2019-09-02" in why["words"] == row["words"], "past by our clock"
    assert why["suppressions"][0]["until"] == PAST["until"] and "2019-09-02" in why["rule"]


def test_a_batch_says_what_is_missing(service: Service) -> None:
    body = json.dumps({"subjects": ["acc-1/m-1", "nobody", "acc-1/m-1", "acc-2"]}).encode()
    answer = service.ask("/v1/profiles:batch", "POST", body, Content_Type="application/json")
    assert answer.status == 200 and set(answer.json["profiles"]) == {"acc-1/m-1", "acc-2"}
    assert answer.json["missing"] == ["nobody"]


def test_tags_are_places_and_never_repeat(service: Service) -> None:
    first = service.ask("/v1/profiles/acc-1").headers["etag"]
    assert first.startswith('"3:3:')
    assert service.ask("/v1/profiles/acc-1", If_None_Match=f'"x", W/{first}').status == 304
    assert service.ask("/v1/profiles/acc-1?stance=avoid", If_None_Match=first).status == 200
    seen = {first}
    for change in (1, 2, 3):
        service.reader.put("acc-9", n=change)
        tag = service.ask("/v1/profiles/acc-9").headers["etag"]
        assert tag not in seen
        seen.add(tag)
        service.reader.erase("acc-9")
        assert service.ask("/v1/profiles/acc-9", If_None_Match=tag).status == 404


def test_an_erased_account_is_told_like_an_unknown_one(service: Service) -> None:
    service.reader.put("acc-8")
    settled(service)
    assert service.ask("/v1/profiles/acc-8").status == 200
    service.reader.erase("acc-8")
    settled(service)
    erased, unknown = service.ask("/v1/profiles/acc-8"), service.ask("/v1/profiles/acc-7")
    assert erased.status == unknown.status == 404 and erased.body == unknown.body
    officer = token("privacy")
    assert service.ask("/v1/profiles/acc-8", bearer=officer).status == 410
    assert service.ask("/v1/profiles/acc-7", bearer=officer).status == 404


def test_what_has_expired_is_not_shown(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    service.reader.put("acc-6", valid_until=int(now * 1000) + 3_600_000)
    assert service.ask("/v1/profiles/acc-6").status == 200
    monkeypatch.setattr(service.reader.profiles, "_now", lambda: now + 3_601)
    assert service.ask("/v1/profiles/acc-6").status == 404


def test_how_stale_it_is_is_said(service: Service) -> None:
    service.reader.behind = ReaderLag(41, 9_000)
    assert service.ask("/v1/profiles/acc-1").headers["profiles-lag"] == "records=41, silent-ms=9000"
    service.reader.behind = None
    assert service.ask("/v1/profiles/acc-1").headers["profiles-lag"] == "unknown"
    service.reader.behind = ReaderLag(0, 12)


# -- to whom


def test_offers_see_what_offers_allow_and_no_more(service: Service) -> None:
    seller = token("offers")
    answer = service.ask("/v1/profiles/acc-1", bearer=seller)
    text = answer.body.decode()
    assert answer.status == 200 and '"stance":"engage"' in text and "purchase" in text
    for hidden in ("context", "evidence", "dayparts", "sources"):
        assert hidden not in text
    for subject in ("acc-2", "acc-2/kid", "acc-3", "acc-3/m", "acc-4/over", "acc-2/why/483"):
        assert service.ask(f"/v1/profiles/{subject}", bearer=seller).status == 404, subject
    body = json.dumps({"subjects": ["acc-1", "acc-2", "acc-3/m"]}).encode()
    batch = service.ask("/v1/profiles:batch", "POST", body, seller, Content_Type="application/json")
    assert set(batch.json["profiles"]) == {"acc-1"}
    assert service.ask("/v1/changes?account=acc-2", bearer=seller).status == 404
    assert service.ask("/v1/profiles/acc-2").status == 200, "another purpose sees it"
    case = service.ask("/v1/profiles/acc-4/case", bearer=seller).json["contactable"]
    assert case["offers"]["why"] == "care_case" and set(case) == {"offers"}, (
        "and so says when to come"
    )


def test_words_for_offers_say_no_more_than_offers_see(service: Service) -> None:
    for_all = service.ask("/v1/profiles/acc-1?words=en").json["household"]["interests"]
    answer = service.ask("/v1/profiles/acc-1?words=en", bearer=token("offers")).json
    assert "on TV" in for_all[0]["words"]
    assert answer["household"]["interests"][0]["words"].startswith("Talk about it: ")
    assert "TV" not in answer["household"]["interests"][0]["words"], "where it was seen"


def test_a_token_for_several_purposes_says_which(service: Service) -> None:
    both = token("offers profiling")
    assert service.ask("/v1/profiles/acc-2", bearer=both).status == 400
    assert service.ask("/v1/profiles/acc-2?purpose=profiling", bearer=both).status == 200
    assert service.ask("/v1/profiles/acc-2?purpose=offers", bearer=both).status == 404
    assert service.ask("/v1/profiles/acc-2?purpose=privacy", bearer=both).status == 403


def test_everything_is_on_record_without_a_name(service: Service) -> None:
    service.ask("/v1/profiles/acc-1", bearer=token("offers", sub="crm"), Access_Reason="call-7")
    service.ask("/v1/profiles/nobody")
    check = Draft202012Validator(SCHEMAS["lookups"])
    for key, value in service.producer.records:
        check.validate(value)
        assert key.decode() == value["mark"]
    (_, first), (_, second) = service.producer.records
    mark = keyed_mark(b"secret", "acc-1", "lookup")
    assert (first["mark"], first["caller"], first["purpose"]) == (mark, "crm", "offers")
    assert (first["reason"], first["profiles"], second["profiles"]) == ("call-7", 3, 0)
    assert first["route"] == "/v1/profiles/{account}" and "acc-1" not in json.dumps(first)


def test_what_is_not_on_record_is_not_shown(service: Service) -> None:
    service.producer.full = True
    try:
        answer = service.ask("/v1/profiles/acc-1")
        assert answer.status == 503 and b"Sports" not in answer.body
    finally:
        service.producer.full = False


def test_no_log_names_a_subject(
    service: Service, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    for path in ("acc-1", "acc-1/m-2", "acc-404", "acc-1/why/483"):
        service.ask(f"/v1/profiles/{path}")
    monkeypatch.setattr(views, "shown", lambda stored, view: 1 / len(stored.value[:0]))
    answer = service.ask("/v1/profiles/acc-1/m-2")
    assert answer.status == 500 and b"acc-1" not in answer.body
    assert "ZeroDivisionError" in caplog.text, "a fault is told, by its place"
    assert "acc-" not in caplog.text and "m-2" not in caplog.text


# -- what is refused


@pytest.mark.parametrize(("status", "asked"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_bad_requests_are_refused_in_words(
    service: Service, status: int, asked: dict[str, Any]
) -> None:
    answer: Answer = service.ask(**asked)
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json
    assert told["status"] == status and told["detail"].endswith(".")
    assert b"Sports" not in answer.body and b"acc-1" not in answer.body
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert all(record["profiles"] == 0 for _, record in service.producer.records)


def test_there_are_fifty_kinds() -> None:
    assert len({kind for kind, *_ in BAD}) == len(BAD) >= 50


def test_a_caller_that_asks_too_often_is_told_when_to_come_again() -> None:
    now = [0.0]
    budgets = Budgets(10.0, lambda: now[0])
    for _ in range(20):
        budgets.take("a")
    with pytest.raises(Problem) as refused:
        budgets.take("a")
    assert refused.value.status == 429 and int(refused.value.headers["Retry-After"]) >= 1
    budgets.take("b")
    now[0] = 1.0
    budgets.take("a", 10)
    with pytest.raises(Problem):
        budgets.take("a")


def test_keys_are_public_and_rotate(tmp_path: Path) -> None:
    path, now = tmp_path / "keys.json", [time.time()]
    tokens = Tokens(write_keys(path), "interest-streams", "", lambda: now[0])
    assert tokens.caller(f"Bearer {token()}").name == "team"
    time.sleep(0.02)
    write_keys(path, k2=OTHER)
    now[0] += 61
    with pytest.raises(Problem):
        tokens.caller(f"Bearer {token(exp=now[0] + 60)}")
    assert tokens.caller(f"Bearer {token(key=OTHER, kid='k2')}").name == "team"
    path.write_text("{")
    now[0] += 61
    assert tokens.caller(f"Bearer {token(key=OTHER, kid='k2')}").name == "team"
    secret = {"kty": "oct", "kid": "s", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "alg": "HS256"}
    for text in ("{}", '{"keys":[]}', json.dumps({"keys": [secret]})):
        path.write_text(text)
        with pytest.raises(TokensError):
            Tokens(path, "interest-streams", "")


def test_an_issuer_is_compared(tmp_path: Path) -> None:
    tokens = Tokens(write_keys(tmp_path / "k"), "interest-streams", "https://me.example")
    assert tokens.caller(f"Bearer {token(iss='https://me.example')}")
    with pytest.raises(Problem):
        tokens.caller(f"Bearer {token(iss='https://you.example')}")


def test_whoever_does_not_ask_is_closed(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_HEADERS_S", 0.4)
    for begun in (b"", b"GET /v1/profiles/acc-1 HTTP/1.1\r\nHost: a\r\nX-A: "):
        with socket.create_connection(("127.0.0.1", service.server.port), 60) as slow:
            slow.sendall(begun)
            slow.settimeout(60)
            assert slow.recv(100) == b""


def test_a_head_that_does_not_end_is_refused_in_words(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.server.port), 60) as endless:
        endless.sendall(b"GET /v1/profiles/acc-1 HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * 20_000)
        answer = endless.recv(2_000)
    assert answer.startswith(b"HTTP/1.1 400 ") and b"application/problem+json" in answer
    assert b"too long" in answer


def test_an_answer_does_not_wait_for_an_acknowledgement(service: Service) -> None:
    """Headers and body go out in two pieces; with Nagle's algorithm each second one waits 40 ms."""
    connection = http.client.HTTPConnection("127.0.0.1", service.server.port, timeout=20)
    took = []
    for _ in range(30):
        began = time.perf_counter()
        said = {"Authorization": f"Bearer {token()}"}
        connection.request("GET", "/v1/profiles/acc-1", headers=said)
        connection.getresponse().read()
        took.append(time.perf_counter() - began)
    connection.close()
    assert min(took) < 0.035


# -- changes


def test_head_and_body_are_sent_at_once() -> None:
    transport = Mock()

    async def answer() -> None:
        joined = server.Joining(transport, asyncio.get_running_loop())
        joined.write(b"head")
        joined.write(b"body")
        transport.write.assert_not_called()
        await asyncio.sleep(0)
        transport.write.assert_called_once_with(b"headbody")
        joined.write(b"more")
        joined.close()

    asyncio.run(answer())
    assert transport.mock_calls[1:] == [call.write(b"more"), call.close()]


def test_changes_come_as_they_happen_and_none_twice(service: Service) -> None:
    service.reader.put("acc-5/m")
    settled(service)
    with service.events("/v1/changes?account=acc-5,acc-1") as events:
        wait_until(lambda: bool(service.app.changes.watchers), 60)  # its head came before that
        service.reader.put("acc-5/m")
        service.reader.put("acc-4")
        first = events.get(timeout=60)
        assert (first["event"], json.loads(first["data"])) == ("changed", {"subject": "acc-5/m"})
        with pytest.raises(Empty):
            events.get(timeout=0.3)
    for step in (service.reader.put, service.reader.erase, service.reader.put):
        step("acc-5/m")
        settled(service)
    with service.events("/v1/changes?account=acc-5", Last_Event_ID=first["id"]) as events:
        assert [events.get(timeout=60)["event"] for _ in range(3)] == ["changed", "gone", "changed"]
    with service.events("/v1/changes?account=acc-5", Last_Event_ID="0:1") as events:
        assert events.get(timeout=60)["event"] == "reset"


# -- its description


def test_the_description_says_what_is_answered(service: Service) -> None:
    described = service.ask("/v1/openapi.json", bearer=None).json
    assert (
        described == json.loads(json.dumps(openapi.document())) and described["openapi"] == "3.1.0"
    )
    household = {**described["components"]["schemas"]["Household"],
                 "components": described["components"]}  # fmt: skip
    Draft202012Validator(household).validate(service.ask("/v1/profiles/acc-1?words=en").json)
    why = {**described["components"]["schemas"]["Why"], "components": described["components"]}
    Draft202012Validator(why).validate(service.ask("/v1/profiles/acc-1/why/483").json)
    paths = {str(getattr(route, "path", "")) for route in service.app.asgi.routes}
    routes = {path for path in paths if path.startswith("/v1/p")}
    assert routes <= described["paths"].keys()
    assert KEY is not OTHER
