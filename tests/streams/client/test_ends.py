"""All sentences on an interest take its end from one place, so that none contradicts another."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.vocabulary import SuppressionReason
from streams.client.ends import AdviceEnd, advice_end
from streams.client.words import LANGUAGES, wording

_TODAY = date(2026, 3, 5)
_DAY_MS = 86_400_000


def _ms(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC, hour=12).timestamp() * 1000)


def _raw(stance: str, *codes: str, **fields: Any) -> dict[str, Any]:
    reasons = [{"code": code, "value": 1} for code in codes]
    return {"id": "216", "stance": stance, "reasons": reasons, **fields}


def _pause(reason: str, until: str = "", scope: str = "216") -> dict[str, Any]:
    return {"scope": scope, "reason": reason, "until": _ms(until) if until else None}


_HOME = {"tz_offset_min": 60}
_NOW = {"as_of": _ms("2026-03-05"), "context": _HOME}
_STILL = {"stance_since": "2026-03-02"}
_NEXT = {"next": {"date": "2026-03-06", "part": "evening"}}
#: Of the Friday after.
_THEN = {**_NOW, "computed_at": _ms("2026-03-05"), "context": {**_HOME, "roaming": False}}


@pytest.mark.parametrize(
    ("raw", "profile", "found"),
    [
        # What is said of pauses is what their list says, whatever the interest's own end is.
        (
            _raw("avoid", "suppressed"),
            {"suppressions": [_pause("contacted", "2026-03-12")]},
            AdviceEnd("paused", "2026-03-12"),
        ),
        (
            _raw("avoid", "suppressed", "on_hold"),
            {
                "suppressions": [
                    _pause("contact_cap", "2026-03-09", "all"),
                    _pause("contacted", "2026-03-12"),
                ],
                "contactable": {"offers": {"value": False, "until": _ms("2026-03-09")}},
            },
            AdviceEnd("paused", "2026-03-12"),
        ),
        (_raw("avoid", "suppressed"), {"suppressions": [_pause("holdout")]}, AdviceEnd("holdout")),
        (
            _raw("avoid", "suppressed", until=_ms("2026-05-01")),
            {"suppressions": [_pause("holdout"), _pause("purchase", "2026-05-01")]},
            AdviceEnd("holdout"),
        ),
        (
            _raw("avoid", "suppressed", "care_case", until=_ms("2026-05-01")),
            {"suppressions": [_pause("care_case", "", "all"), _pause("purchase", "2026-05-01")]},
            AdviceEnd("care_case_after", "2026-05-01"),
        ),
        (
            _raw("avoid", "suppressed", "care_case", until=_ms("2026-04-01")),
            {"suppressions": [_pause("purchase", "2026-05-01")], "valid_until": _ms("2026-04-01")},
            AdviceEnd("care_case", "", "consent", "2026-04-01"),
        ),
        (
            _raw("hold", "on_hold"),
            {"suppressions": [_pause("no_consent_offers", "", "all")]},
            AdviceEnd("no_consent_offers"),
        ),
        (
            _raw("hold", "on_hold", "care_case"),
            {"suppressions": [_pause("no_consent_offers", "", "all"), _pause("x", "", "all")]},
            AdviceEnd("on_hold"),
        ),
        (_raw("avoid", "suppressed"), {}, AdviceEnd("no_end")),
        # A week for which advice is kept at least is no end that is not fixed.
        (_raw("engage", "still_likely", **_STILL), _NOW, AdviceEnd("kept", "2026-03-09")),
        (
            _raw("engage", "still_likely", **_STILL),
            {**_NOW, "valid_until": _ms("2026-03-08")},
            AdviceEnd("consent", "2026-03-08"),
        ),
        (
            _raw("engage", "still_likely", **_STILL),
            {**_NOW, "valid_until": _ms("2026-03-20")},
            AdviceEnd("kept", "2026-03-09", "consent", "2026-03-20"),
        ),
        (
            _raw("hold", "lift_unclear", **_NEXT),
            {**_THEN, "valid_until": _ms("2026-03-20")},
            AdviceEnd("consent", "2026-03-20"),
        ),
        # What one more day tells is whether it comes on that weekday again.
        (
            _raw("hold", "lift_unclear", "weekly_habit", **_NEXT),
            {**_THEN, "valid_until": _ms("2026-03-20")},
            AdviceEnd("next", "2026-03-06", "consent", "2026-03-20"),
        ),
        (_raw("hold", "lift_unclear", "weekly_habit", **_NEXT), _NOW, AdviceEnd("seen")),
        (
            _raw("hold", "lift_unclear", "weekly_habit", **_NEXT),
            {**_THEN, "valid_until": _ms("2026-03-06")},
            AdviceEnd("consent", "2026-03-06"),
        ),
        (
            _raw("hold", "learned_abroad", **_NEXT),
            {**_THEN, "valid_until": _ms("2026-03-20")},
            AdviceEnd("learned_abroad", "", "consent", "2026-03-20"),
        ),
    ],
)
def test_the_last_of_what_is_in_the_way_is_what_ends_it(
    raw: dict[str, Any], profile: dict[str, Any], found: AdviceEnd
) -> None:
    assert advice_end(raw, profile) == found
    for language in LANGUAGES:
        words = wording(language).interest(raw, profile)
        assert wording(language).say("again", found.code, date=found.date) in words
        assert (found.last_day or "2026") in words + "2026"


def test_the_first_week_is_that_of_the_day_on_which_it_was_written() -> None:
    """A profile of somebody who was away is written anew without an event."""
    raw = _raw("engage", "still_likely", **_STILL)
    later = {**_NOW, "computed_at": _ms("2026-03-11")}
    assert advice_end(raw, later) == AdviceEnd("stays")
    assert "kept for a week" not in wording("en").interest(raw, later)


def test_of_what_is_paused_no_next_day_is_named() -> None:
    for code in ("care_case", "on_hold", "suppressed"):
        words = wording("en").interest(_raw("hold", code, **_NEXT), _NOW)
        assert "Most likely next" not in words and "2026-03-06" not in words


def _day() -> st.SearchStrategy[str]:
    return st.integers(0, 40).map(lambda days: f"{_TODAY + timedelta(days)}")


@given(
    stance=st.sampled_from(["engage", "hold", "avoid"]),
    codes=st.lists(
        st.sampled_from(
            ["on_hold", "care_case", "suppressed", "declared_dislike", "declared_like"]
            + ["still_likely", "lift_clear", "lift_unclear", "trip_taken", "weekly_habit"]
        ),
        min_size=1,
        unique=True,
    ),
    held=st.lists(
        st.builds(
            _pause,
            st.sampled_from(list(SuppressionReason)),
            st.just("") | _day(),
            st.sampled_from(["216", "all"]),
        ),
        max_size=3,
    ),
    until=st.none() | _day(),
    consent=st.none() | _day(),
    following=st.none() | _day(),
    last=st.integers(0, 20),
)
def test_no_row_says_two_ends_or_a_day_within_a_pause(
    stance: str,
    codes: list[str],
    held: list[dict[str, Any]],
    until: str | None,
    consent: str | None,
    following: str | None,
    last: int,
) -> None:
    raw = _raw(stance, *codes, stance_since="2026-03-02", first_seen="2026-01-01")
    raw |= {"until": _ms(until)} if until else {}
    raw |= {"next": {"date": following, "part": "evening"}} if following else {}
    raw |= {"last_active": f"{_TODAY - timedelta(last)}", "trend": "steady"}
    profile: dict[str, Any] = {**_NOW, "suppressions": held}
    profile |= {"valid_until": _ms(consent)} if consent else {}
    words = wording("en").interest(raw, profile)
    forbidden = stance != "engage" and {*codes} & {
        "on_hold", "care_case", "suppressed", "declared_dislike",
    }  # fmt: skip
    looks = re.findall(r"look again|Look again|check again|No end date", words)
    assert len(looks) == 1, words
    if "Valid today" in words or "No end is set" in words:
        assert not re.search(r"\bends (on|then)|kept for a week", words), words
        # Each pause has its own end, beside one that has none.
        assert "suppressed" in codes or not re.search(r"(?<!customer )until 2026", words), words
    likely = re.search(r"Most likely next[^:]*: \w+, (\S+),", words)
    if likely:
        assert not forbidden and last < 8, words
        assert not consent or likely[1] < consent, words
    if forbidden:
        assert "has stood since" not in words
        ends = [f"{datetime.fromtimestamp(item['until'] / 1000, UTC):%Y-%m-%d}"
                for item in held if item["until"]]  # fmt: skip
        said = re.search(r"It ends on (\S+): look|Look again on (\S+): then the halt", words)
        if said:
            assert all(end <= (said[1] or said[2]) for end in ends), words
            assert not any(
                item["until"] is None for item in held if item["reason"] != "care_case"
            ), words
