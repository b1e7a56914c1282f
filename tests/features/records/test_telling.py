"""The bytes of a refused record: whom they name, whatever they were refused for."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.records.pseudonyms import pseudonyms
from features.records.telling import MAX_BYTES, MOST_TEXTS, names_somebody, texts_in

ACCEPTS = pseudonyms().accepts
GOOD: dict[str, Any] = {"event_id": "e-1", "account_id": "acc-1", "ts": 1_704_067_200_000,
                        "line": "mobile", "host": "sport.example", "device_id": "d-1"}  # fmt: skip
#: What tells who somebody is, in a field of ours or of the producer's own.
TELLING: list[tuple[str, Any]] = [
    (field, value)
    for field in ("member_id", "device_id", "owner_member_id", "memberId", "Device-ID")
    for value in ("+491701234567", "491701234567", 491701234567, "0170/1234567", "262011234567890",
                  "anna.mueller@example.com", "00:1a:2b:3c:4d:5e", "DE89370400440532013000",
                  "89490200001234567890", "imsi-262011234567890", "sip:+491701234567@ims.example")
] + [
    ("msisdn", "491701234567"), ("phone", "0170 1234567"), ("Tel", "0170-123 4567"),
    ("imei", 356938035643809), ("note", "call +49 170 1234567 back"), ("mail", "a.b@example.org"),
    ("extra", {"contact": ["x", "+44 20 7946 0958"]}), ("mac", "00-1A-2B-3C-4D-5E"),
    ("imsi_id", "262011234567890"), ("title", "WhatsApp: 4917012345678"),
]  # fmt: skip
FAULTS = [
    lambda raw: raw[:-1],
    lambda raw: raw + raw,
    lambda raw: raw.replace(b'"ts": 1704067200000', b'"ts": 9'),
    lambda raw: raw.replace(b'"mobile"', b'"carrier pigeon"'),
    lambda raw: raw.replace(b"sport.example", b"no host at all"),
    lambda raw: raw.replace(b"+", b"\\u002b").replace(b"@", b"\\u0040"),
    lambda raw: raw.decode().encode("utf-16"),
    lambda raw: raw.replace(b", ", b",\n  "),
    lambda raw: b"\xff" + raw,
]


@pytest.mark.parametrize("fault", range(len(FAULTS)))
def test_a_second_fault_does_not_hide_whom_a_record_names(fault: int) -> None:
    missed = []
    for field, value in TELLING:
        raw = FAULTS[fault](json.dumps(GOOD | {field: value}).encode())
        if not names_somebody(raw, ACCEPTS):
            missed.append((field, value))
    assert not missed


@pytest.mark.parametrize("fault", range(len(FAULTS)))
def test_a_record_of_pseudonyms_tells_nothing(fault: int) -> None:
    more: list[dict[str, object]] = [
            {}, {"member_id": "m-1"}, {"event_id": "1704067200123"}, {"title": "Tatort 1986"},
            {"duration_ms": 123456789}, {"host": "192-0-2-1.sport.example"}, {"country": "DE"},
            {"device_id": "0f8fad5b-d9cb-469f-a165-70867728950e"}]  # fmt: skip
    for item in more:
        assert not names_somebody(FAULTS[fault](json.dumps(GOOD | item).encode()), ACCEPTS), item


@pytest.mark.parametrize(
    "more",
    [{"owner": {"id": "491701234567"}}, {"owners": ["491701234567"]}, {"mac": "a1b2c3d4e5f6"},
     {"msisdns": [491701234567]}, {"msisdn": {"value": "491701234567"}}, {"name": "Jo Smith"},
     {"first_name": "Jo"}, {"Street Address": "1 High St"}, {"ip": "192.0.2.7"},
     {"IBAN": "DE89370400440532013000"}, {"date_of_birth": "1980-02-03"}, {"household": "de Vries"},
     {"Phone Number": "0170/1234567"}, {"a": "jo\uff20example.com"}, {"a": "jo (at) example.com"},
     {"a": "tel \u0660\u0661\u0667\u0660\u0661\u0662\u0663\u0664"}, {"c": [{"customer": ["J S"]}]}],
    ids=str,
)  # fmt: skip
def test_whom_a_record_names_is_seen_in_any_nesting_and_script(more: dict[str, Any]) -> None:
    for ascii_only in (True, False):
        raw = json.dumps(GOOD | more, ensure_ascii=ascii_only).encode()
        assert names_somebody(raw, ACCEPTS)


@given(st.binary(max_size=300))
def test_any_bytes_can_be_looked_at(raw: bytes) -> None:
    assert names_somebody(raw, ACCEPTS) in (True, False)
    assert texts_in(raw).whole in (True, False)


@pytest.mark.parametrize(
    "piece", [b'"', b'"member', b"1.", b"+1", b"a@", b'{"a":', b"\\u0031", b"tel", b"00:", b"x"]
)
def test_the_work_is_linear(piece: bytes) -> None:
    def cost(size: int) -> float:
        raw = piece * (size // len(piece))
        took = []
        for _ in range(3):
            began = time.process_time()
            names_somebody(raw, ACCEPTS), texts_in(raw)
            took.append(time.process_time() - began)
        return min(took)

    assert cost(160_000) < 40 * max(cost(20_000), 0.0005)  # eight times as much; squared were 64


def test_what_is_too_long_to_look_at_tells() -> None:
    assert (
        names_somebody(b"x" * (MAX_BYTES + 1), ACCEPTS)
        and not texts_in(b"x" * (MAX_BYTES + 1)).whole
    )


def test_texts_are_found_wherever_they_stand() -> None:
    raw = b'{"a": "kid", "a": ["m-1", {"b": 7}], "c": {"d": "\\u006dine"}, "e": null, "f": true}'
    fields = {"a", "b", "c", "d", "e", "f"}
    assert texts_in(raw) == (frozenset({"kid", "m-1", "7", "mine"} | fields), True)
    assert texts_in(raw[:-1]).found >= {"kid", "m-1"} and not texts_in(raw[:-1]).whole


@pytest.mark.parametrize(
    "raw",
    [b'{"members": {"kid": 1}}', b'{"who": "mum;kid"}', b'{"who": "mum, kid"}', b'{"t": "my kid!"}',
     b'{"x": "{\\"member\\": \\"kid\\"}"}', b'{"u": "urn:member:kid"}', b"{'member_id':'kid'}",
     b"acc,kid,private.example", b"<member>kid</member>", b"member=kid&host=private.example"],
)  # fmt: skip
def test_a_name_is_found_in_any_text(raw: bytes) -> None:
    assert {"kid", "kid!"} & texts_in(raw).found


def test_more_texts_than_are_looked_at_are_not_all() -> None:
    many = " ".join(f"w{n}" for n in range(MOST_TEXTS))
    assert not texts_in(json.dumps({"a": many}).encode()).whole
    assert len(texts_in(json.dumps({"a": many * 9}).encode()).found) < 2 * MOST_TEXTS
    assert texts_in(json.dumps({"a": many[: MOST_TEXTS // 2]}).encode()).whole
