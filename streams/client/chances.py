"""Works out what the chance of an interest is at worst and at best, and what it is held against.

Each bound holds nine times in ten. Where a bound decided, a reason says it, and it is taken from
there; else it follows from the score and its confidence, as the one that decided did.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeGuard

#: From so many times the average customer's chance on it is said to be more.
MORE = 1.2
#: From this chance on so many times the average customer's, as estimated, are enough to engage.
LIKELY, TWICE = 0.5, 2
#: Least chance of an offer that is made for its worst case.
LEAST = 0.05
#: What was engaged is kept for so many days at least, and on from this best chance.
KEPT_DAYS, KEPT_FROM = 7, 0.35
#: From so many times on they are said in whole numbers.
_WHOLE = 10.0
#: By so much a best chance may be below itself, made of rounded figures.
_ROUNDED = 0.05
_HALF = 0.005  # of the last place of a lift and a confidence
_NINE_IN_TEN = 1.2816  # standard errors, one-sided


class ChanceBounds(NamedTuple):
    """Bounds of a chance, at worst and at best, each nine times in ten; 0..1."""

    low: float
    high: float


def chance_bounds(raw: Mapping[str, Any]) -> ChanceBounds | None:
    """Bounds of the chance of an interest (JSON); None where it says too little.

    Examples
    --------
    >>> chance_bounds({"score": 0.5, "confidence": 0.7})
    ChanceBounds(low=0.08..., high=0.91...)
    """
    score, confidence = raw.get("score"), raw.get("confidence")
    if not is_figure(score) or not is_figure(confidence) or not 0.0 <= score <= 1.0:
        return None
    spread = score * math.sqrt(1.0 / min(1.0, max(confidence, 0.01)) - 1.0)
    low = max(0.0, score - _NINE_IN_TEN * spread)
    high = min(1.0, score + _NINE_IN_TEN * spread)
    lift = raw.get("lift")
    for code, value in measured_reasons(raw):
        if code in ("lift_clear", "lift_unclear") and is_figure(lift) and lift > 0.0:
            said = value.get("low")
            low = min(score, max(0.0, said * score / lift)) if is_figure(said) else low
        if code == "still_likely" and is_figure(said := value.get("score")):
            high = max(score, min(1.0, said))
    return ChanceBounds(low, high)


def is_just_below(raw: Mapping[str, Any]) -> bool:
    """Whether the chance of an interest (JSON) was rounded up to what an offer takes."""
    score, lift = raw.get("score"), raw.get("lift")
    waits = any(code == "lift_unclear" for code, _ in measured_reasons(raw))
    enough = is_figure(lift) and lift >= TWICE
    return waits and enough and is_figure(score) and abs(score - LIKELY) < 0.005


def kept_down_to(score: Any, lift: Any, needs: float) -> float:
    """Best chance below which what is engaged is given up: `needs`, or twice the average's."""
    if not is_figure(score) or not is_figure(lift) or lift <= 0.0:
        return needs
    return max(needs, TWICE * score / lift)


class Margin(NamedTuple):
    """Hold what decides on an offer, in chances, 0..1.

    Attributes
    ----------
    low : float
        The chance at worst.
    rate : float
        That of the average customer.
    needs : float
        What an offer takes at worst.
    """

    low: float
    rate: float
    needs: float


def margin(raw: Mapping[str, Any], low: Any = None, needs: Any = MORE) -> Margin | None:
    """Work out what an offer of an interest (JSON) takes at worst, and has; None if unknown.

    Parameters
    ----------
    raw : mapping of str to object
    low, needs : object
        What decided, in times of the average customer's chance; `low` else by the confidence.

    Examples
    --------
    >>> margin({"score": 0.5, "lift": 4.0}, 0.5, 1.5)
    Margin(low=0.0625, rate=0.125, needs=0.1875)
    """
    score, lift = raw.get("score"), raw.get("lift")
    if not is_figure(score) or not is_figure(lift) or lift <= 0.0 or not is_figure(needs):
        return None
    rate = score / lift
    if is_figure(low):
        return Margin(min(score, max(0.0, low * rate)), rate, needs * rate)
    found = chance_bounds(raw)
    return Margin(found.low, rate, needs * rate) if found else None


def nearer_way(raw: Mapping[str, Any], found: Margin) -> str:
    """By which way an interest (JSON) that has a `margin` comes nearer to an offer.

    Returns
    -------
    str
        worst, by what the chance is at worst, or likely, by the chance as estimated.
    """
    score, lift = raw["score"], raw["lift"]
    worst = min(found.low / found.needs if found.needs > 0.0 else 1.0, score / LEAST)
    return "likely" if min(score / LIKELY, lift / TWICE) >= min(1.0, worst) else "worst"


def meets_chance(raw: Mapping[str, Any]) -> bool | None:
    """Whether the chance of an interest (JSON) is as an offer takes it, whatever its days.

    None where its figures, which are rounded, leave it open.
    """
    score, lift, confidence = raw.get("score"), raw.get("lift"), raw.get("confidence")
    if not is_figure(score) or not is_figure(lift) or lift <= _HALF:
        return None
    least, most = 0.0, lift
    if is_figure(confidence):
        ends = (
            margin({"score": 1.0, "lift": lift + d, "confidence": confidence + d})
            for d in (-_HALF, _HALF)
        )
        least, most = (end.low / end.needs if end else 0.0 for end in ends)
    clear = _both(_reaches(least, most, 1.0), _reaches(score, score, LEAST))
    twice = _reaches(lift - _HALF, lift + _HALF, TWICE)
    likely = _both(twice, _reaches(score, score, LIKELY))
    if clear or likely:
        return True
    return None if clear is None or likely is None else False


def _reaches(least: float, most: float, needs: float) -> bool | None:
    """Whether a figure between two is as great as needed; just as great may be rounded."""
    return True if least > needs else False if most < needs else None


def _both(one: bool | None, other: bool | None) -> bool | None:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def strength(raw: Mapping[str, Any]) -> str:
    """By what an interest (JSON) that is as strong as an offer takes is so; empty if unknown.

    A profile does not say it of what a halt of all offers holds, but has the figures.

    Returns
    -------
    str
        clear, likely, still, for it was before, or kept, for that is not long ago.
    """
    score, lift, best = raw.get("score"), raw.get("lift"), chance_bounds(raw)
    if (found := margin(raw)) is None or best is None or score is None or lift is None:
        return ""
    if found.low >= found.needs and score >= LEAST:
        return "clear"
    # Just 50 % may have been rounded up to it: then it is so by what it was before.
    if score > LIKELY and lift >= TWICE:
        return "likely"
    ends = kept_down_to(score, lift, KEPT_FROM)
    return "still" if best.high >= ends - _ROUNDED else "kept"


def rounded_times(lift: float) -> float:
    """So many times the average customer's chance, as it is said."""
    return round(lift) if lift >= _WHOLE else max(0.1, round(lift, 1))


def is_figure(value: Any) -> TypeGuard[float]:
    """Whether a value of JSON is a number that can be reckoned with."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def codes_of(raw: Mapping[str, Any]) -> set[str]:
    """Codes of the reasons of an interest (JSON)."""
    return {str(item.get("code")) for item in dicts(raw.get("reasons"))}


def dicts(value: Any) -> list[dict[str, Any]]:
    """The objects of a list of JSON; of anything else, none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def measured_reasons(raw: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """List the reasons of an interest (JSON) that have numbers of their own, by code."""
    return [
        (str(item.get("code")), item["value"])
        for item in dicts(raw.get("reasons"))
        if isinstance(item.get("value"), Mapping)
    ]
