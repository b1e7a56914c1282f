"""The slow twin of the stance: score, evidence, interval and the rule that decides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.oracle.arithmetic import HABIT, KNOWN_DAYS, PRESENCE, SIGNALS, Row, Subject, signals

if TYPE_CHECKING:
    from tests.oracle.partition import Partition

Z_90 = 1.2816
PRIOR_DAYS = 7.0
SPELLS = 0.75  # correlation between days, as a share of the score


def score(
    partition: Partition,
    values: list[float],
    days: set[int],
    day: int,
    age: int,
    interest: int,
    liked: bool,
) -> float:
    """The model's probability, or the population's and the subject's frequency before it."""
    if partition.learned >= partition.enough:
        p = probability(partition, values)
    else:
        hits = len([d for d in days if day - d <= 7])
        p = (hits + PRIOR_DAYS * partition.rate(interest)) / (min(age, 7) + PRIOR_DAYS)
    if not days and age <= 62 and not liked:
        p = min(p, partition.rate(interest), 0.05)
    return min(0.9999, max(0.0001, float(p)))


def probability(partition: Partition, values: list[float]) -> float:
    """The model's answer."""
    named = dict(zip(SIGNALS, values, strict=True))
    habit = partition.habit.predict_proba_one({n: named[n] for n in HABIT})[True]
    here = partition.here.predict_proba_one({n: named[n] for n in PRESENCE})[True]
    return float(habit * here)


def learn_shares(
    partition: Partition, rows: list[tuple[str, int, list[float]]], labels: list[int]
) -> None:
    """Learn how attention was shared on a day, once the model answers."""
    if partition.learned < partition.enough or not rows:
        return
    day: dict[str, list[tuple[float, Sequence[float], int]]] = {}
    for (key, _, values), label in zip(rows, labels, strict=True):
        p = min(0.9999, max(0.0001, probability(partition, values)))
        day.setdefault(key, []).append((p, values, label))
    partition.attention.learn(day)


def evidence(subject: Subject, row: Row, day: int, offset_ms: int) -> int:
    """Days before `day` on which the subject was there after the row's first."""
    age = min(64, max(1, day - row.first_day(offset_ms)))
    days = subject.engaged - subject.not_telling(day, offset_ms)
    return len([d for d in days if 1 <= day - d <= min(KNOWN_DAYS, age - 1)])


def _variance(p: float, days: int) -> float:
    n = min(days, 28) + PRIOR_DAYS
    return p * (1 - p) / n * (1 + (n - 1) * SPELLS * p)


def interval(p: float, days: int) -> tuple[float, float]:
    """The score's interval, one-sided 90 % at either end."""
    spread = Z_90 * math.sqrt(_variance(p, days))
    return max(0.0, p - spread), min(1.0, p + spread)


def confidence(p: float, days: int) -> float:
    """One half where the standard error is as large as the score."""
    return p * p / (p * p + _variance(p, days))


def has_days(back: set[int]) -> bool:
    """Whether days, as so many before a morning, are those of a habit."""
    return len(back & set(range(1, 8))) >= 4 or {7, 14, 21, 28} <= back


def rule(
    p: float,
    rate: float,
    age: int,
    days: int,
    back: set[int],
    engaged: bool,
    mornings: int,
    rare: float = 0.0,
) -> str:
    """What decides where nothing was declared, as the code of a reason."""
    low, high = (end / rate for end in interval(p, days))
    clear = low >= 1.2 and p >= 0.05
    likely = p / rate >= 2.0 and p >= 0.5
    if age >= 2 and has_days(back) and (clear or likely):
        return "lift_clear" if clear else "likely"
    still = mornings or high * rate >= max(0.35, 2.0 * rate)
    if engaged and still and high >= 1.0:
        return "still_likely"
    if high < 0.5 and p < rare:
        return "lift_small"
    if clear or likely:
        return "too_new"
    return "lift_unclear" if low < 1.2 else "too_rare"


STANCES = {"lift_clear": "engage", "likely": "engage", "still_likely": "engage"} | {
    "lift_small": "avoid"
}


def decision(decided: str, flags: set[str], held: bool) -> tuple[str, str]:
    """Stance, and the rule where it is the one that decided."""
    taken = STANCES.get(decided, "hold")
    if flags & {"dislike", "quiet"}:
        return "avoid", ""
    if "like" in flags and taken != "engage":
        taken, decided = "engage", ""
    return ("hold", "") if held and taken == "engage" else (taken, decided)


def idle_of(
    p: float, rate: float, seen: int, days: set[int], day: int, age: int, weekly: bool
) -> bool:
    """Whether nobody could act on what is held."""
    rare = len([d for d in days if day - d <= 28]) < 8
    vague = p < 2.0 * rate or (interval(p, seen)[0] < 0.5 * rate and rare)
    return not days or (age >= 7 and vague and not weekly)


def remember(partition: Partition, day: int) -> None:
    """Note of every row whether it was to be engaged on the morning of `day`."""
    config = partition.config
    offset = config.day_offset_ms
    for subject in partition.subjects.values():
        for row in subject.rows.values():
            days = {d for d in row.days(offset) if d < day} - subject.not_telling(day, offset)
            rate = partition.rate(row.interest)
            values = signals(subject, row, day, offset, config.half_lives, rate)
            age = max(0, day - row.first_day(offset))
            p = score(partition, values, days, day, age, row.interest, False)
            seen = evidence(subject, row, day, offset)
            left = max(0, row.mornings - 1)
            said = rule(p, rate, age, seen, {day - d for d in days}, row.engaged, left)
            before, begun = row.engaged, STANCES.get(said) == "engage"
            row.engaged = begun or (before and day - 1 in subject.abroad(day, offset))
            row.mornings = 0 if not begun else left if before else 8
