"""A dead letter keeps no bytes of a person who may not be held, whatever it was refused for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from features.vocabulary import Refusal
from streams.contract.headers import parse_dead_letter
from streams.contract.topics import DEAD_LETTERS
from tests.simulation import inputs
from tests.support.small_worker import FACTS_TOPIC, NETWORK_TOPIC, event, fed, put, start, steps

pytestmark = pytest.mark.usefixtures("calm")


def _letters(*records: bytes, facts: list[dict[str, Any]]) -> list[tuple[bytes | None, str]]:
    broker = fed(1)
    for number, fact in enumerate(facts):
        about = {"event_id": f"f-{number}", "account_id": "a", "ts": inputs.START_MS + number}
        put(broker, FACTS_TOPIC, "a", json.dumps(about | fact).encode())
    for raw in records:
        put(broker, NETWORK_TOPIC, "a", raw)
    steps(12, start(broker))
    letters = [e for txn in broker.commits for spot, e in txn.written if spot[0] == DEAD_LETTERS]
    return [(e.value, parse_dead_letter(e.headers).reason) for e in letters]


REFUSED = {"kind": "consent", "purpose": "profiling", "status": "withdrawn", "member_id": "m-2"}
CHILD = {"kind": "registry", "device_id": "tablet", "owner_member_id": "kid", "adult": False}
ERASED = {"kind": "erasure", "member_id": "gone"}
GRANTED = {"kind": "consent", "purpose": "profiling", "status": "granted", "member_id": "m-1"}


@pytest.mark.parametrize(
    ("facts", "more", "kept"),
    [
        ([REFUSED], {"member_id": "m-2"}, False),
        ([REFUSED], {"member_id": "M2"}, False),
        ([REFUSED], {"memberId": "m-2"}, False),
        ([REFUSED], {"member_id": "m-1"}, True),
        ([REFUSED], {}, True),
        ([CHILD], {"member_id": "kid"}, False),
        ([CHILD], {"device_id": "tablet"}, False),
        ([CHILD], {"device_id": "phone"}, True),
        ([ERASED], {"member_id": "Gone"}, False),
        ([GRANTED], {"member_id": "m-1"}, True),
        ([], {"member_id": "m-1"}, True),
        ([], {"note": "call +49 170 1234567"}, False),
        ([], {"member_id": 491701234567}, False),
    ],
)
def test_no_bytes_are_kept_of_a_person_who_may_not_be_held(
    facts: list[dict[str, Any]], more: dict[str, Any], kept: bool
) -> None:
    body = json.loads(event("a", inputs.START_MS + 10**6)) | {"line": "pigeon"} | more
    raw = json.dumps(body).encode()
    [(value, reason)] = _letters(raw, facts=facts)
    assert (value == raw) is kept and (value is None) is not kept
    assert reason in (Refusal.ENUM, Refusal.TYPE)


def test_of_an_account_with_a_child_nothing_is_kept_that_can_not_be_read() -> None:
    assert _letters(b'{"member_id": "ki', facts=[CHILD]) == [(None, "not_json")]
    assert _letters(b'{"member_id": "ki', facts=[]) == [(b'{"member_id": "ki', "not_json")]
