"""Decides score, lift, confidence and stance from probability, evidence and declared facts."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.jit import as_int, inlined, njit
from features.models.answer_kernel import Form, answer
from features.models.signals_kernel import AGE, KNOWN_DAYS
from features.models.worth_kernel import ContactWorth, unknown_worth
from features.state.layout import F_DISLIKE, F_ENGAGED, F_LIKE, F_MORNINGS, F_QUIET, F_REMEMBERED
from features.state.rows_kernel import popcount
from features.vocabulary import Stance, Trend

ENGAGE, HOLD, AVOID = map(int, Stance)
NEW, RISING, STEADY, FADING, BURST = map(int, Trend)

_Z = 1.2816  # one-sided 90 %
_PRIOR_DAYS = 7.0  # days of evidence that weigh as much as the base rate
_MOST_DAYS = 28
# Correlation of a row's days with each other, as a share of its score: habits come in spells.
# The likeliest values for the fortnights that followed, with the prior's days: 0.77 and 10 on
# IPTV, 0.57 and 16 in music, 0.91 and 8 on the web.
_SPELLS = 0.75
#: Lift from which an interest may be engaged, the same where only its estimate is as large, and
#: below which it may be avoided. With 1.2 for both, 29 of 30 that were engaged for their estimate,
#: of simulated customers, were what everybody does: search, e-mail, computing; and so were all 27
#: of 80 that stayed engaged at an estimate below twice the rate.
ENGAGE_LIFT, LIKELY_LIFT, AVOID_LIFT = 1.2, 2.0, 0.5
#: Least score where the lift's lower bound is enough, and where only its estimate is.
ENGAGE_SCORE, LIKELY_SCORE = 0.05, 0.5
#: It begins on the evidence of so many of the last seven days, or of that weekday of the last four
#: weeks, and ends where even the upper bound of the score is below `STILL_HIGH` or twice the rate,
#: after `STILL_MORNINGS` mornings at least, unless it is clearly less than others before. Of 722
#: accounts it was back within a week 0.016 times a subject and week, where the score alone decided
#: both 0.179 times, and it is found a day earlier.
#: Ending by the estimate instead, below twice the rate, would make that 0.045.
ENGAGE_DAYS, ENGAGE_WEEKS, STILL_HIGH, STILL_MORNINGS = 4, 4, 0.35, 8
ENGAGE_AGE = 2  # days: a first evening of much may be a whim, or somebody else's
_NEW_DAYS = 3
_BURST_DAYS = 2
# A trend is a forecast: days of the coming week, at tomorrow's score, against those of the last.
# Where the weeks differ, `rising` is right in 59 to 91 % and `fading` in 73 to 97 % (six panels);
# this week against four, as it was, called rising what fell in 70 to 96 %.
# What is said to rise has to be more: at one day, less than half of it came on more days.
_MORE_DAYS, _FEWER_DAYS = 2.0, 1.0
_WEEKDAYS = np.uint64(1 << 6 | 1 << 13 | 1 << 20 | 1 << 27)

#: What decided: nothing that was measured; engaged, for the lift's lower bound is clear, for it is
#: likely, for it was engaged and may still be likely enough; avoided, for it proved to be rare;
#: held, for the lift is unclear, the score small, the days too few, a contact not worth it.
(
    RULE_NONE, RULE_CLEAR, RULE_LIKELY, RULE_STILL, RULE_SMALL, RULE_UNCLEAR, RULE_RARE, RULE_NEW,
    RULE_UNWORTHY, RULE_TRIED,
) = range(10)  # fmt: skip

#: What is decided of a row: the interval of its score assumes so many independent days (trials),
#: and ends at so many times the population's rate (high).
DECISION: Final = np.dtype([
    ("score", "f8"), ("lift", "f8"), ("confidence", "f8"), ("stance", "i8"), ("trials", "f8"),
    ("high", "f8"),
    # Of the attention of the next week, and its bounds: `features.models.attention_kernel`.
    ("share", "f8"), ("share_low", "f8"), ("share_high", "f8"),
])  # fmt: skip


class Policy(NamedTuple):
    """The model and base rates that rows are scored with, fixed between two closes."""

    form: Form
    rate: NDArray[np.float64]  # shape (interests,): share of subjects that engage on a day
    log_odds: NDArray[np.float64]  # shape (interests,)
    trained: int  # 0: too few labels yet, the population and the subject's frequency answer
    powers: NDArray[np.float64]  # shape (POWERS,): what an interest's share is made of
    rare: float  # a score below it proved to be as rare as what is avoided has to be
    worth: ContactWorth = unknown_worth()


@inlined
def trials(score: float, evidence: int) -> Any:
    """Independent days that a score is worth: those of the evidence, at most 28, and 7 before any.

    Days of a row are not independent, so n of them count for ``n / (1 + (n - 1) * rho)`` (Kish's
    design effect), where rho grows with the score. However long it was observed, a row is worth
    no more than four thirds of an engaged day. Days on which the subject was away count nothing.
    """
    n = np.float64(min(evidence, _MOST_DAYS)) + _PRIOR_DAYS
    return n / (1.0 + (n - 1.0) * _SPELLS * score)


@inlined
def bounds(score: float, evidence: int) -> Any:
    """Lower and upper bound of a score, each at 90 %: a Beta in normal approximation."""
    spread = _Z * np.sqrt(score * (1.0 - score) / trials(score, evidence))
    return max(0.0, score - spread), min(1.0, score + spread)


@inlined
def has_days(bits: Any) -> bool:
    """Whether the days before a morning are those of a habit, which one evening is not."""
    return (
        popcount(bits & np.uint64(0x7F)) >= ENGAGE_DAYS
        or popcount(bits & _WEEKDAYS) >= ENGAGE_WEEKS
    )


@inlined
def confidence_of(score: float, evidence: int) -> Any:
    """Measure how exactly a score is known: one half where its standard error is as large as it.

    It is ``1 / (1 + c**2)``, `c` being the coefficient of variation. What was seen once and not
    again is known to be rare, and by how much it is not: its lift is worth little.
    """
    hits = score * trials(score, evidence)
    return hits / (hits + 1.0 - score)


@inlined
def decide(
    policy: Policy,
    vector: Any,
    bits: Any,
    age: int,
    evidence: int,
    interest: int,
    flags: int,
    held: bool,
) -> Any:
    """Score, confidence, stance and deciding rule of one interest, and its score's bounds.

    Parameters
    ----------
    age : int
        Days since the row's first.
    evidence : int
        Active days of the subject after it.
    flags : int
        Of the row, ``F_...``.
    held : bool
        Whether nothing is to be engaged.
    """
    if policy.trained:
        score = answer(policy.form, vector, interest)
    else:
        days = np.float64(min(age, 7))
        hits = popcount(bits & np.uint64(0x7F))
        score = (hits + _PRIOR_DAYS * policy.rate[interest]) / (days + _PRIOR_DAYS)
    if bits == 0 and age <= KNOWN_DAYS and not flags & F_LIKE:
        # Never engaged with, whatever came: no model has learned such a row.
        score = min(score, policy.rate[interest], ENGAGE_SCORE)
    score = min(0.9999, max(0.0001, score))
    low, high = bounds(score, evidence)
    rule = _rule(policy, score, low, high, age, interest, flags, bits)
    stance = HOLD
    if RULE_NONE < rule <= RULE_STILL:
        stance = ENGAGE
    elif rule == RULE_SMALL:
        stance = AVOID
    if flags & F_LIKE and stance != ENGAGE:
        stance, rule = ENGAGE, RULE_NONE
    if flags & (F_DISLIKE | F_QUIET):
        stance, rule = AVOID, RULE_NONE
    if held and stance == ENGAGE:
        stance, rule = HOLD, RULE_NONE
    return score, confidence_of(score, evidence), stance, rule, low, high


@inlined
def _rule(
    policy: Policy,
    score: float,
    low: float,
    high: float,
    age: int,
    interest: int,
    flags: int,
    bits: Any,
) -> int:
    """The rule that decides by a number.

    What is likely and what was engaged is taken at the estimate's word: scores are calibrated for
    the day they speak of, and an interval wide enough for the fortnight after it says no more of
    that day.
    """
    rate = policy.rate[interest]
    clear = low >= ENGAGE_LIFT * rate and score >= ENGAGE_SCORE
    likely = score >= LIKELY_LIFT * rate and score >= LIKELY_SCORE
    if age >= ENGAGE_AGE and has_days(bits):
        if clear:
            return RULE_CLEAR
        if likely:
            return RULE_LIKELY
    still = flags & F_MORNINGS or high >= max(STILL_HIGH, LIKELY_LIFT * rate)
    if flags & F_ENGAGED and still and high >= rate:
        return RULE_STILL
    if high < AVOID_LIFT * rate and score < policy.rare:
        return RULE_SMALL
    if clear or likely:
        return RULE_NEW
    return RULE_UNCLEAR if low < ENGAGE_LIFT * rate else RULE_RARE


@njit
def decide_rows(
    policy: Policy, x: Any, interest: Any, evidence: Any, known: Any, bits: Any, out: Any
) -> None:
    """`decide`, row by row, as if nothing was declared.

    Parameters
    ----------
    x : ndarray of float64, shape (n, SIGNALS)
    interest : ndarray of uint16, shape (n,)
    evidence : ndarray of uint8, shape (n,)
    known : ndarray of uint16, shape (n,)
    bits : ndarray of uint64, shape (n,)
    out : ndarray of DECISION, shape (n,)
    """
    for i in range(x.shape[0]):
        age = int(np.round(np.exp(4.0 * x[i, AGE]) - 1.0))
        of, days = as_int(interest[i]), as_int(evidence[i])
        score, confidence, stance, _, _, high = decide(
            policy, x[i], bits[i], age, days, of, as_int(known[i]) & F_REMEMBERED, False
        )
        said = out[i]
        said.score = score
        said.lift = score / policy.rate[of]
        said.confidence = confidence
        said.stance = stance
        said.trials = trials(score, days)
        said.high = high / policy.rate[of]


@inlined
def trend(levels: Any, bits: Any, age: int, score: float) -> int:
    """Trend of an interest: whether the coming week will have more days of it than the last.

    Under a steady habit the level of half-life *h* is proportional to *h*, so a burst shows in
    levels compared per day of half-life. What comes back on the same weekday is steady, for
    tomorrow's score is that of its day.
    """
    recent = popcount(bits & np.uint64(0x7F))
    before = popcount((bits >> np.uint64(7)) & np.uint64(0x1FFFFF))
    short = levels[0] / 1.44
    middle = levels[1] / 10.1
    if age <= _NEW_DAYS:
        return NEW
    if short > 3.0 * middle and recent <= _BURST_DAYS and before <= 1:
        return BURST
    if popcount(bits & _WEEKDAYS) >= 2 and recent <= 2:
        return STEADY
    expected = score * min(7, age)
    if expected >= recent + _MORE_DAYS:
        return RISING
    if expected <= recent - _FEWER_DAYS:
        return FADING
    return STEADY
