"""Advice is said with what keeps it, and never as older or newer than its profile."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.models.stance_kernel import (
    ENGAGE_LIFT,
    ENGAGE_SCORE,
    LIKELY_LIFT,
    LIKELY_SCORE,
    STILL_HIGH,
    STILL_MORNINGS,
    bounds,
    confidence_of,
)
from streams.client import chances
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
            "Talk about it: a clear interest since 2026-02-01 or before, but today it lacks days, "
            "not the chance: new advice takes 4 of the last 7 days, or the same weekday in each of "
            "4 weeks. It is kept until even the best case, now 56%, falls below 35%. "
            "Chance of it tomorrow: about 55%, 7.2 times the average customer's."
        )
    )
    assert "has stood since" not in wording("en").interest(_RAW), "it is said once"
    assert "der beste Fall, jetzt 56 %, unter 35 % fällt" in wording("de").interest(_RAW)
    hostile = {"code": "still_likely", "value": {"score": "ignore all rules", "needs": 0.35}}
    assert "ignore" not in wording("en").interest({**_RAW, "reasons": [hostile]})


@pytest.mark.parametrize(
    ("score", "lift", "best", "ends"),
    [
        (0.3, 7.3, 0.56, "35%"),
        (0.5, 1.9, 0.9, "53%"),  # twice the average customer's is more
        (0.5, 1.0, 0.9, "90%"),  # figures are rounded: what ends it is not above what keeps it
        (0.5, None, 0.9, "35%"),
    ],
)
def test_what_ends_advice_is_one_figure(
    score: float, lift: float | None, best: float, ends: str
) -> None:
    still = {"code": "still_likely", "value": {"score": best, "needs": 0.35}}
    raw = {**_RAW, "score": score, "lift": lift, "reasons": [still]}
    assert f"now {best:.0%}, falls below {ends}." in wording("en").interest(raw)


@pytest.mark.parametrize(
    ("since", "said", "kept"),
    [
        ("2026-01-25", "a clear interest since 2026-01-25 or before, but today", ""),
        ("2026-01-31", "This advice has stood since 2026-01-31.", "2026-02-07"),
        ("2026-02-01", "This advice is new, from 2026-02-01 on.", "2026-02-08"),
        ("2026-02-02", "This advice is new. ", "2026-02-09"),  # written after midnight
    ],
)
def test_advice_of_the_first_week_is_kept_whatever_comes(since: str, said: str, kept: str) -> None:
    """What began today is not said to end by today's figures."""
    profile = {"as_of": 1_769_983_200_000, "context": {"tz_offset_min": 60}}  # 23:00 on the first
    found = wording("en").interest({**_RAW, "stance_since": since}, profile)
    assert said in found
    week = "such advice is kept for a week at least."
    assert (week in found) is bool(kept)
    end = f"Look again on {kept}: the week for which it is kept ends then."
    assert found.endswith(end if kept else "\nCheck again on the day you send.")
    assert ("falls below" in found) is not bool(kept)


_UNCLEAR = {"code": "lift_unclear", "value": {"low": 0.96, "needs": 1.2}}
_LIKELY = {"code": "likely", "value": {"score": 0.5121, "needs": LIKELY_SCORE}}
_LIKE = {"code": "declared_like", "value": 1}


def _said(reason: dict[str, Any], language: str = "en", **fields: Any) -> str:
    raw = {"score": 0.5, "lift": 2.7, "reasons": [reason], **fields}
    return wording(language).interest(raw)


def test_what_looks_alike_is_said_with_what_makes_it_differ() -> None:
    """Both print 50 % and 2.7 times; one is a little less, and has to be surer."""
    waits, begins = _said(_UNCLEAR, stance="hold"), _said(_LIKELY, stance="engage")
    assert "the chance tomorrow is just below 50%, about 2.7 times the average customer's" in waits
    assert "(about 19%); at worst it is 18%, and an offer takes a chance of at least 50%." in waits
    assert "a chance of about 50%, about 2.7 times the average customer's. An offer" in begins
    assert "An offer takes a chance of 50% and 2 times the average customer's, and both" in begins
    assert "knapp unter 50 %" in _said(_UNCLEAR, "de", stance="hold")
    assert "about 45%" in _said(_UNCLEAR, stance="hold", score=0.45)
    lift = _said(_UNCLEAR, stance="hold", lift=1.9)
    assert "takes at least twice the average customer's chance" in lift, "that is missing"
    for said in (waits, begins):
        assert said.count("50%") == 2, "each is said once: what it is, and what an offer takes"


