"""Which ids are pseudonyms, by form, and which numbers and addresses no field may hold."""

from __future__ import annotations

import base64
import json
import re
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.records.automaton import compile_table, fewest_bits
from features.records.batch import parse
from features.records.decoder import APP, FACTS, NETWORK, TV, Limits, decode
from features.records.fields import Malformed
from features.records.forms import Pseudonym
from features.records.identifiers import is_iban
from features.records.pseudonyms import FormError, is_personal, pseudonyms
from features.vocabulary import Refusal
from tests.support.feeding import Feed, Stream
from tests.support.malformed_cases import KEY, record

NUMBERS = {
    "ICCID": "8949020000001234567",
    "ICCID with its check digit": "89490200000012345678",
    "ICCID in groups": "8949-0200-0000-1234-567",
    "EID": "89049032000001000000012345678901",
    "MAC": "A1B2C3D4E5F6",
    "MAC as Cisco writes it": "a1b2.c3d4.e5f6",
    "MAC with dashes": "a1-b2-c3-d4-e5-f6",
    "MAC with underscores": "a1_b2_c3_d4_e5_f6",
    "MAC behind its name": "mac-a1b2c3d4e5f6",
    "EUI-64": "a1b2c3fffed4e5f6",
    "tel URI": "tel:491701234567",
    "MSISDN": "msisdn-491701234567",
    "MSISDN in capitals": "MSISDN_491701234567",
    "MSISDN behind a word": "customer-491701234567",
    "MSISDN behind a letter": "m491701234567",
    "MSISDN behind a word without a separator": "line491701234567",
    "MSISDN with what follows": "acc-491701234567-2",
    "MSISDN filled up": "00000000000000000000491701234567",
    "SIP user": "sip:491701234567",
    "IMSI with its network": "262011234567890.mnc001",
    "IMSI": "262011234567890",
    "SUPI": "imsi-262011234567890",
    "SUPI named": "supi:imsi-262011234567890",
    "SUCI": "suci-0-262-01-0000-0-0-0123456789",
    "GPSI": "gpsi-msisdn-491701234567",
    "IMEI": "490154203237518",
    "IMEI in groups": "49-015420-323751-8",
    "IMEI named": "imei.490154203237518",
    "MEID": "A1000009302C8B",
    "phone abroad": "00491701234567",
    "phone at home": "0170.1234567",
    "IPv4": "192.0.2.7",
    "IPv4 with dashes": "192-0-2-7",
    "IPv4 named": "ip-192-0-2-7",
    "IPv6": "2001:db8::7",
    "IBAN": "DE89370400440532013000",
    "labelled hash": "sha1:8843d7f92416211de9ebb963ff4ce28125932878",
    "labelled short hash": "md5-5d41402abc4b2a76b9719d911017c592",
    "digits": "1234",
    "ICCID as a card has it": "8949020000001234567F",
    "MAC of a box": "stb001a2b3c4d5e",
    "MAC of a device, in capitals": "DEV_001A2B3C4D5E",
    "MSISDN behind a word of hexadecimal letters": "acc491701234567",
    "MSISDN before a word": "491701234567-home",
    "MSISDN before a letter": "491701234567x",
    "IMEI as a URN": "urn:gsma:imei:49015420-323751-8",
    "MEID named": "meid-A1000009302C8B",
    "ESN named": "esn:80A1B2C3",
    "phone in hexadecimal": "343931373031323334353637",
    "phone behind a plus in hexadecimal": "2B343931373031323334353637",
    "phone in base64": "NDkxNzAxMjM0NTY3",
    "phone in base64, named": "line-NDkxNzAxMjM0NTY3OA",
    "phone behind a plus in base64": "KzQ5MTcwMTIzNDU2Nw",
}
GOOD = [
    "a1", "acc-000001", "h1", "m-1", "tv.1", "acc-0000000001", "sim-000001", "mobile-1",
    "hotel-1234567", "ab12345678901234", "dev-001a2b", "stb-1",
    "38400000-8cf0-11bd-b23e-10b96e40000d", "de12cdef-89ab-4def-8123-456789abcdef",
    "5d41402abc4b2a76b9719d911017c592", "9f86d081884c7d65", "pabcdefghij234567abcdefgh", "K-7:x_y",
]  # fmt: skip
TOLD = [
    "anna@example.org", "Call +49 170 1234567 now", "tel 0170/1234567", "x msisdn=491701234567",
    "imsi-262011234567890", "0262011234567890@nai.epc.mnc001.mcc262.3gppnetwork.org",
    "box 00:1a:2b:3c:4d:5e", "262011234567890.mnc001", "supi:imsi-262011234567890",
    "(IMEI: 490154203237518)", "u-2b343931373031323334353637", "NDkxNzAxMjM0NTY3",
    "to bXNpc2RuOjQ5MTcwMTIzNDU2Nw== it", "dGVsOis0OTE3MDEyMzQ1Njc=",
    "user%40example.org", "to=user%2540example%2Eorg", "%2B49171%201234567", "tel%3a0170/1234567",
    "j\u00fcrgen@m\u00fcnchen.de", "anna@[192.0.2.1]",
    "8949020000001234567", "vod/89490200000012345678.mp4", "89049032000001000000012345678901",
]  # fmt: skip
SILENT = [
    "C++ 20240101", "hotel 12345678", "EP012345670001", "4006381333931", "@twitter",
    "com.example.app", "crid://bbc.co.uk/b00w5t7k", "Mobile 2024",
    "Tatort 1917: +1 h", "insulin", "", "programme-20240101-2015",
    "7123456789012345678", "891234567890123456", "89 1990 1991 1992 1993 1994", "1705017600123456",
    "3132333435363738", "x343931373031323334353637", "MTIzNDU2Nzg5",
    "MNOMNOMNO LONDON", "dQw4w9WgXcQ", "100% 40.000", "site.example/@news.world", "100%40",
    "a@ b.c", "\uff2e\uff28\uff2b\u30cb\u30e5\u30fc\u30b9\uff12\uff10\uff12\uff14\uff11\uff12",
]  # fmt: skip
#: Full-width, which no pattern of bytes knows.
WIDE = ["\uff0b491701234567".translate({n: n + 0xFEE0 for n in range(48, 58)}),
        "tel 01701234567".translate({n: n + 0xFEE0 for n in range(48, 58)})]  # fmt: skip
