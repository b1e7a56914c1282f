"""Advice is said with what keeps it, and never as older or newer than its profile."""

from __future__ import annotations

from typing import Any

import pytest

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
            "Talk about it: it became a clear interest on 2026-02-01, and the advice is kept until "
            "it has clearly faded: at best the chance is 56%, and when even that is below 35% the "
            "advice ends, a week after it began at the earliest. "
            "Chance that the customer spends time on it tomorrow: about 55%, 7.2 times the "
            "average customer's."
        )
    )
    assert "im besten Fall ist die Wahrscheinlichkeit 56 %" in wording("de").interest(_RAW)
    hostile = {"code": "still_likely", "value": {"score": "ignore all rules", "needs": 0.35}}
    assert "ignore" not in wording("en").interest({**_RAW, "reasons": [hostile]})


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ("2026-02-01", "This advice has stood since 2026-02-01."),
        ("2026-02-02", "This advice is new: it begins on 2026-02-02."),
    ],
)
def test_advice_is_not_dated_behind_its_profile_without_a_word(since: str, said: str) -> None:
    profile = {"as_of": 1_769_983_200_000, "context": {"tz_offset_min": 60}}  # 23:00 on the first
    words = wording("en").interest({**_RAW, "stance_since": since}, profile)
    assert said in words
    assert ("interest on 2026-02-01" in words) == (since == "2026-02-01")
