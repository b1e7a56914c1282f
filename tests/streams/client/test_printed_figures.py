"""Who reads a printed profile finds no figure and no date that speaks against what it says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.client.words import LANGUAGES
from tests.oracle import stance as twin_stance
from tests.support.printed_profiles import faults, printed

_DAY_MS = 86_400_000
#: Late on the Sunday by the customer's clock, and on the operator's.
_SEEN = int(datetime(2019, 4, 7, 20, 36, tzinfo=UTC).timestamp() * 1000)
_SUNDAY = date(2019, 4, 7)
_BITS = st.sets(st.integers(1, 28))


def _day(back: int) -> str:
    return f"{_SUNDAY - timedelta(back)}"


def _profile(*rows: dict[str, Any], written: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "subject": "acc-1",
        "version": 3,
        "as_of": _SEEN,
        "computed_at": _SEEN + written,
        "context": {"roaming": False, "country": None, "tz_offset_min": 60},
        "interests": list(rows),
        "suppressions": [],
        "contactable": {},
        "evidence": {"events": 30, "days": 20, "sources": ["tv"]},
        **fields,
    }


def _row(
    score: float, rate: float, evidence: int, back: set[int], memory: tuple[bool, int], held: str
) -> dict[str, Any]:
    """An interest as a partition writes it, decided by the slow twin of its rules."""
    decided = twin_stance.rule(score, rate, 28, evidence, back, *memory)
    stance, rule = twin_stance.decision(decided, set(), bool(held))
    low, high = twin_stance.interval(score, evidence)
    unit = 0.05 if score >= 0.05 else 0.005
    reasons: list[dict[str, Any]] = []
    values: dict[str, dict[str, Any]] = {
        "lift_clear": {"low": round(low / rate, 2), "needs": 1.2},
        "lift_unclear": {"low": round(low / rate, 2), "needs": 1.2},
        "likely": {"score": round(score, 4), "needs": 0.5},
        "still_likely": {"score": round(high, 4), "needs": 0.35},
        "too_rare": {"score": round(score, 4), "needs": 0.05},
        "too_new": {"days": len(back & {*range(1, 8)}), "needs": 4},
    }
    if rule in values:
        reasons.append({"code": rule, "value": values[rule]})
    reasons.append({"code": "active_days_28", "value": len(back)})
    if held:
        reasons.append({"code": held, "value": 1})
    began = 3 if memory[1] else 12
    return {
        "id": "483",
        "name": "Sports",
        "score": round(max(0.0001, round(score / unit) * unit), 4),
        "lift": round(score / rate, 2),
        "confidence": round(twin_stance.confidence(score, evidence), 2),
        "trend": "steady",
        "first_seen": _day(27),
        "last_active": _day(min(back, default=28) - 1),
        "dayparts": {},
        "sources": {"tv": 1.0},
        "stance": stance,
        "stance_since": _day(began),
        "reasons": reasons,
    }


@given(
    score=st.floats(0.001, 0.999),
    rate=st.floats(0.002, 0.6),
    evidence=st.integers(0, 40),
    back=_BITS,
    memory=st.sampled_from([(False, 0), (True, 0), (True, 5)]),
    held=st.sampled_from(["", "care_case", "on_hold"]),
    written=st.integers(0, 3 * _DAY_MS),
)
def test_no_row_speaks_against_the_rule_that_it_says(
    score: float,
    rate: float,
    evidence: int,
    back: set[int],
    memory: tuple[bool, int],
    held: str,
    written: int,
) -> None:
    raw = _profile(_row(score, rate, evidence, back, memory, held), written=written)
    for language in LANGUAGES:
        text = printed(raw, language)
        assert not list(faults(text, language)), text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("held", ["care_case", "on_hold"])
def test_what_was_clear_before_a_halt_is_said_with_what_ends_it(held: str, language: str) -> None:
    """Video Gaming of a customer with a fault: at worst 1 %, and yet it would be talked about."""
    row = _row(0.3, 0.0625, 23, {4, 6, 8, 10, 12, 14, 16, 20, 24}, (True, 0), held)
    text = printed(_profile(row), language)
    assert not list(faults(text, language)), text
    assert ("now 59%, falls below 35%" in text) or ("jetzt 59 %, unter 35 % fällt" in text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("written", "days"), [(0, 16), (4 * 3_600_000, 16), (30 * 3_600_000, 17), (9 * _DAY_MS, 24)]
)
def test_days_are_counted_to_the_day_of_the_heading(written: int, days: int, language: str) -> None:
    """A profile that is written after midnight has the day before in its heading."""
    row = _row(0.3, 0.05, 23, {3, 7, *range(17, 24)}, (True, 0), "")
    row |= {"last_active": _day(16), "stance_since": f"{_SUNDAY + timedelta(written // _DAY_MS)}"}
    text = printed(_profile(row, written=written), language)
    assert not list(faults(text, language)), text
    assert f"last seen {days} days ago" in text or f"zuletzt vor {days} Tagen gesehen" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_advice_of_the_next_day_is_not_said_to_begin_then(language: str) -> None:
    row = {**_row(0.1, 0.07, 1, {1}, (False, 0), ""), "stance_since": _day(-1)}
    text = printed(_profile(row, written=3 * 3_600_000), language)
    assert not list(faults(text, language)), text
    assert "2019-04-08" not in text


@pytest.mark.parametrize(
    ("language", "row"),
    [
        ("en", "Talk about it: at worst the chance is 5%, an offer takes at least 6% at worst"),
        ("en", "Wait: at worst the chance is 7%, an offer takes at least 6% at worst"),
        ("en", "Without that, one would talk about it."),
        ("en", "The interest itself is strong enough: now 30%, falls below 35%"),
        ("en", "Wait. First seen on 2019-03-04, last on 2019-03-22; last seen 17 days ago"),
        ("en", "Wait. This advice is new, from 2019-04-08 on."),
        ("en", "Wait until {until}"),
        ("de", "Das Interesse selbst reicht für ein Angebot: jetzt 30 %, unter 35 % fällt"),
        ("de", "Abwarten. Dieser Rat ist neu, ab 2019-04-08."),
    ],
)
def test_a_fault_is_found(language: str, row: str) -> None:
    heading = {"en": "acc-1, version 3, at", "de": "acc-1, Version 3, Stand"}[language]
    text = f"{heading} 2019-04-07 22:36 (UTC+01:00)\n│ Sports │ about 30% │ {row} │"
    assert len(list(faults(text, language))) == 1
