"""The reference decoder: what is taken, what is refused, and what is said about it."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import pytest

from features.records.decoder import (
    APP,
    FACTS,
    NETWORK,
    TV,
    Event,
    Limits,
    content_key,
    decode,
    decode_fact,
)
from features.records.facts import OUTCOMES, STATEMENTS, Fact, present
from features.records.fields import Malformed
from features.records.inputs import FACT_FIELDS, OUTCOME_FIELDS
from features.vocabulary import FactKind, KeyPrefix, OutcomeKind, Refusal
from tests.support.malformed_cases import CASES, GOOD, KEY, MAX_BYTES, TS, Case, record

LIMITS = Limits(max_message_bytes=MAX_BYTES)


def _event(kind: int, /, **changed: object) -> Event:
    event = decode(kind, record(kind, **changed), KEY, LIMITS)
    assert isinstance(event, Event)
    return event


def _fact(**changed: object) -> Fact:
    fact = decode(FACTS, record(FACTS, **changed), KEY, LIMITS)
    assert isinstance(fact, Fact)
    return fact


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.reason}-{case.field}")
def test_bad_input_is_refused_with_reason_and_field(case: Case) -> None:
    with pytest.raises(Malformed) as caught:
        decode(case.kind, case.raw, case.key, LIMITS)
    letter = caught.value.letter
    assert (letter.reason, letter.field) == (case.reason, case.field)
    assert letter.message


def test_reasons_are_the_published_ones() -> None:
    assert {case.reason for case in CASES} == {*Refusal} - {"late", "future"}


def test_a_refusal_does_not_repeat_the_identifier() -> None:
    with pytest.raises(Malformed) as caught:
        decode(APP, record(APP, account_id="anna@example.org"), b"anna@example.org", LIMITS)
    assert "anna" not in str(caught.value)


@pytest.mark.parametrize("kind", GOOD)
def test_good_records_are_taken(kind: int) -> None:
    item = decode(kind, record(kind), KEY, LIMITS)
    assert (item.account_id, item.event_id, item.ts) == ("acc-1", "e-1", TS)
    assert item.member_id is None


def test_network_event() -> None:
    event = _event(NETWORK, host="WWW.bbc.co.uk.", app="BBC", bytes_down=5, bytes_up=2,
                   duration_ms=9, line="broadband", country="GB", tz_offset_min=-60)  # fmt: skip
    assert (event.prefix, event.content) == (KeyPrefix.HOST, "WWW.bbc.co.uk")
    assert (event.prefix2, event.content2) == (KeyPrefix.APP, "BBC")
    assert (event.bytes, event.duration_ms, event.mode) == (7, 9, 1)
    assert (event.country, event.tz_offset_min) == ("GB", -60)


def test_network_event_by_app_alone() -> None:
    event = _event(NETWORK, host=None, app="BBC")
    assert (event.prefix, event.content, event.prefix2) == (KeyPrefix.APP, "BBC", 0)


@pytest.mark.parametrize(("host", "content"), [
    ("a", "a"), ("bbc.co.uk:443", "bbc.co.uk"), ("bbc.co.uk.:443", "bbc.co.uk"), ("_x.y", "_x.y"),
    ("192.0.2.1:80", "192.0.2.1"), ("2001:db8::1", "2001:db8::1"), ("::", "::"),
    ("[2001:db8::1]:443", "2001:db8::1"), ("h" * 253, "h" * 253),
])  # fmt: skip
def test_hosts_lose_port_and_trailing_dot(host: str, content: str) -> None:
    assert _event(NETWORK, host=host).content == content


def test_tv_event() -> None:
    event = _event(TV, channel="Das Erste", title="", content_ms=5, mode="vod")
    assert (event.prefix, event.content, event.prefix2, event.content2) == (
        KeyPrefix.PROGRAMME, "c-1", KeyPrefix.CHANNEL, "Das Erste")  # fmt: skip
    assert (event.duration_ms, event.content_ms, event.mode) == (1_000, 5, 2)


@pytest.mark.parametrize(("action", "mode"), [
    ("close", 0), ("open", 1), ("view", 2), ("search", 3), ("add_to_cart", 4), ("_", 4),
])  # fmt: skip
def test_app_actions(action: str, mode: int) -> None:
    assert _event(APP, action=action).mode == mode


@pytest.mark.parametrize("value", ["1000", "1000.0", "1e3", "10.0E+2"])
def test_whole_numbers_may_be_written_as_fractions(value: str) -> None:
    raw = record(TV).replace(b"1000,", value.encode() + b",")
    assert decode(TV, raw, KEY, LIMITS).duration_ms == 1_000  # type: ignore[union-attr]  # TV


def test_null_is_absent_and_the_last_of_a_repeated_field_counts() -> None:
    assert _event(APP, member_id=None, country=None).member_id is None
    raw = record(APP)[:-1] + b',"action":"close"}'
    assert decode(APP, raw, KEY, LIMITS).mode == 0  # type: ignore[union-attr]  # an event


@pytest.mark.parametrize("note", [[[[[[[[1]]]]]]], {"a": {"b": "]}"}}, '[[[[[[[[[[[{{{"', "\\"])
def test_unknown_fields_are_ignored(note: object) -> None:
    assert _event(APP, note=note) == _event(APP)


@pytest.mark.parametrize("name", ["1234567x", "9f86d081884c7d65", "a-1:b_c.", "acc-1234567"])
def test_pseudonyms_that_only_resemble_numbers_are_taken(name: str) -> None:
    assert _event(APP, member_id=name).member_id == name


@pytest.mark.parametrize(("changed", "data"), [
    ({}, {"purpose": "profiling", "status": "granted"}),
    ({"purpose": "ads", "expires_at": TS}, {"purpose": "ads", "status": "granted",
                                            "expires_at": TS}),
    ({"kind": "declaration", "interest": "483", "stance": "like"},
     {"interest": "483", "stance": "like"}),
    ({"kind": "purchase", "interest": "483", "returned": False, "product": "tent"},
     {"interest": "483", "returned": False, "product": "tent"}),
    ({"kind": "decision_against", "interest": "483", "quiet_days": 0},
     {"interest": "483", "quiet_days": 0}),
    ({"kind": "care_case", "case_id": "c 1", "status": "opened"},
     {"case_id": "c 1", "status": "opened"}),
    ({"kind": "registry", "device_id": "tv-1", "owner_member_id": "m-1", "adult": True},
     {"device_id": "tv-1", "owner_member_id": "m-1", "adult": True}),
    ({"kind": "erasure"}, {}),
])  # fmt: skip
def test_facts(changed: dict[str, object], data: dict[str, object]) -> None:
    fact = _fact(**changed)
    assert (fact.said.kind, present(fact.said)) == (changed.get("kind", "consent"), data)
    assert decode_fact(record(FACTS, **changed)) == fact


def test_every_kind_of_fact_has_a_type_with_its_fields() -> None:
    assert STATEMENTS.keys() == FACT_FIELDS.keys() == set(FactKind)
    assert OUTCOMES.keys() == OUTCOME_FIELDS.keys() == set(OutcomeKind)
    types: dict[Any, Any] = {**STATEMENTS, **OUTCOMES}
    for kind, own in [*FACT_FIELDS.items(), *OUTCOME_FIELDS.items()]:
        made = {field.name: not field.required for field in own}
        told = dataclasses.fields(types[kind])
        assert {f.name: f.default is not dataclasses.MISSING for f in told} == made


def test_content_keys_are_lower_case_in_ascii_only() -> None:
    assert content_key(KeyPrefix.PROGRAMME, "TATORT-Ä") == "programme:tatort-Ä"


@pytest.mark.parametrize("raw", [
    b"{" + b'"\\' * 32_000, b"[" * 9 + b'"' * 65_000, b"[" * 9 + b'\\"' * 32_000 + b"\\",
    b"{" * 65_000, b'{"x":"' + b"[" * 65_000,
], ids=["escapes", "quotes", "quoted-escapes", "braces", "brackets-in-text"])  # fmt: skip
def test_hostile_nesting_costs_linear_time(raw: bytes) -> None:
    began = time.thread_time()
    with pytest.raises(Malformed):
        decode(APP, raw, KEY, Limits())
    assert time.thread_time() - began < 1.0
