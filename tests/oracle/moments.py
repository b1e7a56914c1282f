"""The slow twin of moments: every count from sets of days, every share from all that was given."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tests.oracle.arithmetic import KNOWN_DAYS, Row, Subject, iso_date, number

PARTS = ("night", "morning", "afternoon", "evening")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WORKING, WEEKEND = range(5), range(5, 7)

Cells = dict[str, list[float]]
"""Probability of each part, by weekday, and by ``weekday`` and ``weekend`` as kinds of day."""


def _logit(p: float) -> float:
    return math.log(p / (1.0 - p))


def _odds_to_p(odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-odds))


def weekday_of(day: int) -> int:
    """0 for a Monday; 1970-01-01 was a Thursday."""
    return (day + 3) % 7


def cells(
    day: int,
    days: set[int],
    busy: set[int],
    first: int,
    parts: Sequence[float],
    all_parts: Sequence[float],
) -> Cells:
    """Forecast of every part of every kind of day, said on the morning of `day`."""
    known = set(range(max(first + 1, day - KNOWN_DAYS), day))
    hits, here = days & known, (days | busy) & known
    week = {d for d in known if day - d <= 7}
    since = min([day - 1 - d for d in days if 0 < day - d <= KNOWN_DAYS], default=64)
    rate = (len(hits) + 0.1) / (len(known) + 2.0)
    said = -1.2 + 0.55 * _logit((len(hits) + 0.1) / (len(here) + 2.0))
    said += 0.17 * _logit((len(week & busy) + 1.4) / (len(week) + 2.0))
    said -= 0.44 * math.log(1.0 + since)
    found: Cells = {}
    for name, of, own, other in (("weekday", WORKING, 0, 4), ("weekend", WEEKEND, 4, 0)):
        mine = {d for d in hits if weekday_of(d) in of}
        among = {d for d in known if weekday_of(d) in of}
        kinds = _logit((len(mine) + 8.0 * rate) / (len(among) + 8.0))
        shares = _shares(parts, all_parts, own, other, max(1, len(hits)))
        found[name] = [
            _odds_to_p(said + 0.44 * (kinds - _logit(rate)) + 0.57 * math.log(share))
            for share in shares
        ]
        usual = found[name]
        above = {
            weekday: _above(
                {d for d in mine if weekday_of(d) == weekday},
                {d for d in among if weekday_of(d) == weekday},
                mine,
                among,
                kinds,
            )
            for weekday in of
        }
        special = {weekday for weekday in of if above[weekday] > 0}
        if special:
            rest = len([d for d in mine if weekday_of(d) not in special])
            left = len([d for d in among if weekday_of(d) not in special])
            less = 0.44 * (_logit((rest + 8.0 * rate) / (left + 8.0)) - kinds)
            found[name] = [_odds_to_p(_logit(p) + less) for p in usual]
        for weekday in of:
            found[WEEKDAYS[weekday]] = (
                [_odds_to_p(_logit(p) + above[weekday]) for p in usual]
                if weekday in special
                else found[name]
            )
    return found


def _shares(
    parts: Sequence[float], all_parts: Sequence[float], own: int, other: int, hits: int
) -> list[float]:
    mixed = [
        [masses[own + q] + 0.5 * masses[other + q] for q in range(4)]
        for masses in (parts, all_parts)
    ]
    mine, usual = ([m / sum(of) if sum(of) > 0 else 0.25 for m in of] for of in mixed)
    usual = [(share + 0.1 / 4) / 1.1 for share in usual]
    if sum(mixed[0]) == 0:
        mine = usual
    return [(a + 2.0 / hits * b) / (1.0 + 2.0 / hits) for a, b in zip(mine, usual, strict=True)]


def _above(
    mine: set[int], weeks: set[int], of_kind: set[int], among: set[int], kinds: float
) -> float:
    if not _stands_out(mine, weeks, of_kind, among):
        return 0.0
    usual = (len(of_kind - mine) + 0.5) / (len(among - weeks) + 1.0)
    return max(0.0, _logit((len(mine) + 4.0 * usual) / (len(weeks) + 4.0)) - kinds)


def _stands_out(mine: set[int], weeks: set[int], of_kind: set[int], among: set[int]) -> bool:
    k, n = len(mine), len(weeks)
    if n < 8 or k < 0.6 * n:
        return False
    usual = (len(of_kind - mine) + 0.5) / (len(among - weeks) + 1.0)
    share = min(1.0 - 1e-6, k / n)
    nats = k * math.log(share / usual) + (n - k) * math.log((1.0 - share) / (1.0 - usual))
    return share > usual and nats >= 10.0


def has_own_days(day: int, days: set[int], first: int) -> bool:
    """Whether a weekday stands out of its kind, or a kind of day of the other."""
    known = set(range(max(first + 1, day - KNOWN_DAYS), day))
    kinds = [(of, (*WORKING, *WEEKEND)) for of in (WORKING, WEEKEND)]
    weekdays = [((weekday,), of) for of in (WORKING, WEEKEND) for weekday in of]
    return any(
        _stands_out(
            {d for d in days & known if weekday_of(d) in mine},
            {d for d in known if weekday_of(d) in mine},
            {d for d in days & known if weekday_of(d) in of},
            {d for d in known if weekday_of(d) in of},
        )
        for mine, of in (*weekdays, *kinds)
    )


def moments(found: Cells) -> list[dict[str, Any]]:
    """The likeliest cells that are worth a name."""
    mean = math.fsum(p for name in WEEKDAYS for p in found[name]) / 28
    worth = [
        ({"weekday" if name in WEEKDAYS else "day_type": name, "part": part}, p)
        for name in (*WEEKDAYS, "weekday", "weekend")
        for part, p in zip(PARTS, found[name], strict=True)
        if p >= max(0.3, 2.0 * mean)
        and not (name in WEEKDAYS and p <= found[_kind(name)][PARTS.index(part)])
    ]
    best = sorted(worth, key=lambda item: -item[1])[:3]
    return [{**cell, "p": float(number(p, 2))} for cell, p in best]


def _kind(weekday: str) -> str:
    return "weekend" if WEEKDAYS.index(weekday) in WEEKEND else "weekday"


def following(found: Cells, day: int) -> dict[str, str] | None:
    """The likeliest part of the likeliest next day; none where a week may go by without."""
    missed, firsts = 1.0, []
    for ahead in range(7):
        of = found[WEEKDAYS[weekday_of(day + ahead)]]
        left = missed * math.prod(1.0 - p for p in of)
        firsts.append((missed - left, ahead, PARTS[of.index(max(of))]))
        missed = left
    _, ahead, part = max(firsts, key=lambda first: first[0])
    return {"date": iso_date(day + ahead), "part": part} if missed <= 0.5 else None


def said_of(
    subject: Subject, row: Row, day: int, offset_ms: int, half_life: float
) -> Mapping[str, Any]:
    """``moments`` and ``next`` of an interest in a profile, where there are any."""
    first, days = row.first_day(offset_ms), row.days(offset_ms)
    if len([d for d in days if first < d < day and day - d <= KNOWN_DAYS]) < 3:
        return {}
    busy = {d for d in subject.engaged if d < day}
    masses = [r.parts(day, offset_ms, half_life) for r in subject.rows.values()]
    found = cells(
        day,
        {d for d in days if d < day},
        busy,
        first,
        row.parts(day, offset_ms, half_life),
        [math.fsum(of) for of in zip(*masses, strict=True)],
    )
    named, after = moments(found), following(found, day)
    return {**({"moments": named} if named else {}), **({"next": after} if after else {})}
