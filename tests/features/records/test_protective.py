"""Whatever bytes a facts record is, what protects somebody is found in it; nothing is raised.

Each situation is one in which the strict decoder turned a withdrawal or an erasure away, and the
data stayed in use.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from features.records import loose, loose_record, protective
from features.records.decoder import FACTS, Limits, decode
from features.records.facts import CareCase, Consent, Declaration, Fact, Registry
from features.records.fields import Malformed
from features.records.loose import MAX_BYTES
from features.records.protective import Protective, read
from features.records.readings import (
    CaseReading,
    ChildReading,
    DislikeReading,
    ErasureReading,
    Grant,
    RefusalReading,
    RightsKind,
    Undecided,
)
from features.records.rights_record import RightsRecord
from features.vocabulary import Purpose
from tests.support import generators as gen
from tests.support.malformed_cases import CASES
from tests.support.rights_facts import (
    BASE,
    ERASURE,
    GRANT,
    KEY,
    TS,
    WITHDRAWAL,
    WITHDRAWN,
    WORDS,
    found,
    raw,
    reading,
    without,
)

# -- never raises, and takes no longer than its bytes are long

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)
names = st.sampled_from(["account_id", "member_id", "ts", "kind", "status", "purpose",
                         "expires_at", "Status", "dpv:hasPurpose", "x"])  # fmt: skip
words: st.SearchStrategy[Any] = st.sampled_from(
    ["consent", "erasure", "withdrawn", "granted", "profiling", "acc-1", "m-1", "all", "billing",
     "", TS, str(TS), 0, None, True, [], {}])  # fmt: skip


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """A record with repeated fields of any values, cut, doubled or with bytes turned."""
    pairs = draw(st.lists(st.tuples(names, words | json_values), max_size=8))
    text = ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in pairs)
    data = bytearray(("{" + text + "}").encode())
    for _ in range(draw(st.integers(0, 2))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    start = draw(st.sampled_from([0, 0, 0, 1]))
    return bytes(data[start : draw(st.sampled_from([len(data), len(data), len(data) // 2]))])


@given(
    st.one_of(st.binary(max_size=80), broken()), st.none() | st.sampled_from([KEY, b"\xff", b""])
)
@example(b"\xff\xfe", KEY)
@example(b"\0\0\0\0\x07{}", KEY)
@example(b'{"ts":' + b"9" * 5000 + b"}", KEY)
@example(b'{"kind":"\\ud800"}', KEY)
@settings(max_examples=1000)
def test_any_bytes_have_an_answer(data: bytes, key: bytes | None) -> None:
    said = read(data, key, WORDS)
    if said is not None:
        assert isinstance(said.reading, RefusalReading | ErasureReading | ChildReading | Undecided)
        assert said.account or said.others
        assert read(data, key, WORDS) == said


@pytest.mark.parametrize(
    "unit",
    [b"[", b'{"a":', b'"', b"\\", b'{"kind":"consent"}', b" ", b"\0", b"9", b"-", b"\xff", b"[]",
     b'"status":"withdrawn",', b"\xcc\x81\xcc\xa3", b"{", b",", b"\xef\xbb\xbf"],
)  # fmt: skip
@pytest.mark.parametrize("frame", [b"%s", b'{"kind":"%s"}', b'{"kind":%s}', b'{"%s":1}'])
def test_a_mebibyte_of_anything_is_read_at_once(unit: bytes, frame: bytes) -> None:
    """No pile of brackets, marks, digits or blanks costs more than its length."""
    data = frame.replace(b"%s", unit * ((MAX_BYTES - 20) // len(unit)))
    began = time.thread_time()
    read(data, KEY, WORDS)
    assert time.thread_time() - began < 5


@pytest.mark.parametrize(
    ("frame", "unit"),
    [
        (b'{"status":[%s0]}', b"[],"),
        (b'{"status":[%s0]}', b'"a",'),
        (b'{"status":[%s0]}', b'{"a":{}},'),
        (b'{%s"kind":"consent"}', b'"status":"a",'),
        (b'{%s"kind":"consent"}', b'"member_id":"m 1",'),
        (b"[%s0]", b'{"kind":"consent"},'),
    ],
)
def test_so_is_a_mebibyte_in_form(frame: bytes, unit: bytes) -> None:
    data = frame.replace(b"%s", unit * ((MAX_BYTES - 40) // len(unit)))
    began = time.thread_time()
    assert isinstance(reading(data), Undecided)
    assert time.thread_time() - began < 5


def test_many_fields_and_values_are_read_at_once() -> None:
    many = b"{" + b",".join(b'"status":"granted","k%d":[%d]' % (n, n) for n in range(20_000))
    began = time.thread_time()
    assert reading(many + b',"kind":"erasure","ts":0}') == ErasureReading()
    assert time.thread_time() - began < 5


# -- in agreement with the strict decoder


@given(gen.facts(account=1))
def test_of_records_in_form_only_what_protects_is_found(record: gen.Record) -> None:
    fact = decode(FACTS, record.raw, KEY, Limits())
    said = reading(record.raw)
    assert isinstance(fact, Fact)
    if fact.said.kind == "erasure":
        assert said == ErasureReading()
    elif isinstance(fact.said, Consent) and fact.said.status != "granted":
        assert isinstance(said, RefusalReading)
    elif isinstance(fact.said, Registry) and fact.said.adult is False:
        assert isinstance(said, ChildReading)
    elif isinstance(fact.said, CareCase) and fact.said.status == "opened":
        assert said == CaseReading(fact.said.case_id)
    elif isinstance(fact.said, Declaration) and fact.said.stance == "dislike":
        assert said == DislikeReading((fact.said.interest,))
    else:
        assert said is None


@pytest.mark.parametrize("case", [case for case in CASES if case.kind == FACTS], ids=str)
def test_known_malformed_facts_never_grant_and_never_raise(case: Any) -> None:
    assert not isinstance(read(case.raw, case.key, WORDS), Grant)


@pytest.mark.parametrize("kind", ["declaration", "purchase", "decision_against", "care_case",
                                  "registry", "Purchase"])  # fmt: skip
@pytest.mark.parametrize("more", [{}, {"ts": 0}, {"interest": 3}, {"status": "opened"}])
def test_what_informs_does_not_put_anybody_on_hold(kind: Any, more: dict[str, Any]) -> None:
    opens = kind == "care_case" and "status" in more
    assert reading(BASE | {"kind": kind} | more) == (Undecided("case_id") if opens else None)


@pytest.mark.parametrize("kind", ["rumour", "kustuta_mind", "ខ្ញុំ", 3])
def test_an_unknown_kind_that_says_nothing_else_can_be_a_request(kind: Any) -> None:
    """No list has the words of all languages; what tells of something else informs."""
    for more in ({}, {"ts": 0}, {"member_id": "m"}, {"Request-ID": "r", "reason": "asked"}):
        assert isinstance(reading(BASE | {"kind": kind} | more), Undecided)
    for told in ({"points": 3}, {"interest": "483"}, {"reason": "asked", "plan": "x"}):
        assert reading(BASE | {"kind": kind} | told) is None


@pytest.mark.parametrize(
    "kind", ["errasure", "earsure", "erazure_request", "dlete", "forgte", "consnet", "cosentChange",
             "whitdrawal", "otpout", "objetcion", "Widerurf", "verwijdreing"],
)  # fmt: skip
def test_a_kind_of_rights_that_is_misspelt_is_for_a_person_to_decide(kind: str) -> None:
    """However much else the record tells: it may be the request of somebody."""
    said = reading(BASE | {"kind": kind, "desk": 4, "plan": {"points": 3}})
    assert said == Undecided("unknown_kind")


@pytest.mark.parametrize("kind", ["content", "points", "contract", "address", "update", "project",
                                  "phase", "invoice", "contact_made", "purchsae"])  # fmt: skip
def test_other_kinds_are_not_taken_for_misspelt_ones(kind: str) -> None:
    assert reading(BASE | {"kind": kind, "desk": 4, "plan": "x"}) is None


@pytest.mark.parametrize(
    "more",
    [{"profiling": False}, {"consents": {"profiling": "withdrawn"}}, {"choices": {"offers": False}},
     {"uses": [{"dpv:Marketing": "denied"}]}, {"revoked": True}, {"data": {"erased": 1}}],
)  # fmt: skip
def test_a_purpose_or_right_that_is_a_fields_name_is_for_a_person_to_decide(more: Any) -> None:
    assert reading(BASE | {"kind": "preferences", "desk": 4} | more) == Undecided("unknown_kind")
    for told in ({"profiling": True}, {"offers": 0}, {"revoked": False}, {"offers": ["a"]}):
        assert reading(BASE | {"kind": "preferences", "desk": 4} | told) is None


@pytest.mark.parametrize("more", [{}, {"ts": TS * 10}, {"purpose": "weather"}, {"event_id": ""},
                                  {"expires_at": 2**63 - 1}, {"status": "GRANTED"}])  # fmt: skip
def test_a_grant_that_is_not_in_form_changes_nothing(more: dict[str, Any]) -> None:
    assert reading(GRANT | more) is None


# -- repeated fields


@pytest.mark.parametrize("turned", [False, True])
def test_of_repeated_fields_every_value_counts(turned: bool) -> None:
    def pairs(name: str, *values: str) -> bytes:
        said = [f'"{name}":"{value}"' for value in (values[::-1] if turned else values)]
        rest = {k: v for k, v in WITHDRAWAL.items() if k != name}
        return raw(rest)[:-1] + b"," + ",".join(said).encode() + b"}"

    assert reading(pairs("status", "granted", "withdrawn")) == WITHDRAWN
    assert reading(pairs("kind", "purchase", "erasure")) == ErasureReading()
    assert reading(pairs("kind", "purchase", "consent")) == WITHDRAWN
    assert reading(pairs("purpose", "offers", "profiling")).purposes == {"offers", "profiling"}
    assert reading(pairs("purpose", "offers", "billing")).purposes == {"offers"}
    assert reading(pairs("member_id", "m-1", "m-2")) == Undecided("member_id")
    times = found(pairs("ts", str(TS), str(TS + 1)))
    assert times and times.ts is None, "two times are none"
    accounts = found(pairs("account_id", "acc-1", "acc-2"))
    assert accounts == Protective("acc-1", ("acc-2",), None, Undecided("key_mismatch"), TS)


# -- whose it is


@pytest.mark.parametrize("member", ["m-1", " m-1 ", ["m-1"]])
def test_a_member_is_found(member: Any) -> None:
    assert found(WITHDRAWAL | {"member_id": member}) == Protective(
        "acc-1", (), "m-1", WITHDRAWN, TS
    )
    erasure = found(ERASURE | {"member_id": member})
    assert erasure == Protective("acc-1", (), "m-1", ErasureReading(), TS)


@pytest.mark.parametrize("member", ["+49 170 1234567", "a@b.example", 7, True, "m" * 65, "a/b",
                                    {"id": "m 1"}, ["m-1", "?"]])  # fmt: skip
@pytest.mark.parametrize("doc", [WITHDRAWAL, ERASURE])
def test_a_member_that_cannot_be_told_puts_the_account_on_hold(
    doc: dict[str, Any], member: Any
) -> None:
    said = found(doc | {"member_id": member})
    assert said == Protective("acc-1", (), None, Undecided("member_id"), TS)


@pytest.mark.parametrize("key", [None, b"", b'"acc-1"', b"\xff\xfe", b"a\0c\0c", b"k" * 300_000])
def test_without_a_key_the_account_named_is_in_doubt(key: bytes | None) -> None:
    said = found(WITHDRAWAL, key)
    assert said == Protective(None, ("acc-1",), None, Undecided("key_mismatch"), TS)
    assert found(without(WITHDRAWAL, "account_id"), key) is None
    assert found(GRANT, key) is None


def test_under_the_key_of_another_both_are_in_doubt() -> None:
    said = found(ERASURE, b"acc-2")
    assert said == Protective("acc-2", ("acc-1",), None, Undecided("key_mismatch"), TS)


# -- seen to fail


def _last_value_only(self: Any, field: str) -> list[Any]:
    return _values(self, field)[-1:]


def _any_member(text: str, accepts: object) -> str | None:
    return text or None


def _strict_alone(raw: bytes, fields: dict[str, list[Any]]) -> str:
    try:
        decode(FACTS, raw, KEY, Limits())
    except Malformed:
        return ""
    return _parse(raw, fields)


def _never_doubts(self: Any, kind: RightsKind, named: bool) -> Any:
    said = _as(self, kind, named)
    return None if isinstance(said, Undecided) else said


_values, _parse, _as = RightsRecord.values, loose.parse, RightsRecord._as
#: Planted bugs: what is replaced, by what, and a record with its reading.
PLANTED: dict[str, tuple[Any, str, Any, Any, Any]] = {
    "of a repeated field the last one counts": (
        RightsRecord,
        "values",
        _last_value_only,
        raw(ERASURE)[:-1] + b',"kind":"purchase"}',
        ErasureReading(),
    ),
    "any text is a member": (
        protective,
        "taken_name",
        _any_member,
        WITHDRAWAL | {"member_id": "a/b"},
        Undecided("member_id"),
    ),
    "what the strict decoder refuses is not looked at": (
        loose_record,
        "parse",
        _strict_alone,
        ERASURE | {"ts": 0},
        ErasureReading(),
    ),
    "what is neither is passed over": (
        RightsRecord,
        "_as",
        _never_doubts,
        without(WITHDRAWAL, "status"),
        Undecided("status"),
    ),
}


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, replacement, doc, wanted = PLANTED[bug]
    assert reading(doc) == wanted
    monkeypatch.setattr(owner, name, replacement)
    assert reading(doc) != wanted


# -- a status that is an object


_REFUSING = ({"revoked": True}, {"denied": 1}, {"optOut": "yes"}, {"is_withdrawn": True},
             {"granted": False}, {"active": True, "withdrawn": True}, [{"consented": False}],
             {"code": "granted", "revokedAt": TS}, {"value": {"rejected": True}})  # fmt: skip


@pytest.mark.parametrize("status", _REFUSING, ids=str)
def test_a_status_that_is_an_object_refuses_by_the_names_in_it(status: Any) -> None:
    assert isinstance(reading(WITHDRAWAL | {"status": status}), RefusalReading)


@pytest.mark.parametrize("status", [{"granted": True}, {"value": "granted"}, {"code": 1}], ids=str)
def test_a_status_that_is_an_object_of_known_names_is_a_grant_out_of_form(status: Any) -> None:
    assert reading(WITHDRAWAL | {"status": status}) is None


@pytest.mark.parametrize("status", [{"x": 1}, {"granted": True, "locked": True}, {}], ids=str)
def test_what_an_object_says_under_other_names_a_person_decides(status: Any) -> None:
    assert reading(WITHDRAWAL | {"status": status}) == Undecided("status")


def test_a_use_that_is_refused_in_a_status_is_refused_with_what_the_fact_is_about() -> None:
    said = reading(WITHDRAWAL | {"status": {"profiling": True, "offers": False}})
    assert said.purposes == {Purpose.PROFILING, Purpose.OFFERS}


@pytest.mark.parametrize(
    "more", [{"details": {"revoked": True}}, {"meta": [{"withdrawn_at": TS}]}], ids=str
)
def test_a_refusal_inside_of_another_field_makes_no_grant(more: dict[str, Any]) -> None:
    assert protective.beside_consent(raw(GRANT | more), True, WORDS).refusal is not None


@given(st.recursive(
    st.sampled_from(["granted", True, 1]),
    lambda inner: st.dictionaries(st.sampled_from(["a", "status", "granted"]), inner, min_size=1),
    max_leaves=4,
))  # fmt: skip
def test_a_refusal_anywhere_in_a_status_wins(status: Any) -> None:
    assert isinstance(
        reading(WITHDRAWAL | {"status": [status, {"a": {"revoked": True}}]}), RefusalReading
    )


@pytest.mark.parametrize(
    "kind", ["dsar", "DNC", "customer_deceased", "verstorben", "account-closed"]
)
def test_a_kind_that_may_end_everything_is_for_a_person_to_decide(kind: str) -> None:
    more = {"desk": 4, "agent_note": "by letter", "amount": 12}
    assert reading(BASE | {"kind": kind} | more) == Undecided("unknown_kind")
    assert reading(BASE | {"kind": "case_closed"} | more) is None
