"""What a profile says in codes is said in words, in every language, whatever the codes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.vocabulary import (
    DayType,
    Part,
    PermissionBasis,
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
    assert said.codes("rule") < set(ReasonCode)
    assert said.codes("suppression") == set(SuppressionReason)
    assert said.codes("stance") == set(Stance.words())
    assert said.codes("trend") == set(Trend.words())
    assert said.codes("day") == {*Weekday.words(), *DayType.words()}
    assert said.codes("part") == set(Part.words())
    assert said.codes("source") == set(Source.words())
    assert said.codes("use") == set(Purpose)
    assert said.codes("ground") == set(PermissionBasis)


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
                "score",
                "first_seen",
                "last_active",
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
    assert isinstance(wording(language).rule(raw), str)
    assert wording(language).suppression({**raw, "scope": "x", "until": raw.get("id")}, {})
    assert wording(language).permission("x", {**raw, "until": raw.get("id")}).endswith(".")


def test_a_permission_is_said_with_its_end_or_its_reason() -> None:
    said, end = wording("en"), 1_772_366_400_000
    assert (
        said.permission("offers", {"value": True, "why": "consent", "until": None})
        == "Offers may be made: yes, with consent, until further notice."
    )
    assert (
        said.permission("offers", {"value": True, "why": "consent", "until": end})
        == "Offers may be made: yes, with consent, until 2026-03-01."
    )
    refused = {"value": False, "why": "care_case", "until": None}
    assert (
        said.permission("offers", refused)
        == "Offers may be made: no, a fault or complaint is still open."
    )


_SAID = {
    "stance": "engage",
    "trend": "steady",
    "score": 0.55,
    "lift": 7.18,
    "reasons": [
        {"code": "lift_clear", "value": {"low": 1.33, "needs": 1.2}},
        {"code": "active_days_28", "value": 12},
        {"code": "share_7d", "value": 0.31},
    ],
    "first_seen": "2026-01-08",
    "last_active": "2026-03-05",
    "sources": {"app": 0.25, "tv": 0.75},
    "moments": [{"day_type": "weekend", "part": "evening", "p": 0.46}],
    "next": {"date": "2026-03-07", "part": "evening"},
    "stance_since": "2026-02-01",
    "until": 1_777_000_000_000,
}


def test_an_interest_is_said_with_what_each_number_is_of_its_times_and_its_end() -> None:
    assert wording("en").interest(_SAID) == (
        "Talk about it: clearly more interested than the average customer: about 7.2 times as "
        "likely to spend time on it tomorrow, a chance of about 55%. At worst it is 10%, the "
        "average customer has about 8%; an offer takes at least 9% at worst.\n"
        "So far: seen on 12 of the last 28 days. Next 7 days: probably on about as many days as "
        "in the last 7. First seen on 2026-01-08, last on 2026-03-05. Seen mostly on TV, also "
        "in apps. Strongest time: weekends in the evening, about 5 in 10 of them. Most likely "
        "next: Saturday, 2026-03-07, in the evening.\n"
        "This advice has stood since 2026-02-01. This advice ends on 2026-04-24: look again "
        "then."
    )
    assert wording("de").interest(_SAID) == (
        "Darauf ansprechen: klar mehr Interesse als beim durchschnittlichen Kunden: etwa 7,2-mal "
        "so wahrscheinlich morgen damit beschäftigt, eine Chance von etwa 55 %. Im schlechtesten "
        "Fall ist sie 10 %, der durchschnittliche Kunde hat etwa 8 %; ein Angebot braucht im "
        "schlechtesten Fall mindestens 9 %.\nBisher: an 12 der letzten 28 Tage gesehen. Die "
        "nächsten 7 Tage: wohl an etwa so vielen Tagen wie in den letzten 7. Zuerst gesehen am "
        "2026-01-08, zuletzt am 2026-03-05. Meist im "
        "Fernsehen gesehen, auch in Apps. Stärkste Zeit: am Wochenende am Abend, etwa 5 von 10. Am "
        "ehesten wieder: Samstag, 2026-03-07, am Abend.\nDieser Rat gilt seit 2026-02-01. "
        "Dieser Rat endet am 2026-04-24: dann wieder nachsehen."
    )


def test_what_is_new_is_said_to_be_new() -> None:
    reasons = [{"code": "lift_unclear", "value": {}}, {"code": "few_data", "value": 5}]
    assert "less than a week ago" in wording("en").interest({"lift": 0.7, "reasons": reasons})


def test_the_rule_that_decided_is_said_with_its_numbers_by_itself() -> None:
    assert wording("en").rule(_SAID) == (
        "The lift is the score over the average customer's. Nine in ten that it is 1.33 or more; "
        "1.2 is enough to engage."
    )
    assert "1,33" in wording("de").rule(_SAID)
    assert wording("en").rule({"reasons": [{"code": "active_days_28", "value": 1}]}) == ""


@pytest.mark.parametrize(
    ("score", "lift", "said"),
    [
        (0.005, 0.7, "less than 1%, 0.7 times the average customer's."),
        (0.05, 0.02, "about 5%, 0.1 times the average customer's."),
        (0.3, 0.96, "about 30%, about the same as with the average customer."),
        (0.3, 1.06, "about 30%, 1.1 times the average customer's."),
        (0.6, 12.6, "about 60%, 13 times the average customer's."),
        (0.4, 0.0, "about 40%."),
        (0.4, None, "about 40%."),
    ],
)
def test_a_chance_is_held_against_the_average_customers(
    score: float, lift: float | None, said: str
) -> None:
    words = wording("en").interest({"score": score, "lift": lift, "reasons": []})
    assert f"Chance of it tomorrow: {said}" in words


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ({"tv": 1.0}, "Seen only on TV."),
        ({"network": 0.004, "app": 0.996}, "Seen only in apps."),
        ({"network": 0.5, "app": 0.3, "tv": 0.2}, "Seen on the internet, also in apps and on TV."),
        ({"network": 0.3, "app": 0.7}, "Seen mostly in apps, also on the internet."),
    ],
)
def test_where_it_was_seen_is_said_by_how_much(sources: dict[str, float], said: str) -> None:
    assert said in wording("en").interest({"sources": sources, "reasons": []})


def test_what_was_seen_on_one_day_alone_is_said_so() -> None:
    raw = {"first_seen": "2026-03-05", "last_active": "2026-03-05", "reasons": []}
    assert "Seen on 2026-03-05 alone." in wording("en").interest(raw)


@pytest.mark.parametrize(
    ("score", "lift", "low", "said"),
    [
        (
            0.35,
            8.0,
            1.06,
            "the chance tomorrow is about 35%, about 8 times the average customer's (about 4.4%); "
            "at worst it is 4.6%, and an offer takes at least 5.2% at worst",
        ),
        (0.35, None, 1.06, "an offer takes 1.2 times that customer's chance at worst"),
        (None, 8.0, 1.06, "an offer takes 1.2 times that customer's chance at worst"),
        (0.35, 8.0, 0.12, "customer's (about 4%); at worst it is less than 1%, and an offer takes"),
        (0.35, 8.0, 0.0, ", and an offer takes a chance of at least 50%"),
        (0.35, 8.0, 1.1999, "at worst it is just below 5.25%, and"),
        (0.55, 1.8, 0.9, ", and an offer takes at least twice the average customer's chance"),
        (
            0.45,
            1.8,
            0.1,
            ", and an offer takes a chance of at least 50% that is at least twice the",
        ),
        (
            0.2,
            1.8,
            0.9,
            "is about 20%, about 1.8 times the average customer's (about 11%); at worst it is 10%,",
        ),
        (0.6, 30.0, 0.9, "more than 20 times the average customer's"),
        (0.03, 3.0, 0.5, "an offer takes at least 1% at worst with a chance of at least 5%"),
        (0.03, 12.0, 0.9, "(about 0.2%); at worst it is 0.2%, and an offer"),
        (0.35, 8.0, None, "an offer takes 1.2 times that customer's chance at worst"),
        (
            0.35,
            0.7,
            0.6,
            "for tomorrow no clear difference from the average customer: at worst the chance is "
            "30%, the average customer has about 50%; an offer takes at least 60% at worst",
        ),
    ],
)
def test_what_is_unclear_is_said_with_what_falls_short(
    score: float | None, lift: float | None, low: float | None, said: str
) -> None:
    reason = {"code": "lift_unclear", "value": {"low": low, "needs": 1.2}}
    raw = {"score": score, "lift": lift, "reasons": [reason]}
    assert said in wording("en").reason("lift_unclear", reason["value"], raw)


@pytest.mark.parametrize(
    ("reasons", "said"),
    [
        (["active_days_28", "declared_dislike"], "the customer says that it is not liked.\nSo far"),
        (
            ["active_days_28", "suppressed", "declared_dislike"],
            "paused for a time, for what was bought, declined or offered; the customer says that",
        ),
        (["active_days_28", "somebody_else"], "50% of what was seen of it was probably"),
        (["active_days_28", "learned_abroad"], "50% of what counts for it is from a trip"),
    ],
)
def test_what_decides_is_said_first(reasons: list[str], said: str) -> None:
    raw = {"stance": "hold", "reasons": [{"code": code, "value": 0.5} for code in reasons]}
    assert f"about it yet: {said}" in wording("en").interest(raw)


def test_what_was_said_needs_no_chance_beside_it() -> None:
    raw = {**_SAID, "reasons": [{"code": "declared_dislike", "value": 1}]}
    assert "Chance that" not in wording("en").interest(raw)


def test_text_of_a_record_is_no_template() -> None:
    said = wording("en").reason("{value.__class__}", "{0}")
    assert said == "another reason ({value.__class__}: {0})"


_MARCH_12 = 1_773_270_000_000


@pytest.mark.parametrize(
    ("changes", "profile", "said"),
    [
        ({}, {}, "Valid today; it can change any day: check again on the day you send."),
        (
            {"stance": "hold", "next": {"date": "2026-03-07", "part": "evening"}},
            {},
            "Valid today; it can change any day: check again before you plan an offer.",
        ),
        (
            {"stance": "hold", "reasons": [{"code": "learned_abroad", "value": 0.8}]},
            {},
            "Look again when at least half of it was seen at home.",
        ),
        (
            {"stance": "hold", "reasons": [{"code": "trip_taken", "value": 6}]},
            {},
            "Look again when it was looked for on two days since the return.",
        ),
        ({"until": _MARCH_12}, {}, "This advice ends on 2026-03-11: look again then."),
        (
            {"until": _MARCH_12},
            {"valid_until": _MARCH_12},
            "Valid until 2026-03-11 at most, when the consent ends that the profile rests on: "
            "check again on the day you send.",
        ),
        (
            {},
            {"contactable": {"offers": {"value": True, "until": _MARCH_12}}},
            "Valid until 2026-03-11 at most, when the permission for offers ends: "
            "check again on the day you send.",
        ),
        (
            {"stance": "hold", "reasons": [{"code": "on_hold", "value": 1}]},
            {"contactable": {"offers": {"value": False, "until": _MARCH_12}}},
            "Look again on 2026-03-11: then the halt of offers ends.",
        ),
        (
            {"stance": "hold", "reasons": [{"code": "care_case", "value": 1}]},
            {"contactable": {"offers": {"value": False, "until": None}}},
            "Look again when the fault or complaint is closed.",
        ),
    ],
)
def test_it_is_said_when_to_look_again(
    changes: dict[str, object], profile: dict[str, object], said: str
) -> None:
    raw = {"stance": "engage", "reasons": [{"code": "active_days_28", "value": 9}], **changes}
    assert wording("en").interest(raw, profile).endswith(said)


def test_a_pause_is_said_with_what_was_behind_it() -> None:
    raw = {"id": "216", "stance": "avoid", "reasons": [{"code": "suppressed", "value": 1}]}
    pauses = [
        {"scope": "216", "reason": "decision_against", "until": _MARCH_12},
        {"scope": "483", "reason": "purchase", "until": None},
        {"scope": "216", "reason": "contact_cap", "channel": "mail", "until": None},
    ]
    words = wording("en").interest(raw, {"suppressions": pauses})
    assert words.startswith(
        "Do not bring it up: paused until 2026-03-11: the customer said no to something in it, or "
        "something related."
    )


def test_a_pause_of_one_channel_is_not_said_of_all() -> None:
    mail = {"scope": "all", "channel": "mail", "reason": "contact_cap", "until": _MARCH_12}
    one = {"scope": "483", "name": "Sports", "channel": None, "reason": "contacted", "until": None}
    en, de = wording("en"), wording("de")
    cap = "the customer was spoken to as often as the rules allow"
    assert (
        en.suppression(mail, {}) == f"No offers through the channel mail until 2026-03-11: {cap}."
    )
    assert de.suppression(one, {}).startswith("Nichts zu Sports über einen der Kanäle: ")
    raw = {"id": "483", "stance": "engage", "reasons": [{"code": "declared_like", "value": 1}]}
    assert (
        "liked. Not through the channel mail until 2026-03-11. Not through one of the channels, "
        "until further notice.\n"
    ) in en.interest(raw, {"suppressions": [mail, one, {**mail, "scope": "audiences"}]})
    assert "through" not in en.interest({**raw, "stance": "hold"}, {"suppressions": [mail]})


def test_a_permission_says_whether_a_channel_is_closed() -> None:
    said, yes = wording("en"), {"value": True, "why": "consent", "until": None}
    assert said.permission("offers", yes, []).endswith("notice. No channel is closed to them.")
    closed = [{"scope": "all", "channel": "mail", "reason": "contact_cap", "until": None}]
    assert said.permission("offers", yes, closed).endswith("closed to them, as said below.")
    assert said.permission("profiling", yes, closed).endswith("until further notice.")


def test_what_is_not_yet_a_habit_is_not_called_new() -> None:
    """It may have been there for weeks, on too few days of the last."""
    value = {"days": 3, "needs": 4}
    late = "but it came too seldom of late: seen on 3 of the last 7 days, and an offer takes 4"
    clear = wording("en").reason("too_new", value, {"score": 0.4, "lift": 14.0})
    assert clear.startswith(f"clearly more interested than the average customer, {late}")
    likely = wording("en").reason("too_new", value, {"score": 0.6, "lift": 2.1})
    assert likely.startswith(f"what an offer takes of the chance is there, {late}")
    german = wording("de").reason("too_new", value)
    assert "zuletzt kam es zu selten: an 3 der letzten 7 Tage gesehen" in german
