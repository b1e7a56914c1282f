"""Decides score, lift, confidence and stance from probability, evidence and declared facts."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.jit import as_int, inlined, njit
from features.models.answer_kernel import Form, answer
from features.models.signals_kernel import AGE, KNOWN_DAYS
from features.state.layout import F_DISLIKE, F_LIKE, F_QUIET
from features.state.rows_kernel import popcount
from features.vocabulary import Stance, Trend

ENGAGE, HOLD, AVOID = map(int, Stance)
NEW, RISING, STEADY, FADING, BURST = map(int, Trend)

_Z = 1.2816  # one-sided 90 %
_PRIOR_DAYS = 7.0  # days of evidence that weigh as much as the base rate
_MOST_DAYS = 28
# Correlation of a row's days with each other, as a share of its score: habits come in spells.
# At 0.75 four in five intervals hold the fortnight after them for scores up to 0.45 (0 holds
# one half from 0.2 on; `interest-streams quality` prints it), and seven in ten engagements are
# right on the bundled tags' interests, against four in ten.
_SPELLS = 0.75
_ENGAGE_LIFT, _AVOID_LIFT = 1.2, 0.5
_ENGAGE_SCORE = 0.05
_ENGAGE_AGE = 2  # days: a first evening of much may be a whim, or somebody else's
_NEW_DAYS = 3
_BURST_DAYS = 2
# A trend is a forecast: days of the coming week, at tomorrow's score, against those of the last.
# Where the weeks differ, `rising` is right in 59 to 91 % and `fading` in 73 to 97 % (six panels);
# this week against four, as it was, called rising what fell in 70 to 96 %.
_TREND_DAYS = 1.0
_WEEKDAYS = np.uint64(1 << 6 | 1 << 13 | 1 << 20 | 1 << 27)
_ONCE_ENGAGED = np.uint64(1 << 20)


#: What is decided of a row: the interval of its score assumes so many independent days (trials).
DECISION: Final = np.dtype([
    ("score", "f8"), ("lift", "f8"), ("confidence", "f8"), ("stance", "i8"), ("trials", "f8"),
])  # fmt: skip


class Policy(NamedTuple):
    """The model and base rates that rows are scored with, fixed between two closes."""

    form: Form
    rate: NDArray[np.float64]  # shape (interests,): share of subjects that engage on a day
    log_odds: NDArray[np.float64]  # shape (interests,)
    trained: int  # 0: too few labels yet, the population and the subject's frequency answer


@inlined
def trials(score: float, age: int) -> Any:
    """Independent days that a score is worth: those observed, at most 28, and the prior's 7.

    Days of a row are not independent, so n of them count for ``n / (1 + (n - 1) * rho)`` (Kish's
    design effect), where rho grows with the score. However long it was observed, a row is worth
    no more than four thirds of an engaged day.
    """
    n = np.float64(min(max(age, 0), _MOST_DAYS)) + _PRIOR_DAYS
    return n / (1.0 + (n - 1.0) * _SPELLS * score)


@inlined
def decide(
    policy: Policy, vector: Any, bits: Any, age: int, interest: int, flags: int, held: bool
) -> Any:
    """Score, lift, confidence and stance of one interest.

    The lower and upper bounds of the score are those of a Beta posterior in normal
    approximation with as many `trials`.
    """
    if policy.trained:
        score = answer(policy.form, vector, interest)
    else:
        days = np.float64(min(age, 7))
        hits = popcount(bits & np.uint64(0x7F))
        score = (hits + _PRIOR_DAYS * policy.rate[interest]) / (days + _PRIOR_DAYS)
    if bits == 0 and age <= KNOWN_DAYS and not flags & F_LIKE:
        # Never engaged with, whatever came: no model has learned such a row.
        score = min(score, policy.rate[interest], _ENGAGE_SCORE)
    score = min(0.9999, max(0.0001, score))
    lift = score / policy.rate[interest]
    days = np.float64(min(max(age, 0), _MOST_DAYS))
    confidence = days / (days + _PRIOR_DAYS)
    spread = _Z * np.sqrt(score * (1.0 - score) / trials(score, age))
    low = max(0.0, score - spread) / policy.rate[interest]
    high = min(1.0, score + spread) / policy.rate[interest]
    stance = HOLD
    sure = low >= _ENGAGE_LIFT and score >= _ENGAGE_SCORE and age >= _ENGAGE_AGE
    if sure or flags & F_LIKE:
        stance = ENGAGE
    elif high < _AVOID_LIFT:
        stance = AVOID
    if flags & (F_DISLIKE | F_QUIET):
        stance = AVOID
    if held and stance == ENGAGE:
        stance = HOLD
    return score, lift, confidence, stance


@njit
def decide_rows(policy: Policy, x: Any, interest: Any, out: Any) -> None:
    """`decide`, row by row, where nothing was declared; for measuring.

    Parameters
    ----------
    x : ndarray of float64, shape (n, SIGNALS)
    interest : ndarray of uint16, shape (n,)
    out : ndarray of DECISION, shape (n,)
    """
    for i in range(x.shape[0]):
        age = int(np.round(np.exp(4.0 * x[i, AGE]) - 1.0))
        score, lift, confidence, stance = decide(
            policy, x[i], _ONCE_ENGAGED, age, as_int(interest[i]), 0, False
        )
        said = out[i]
        said.score = score
        said.lift = lift
        said.confidence = confidence
        said.stance = stance
        said.trials = trials(score, age)


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
    if expected >= recent + _TREND_DAYS:
        return RISING
    if expected <= recent - _TREND_DAYS:
        return FADING
    return STEADY
