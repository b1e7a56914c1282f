"""Where a customer is abroad is said of what may be talked about; its parts' parts are known."""

from __future__ import annotations

from typing import Any

import pytest

from streams.client.words import wording
from tests.support.printed_profiles import printed

_AWAY = {"place": "abroad", "place_since": "2019-06-20", "country": "ES", "roaming": True}
_ROW: dict[str, Any] = {
    "id": "596", "name": "Technology & Computing", "stance": "engage", "score": 0.6,
    "reasons": [{"code": "declared_like", "value": 1}],
}  # fmt: skip
_PART = {"id": "602", "name": "Software", "parent": "599", "stance": "avoid", "reasons": []}


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({**_AWAY, "tz_offset_min": 120}, "The customer is abroad since 2019-06-20, now in ES: "
         "times of day are on the clock there (UTC+02:00)."),
        ({**_AWAY, "tz_offset_min": -210}, "(UTC-03:30)."),
        ({**_AWAY, "roaming": False}, "The customer is abroad since 2019-06-20."),
        ({"place": "abroad", "tz_offset_min": 99_999}, "The customer is abroad."),
        ({**_AWAY, "place": "home"}, ""),
        ({"roaming": True}, ""),
    ],
)  # fmt: skip
def test_who_is_abroad_is_said_to_be(context: dict[str, Any], said: str) -> None:
    words = wording("en").interest(_ROW, {"context": context})
    assert said in words and ("abroad" in words) is bool(said)
    assert ("Ausland" in wording("de").interest(_ROW, {"context": context})) is bool(said)
    assert "abroad" not in wording("en").interest({**_ROW, "stance": "hold"}, {"context": context})


def test_the_command_says_it_once_more_before_the_table() -> None:
    context = {**_AWAY, "tz_offset_min": 120}
    whole = {"subject": "acc-1", "version": 1, "as_of": 1_561_500_000_000, "context": context}
    raw = {**whole, "interests": [], "suppressions": []}
    second = printed(raw, "en").splitlines()[1]
    assert second.startswith("The customer is abroad since 2019-06-20, now in ES: ")


def test_a_part_of_a_part_that_is_not_to_be_talked_about_is_named() -> None:
    """What stands between is in no profile that says no more of it."""
    words = wording("en").interest(_ROW, {"interests": [_ROW, _PART]})
    assert "Not about Software, which is a part of it: see there." in words
    paused = {"scope": "602", "name": "Software", "reason": "purchase", "until": None}
    words = wording("en").interest(_ROW, {"interests": [_ROW], "suppressions": [paused]})
    assert "Not about Software, which is a part of it: see there." in words
    between = {**_PART, "id": "599", "name": "Computing", "parent": "596"}
    words = wording("en").interest(_ROW, {"interests": [_ROW, _PART, between]})
    assert "Not about Computing, which" in words, "with its own parts"


def test_a_part_of_a_part_says_what_it_is_of() -> None:
    avoided, part = {**_ROW, "stance": "avoid"}, {**_PART, "stance": "engage"}
    words = wording("en").interest(part, {"interests": [avoided, part]})
    assert "do not bring up Technology & Computing as a whole" in words


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"until": 1_623_974_400_000}, "What was said counts until 2021-06-18: look again then."),
        ({}, "What was said counts until the customer says otherwise: check again on the day"),
    ],
)
def test_what_was_said_ends_and_not_the_advice(row: dict[str, Any], said: str) -> None:
    assert said in wording("en").interest({**_ROW, **row})
    dislike = [{"code": "declared_dislike", "value": 1}]
    disliked = wording("en").interest({**_ROW, "stance": "avoid", "reasons": dislike, **row})
    assert (said in disliked) is ("until" in row)


@pytest.mark.parametrize(("first", "said"), [("2026-02-26", False), ("2026-02-25", True)])
def test_the_first_week_of_an_interest_has_no_trend(first: str, said: bool) -> None:
    profile = {"as_of": 1_772_722_800_000, "context": {"tz_offset_min": 60}}  # 2026-03-05
    row = {
        "stance": "hold", "trend": "fading", "first_seen": first, "last_active": "2026-03-05",
        "reasons": [{"code": "active_days_28", "value": 5}],
    }  # fmt: skip
    assert ("Next 7 days" in wording("en").interest(row, profile)) is said
