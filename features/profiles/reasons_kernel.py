"""Writes the reasons of an interest as JSON: the rule that decided, what was measured and said."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.jit import as_int, inlined
from features.models.stance_kernel import (
    _AVOID_LIFT,
    _ENGAGE_AGE,
    _ENGAGE_LIFT,
    _ENGAGE_SCORE,
    AVOID,
    ENGAGE,
)
from features.profiles.json_kernel import put, put_hundredths, put_int, put_probability
from features.state.layout import F_DISLIKE, F_LIKE, F_QUIET, S_CARE, S_HOLD
from features.state.rows_kernel import days_before, popcount
from features.vocabulary import ReasonCode


def as_text(text: str) -> NDArray[np.uint8]:
    """Bytes of a text, as kernels take it."""
    return np.frombuffer(text.encode(), np.uint8)


_REASONS = as_text('","reasons":[')
_CLOSE_OBJECT = as_text("}")
_CLOSE_LIST = as_text("]}")


def _reason(code: ReasonCode, value: str = "") -> NDArray[np.uint8]:
    return as_text(f'}},{{"code":"{code}","value":{value}')


def _rule(code: ReasonCode, name: str, needs: float) -> tuple[NDArray[np.uint8], ...]:
    """Text before and behind a number that decided."""
    before = f'{{"code":"{code}","value":{{"{name}":'
    return as_text(before), as_text(f',"needs":{needs:g}}}}},')


_RULE_CLEAR = _rule(ReasonCode.LIFT_CLEAR, "low", _ENGAGE_LIFT)
_RULE_UNCLEAR = _rule(ReasonCode.LIFT_UNCLEAR, "low", _ENGAGE_LIFT)
_RULE_SMALL = _rule(ReasonCode.LIFT_SMALL, "high", _AVOID_LIFT)
_RULE_RARE = _rule(ReasonCode.TOO_RARE, "score", _ENGAGE_SCORE)
_RULE_NEW = _rule(ReasonCode.TOO_NEW, "days", _ENGAGE_AGE)
_WHY_DAYS = as_text(f'{{"code":"{ReasonCode.ACTIVE_DAYS_28}","value":')
_WHY_SHARE = _reason(ReasonCode.SHARE_7D)
_WHY_HABIT = _reason(ReasonCode.WEEKLY_HABIT)
_WHY_LIKE = _reason(ReasonCode.DECLARED_LIKE, "1")
_WHY_DISLIKE = _reason(ReasonCode.DECLARED_DISLIKE, "1")
_WHY_QUIET = _reason(ReasonCode.SUPPRESSED, "1")
_WHY_CARE = _reason(ReasonCode.CARE_CASE, "1")
_WHY_HOLD = _reason(ReasonCode.ON_HOLD, "1")
_WHY_FEW = _reason(ReasonCode.FEW_DATA)


@inlined
def write_reasons(out: Any, n: int, row: Any, day: int, best: Any, held: int) -> int:
    """Write why an interest has its stance; the deciding rule first, with its numbers."""
    bits = days_before(row, day)
    n = _write_rule(out, put(out, n, _REASONS), as_int(row.known), best, held)
    n = put(out, n, _WHY_DAYS)
    n = put_int(out, n, popcount(bits & np.uint64(0xFFFFFFF)))
    n = put(out, n, _WHY_SHARE)
    n = put_hundredths(out, n, best.share_7d)
    if best.weekly_habit >= 0.5:
        n = put(out, n, _WHY_HABIT)
        n = put_hundredths(out, n, best.weekly_habit)
    if row.known & F_LIKE:
        n = put(out, n, _WHY_LIKE)
    if row.known & F_DISLIKE:
        n = put(out, n, _WHY_DISLIKE)
    if row.known & F_QUIET:
        n = put(out, n, _WHY_QUIET)
    if held & S_CARE:
        n = put(out, n, _WHY_CARE)
    if held & S_HOLD:
        n = put(out, n, _WHY_HOLD)
    age = day - as_int(row.first)
    if age < 7:
        n = put(out, n, _WHY_FEW)
        n = put_int(out, n, age)
    n = put(out, n, _CLOSE_OBJECT)
    return put(out, n, _CLOSE_LIST)


@inlined
def _write_rule(out: Any, n: int, known: int, best: Any, held: int) -> int:
    """The rule that decided by a number, none where a declared fact did."""
    sure = best.low >= _ENGAGE_LIFT and best.score >= _ENGAGE_SCORE and best.age >= _ENGAGE_AGE
    if known & (F_DISLIKE | F_QUIET):
        return n
    if sure or known & F_LIKE:
        if best.stance != ENGAGE or not sure:
            return n
        n = put_hundredths(out, put(out, n, _RULE_CLEAR[0]), best.low)
        return put(out, n, _RULE_CLEAR[1])
    if best.stance == AVOID:
        n = put_hundredths(out, put(out, n, _RULE_SMALL[0]), best.high)
        return put(out, n, _RULE_SMALL[1])
    if best.low < _ENGAGE_LIFT:
        n = put_hundredths(out, put(out, n, _RULE_UNCLEAR[0]), best.low)
        return put(out, n, _RULE_UNCLEAR[1])
    if best.score < _ENGAGE_SCORE:
        n = put_probability(out, put(out, n, _RULE_RARE[0]), best.score)
        return put(out, n, _RULE_RARE[1])
    n = put_int(out, put(out, n, _RULE_NEW[0]), best.age)
    return put(out, n, _RULE_NEW[1])
