"""What was seen, and when it will come, is said so that its numbers fit each other."""

from __future__ import annotations

from typing import Any

import pytest

from streams.client.words import wording

_UNCLEAR = {"code": "lift_unclear", "value": {"low": 0.4, "needs": 1.2}}
_PROFILE = {
    "as_of": 1_772_722_800_000,  # 2026-03-05, a Thursday
    "computed_at": 1_772_726_400_000,
    "context": {"roaming": False, "country": "DE", "tz_offset_min": 60},
}


def _said(days: int, language: str = "en", **fields: Any) -> str:
    reasons = [_UNCLEAR, {"code": "active_days_28", "value": days}, *fields.pop("more", ())]
    raw = {"stance": "hold", "trend": "steady", "lift": 5.0, "last_active": "2026-03-05"}
    raw |= {"first_seen": "2026-01-01", "reasons": reasons, **fields}
    return wording(language).interest(raw, _PROFILE)


@pytest.mark.parametrize(
    ("days", "first", "said"),
    [
        (7, "2026-02-26", "seen on 7 of the 8 days since it was first seen."),
        (12, "2026-02-06", "seen on 12 of the last 28 days."),
        (12, "2026-02-07", "seen on 12 of the 27 days since it was first seen."),
        (1, "2026-03-05", "seen on 1 of the last 28 days."),
        (
            9,
            "2026-03-04",
            "seen on 9 of the 9 days since it was first seen.",
        ),  # never more than all
        (0, "2026-02-20", "within the last 28 days too briefly to count."),
    ],
)
def test_days_are_those_on_which_it_could_be_seen(days: int, first: str, said: str) -> None:
    assert f"So far: {said}" in _said(days, first_seen=first, score=0.3)


def test_few_days_beside_a_high_chance_are_reconciled_with_it() -> None:
    lately = _said(5, score=0.45, last_active="2026-03-04")
    assert (
        "seen on 5 of the last 28 days: few for such a chance, but lately, on 2026-03-04 for "
        "the last time, and late days count most."
    ) in lately
    guess = _said(5, score=0.45, last_active="2026-02-28")
    assert "few for such a chance, which is a rough estimate." in guess
    assert "wenig für solch eine Chance" in _said(5, "de", score=0.45)
    habit = {"code": "weekly_habit", "value": 1.0}
    weekly = _said(5, score=0.45, more=[habit])
    assert "few for such" not in weekly
    friday = "on Fridays in each of the last 4 weeks: tomorrow is a Friday, {}"
    assert friday.format("")[:-2] + "." in weekly
    assert friday.format("a usual day for it.") in _said(5, score=0.7, more=[habit])
    assert "on Fridays in each of the last 4 weeks." in _said(5, more=[habit]), "no chance is known"
    for fitting in (
        _said(12, score=0.45),
        _said(2, score=0.1),
        _said(5, score=0.45, stance="avoid"),
    ):
        assert "few for such a chance" not in fitting


_WEEKEND = {"day_type": "weekend", "part": "evening", "p": 0.46}


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"weekday-evening": 0.5, "weekend-evening": 0.3}, "5 in 10 of them. Most likely next"),
        (
            {"weekday-evening": 0.77},
            "5 in 10 of them. Most of it came on working days in the evening all the same, for "
            "there are more of those.",
        ),
        ({"weekend-morning": 0.5}, "Most of it came on weekends in the morning so far."),
        ({}, "5 in 10 of them. Most likely next"),
        ({"weekday-evening": "much"}, "5 in 10 of them. Most likely next"),
    ],
)
def test_a_moment_that_is_not_where_most_of_it_was_seen_says_why(
    parts: dict[str, Any], said: str
) -> None:
    following = {"date": "2026-03-07", "part": "evening"}
    assert said in _said(9, moments=[_WEEKEND], dayparts=parts, next=following)


@pytest.mark.parametrize(
    ("moment", "date", "said"),
    [
        (_WEEKEND, "2026-03-07", "Most likely next: Saturday, 2026-03-07, in the evening."),
        (_WEEKEND, "2026-03-06", "Most likely next, though less strong: Friday, 2026-03-06, in"),
        ({**_WEEKEND, "part": "morning"}, "2026-03-07", "next, though less strong: Saturday"),
        ({"weekday": "friday", "part": "evening", "p": 0.5}, "2026-03-06", "next: Friday"),
        (None, "2026-03-06", "Most likely next: Friday, 2026-03-06, in the evening."),
    ],
)
def test_the_next_time_is_said_beside_the_strongest(
    moment: dict[str, Any] | None, date: str, said: str
) -> None:
    moments = [moment] if moment else []
    assert said in _said(9, moments=moments, next={"date": date, "part": "evening"})


@pytest.mark.parametrize(
    ("days", "habit", "said"), [(7, False, True), (7, True, False), (8, True, True)]
)
def test_advice_on_what_was_not_seen_for_long_says_so(days: int, habit: bool, said: bool) -> None:
    last = f"2026-02-{33 - days}"
    still = {"code": "still_likely", "value": {"score": 0.7, "needs": 0.35}}
    more = [{"code": "weekly_habit", "value": 1.0}] if habit else []
    raw = {
        "stance": "engage",
        "trend": "steady",
        "score": 0.4,
        "lift": 5.0,
        "first_seen": "2026-01-01",
        "last_active": last,
        "stance_since": "2026-02-01",
        "next": {"date": "2026-03-06", "part": "evening"},
        "reasons": [still, {"code": "active_days_28", "value": 9}, *more],
    }
    words = wording("en").interest(raw, _PROFILE)
    assert (f"or before, though it was last seen {days} days ago, but today it" in words) is said
    assert ("Most likely next" in words) is not said
    assert ("Next 7 days" in words) is not said


@pytest.mark.parametrize(
    ("language", "counted", "named"),
    [
        ("en", "seen on Fridays in 3 of the last 4 weeks", "comes back on Sundays"),
        ("de", "freitags in 3 der letzten 4 Wochen gesehen", "es kehrt sonntags wieder"),
    ],
)
def test_a_weekly_habit_is_said_with_its_weekday(language: str, counted: str, named: str) -> None:
    said = wording(language)
    raw = {
        "first_seen": "2026-01-09",
        "last_active": "2026-03-05",
        "moments": [{"weekday": "sunday", "part": "evening", "p": 0.5}],
        "reasons": [
            {"code": "active_days_28", "value": 5},
            {"code": "weekly_habit", "value": 0.75},
        ],
    }
    profile = {
        "as_of": 1_772_722_800_000,  # a Thursday
        "computed_at": 1_772_726_400_000,
        "context": {"roaming": False, "country": "DE", "tz_offset_min": 60},
    }
    assert counted in said.interest(raw, profile)
    assert named in said.interest(raw, {**profile, "context": {}})
    always = {**raw, "reasons": [{"code": "weekly_habit", "value": 1.0}]}
    each = "in each of the last 4 weeks" if language == "en" else "in jeder der letzten 4 Wochen"
    assert each in said.interest(always, profile)
    either = said.interest({**raw, "moments": []}, {})
    assert "the same weekday" in either or "am selben Wochentag" in either