FIELDS = [
    (NETWORK, "app"), (TV, "content_id"), (TV, "channel"), (TV, "title"), (APP, "app_id"),
    (APP, "section"),
]  # fmt: skip
_FACT_FIELDS = [("purchase", "product"), ("care_case", "case_id")]


def _refused(
    kind: int, key: bytes = KEY, limits: Limits | None = None, /, **changed: object
) -> str:
    """Why both parsers refuse a record; empty where both take it."""
    raw, limits, zero = record(kind, **changed), limits or Limits(), np.zeros(1, np.int64)
    why = []
    for fast in (True, False):
        _, refused = parse([raw], [key], np.array([kind], np.uint8), zero.astype(np.int32), zero,
                           limits, fast=fast)  # fmt: skip
        why.append(refused[0].reason if refused else "")
    assert why[0] == why[1]
    return why[0]


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_or_an_address_is_no_pseudonym_in_any_field(name: str) -> None:
    text = NUMBERS[name]
    assert not pseudonyms().accepts(text)
    for field in ("member_id", "device_id"):
        assert _refused(APP, **{field: text}) == Refusal.IDENTIFIER
    assert _refused(APP, text.encode(), account_id=text) == Refusal.IDENTIFIER
    for kind, field in (("registry", "device_id"), ("registry", "owner_member_id")):
        fact = {"kind": kind, "device_id": "d-1", field: text}
        assert _refused(FACTS, **fact) == Refusal.IDENTIFIER


@given(st.from_regex("[+]?[0-9]{7,17}", fullmatch=True))
def test_nor_is_its_code(number: str) -> None:
    """In hexadecimal a number is hidden from patterns of its digits."""
    for text in (number.encode().hex(), number.encode().hex().upper()):
        assert not pseudonyms("hex32|word").accepts(text)
        assert is_personal(f"a {text} b") == (len(number.lstrip("+")) >= 10)


