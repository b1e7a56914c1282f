"""Writes the reasons of an interest as JSON: the rule that decided, what was measured and said."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.jit import as_int, inlined
from features.models.stance_kernel import (
    AVOID_LIFT,
    ENGAGE_DAYS,
    ENGAGE_LIFT,
    ENGAGE_SCORE,
    LIKELY_SCORE,
    RULE_CLEAR,
    RULE_LIKELY,
    RULE_NONE,
    RULE_RARE,
    RULE_SMALL,
    RULE_STILL,
    RULE_TRIED,
    RULE_UNCLEAR,
    RULE_UNWORTHY,
    STILL_HIGH,
)
from features.profiles.json_kernel import put, put_hundredths, put_int, put_probability
from features.state.layout import F_DISLIKE, F_LIKE, F_QUIET, S_CARE, S_HOLD
from features.state.rows_kernel import days_before, popcount
from features.vocabulary import ReasonCode


def as_text(text: str) -> NDArray[np.uint8]:
    """Bytes of a text, as kernels take it."""
    return np.frombuffer(text.encode(), np.uint8)


_REASONS = as_text(',"reasons":[')
_CLOSE_OBJECT = as_text("}")
_CLOSE_LIST = as_text("]}")


def _reason(code: ReasonCode, value: str = "") -> NDArray[np.uint8]:
    return as_text(f'}},{{"code":"{code}","value":{value}')


def _rule(code: ReasonCode, name: str, needs: float) -> tuple[NDArray[np.uint8], ...]:
    """Text before and behind a number that decided."""
    before = f'{{"code":"{code}","value":{{"{name}":'
    return as_text(before), as_text(f',"needs":{needs:g}}}}},')


_CLEAR = _rule(ReasonCode.LIFT_CLEAR, "low", ENGAGE_LIFT)
_LIKELY = _rule(ReasonCode.LIKELY, "score", LIKELY_SCORE)
_STILL = _rule(ReasonCode.STILL_LIKELY, "score", STILL_HIGH)
_STILL_DAYS = as_text(f',"needs":{STILL_HIGH:g},"days":')
_UNCLEAR = _rule(ReasonCode.LIFT_UNCLEAR, "low", ENGAGE_LIFT)
_SMALL = _rule(ReasonCode.LIFT_SMALL, "high", AVOID_LIFT)
_RARE = _rule(ReasonCode.TOO_RARE, "score", ENGAGE_SCORE)
_NEW = _rule(ReasonCode.TOO_NEW, "days", ENGAGE_DAYS)
_UNWORTHY = _rule(ReasonCode.NOT_WORTH_IT, "loss", 0)
_TRIED = as_text(f'{{"code":"{ReasonCode.TRIED}","value":{{"propensity":')
_END_OF_RULE = as_text("}},")
_WHY_DAYS = as_text(f'{{"code":"{ReasonCode.ACTIVE_DAYS_28}","value":')
_WHY_SHARE = _reason(ReasonCode.SHARE_7D)
_WHY_HABIT = _reason(ReasonCode.WEEKLY_HABIT)
_WHY_LIKE = _reason(ReasonCode.DECLARED_LIKE, "1")
_WHY_DISLIKE = _reason(ReasonCode.DECLARED_DISLIKE, "1")
_WHY_QUIET = _reason(ReasonCode.SUPPRESSED, "1")
_WHY_CARE = _reason(ReasonCode.CARE_CASE, "1")
_WHY_HOLD = _reason(ReasonCode.ON_HOLD, "1")
_WHY_FEW = _reason(ReasonCode.FEW_DATA)
_WHY_SHARED = _reason(ReasonCode.SEEN_ON_SHARED_SCREEN)
_WHY_ELSE = _reason(ReasonCode.SOMEBODY_ELSE)
_WHY_TRIP = _reason(ReasonCode.LEARNED_ABROAD)
_WHY_TAKEN = _reason(ReasonCode.TRIP_TAKEN)
#: Days before a row's own of which the bitmap holds the week before.
_KNOWN_DAYS = 53
#: Days for which an interest is known before a weekday can be its habit: three of that weekday.
HABIT_AGE = 21
#: A smaller share that was seen on a shared screen, or gathered abroad, is not said.
LEAST_SHARE = 0.01


@inlined
def write_reasons(out: Any, n: int, row: Any, day: int, best: Any, held: int) -> int:
    """Write why an interest has its stance; the deciding rule first, with its numbers."""
    active = popcount(days_before(row, day) & np.uint64(0xFFFFFFF))
    n = _write_rule(out, put(out, n, _REASONS), row, best)
    n = put(out, n, _WHY_DAYS)
    n = put_int(out, n, active)
    n = put(out, n, _WHY_SHARE)
    n = put_hundredths(out, n, best.share_7d)
    # What comes as often on other days is no habit of that one, nor is what came for two weeks.
    if best.age >= HABIT_AGE and best.weekly_habit >= 0.5 and best.weekly_habit * 14.0 >= active:
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
    if best.attributed >= LEAST_SHARE:
        n = put_hundredths(out, put(out, n, _WHY_SHARED), best.attributed)
    if best.elses > 0.0:
        n = put_hundredths(out, put(out, n, _WHY_ELSE), best.elses)
    if best.trip > 0.0:
        n = put_hundredths(out, put(out, n, _WHY_TRIP), best.trip)
    if best.taken > 0:
        n = put_int(out, put(out, n, _WHY_TAKEN), as_int(best.taken))
    n = put(out, n, _CLOSE_OBJECT)
    return put(out, n, _CLOSE_LIST)


@inlined
def _days_then(row: Any, since: int) -> int:
    """Days of a row of the seven up to a day, or up to the eve of it; 0 where they are forgotten.

    What is said first on a day was decided that morning or, of the next one, in its course.
    """
    if since < as_int(row.day) - _KNOWN_DAYS:
        return 0
    bits = days_before(row, since + 1)
    return max(popcount(bits & np.uint64(0x7F)), popcount(bits >> np.uint64(1) & np.uint64(0x7F)))


@inlined
def _write_rule(out: Any, n: int, row: Any, best: Any) -> int:
    """The rule that decided by a number, none where a declared fact did."""
    rule = best.rule
    if rule == RULE_NONE:
        return n
    if rule == RULE_CLEAR:
        return put(out, put_hundredths(out, put(out, n, _CLEAR[0]), best.low), _CLEAR[1])
    if rule == RULE_SMALL:
        return put(out, put_hundredths(out, put(out, n, _SMALL[0]), best.high), _SMALL[1])
    if rule == RULE_UNCLEAR:
        return put(out, put_hundredths(out, put(out, n, _UNCLEAR[0]), best.low), _UNCLEAR[1])
    if rule == RULE_LIKELY:
        return put(out, put_probability(out, put(out, n, _LIKELY[0]), best.score), _LIKELY[1])
    if rule == RULE_STILL:
        at_most = best.high * best.score / best.lift
        n = put_probability(out, put(out, n, _STILL[0]), at_most)
        days = _days_then(row, as_int(best.since))
        if days < ENGAGE_DAYS:  # it began on the days of a weekday, or was said later
            return put(out, n, _STILL[1])
        return put(out, put_int(out, put(out, n, _STILL_DAYS), days), _END_OF_RULE)
    if rule == RULE_UNWORTHY:
        return put(out, put_hundredths(out, put(out, n, _UNWORTHY[0]), -best.gain), _UNWORTHY[1])
    if rule == RULE_TRIED:
        return put(out, put_probability(out, put(out, n, _TRIED), best.gain), _END_OF_RULE)
    if rule == RULE_RARE:
        return put(out, put_probability(out, put(out, n, _RARE[0]), best.score), _RARE[1])
    return put(out, put_int(out, put(out, n, _NEW[0]), as_int(best.week)), _NEW[1])
