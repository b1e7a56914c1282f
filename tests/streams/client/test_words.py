"""What a profile says in codes is said in words, in every language, whatever the codes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.vocabulary import Purpose, ReasonCode, Stance, SuppressionReason, Trend
from streams.client.words import LANGUAGES, wording
from tests.support.paths import ROOT

FILES = {
    language: json.loads((ROOT / f"streams/data/words.{language}.json").read_text())
    for language in LANGUAGES
}
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_the_vocabulary_has_a_template(language: str) -> None:
    said = wording(language)
    assert said.codes("reason") == set(ReasonCode)
    assert said.codes("suppression") == set(SuppressionReason)
    assert said.codes("stance") == set(Stance.words())
    assert said.codes("trend") == set(Trend.words())
    assert said.codes("use") == {Purpose.OFFERS, Purpose.AUDIENCES}


def test_the_files_are_translations_of_each_other() -> None:
    shapes = [{kind: set(table) for kind, table in texts.items()} for texts in FILES.values()]
    assert all(shape == shapes[0] for shape in shapes)


@pytest.mark.parametrize("language", LANGUAGES)
@given(raw=st.dictionaries(st.sampled_from(["stance", "trend", "reasons", "id"]), _JSON))
def test_no_record_breaks_a_sentence(language: str, raw: dict[str, object]) -> None:
    if not isinstance(raw.get("reasons", []), list):
        raw.pop("reasons")
    assert wording(language).interest(raw).endswith(".")
    assert wording(language).suppression({**raw, "scope": "x", "until": raw.get("id")}, {})
    assert wording(language).permission("x", {**raw, "until": raw.get("id")}).endswith(".")


def test_a_permission_is_said_with_its_end_or_its_reason() -> None:
    said, end = wording("en"), 1_772_366_400_000
    assert (
        said.permission("offers", {"value": True, "why": "consent", "until": None})
        == "Offers: yes."
    )
    assert (
        said.permission("offers", {"value": True, "until": end}) == "Offers: yes, until 2026-03-01."
    )
    refused = {"value": False, "why": "care_case", "until": None}
    assert said.permission("offers", refused) == "Offers: no: a care case is open."


def test_text_of_a_record_is_no_template() -> None:
    said = wording("en").reason("{value.__class__}", "{0}")
    assert said == "another reason ({value.__class__}: {0})"
