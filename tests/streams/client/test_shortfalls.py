"""Advice that stays says what of today's figures falls short of that by which advice begins."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.models.stance_kernel import ENGAGE_DAYS, ENGAGE_WEEKS
from streams.client import chances, occasions
from streams.client.words import wording
from tests.oracle import stance as twin_stance

_PROFILE = {"as_of": 1_772_722_800_000, "context": {"tz_offset_min": 60}}  # 2026-03-05
_DAYS = "4 of the last 7 days, or the same weekday in each of 4 weeks"


def _row(score: float, lift: float, confidence: float, days: int = 9) -> dict[str, Any]:
    reasons = [
        {"code": "still_likely", "value": {"score": 0.9, "needs": 0.35, "days": 5}},
        {"code": "active_days_28", "value": days},
    ]
    row = {"score": score, "lift": lift, "confidence": confidence, "reasons": reasons}
    return {**row, "stance": "engage", "stance_since": "2026-02-01", "last_active": "2026-03-03"}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (_row(0.3, 3.0, 0.45), "but today the chance is about 30%, 3 times the average customer's; "
         "new advice takes a chance of at least 50%. It is"),
        (_row(0.2, 30.0, 0.63), "but today at worst the chance is 0.4%, the average "
         "customer has about 0.7%; new advice takes at least 0.8% at worst. It is"),
        (_row(0.3, 3.0, 0.45, 2), f"chance of at least 50%, and {_DAYS}; it was seen on 2 of the 7 "
         "at most. It is"),
        (_row(0.3, 6.0, 0.9), f"but today it lacks days, not the chance: new advice takes {_DAYS}"
         ". It is"),
        (_row(0.5, 3.0, 0.45), "but today the chance is about 50%, 3 times the average customer's: "
         f"just about what new advice takes; it takes {_DAYS.replace(' days,', ' days besides,')}"),
        ({**_row(0.3, 6.0, 0.9), "last_active": "2026-02-20"}, "it was seen on none of the 7. It"),
    ],
)  # fmt: skip
def test_what_falls_short_today_is_said_with_its_figure(row: dict[str, Any], said: str) -> None:
    words = wording("en").interest(row, _PROFILE)
    assert said in words
    assert words.count(wording("en").chance(row)) == 1, "the chance is said once"
    assert "heute" in wording("de").interest(row, _PROFILE)


@given(st.floats(0.001, 0.999), st.floats(0.002, 0.6), st.integers(0, 40))
def test_figures_fall_short_as_the_rule_has_it(score: float, rate: float, evidence: int) -> None:
    unit = 0.05 if score >= 0.05 else 0.005
    raw = {
        "score": round(max(0.0001, round(score / unit) * unit), 4),
        "lift": round(score / rate, 2),
        "confidence": round(twin_stance.confidence(score, evidence), 2),
    }
    back = {1, 2, 3, 4}
    begins = twin_stance.rule(score, rate, 28, evidence, back, False, 0) in ("lift_clear", "likely")
    assert chances.meets_chance(raw) in (begins, None)


def test_a_habit_takes_as_many_days_as_the_kernel_has_it() -> None:
    assert occasions.HABIT_DAYS == ENGAGE_DAYS == ENGAGE_WEEKS