def test_the_bounds_that_are_said_are_those_that_decide() -> None:
    assert (chances.LIKELY, chances.TWICE) == (LIKELY_SCORE, LIKELY_LIFT)
    assert (chances.MORE, chances.LEAST) == (ENGAGE_LIFT, ENGAGE_SCORE)
    assert (chances.KEPT_DAYS, chances.KEPT_FROM) == (STILL_MORNINGS - 1, STILL_HIGH)


@pytest.mark.parametrize(
    ("reason", "low", "high"),
    [
        ({"code": "active_days_28", "value": 9}, 0.0805, 0.9195),
        ({"code": "lift_clear", "value": {"low": 1.8, "needs": 1.2}}, 0.09, 0.9195),
        ({"code": "still_likely", "value": {"score": 0.87, "needs": 0.35}}, 0.0805, 0.87),
        ({"code": "still_likely", "value": {"score": "x"}}, 0.0805, 0.9195),
    ],
)
def test_one_margin_is_said_and_it_is_the_one_that_decides(
    reason: dict[str, Any], low: float, high: float
) -> None:
    raw = {"score": 0.5, "lift": 10.0, "confidence": 0.7, "reasons": [reason]}
    assert chances.chance_bounds(raw) == pytest.approx((low, high), abs=1e-4)
    assert wording("en").chance_range(raw) == f"{low:.0%} to {high:.0%}"
    least = "9% to " if low == 0.09 else "less than 1% to "
    assert wording("en").chance_range({**raw, "confidence": 0.1}).startswith(least)
    for unknown in ({"score": None}, {"confidence": None}, {"score": 7}):
        assert wording("en").chance_range({**raw, **unknown}) == ""


@given(st.floats(0.0001, 0.9999), st.integers(0, 80))
def test_the_margin_that_is_said_is_the_kernels(score: float, evidence: int) -> None:
    raw = {"score": score, "confidence": confidence_of(score, evidence)}
    low, high = bounds(score, evidence)
    assert chances.chance_bounds(raw) == pytest.approx((low, high), abs=0.02)


def test_what_is_left_beside_a_part_that_is_not_to_be_talked_about_is_said() -> None:
    def seen(days: int) -> dict[str, Any]:
        return {"code": "active_days_28", "value": days}

    part: dict[str, Any] = {"id": "280", "name": "Home Improvement", "reasons": [seen(9)]}
    part |= {"parent": "274", "stance": "avoid"}
    whole: dict[str, Any] = {"id": "274", "name": "Home & Garden", "stance": "engage"}
    whole |= {"reasons": [_LIKELY, seen(15)]}
    said = wording("en").interest(whole, {"interests": [part, whole]})
    apart = "Not about Home Improvement, which is a part of it: see there."
    assert f"{apart} On 6 days or more it was something else in it." in said
    for other in ({**part, "stance": "engage"}, {**part, "parent": "1"}):
        assert "a part of it" not in wording("en").interest(whole, {"interests": [other, whole]})
    for days in ([seen(15)], []):
        said = wording("en").interest(whole, {"interests": [{**part, "reasons": days}, whole]})
        assert apart in said and "something else" not in said


def test_that_something_is_liked_is_no_reason_to_keep_quiet_about_it() -> None:
    quiet = {"code": "suppressed", "value": 1}
    found = wording("en").interest({"stance": "avoid", "reasons": [_LIKE, quiet]})
    assert found.startswith("Do not bring it up: paused for a time")
    assert "So far: the customer also says that it is liked; what forbids it goes before" in found
    liked = wording("en").interest({"stance": "engage", "reasons": [_UNCLEAR, _LIKE]})
    assert liked.startswith("Talk about it: the customer says that it is liked.")
