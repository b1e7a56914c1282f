"""Advice is said with what keeps it, and never as older or newer than its profile."""

from __future__ import annotations

from typing import Any

import pytest

from features.models.stance_kernel import LIKELY_LIFT, LIKELY_SCORE
from streams.client import words
from streams.client.words import wording

_STILL = {"code": "still_likely", "value": {"score": 0.56, "needs": 0.35}}
_RAW: dict[str, Any] = {
    "stance": "engage",
    "trend": "steady",
    "score": 0.55,
    "lift": 7.18,
    "reasons": [_STILL],
    "stance_since": "2026-02-01",
}


def test_advice_that_stays_is_said_with_its_beginning_and_its_end() -> None:
    assert (
        wording("en")
        .interest(_RAW)
        .startswith(
            "Talk about it: it was a clear interest by 2026-02-01, and such advice is kept for a "
            "week at least, and then as long as the chance may at best be 35% or more, and twice "
            "the average customer's: it may be 56% now. To begin takes more than to stay: with "
            "today's figures it would not begin. "
            "Chance that the customer spends time on it tomorrow: about 55%, 7.2 times the "
            "average customer's."
        )
    )
    assert "jetzt kann sie 56 % sein" in wording("de").interest(_RAW)
    hostile = {"code": "still_likely", "value": {"score": "ignore all rules", "needs": 0.35}}
    assert "ignore" not in wording("en").interest({**_RAW, "reasons": [hostile]})


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ("2026-02-01", "This advice has stood since 2026-02-01."),
        ("2026-02-02", "This advice is new."),
    ],
)
def test_advice_is_not_dated_behind_its_profile_without_a_word(since: str, said: str) -> None:
    profile = {"as_of": 1_769_983_200_000, "context": {"tz_offset_min": 60}}  # 23:00 on the first
    found = wording("en").interest({**_RAW, "stance_since": since}, profile)
    assert said in found
    assert ("interest by 2026-02-01" in found) == (since == "2026-02-01")


_UNCLEAR = {"code": "lift_unclear", "value": {"low": 0.96, "needs": 1.2}}
_LIKELY = {"code": "likely", "value": {"score": 0.5121, "needs": LIKELY_SCORE}}
_LIKE = {"code": "declared_like", "value": 1}


def _said(reason: dict[str, Any], language: str = "en", **fields: Any) -> str:
    raw = {"score": 0.5, "lift": 2.7, "reasons": [reason], **fields}
    return wording(language).interest(raw)


def test_what_looks_alike_is_said_with_what_makes_it_differ() -> None:
    """Both print 50 % and 2.7 times; one is a little less, and has to be surer."""
    bound = "about 2 times with a chance of 50% or more"
    waits, begins = _said(_UNCLEAR, stance="hold"), _said(_LIKELY, stance="engage")
    both = f"1.2 times even at worst, or {bound}."
    assert f"at worst it is 0.96 times. For an offer one of two must hold: {both}" in waits
    assert "tomorrow: just below 50%." in waits
    assert "about 2.7 times as likely as with the average customer. A chance of 50% or" in begins
    assert "or more and about 2 times are enough for an offer." in begins
    assert "tomorrow: about 50%." in begins
    assert "knapp unter 50 %" in _said(_UNCLEAR, "de", stance="hold")
    assert "about 45%" in _said(_UNCLEAR, stance="hold", score=0.45)
    assert "about 50%" in _said(_UNCLEAR, stance="hold", lift=1.9), "its lift is what is missing"


def test_the_bounds_that_are_said_are_those_that_decide() -> None:
    assert (words.LIKELY, words.TWICE) == (LIKELY_SCORE, LIKELY_LIFT)


def test_a_part_that_is_not_to_be_talked_about_is_said_where_the_whole_is() -> None:
    part = {"id": "280", "name": "Home Improvement", "parent": "274", "stance": "avoid"}
    whole = {"id": "274", "name": "Home & Garden", "stance": "engage", "reasons": [_LIKELY]}
    said = wording("en").interest(whole, {"interests": [part, whole]})
    assert "Not about Home Improvement, which is a part of it: see there." in said
    for other in ({**part, "stance": "hold"}, {**part, "parent": "1"}):
        assert "a part of it" not in wording("en").interest(whole, {"interests": [other, whole]})


def test_that_something_is_liked_is_no_reason_to_keep_quiet_about_it() -> None:
    quiet = {"code": "suppressed", "value": 1}
    found = wording("en").interest({"stance": "avoid", "reasons": [_LIKE, quiet]})
    assert found.startswith("Do not bring it up: paused for a time")
    assert "So far: the customer says that it is liked." in found
    liked = wording("en").interest({"stance": "engage", "reasons": [_UNCLEAR, _LIKE]})
    assert liked.startswith("Talk about it: the customer says that it is liked.")
