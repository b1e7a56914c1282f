"""What decides on an interest is said by itself as in its sentence, by the same figures."""

from __future__ import annotations

import re
from typing import Any

import pytest

from streams.client.kin import suppressions_on
from streams.client.words import LANGUAGES, wording

_ENDED = 1_567_382_400_000  # 2019-09-02
_PAUSE = {"scope": "1", "name": "Cars", "reason": "decision_against", "until": _ENDED}


def _row(stance: str, *codes: str, **fields: Any) -> dict[str, Any]:
    reasons = [{"code": code, "value": 3} for code in codes]
    return {"id": "1", "name": "Cars", "stance": stance, "reasons": reasons, **fields}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (_row("avoid", "suppressed"), "paused until 2019-09-02: the customer said no"),
        (_row("avoid", "declared_dislike"), "the customer says that it is not liked"),
        (_row("engage", "declared_like"), "the customer says that it is liked"),
        (_row("hold", "trip_taken"), "it was wanted for a trip that is over"),
        (_row("hold", "learned_abroad"), "is from a trip abroad that is over"),
        (_row("hold", "on_hold", score=0.8, lift=4.0, confidence=0.9), "at present"),
        (_row("hold", "care_case"), "while a fault or complaint is open"),
    ],
)
def test_what_decides_is_said_in_the_words_of_the_row(row: dict[str, Any], said: str) -> None:
    profile = {"interests": [row], "suppressions": [_PAUSE]}
    rule = wording("en").rule(row, profile)
    assert said in rule
    decided = rule.removeprefix("What decides: ").rstrip(".")
    assert decided in wording("en").interest(row, profile)
    assert wording("de").rule(row, profile)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("lift", [1.5, 2.5, 6.0])
def test_advice_ends_below_one_figure_in_rule_and_sentence(language: str, lift: float) -> None:
    reason = {"code": "still_likely", "value": {"score": 0.81, "needs": 0.35, "days": 4}}
    row = {"stance": "engage", "score": 0.5, "lift": lift, "confidence": 0.5, "reasons": [reason]}
    row["stance_since"] = "2019-01-01"
    sentence, rule = wording(language).interest(row, {"as_of": _ENDED}), wording(language).rule(row)
    ends = re.search(r"(?:falls below|unter) (\d+) ?%", sentence)
    assert ends and re.search(rf"\b{ends[1]} ?%", rule)
    assert "0.35" not in rule and "0,35" not in rule


def test_a_dislike_of_a_whole_acts_on_a_part_of_its_part() -> None:
    row = {"id": "602", "stance": "avoid", "reasons": [{"code": "declared_dislike", "value": 1}]}
    dislike = {"scope": "596", "name": "Technology & Computing", "reason": "dislike", "until": None}
    channel = {"scope": "all", "reason": "contact_cap", "until": None, "channel": "sms"}
    other = {"scope": "596", "reason": "purchase", "until": None}
    profile = {"interests": [row], "suppressions": [dislike, channel, other, _PAUSE]}
    assert suppressions_on(row, profile) == [dislike, channel]
    assert "Technology & Computing is not liked" in wording("en").rule(row, profile)
