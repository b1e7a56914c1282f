"""What a fact says outside of the contract's fields: a refusal there wins, whatever the form."""

from __future__ import annotations

from typing import Any

import pytest

from features.records import protective
from features.records.decoder import FACTS, Limits, decode
from features.records.facts import Consent, Doubted, Fact, Refused
from features.records.guarded import guarded
from features.records.readings import ChildReading, RefusalReading, Undecided
from features.records.tolerated import Tolerance
from features.vocabulary import Purpose
from tests.support.rights_facts import BASE, GRANT, KEY, TS, WITHDRAWAL, WORDS, found, raw, reading

_OUT_OF_FORM = ({"status": "active"}, {"status": "GRANTED"}, {"ts": str(TS)}, {"event_id": 5},
                {"expires_at": "2030-01-01"})  # fmt: skip
_BESIDE: tuple[dict[str, Any], ...] = (
    {"revoked": True}, {"opt_out": True}, {"withdrawn_at": TS}, {"valid": False},
    {"profiling": False}, {"details": {"status": "withdrawn"}}, {"revoked": "ja"},
    {"choices": [{"purpose": "profiling", "status": "denied"}]}, {"action": "withdraw"},
    {"new_status": "withdrawn"}, {"consent_state": "revoked"}, {"erase": True},
    {"restricted": "yes"}, {"do_not_profile": True}, {"no_profiling": True},
    {"allow_profiling": False}, {"profiling_allowed": "no"}, {"consent_revoked": True},
    {"revocation": {"at": TS}}, {"widerruf_am": "2024-01-02"}, {"revoked": {"value": True}},
    {"st\u0430tus": "withdrawn"}, {"provision": {"type": "deny"}}, {"do_not_profile": 1},
)  # fmt: skip


@pytest.mark.parametrize("more", _BESIDE, ids=str)
@pytest.mark.parametrize("form", _OUT_OF_FORM, ids=str)
def test_a_refusal_beside_a_grant_that_is_out_of_form_refuses(form: Any, more: Any) -> None:
    assert isinstance(reading(GRANT | form | more), RefusalReading)
    assert reading(GRANT | form) is None


@pytest.mark.parametrize("more", _BESIDE, ids=str)
def test_a_refusal_beside_a_grant_in_form_refuses(more: Any) -> None:
    assert protective.beside_consent(raw(GRANT | more), True, WORDS).refusal is not None


@pytest.mark.parametrize(
    "more", [{"cancelled_orders": 3}, {"revoked": False}, {"version": 2}, {"deleted": 0},
             {"allow_cookies": False}, {"opt_out": None}, {"source": "web"}], ids=str
)  # fmt: skip
def test_what_refuses_nothing_beside_a_grant_changes_nothing(more: Any) -> None:
    assert protective.beside_consent(raw(GRANT | more), True, WORDS).refusal is None


@pytest.mark.parametrize(
    ("more", "wanted"),
    [({"purpose": "billing", "purposes": ["profiling"]}, {Purpose.PROFILING}),
     ({"purpose": "billing", "profiling": False}, {Purpose.PROFILING}),
     ({"purpose": "offers", "purposes": ["audiences"]}, {Purpose.OFFERS, Purpose.AUDIENCES}),
     ({"purpose": "offers", "scope": "all"}, {*Purpose}),
     ({"purpose": "billing", "scope": "everything"}, {*Purpose}),
     ({"purpose": "billing", "erase": True}, {*Purpose}),
     ({"purpose": "offers", "zweck": "profiling"}, {Purpose.OFFERS, Purpose.PROFILING}),
     ({"purpose": "offers", "source": "web"}, {Purpose.OFFERS})],
)  # fmt: skip
def test_a_refusal_in_form_refuses_what_other_fields_name_too(more: Any, wanted: Any) -> None:
    fact = decode(FACTS, raw(WITHDRAWAL | more), KEY, Limits())
    assert isinstance(fact, Fact)
    tolerance = Tolerance(WORDS, lambda _: TS)
    said = guarded(fact, raw(WITHDRAWAL | more), KEY, tolerance, Limits().ids.accepts).said
    assert isinstance(said, Refused | Consent)
    assert {*(said.purposes if isinstance(said, Refused) else [said.purpose])} == wanted


def test_an_id_that_cannot_be_read_is_nobodys() -> None:
    said = found(WITHDRAWAL | {"event_id": 5})
    assert said is not None and said.event_id is None, "of all of these it would be the same"


@pytest.mark.parametrize(
    "more", [{"age": float("inf")}, {"birth_date": -(10**17)}, {"birth_date": -1e300},
             {"birth_date": "-99999999999999999999"}, {"birth_date": -62_135_596_800_001},
             {"birth_date": 10**300}, {"age": -1e308}], ids=str
)  # fmt: skip
@pytest.mark.parametrize("kind", ["registry", "family"])
def test_no_number_is_too_great_to_be_read(kind: str, more: Any) -> None:
    entry = BASE | {"kind": kind, "device_id": "tab", "owner_member_id": "kid"}
    assert isinstance(reading(entry | more), ChildReading | None)


def test_a_defect_of_ours_puts_the_account_on_hold_and_stops_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: Any) -> None:
        raise OverflowError

    monkeypatch.setattr(type(WORDS), "tells_of_child", fails)
    entry = BASE | {"kind": "registry", "device_id": "tab", "owner_member_id": "kid"}
    assert reading(entry) == Undecided("unreadable")


def test_a_defect_of_ours_beside_a_fact_in_form_does_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: Any) -> None:
        raise OverflowError

    monkeypatch.setattr(type(WORDS), "refuses", fails)
    grant = GRANT | {"source": "web"}
    fact = decode(FACTS, raw(grant), KEY, Limits())
    assert isinstance(fact, Fact)
    tolerance = Tolerance(WORDS, lambda _: TS)
    said = guarded(fact, raw(grant), KEY, tolerance, Limits().ids.accepts).said
    assert said == Doubted(tuple(sorted(Purpose)))


_INSIDE: tuple[dict[str, Any], ...] = (
    {"devices": [{"device_id": "tab", "adult": False, "owner_member_id": "kid"}]},
    {"data": {"device_id": "tab", "adult": False, "owner_member_id": "kid"}},
    {"users": [{"member_id": "mum"}, {"member_id": "kid", "age": 9}]},
    {"owner": {"member_id": "kid", "age": 9}},
    {"children": [{"member_id": "kid", "birth_date": "2015-01-02"}]},
)


@pytest.mark.parametrize("more", _INSIDE, ids=str)
@pytest.mark.parametrize("entry", [{"device_id": "stb"}, {"member_id": "mum"}, {}], ids=str)
@pytest.mark.parametrize("kind", ["registry", "family"])
def test_a_child_in_an_object_that_names_it_is_for_a_person_to_decide(
    kind: str, entry: dict[str, Any], more: dict[str, Any]
) -> None:
    doc = BASE | {"kind": kind} | entry | more
    assert reading(doc) == Undecided("whose_child")
    if kind == "registry" and "device_id" in entry:
        fact = decode(FACTS, raw(doc), KEY, Limits())
        assert isinstance(fact, Fact)
        tolerance = Tolerance(WORDS, lambda _: TS)
        said = guarded(fact, raw(doc), KEY, tolerance, Limits().ids.accepts).said
        assert said == Doubted(tuple(sorted(Purpose)))


def test_what_an_object_tells_of_the_records_own_child_is_not_doubted() -> None:
    entry = BASE | {"kind": "registry", "device_id": "tab", "owner_member_id": "kid"}
    assert reading(entry | {"about": {"age": 9}}) == ChildReading("tab", "kid")
