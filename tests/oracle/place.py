"""The slow twin of the place: what a profile says of it, and of interests that are a trip's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.oracle.arithmetic import DAY_MS, Row, Subject, iso_date, level, number
from tests.oracle.partition import Partition


def context(partition: Partition, subject: Subject, day: int) -> dict[str, Any]:
    """Where its latest event was, where it is by all of its days, and on what clock."""
    config, placed = partition.config, subject.placed
    away = subject.abroad(day, config.day_offset_ms)
    zone = None if placed.abroad else config.day_offset_ms // 60_000
    since = day - 1  # the first day that is as the last one is
    while (since - 1 in away) == (day - 1 in away) and day - since < 64:
        since -= 1
    return {
        "roaming": placed.abroad,
        "country": placed.country,
        "tz_offset_min": zone if placed.zone_min is None else placed.zone_min,
        **({"place": "abroad" if day - 1 in away else "home"} if config.home_country else {}),
        **({"place_since": iso_date(since)} if day - since < 64 else {}),
    }


@dataclass(frozen=True)
class Trip:
    """What a trip has to do with an interest."""

    abroad: float  # share of its mass that is of days abroad
    holds: bool
    over: bool  # so long that it is no longer named
    reasons: list[dict[str, Any]]


def trip(
    partition: Partition,
    subject: Subject,
    row: Row,
    day: int,
    declared: bool,
    engaged: bool,
    days: set[int],
) -> Trip:
    """What a trip has to do with an interest that would be engaged, or not, on its active days."""
    offset, half_life = partition.config.day_offset_ms, partition.config.half_lives[2]
    gathered = row.gathered(subject.abroad(day, offset), day, offset, half_life)
    left = subject.left_of_trips(day, offset)
    whole = level(row.given, day * DAY_MS - offset, half_life)
    abroad = left * gathered / (whole - gathered * (1.0 - left)) if gathered else 0.0
    if left < 1.0 and abroad > 0.5 and not declared:
        learned = {"code": "learned_abroad", "value": float(number(abroad, 2))}
        return Trip(abroad, True, left < 0.25, [learned])
    if engaged and not declared and (back := _taken(partition, subject, row.interest, days, day)):
        return Trip(abroad, True, False, [{"code": "trip_taken", "value": back}])
    return Trip(abroad, False, False, [])


def share(abroad: float) -> dict[str, float]:
    """The field of an interest, where it is not next to nothing."""
    return {"abroad": float(number(abroad, 2))} if abroad >= 0.01 else {}


def _taken(partition: Partition, subject: Subject, interest: int, days: set[int], day: int) -> int:
    """Days since the return from a trip for which the interest was wanted, 0 for none."""
    away = subject.abroad(day, partition.config.day_offset_ms)
    kind = partition.config.rules.kind(partition.tree.ids[interest])
    if not kind.ends_with_trip or not away or day - 1 in away or day - max(away) > 64:
        return 0
    back = day - 1 - max(away)
    return back if len(days & set(range(day - back, day))) < 2 else 0
