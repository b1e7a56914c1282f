"""A trend is said where there is one, and what is new is said once."""

from __future__ import annotations

import pytest

from streams.client.words import wording


@pytest.mark.parametrize(
    ("trend", "days", "last", "said"),
    [
        ("rising", 2, "2026-03-05", "too early to say, for it was seen on a day or two."),
        ("rising", 3, "2026-03-05", "probably on more days than in the last 7."),
        ("rising", 9, "2026-02-26", "probably again; it was last seen 7 days ago."),
        ("steady", 9, "2026-02-20", "hard to say, for it was last seen 13 days ago."),
        ("steady", 9, "2026-02-27", "probably on about as many days as in the last 7."),
        ("fading", 9, "2026-02-20", "probably on fewer days than in the last 7."),
        ("a-later-word", 2, "2026-03-05", "a-later-word."),
    ],
)
def test_a_trend_is_said_only_of_what_was_seen_often_enough_to_have_one(
    trend: str, days: int, last: str, said: str
) -> None:
    profile = {"as_of": 1_772_722_800_000, "context": {"tz_offset_min": 60}}  # 2026-03-05
    reasons = [{"code": "active_days_28", "value": days}]
    raw = {"stance": "hold", "trend": trend, "last_active": last, "reasons": reasons}
    assert f"Next 7 days: {said}" in wording("en").interest(raw, profile)
    for code in ("declared_dislike", "care_case"):
        quiet = {**raw, "reasons": [{"code": code, "value": 1}, *reasons]}
        assert "Next 7 days" not in wording("en").interest(quiet, profile)


def test_the_first_days_of_an_interest_are_said_once() -> None:
    raw = {"first_seen": "2026-03-01", "last_active": "2026-03-05"}
    new = [{"code": "active_days_28", "value": 3}, {"code": "few_data", "value": 4}]
    assert "less than a week" not in wording("en").interest({**raw, "reasons": new})