@given(
    st.from_regex("[+]?[0-9]{7,17}", fullmatch=True), st.binary(max_size=5), st.binary(max_size=5)
)
def test_nor_is_it_in_base64(number: str, before: bytes, behind: bytes) -> None:
    """Wherever the digits begin in a group of three bytes."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(number.encode()).decode()
        assert not pseudonyms("hex32|word").accepts(text.rstrip("="))
        assert not pseudonyms("hex32|word").accepts("dev-" + text.rstrip("="))
        text = encode(before + number.encode() + behind).decode()
        found = max(map(len, re.findall(rb"[0-9]+", before + number.encode() + behind)))
        assert is_personal(text) or found < 10
        assert is_personal(f"a {text} b") == is_personal(text)


@pytest.mark.parametrize("text", GOOD)
def test_what_only_resembles_one_is_taken(text: str) -> None:
    assert pseudonyms().accepts(text)
    assert _refused(APP, text.encode(), account_id=text, member_id=text, device_id=text) == ""


@pytest.mark.parametrize("text", [*TOLD, *WIDE])
@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_no_text_that_is_kept_or_told_holds_one(kind: int, field: str, text: str) -> None:
    assert is_personal(text)
    assert _refused(kind, **{field: text}) == Refusal.IDENTIFIER
    assert _refused(kind, **{field: f"a {text}"}) == Refusal.IDENTIFIER


@pytest.mark.parametrize("text", [text for text in TOLD if text.isascii()])
@pytest.mark.parametrize(("kind", "field"), _FACT_FIELDS)
def test_nor_does_a_text_of_a_fact(kind: str, field: str, text: str) -> None:
    fact = {"kind": kind, "interest": "483", "case_id": "c", "status": "opened", field: text}
    assert _refused(FACTS, **fact) == Refusal.IDENTIFIER


@pytest.mark.parametrize("host", ["msisdn-491701234567.gw.example", "tel.0170.1234567.example"])
def test_nor_does_a_host(host: str) -> None:
    assert _refused(NETWORK, host=host) == Refusal.IDENTIFIER


@pytest.mark.parametrize("text", [text for text in SILENT if text])
@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_other_texts_are_taken(kind: int, field: str, text: str) -> None:
    assert not is_personal(text)
    assert _refused(kind, **{field: text}) == ""


@settings(max_examples=1_000, deadline=None)
@given(st.text("09aF-.:_tel@+ é%2540B１", max_size=40) | st.sampled_from([*TOLD, *SILENT, *WIDE]))
def test_the_parsers_agree_on_any_text(text: str) -> None:
    _refused(APP, section=text or "a")
    assert (_refused(TV, title=text) != "") == is_personal(text)


@settings(max_examples=2_000, deadline=None)
@given(
    st.text("0189aFfgmt-.:_", min_size=1, max_size=40) | st.sampled_from([*NUMBERS.values(), *GOOD])
)
def test_the_published_pattern_is_the_table(text: str) -> None:
    said = bool(re.fullmatch(Pseudonym.pattern, text)) and not is_iban(text)
    assert pseudonyms().accepts(text) == said
    assert (_refused(APP, member_id=text) == "") == said


# -- declared forms


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        ("uuid|hex32", "5d41402abc4b2a76b9719d911017c592", "acc-1"),
        ("made", "pabcdefghij234567abcdefgh", "pabcdefghij234567abcdefg"),
        ("word|digits", "491701234567", "89490200000012345678"),
        ("digits", "1234", "a1"),
        ("re:h[0-9]{3}(?:/m[0-9])?", "h123", "h1234"),
    ],
)
def test_a_declared_form_is_the_only_one(form: str, good: str, bad: str) -> None:
    limits = Limits(ids=pseudonyms(form))
    assert _refused(APP, good.encode(), limits, account_id=good, member_id=good) == ""
    assert _refused(APP, bad.encode(), limits, account_id=bad) == Refusal.IDENTIFIER


def test_a_form_must_have_ids_enough() -> None:
    assert pseudonyms("uuid|hex32|made", 100.0).accepts("5d41402abc4b2a76b9719d911017c592")
    with pytest.raises(FormError, match="'word' has ids of 6 bits, at least 64"):
        pseudonyms("uuid|word", 64.0)
    assert fewest_bits("[0-9]{3}|[a-z]{9}") == pytest.approx(np.log2(1_000))


@pytest.mark.parametrize(
    ("form", "why"), [("", "none of"), ("uuid|x", "'x' is none of"), ("re:(?:a", "missing"),
                      ("re:a(?=b)", "not expected"), ("re:", "none of"), ("re:\\d", "unknown")]
)  # fmt: skip
def test_a_form_that_cannot_be_used_is_named(form: str, why: str) -> None:
    with pytest.raises(FormError, match=re.escape(why)):
        pseudonyms(form)


def test_a_refusal_of_an_account_of_before_is_heard() -> None:
    """An id that an earlier release took has data; its withdrawal is not lost for its form."""
    stream, feed = Stream(), Feed()
    assert stream.feed(feed.fact("msisdn-491701234567", 1, "erasure")) == ["fact"]
    fact = json.loads(feed.fact("1234", 1, "consent", status="withdrawn")[1])
    with pytest.raises(Malformed):
        decode(FACTS, json.dumps(fact).encode(), b"1234", Limits())
    raw = json.dumps(fact).encode()
    assert stream.feed((FACTS, raw, b"1234")) == ["fact"]


# -- tables

_PATTERN = st.recursive(
    st.sampled_from(["a", "b", "[ab]", "[^a]", "[a-c]", r"\.", "-"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda both: f"(?:{both[0]}|{both[1]})"),
        st.tuples(inner, st.sampled_from(["?", "*", "+", "{2}", "{1,3}", "{2,}", "{0}"])).map(
            lambda both: f"(?:{both[0]}){both[1]}"
        ),
    ),
    max_leaves=6,
)


@settings(max_examples=500, deadline=None)
@given(_PATTERN, st.lists(st.text("abc.-é", max_size=6), min_size=1, max_size=8))
def test_a_table_decides_as_the_expression_does(pattern: str, texts: list[str]) -> None:
    table = compile_table({pattern: 1, "(?:ab)*": 2})
    for text in texts:
        tags = bool(re.fullmatch(pattern, text)) + 2 * bool(re.fullmatch("(?:ab)*", text))
        if text.isascii():
            assert table.tags_of(text.encode()) == tags


def test_a_text_costs_its_length() -> None:
    def seconds(n: int) -> float:
        text = "tel 1-" * n
        return min(_timed(text) for _ in range(5))

    def _timed(text: str) -> float:
        began = time.thread_time()
        is_personal(text)
        return time.thread_time() - began

    assert seconds(8_000) < 8 * seconds(2_000)
