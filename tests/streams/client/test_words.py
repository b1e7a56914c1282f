"""What a profile says in codes is said in words, in every language, whatever the codes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.vocabulary import (
    DayType,
    Part,
    Purpose,
    ReasonCode,
    Source,
    Stance,
    SuppressionReason,
    Trend,
    Weekday,
)
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
    assert said.codes("day") == {*Weekday.words(), *DayType.words()}
    assert said.codes("part") == set(Part.words())
    assert said.codes("source") == set(Source.words())
    assert said.codes("use") == {Purpose.OFFERS, Purpose.AUDIENCES}


def test_the_files_are_translations_of_each_other() -> None:
    shapes = [{kind: set(table) for kind, table in texts.items()} for texts in FILES.values()]
    assert all(shape == shapes[0] for shape in shapes)


@pytest.mark.parametrize("language", LANGUAGES)
@given(
    raw=st.dictionaries(
        st.sampled_from(
            [
                "stance",
                "trend",
                "reasons",
                "id",
                "lift",
                "sources",
                "moments",
                "next",
                "stance_since",
                "until",
            ]
        ),
        _JSON,
    )
)
def test_no_record_breaks_a_sentence(language: str, raw: dict[str, object]) -> None:
    assert wording(language).interest(raw).endswith(".")
    assert wording(language).suppression({**raw, "scope": "x", "until": raw.get("id")}, {})
    assert wording(language).permission("x", {**raw, "until": raw.get("id")}).endswith(".")


def test_a_permission_is_said_with_its_end_or_its_reason() -> None:
    said, end = wording("en"), 1_772_366_400_000
    assert (
        said.permission("offers", {"value": True, "why": "consent", "until": None})
        == "Offers may be made: yes."
    )
    assert (
        said.permission("offers", {"value": True, "until": end})
        == "Offers may be made: yes, until 2026-03-01."
    )
    refused = {"value": False, "why": "care_case", "until": None}
    assert said.permission("offers", refused) == "Offers may be made: no, a care case is open."


def test_an_interest_is_said_with_its_rule_its_times_and_its_end() -> None:
    raw = {
        "stance": "engage",
        "trend": "steady",
        "lift": 7.18,
        "reasons": [
            {"code": "lift_clear", "value": {"low": 1.33, "needs": 1.2}},
            {"code": "active_days_28", "value": 12},
        ],
        "sources": {"tv": 0.75, "app": 0.25},
        "moments": [{"day_type": "weekend", "part": "evening", "p": 0.46}],
        "next": {"date": "2026-03-07", "part": "evening"},
        "stance_since": "2026-02-01",
        "until": 1_777_000_000_000,
    }
    assert wording("en").interest(raw) == (
        "Talk about it: about 7.2 times as often as others, and surely at least 1.33 times (1.2 "
        "would do). Trend: as before; active on 12 of the last 28 days. Seen in: TV 75%, apps "
        "25%. Most likely: weekends in the evening (46%). Likely again: 2026-03-07, in the "
        "evening. This holds since 2026-02-01, until 2026-04-24."
    )
    assert wording("de").interest(raw) == (
        "Ansprechen: etwa 7,2-mal so oft wie andere, und sicher mindestens 1,33-mal (1,2 würde "
        "genügen). Verlauf: wie zuvor; an 12 der letzten 28 Tage aktiv. Gesehen in: TV 75 %, Apps "
        "25 %. Am ehesten: am Wochenende am Abend (46 %). Wohl wieder: 2026-03-07, am Abend. "
        "Das gilt seit 2026-02-01, bis 2026-04-24."
    )


def test_what_decides_is_said_first() -> None:
    raw = {
        "stance": "avoid",
        "reasons": [
            {"code": "active_days_28", "value": 5},
            {"code": "declared_dislike", "value": 1},
        ],
    }
    assert wording("en").interest(raw) == (
        "Do not talk about it: the customer says that it is not liked. Trend: as before; active "
        "on 5 of the last 28 days."
    )


def test_text_of_a_record_is_no_template() -> None:
    said = wording("en").reason("{value.__class__}", "{0}")
    assert said == "another reason ({value.__class__}: {0})"
