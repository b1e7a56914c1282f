"""Words that refuse: any spelling, and of any values the gravest."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.privacy import consent, rules
from features.privacy.words import Words
from features.records.inputs import TS_END
from features.records.loose import squeezed
from features.records.readings import Grant, Nothing, RefusalReading, RightsKind, Undecided, Why
from features.vocabulary import ConsentStatus, Purpose
from tests.support.rights_facts import EVERYTHING, PROFILING, SPELLINGS, TS, WORDS, said

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
values = st.lists(json_values.filter(lambda value: value is not None), max_size=3)


@given(values, values, values, st.none() | st.integers(TS, TS_END - 1))
@settings(max_examples=300)
def test_any_values_have_a_reading(a: list[Any], b: list[Any], c: list[Any], ts: int) -> None:
    for value in a:
        assert isinstance(WORDS.kind(value), RightsKind)
    reading = WORDS.read(a, b, c, ts)
    assert not isinstance(reading, Grant) or (a == ["granted"] and len(b) < 2 and ts is not None)


@given(values, st.sampled_from(sorted(WORDS.refusing)), values, values)
def test_a_refusal_among_other_values_refuses(
    others: list[Any], word: str, purposes: list[Any], ends: list[Any]
) -> None:
    """Whatever else a repeated field says, and whatever the end is."""
    for statuses in ([word, *others], [*others, word]):
        reading = WORDS.read(statuses, [*purposes, "profiling"], ends, TS)
        assert isinstance(reading, RefusalReading) and "profiling" in reading.purposes


@pytest.mark.parametrize("mark", [",", ", ", ";", " | ", "&", "/"])
def test_no_part_of_a_list_in_one_text_hides_the_others(mark: str) -> None:
    """Each has a prefix of its own."""
    parts = ["Profiling", "Marketing"] if mark == "/" else ["dpv:Profiling", "dpv:Marketing"]
    for purposes in (parts, parts[::-1]):
        reading = WORDS.read(["withdrawn"], [mark.join(purposes)], [], TS)
        assert isinstance(reading, RefusalReading)
        assert reading.purposes == EVERYTHING
    for statuses in (["x:withdrawn", "x:granted"], ["x:granted", "x:withdrawn"]):
        if mark == "/":
            statuses = [status[2:] for status in statuses]
        assert isinstance(WORDS.read([mark.join(statuses)], [], [], TS), RefusalReading)


@pytest.mark.parametrize("blank", ["", " ", ",", " ; ,"])
def test_a_purpose_of_blanks_is_everything(blank: str) -> None:
    reading = WORDS.read(["withdrawn"], [blank], [], TS)
    assert isinstance(reading, RefusalReading) and reading.purposes == EVERYTHING


# -- refusals


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(
    "word",
    sorted({*ConsentStatus, *consent.REASONS, "revoked", "withdraw", "optout"} - {"granted"}),
)
def test_a_refusal_in_any_spelling_refuses(word: str, spelling: str) -> None:
    reading = said(SPELLINGS[spelling](word))
    assert reading == RefusalReading(PROFILING, reading.why)


@pytest.mark.parametrize(
    ("word", "why"),
    [
        # W3C DPV, all that is invalid for processing.
        ("dpv:ConsentExpired", Why.EXPIRED),
        ("dpv:ConsentInvalidated", Why.WITHDRAWN),
        ("dpv:ConsentRefused", Why.DENIED),
        ("dpv:ConsentRequestDeferred", Why.PENDING),
        ("dpv:ConsentRequested", Why.REQUESTED),
        ("dpv:ConsentRevoked", Why.WITHDRAWN),
        ("dpv:ConsentStatusInvalidForProcessing", Why.DENIED),
        ("dpv:ConsentUnknown", Why.DENIED),
        ("dpv:ConsentWithdrawn", Why.WITHDRAWN),
        # CAMARA ConsentInfo.
        ("PENDING", Why.PENDING),
        ("REVOKED", Why.WITHDRAWN),
        ("OBJECTED", Why.OBJECTED),
        # FHIR and others.
        ("rejected", Why.DENIED),
        ("entered-in-error", Why.WITHDRAWN),
        ("Opt Out", Why.OBJECTED),
        ("CONSENT_USER_OPT_OUT", Why.OBJECTED),
        ("not granted", Why.DENIED),
        ("NotGranted", Why.DENIED),
        ("notgranted", Why.DENIED),
        ("no_consent", Why.DENIED),
        ("No", Why.DENIED),
        ("partially_withdrawn", Why.WITHDRAWN),
        (False, Why.DENIED),
        (0, Why.DENIED),
        ({"@id": "dpv:ConsentWithdrawn"}, Why.WITHDRAWN),
        (["granted", "withdrawn"], Why.WITHDRAWN),
    ],
)
def test_words_of_other_systems_refuse(word: Any, why: Why) -> None:
    assert said(word) == RefusalReading(PROFILING, why)


@pytest.mark.parametrize(
    "word",
    [
        "Profiling",
        "personalisation",
        "dpv:Profiling",
        "profiling ",
        "dpv:personalization",
        "all",
        "*",
        "https://w3id.org/dpv#Personalisation",
        "dpv:Purpose",
        None,
    ],  # fmt: skip
)
def test_a_withdrawal_by_any_word_for_profiling_withdraws_profiling(word: Any) -> None:
    assert "profiling" in said("withdrawn", word).purposes


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_term_in_any_spelling_is_refused(spelling: str) -> None:
    for term, purpose in rules.load().terms.items():
        word = SPELLINGS[spelling](squeezed(term))
        assert said("withdrawn", word).purposes == {purpose}, word


@pytest.mark.parametrize(
    "word",
    [
        "all",
        "ALL",
        "*",
        "dpv:*",
        "any",
        "everything",
        "dpv:Purpose",
        "weather",
        "",
        7,
        False,
        "dpv:ServiceProvision",
        "profiling,offers",
        [],
        ["profiling", "weather"],
    ],  # fmt: skip
)
def test_what_is_unknown_or_everything_refuses_everything(word: Any) -> None:
    assert said("withdrawn", word).purposes == EVERYTHING


def test_several_purposes_are_all_refused() -> None:
    assert said("denied", ["offers", "dpv:CommercialResearch"]).purposes == {"offers", "audiences"}
    assert said("denied", ["offers", "billing"]).purposes == {"offers"}


@pytest.mark.parametrize("word", ["dpv:PaymentManagement", "Billing", "fraud", "eu-gdpr:security"])
@pytest.mark.parametrize("status", ["withdrawn", "granted", "no such word"])
def test_a_purpose_that_is_not_ours_has_no_effect(word: str, status: str) -> None:
    assert said(status, word) == Nothing("foreign")


@pytest.mark.parametrize("end", [0, -1, 2**63 - 1, 10**30, "9999-12-31", "", [], TS - 1, TS + 1])
def test_the_end_of_a_refusal_is_not_looked_at(end: Any) -> None:
    assert said("withdrawn", end=end) == RefusalReading(PROFILING, Why.WITHDRAWN)


@pytest.mark.parametrize(
    "word",
    ["zurückgezogen", "ZURUECKGEZOGEN", "abgelehnt", "nicht erteilt", "abgelaufen", "révoqué",
     "refusée", "retiré", "pas d'accord", "périmé", "denegado", "retirada", "no concedido",
     "rifiutato", "Ritirato", "scaduto", "recusado", "não", "geweigerd", "ingetrokken", "verlopen",
     "odmowa", "cofnięto", "odmítnuto", "odvolaný", "avslått", "återkallat", "afslået", "nektet",
     "peruutettu", "отозвано", "отказ", "нет", "ανακλήθηκε", "reddedildi", "مرفوض", "撤回", "拒否",
     "いいえ", "철회", "不同意", "void", "N", 0.0],
)  # fmt: skip
def test_refusals_in_the_languages_of_customers(word: Any) -> None:
    assert isinstance(said(word), RefusalReading)


@pytest.mark.parametrize(
    "word", ["revoked: true", "withdrawn#1", "optout:yes", "denied:on", "not:granted",
             "https://op.example/status/withdrawn#1", "urn:consent:revoked:active"],
)  # fmt: skip
def test_a_word_in_front_of_one_that_grants_refuses(word: str) -> None:
    """What stands last in a text with prefixes is not all that was said."""
    assert isinstance(said(word), RefusalReading)


@pytest.mark.parametrize(
    "word", ["dpv:ConsentGiven", "https://denied.no/consent/granted", "fhir:state:active"]
)
def test_no_prefix_or_host_refuses(word: str) -> None:
    assert said(word) == Nothing("status")


@pytest.mark.parametrize(
    "word",
    ["profiling:security", "profiling#security", "dpv:Profiling#billing",
     "https://op.example/use/profiling#security"],
)  # fmt: skip
def test_a_purpose_in_front_of_one_that_is_not_ours_is_refused(word: str) -> None:
    assert said("withdrawn", word).purposes == PROFILING


@pytest.mark.parametrize("word", [[None], [[None, None]], {"id": None}])
def test_a_purpose_of_nothing_is_everything(word: Any) -> None:
    assert said("withdrawn", word).purposes == EVERYTHING


# -- neither


@pytest.mark.parametrize(
    "word", ["vielleicht", "unknown", -1, "", "maybe", 17, None, [], {}, "ok?"]
)
def test_what_is_neither_is_for_a_person_to_decide(word: Any) -> None:
    assert said(word) == Undecided("status")


def test_beyond_the_most_values_nothing_is_overlooked() -> None:
    """Of a list without end, what is not looked at counts as unknown."""
    assert said(["granted"] * 100 + ["withdrawn"]) == Undecided("status")
    assert said([None] * 100 + ["withdrawn"]) == Undecided("status")
    assert said("withdrawn", ["billing"] * 100 + ["offers"]).purposes == EVERYTHING


# -- kinds


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (RightsKind.ERASURE, "erasure"),
        (RightsKind.ERASURE, "Right to be forgotten"),
        (RightsKind.ERASURE, "https://w3id.org/dpv/legal/eu/gdpr#A17"),
        (RightsKind.ERASURE, "DELETE"),
        (RightsKind.CONSENT, "Consent"),
        (RightsKind.CONSENT, "dpv:Consent"),
        (RightsKind.WITHDRAWAL, "eu-gdpr:A7-3"),
        (RightsKind.WITHDRAWAL, "revocation"),
        (RightsKind.OBJECTION, "Opt-Out"),
        (RightsKind.OTHER, "purchase"),
        (RightsKind.CASE, "care_case"),
        (RightsKind.DECLARATION, "Declaration"),
        (RightsKind.ERASURE, "erasure:declaration"),
        (RightsKind.RIGHTS, "gdpr_request"),
        (RightsKind.RIGHTS, "customerConsentChanged"),
        (RightsKind.ERASURE, "erasure:v1"),
        (RightsKind.ERASURE, "gdpr:erasure#device"),
        (RightsKind.WITHDRAWAL, "withdrawal:purchase"),
        (RightsKind.CONSENT, "consent:v2"),
        (RightsKind.OTHER, "consent:purchase"),
        (RightsKind.UNKNOWN, "rumour"),
        (RightsKind.UNKNOWN, 3),
    ],
)
def test_kinds_in_any_spelling(kind: RightsKind, value: Any) -> None:
    assert WORDS.kind(value) is kind


# -- seen to fail


def _drops_the_unknown(self: Words, values: Any) -> frozenset[Purpose]:
    none = frozenset[Purpose]()
    found = (self.purposes.get(squeezed(str(value)), none) for value in values or ["profiling"])
    return none.union(*found)


def _reads_the_end_first(self: Words, statuses: Any, purposes: Any, ends: Any, ts: Any) -> Any:
    if ends and not (type(ends[0]) is int and ts < ends[0] < TS_END):
        return Nothing("expires_at")
    return _read(self, statuses, purposes, ends, ts)


def _reads_no_spelling(self: Words, value: Any) -> Why | None:
    return self.refusing.get(value)


_read = Words.read
PLANTED: dict[str, tuple[str, Any, Any, tuple[Any, ...]]] = {
    "P9 an unknown purpose is dropped": (
        "meant",
        _drops_the_unknown,
        test_what_is_unknown_or_everything_refuses_everything,
        ("weather",),
    ),
    "P11 a sentinel end loses the withdrawal": (
        "read",
        _reads_the_end_first,
        test_the_end_of_a_refusal_is_not_looked_at,
        (2**63 - 1,),
    ),
    "words are compared as they are": (
        "_status",
        _reads_no_spelling,
        test_a_refusal_in_any_spelling_refuses,
        ("withdrawn", "an IRI"),
    ),
}


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, replacement, test, arguments = PLANTED[bug]
    test(*arguments)
    monkeypatch.setattr(Words, name, replacement)
    with pytest.raises((AssertionError, AttributeError)):
        test(*arguments)
