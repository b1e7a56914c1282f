"""The slow twin of the profile: the whole document from a `Partition`'s events and facts."""

from __future__ import annotations

import math
from typing import Any

from tests.oracle import moments, place
from tests.oracle.arithmetic import (
    DAY_PARTS,
    SIGNALS,
    SOURCES,
    Row,
    Subject,
    iso_date,
    local_day,
    number,
    signals,
)
from tests.oracle.attention import bounds
from tests.oracle.facts import Known, is_of
from tests.oracle.partition import Partition
from tests.oracle.stance import confidence, decision, evidence, idle_of, interval, rule, score
from tests.oracle.uplift import worth_it
from tests.oracle.words import FOREVER

_MEASURED = {  # by rule: what its number is called, and what is needed
    "lift_clear": ("low", 1.2),
    "likely": ("score", 0.5),
    "still_likely": ("score", 0.35),
    "lift_small": ("high", 0.5),
    "lift_unclear": ("low", 1.2),
    "too_rare": ("score", 0.05),
    "too_new": ("days", 4),
    "not_worth_it": ("loss", 0),
}


def trend(levels: list[float], days: set[int], day: int, age: int, p: float) -> str:
    """Where an interest is going: days of the coming week against those of the last."""
    week = len([d for d in days if day - d <= 7])
    before = len([d for d in days if 7 < day - d <= 28])
    if age <= 3:
        return "new"
    if levels[0] / 1.44 > 3.0 * levels[1] / 10.1 and week <= 2 and before <= 1:
        return "burst"
    if week <= 2 and len(days & {day - 7 * k for k in range(1, 5)}) >= 2:
        return "steady"
    if p * min(7, age) >= week + 2.0:
        return "rising"
    return "fading" if p * min(7, age) <= week - 1.0 else "steady"


def divergence(p: float, rate: float) -> float:
    """Kullback-Leibler, below zero where the probability is the smaller one."""
    found = sum(a * math.log(a / b) for a, b in ((p, rate), (1 - p, 1 - rate)) if a > 0)
    return found if p >= rate else -found


def tells(p: float, seen: int, rate: float, flags: set[str]) -> float:
    """How much an interest tells of a subject; what was declared tells most."""
    low, high = interval(p, seen)
    rate = min(0.9999, max(0.0001, rate))
    end = low if low > rate else high if high < rate else rate
    found = 1e-3 * divergence(p, rate) + divergence(end, rate)
    return found + 100.0 * ("like" in flags)


def measured(
    decided: str, p: float, rate: float, seen: int, week: int, loss: float = 0.0
) -> list[dict[str, Any]]:
    """The reason that is the rule which decided by a number; none where a declared fact did."""
    if not decided:
        return []
    if decided == "tried":
        return [{"code": decided, "value": {"propensity": float(number(loss, 4))}}]
    name, needs = _MEASURED[decided]
    low, high = (end / rate for end in interval(p, seen))
    value = {"low": low, "high": high, "score": p, "days": week, "loss": loss}[name]
    if decided == "still_likely":
        value = high * rate
    if name != "days":
        value = float(number(value, 4 if name == "score" else 2))
    return [{"code": decided, "value": {name: value, "needs": needs}}]


def rounded(p: float, step: float) -> float:
    """The score to the step that is published by, and below one to its tenth."""
    unit = min(step, 0.1) * (1.0 if p >= step else 0.1)
    return float(number(min(1.0, max(1e-4, math.floor(p / unit + 0.5) * unit)), 4))


def chosen(
    found: list[dict[str, Any]], parents: dict[str, str | None], most: int
) -> list[dict[str, Any]]:
    """The best of all, without parents that say no more than an interest below them."""

    def above(interest: str) -> set[str]:
        up = parents[interest]
        return set() if up is None else {up} | above(up)

    best = sorted(found, key=lambda item: -item["tells"])[:most]
    return [
        item
        for item in best
        if item["tells"] >= 100.0
        or not any(
            (
                item["stance"] in ("hold", other["stance"])
                and other["tells"] >= item["tells"] - 0.01 * abs(item["tells"]) - 1e-6
                or (
                    other["stance"] == item["stance"]
                    or (item["stance"], other["stance"]) == ("engage", "avoid")
                )
                and other["score"] >= 0.75 * item["score"]
            )
            and other is not item
            and item["id"] in above(other["id"])
            for other in best
        )
    ]


def reasons(
    row: Row,
    days: set[int],
    day: int,
    share: float,
    habit: float,
    age: int,
    held: tuple[bool, bool],
) -> list[dict[str, Any]]:
    """Why: what was measured and what is known."""
    found: list[tuple[str, float]] = [
        ("active_days_28", len([d for d in days if day - d <= 28])),
        ("share_7d", float(number(share, 2))),
    ]
    if age >= 21 and habit >= 0.5 and habit >= 2 * found[0][1] / 28:
        found.append(("weekly_habit", float(number(habit, 2))))
    found += [
        (code, 1)
        for flag, code in (
            ("like", "declared_like"),
            ("dislike", "declared_dislike"),
            ("quiet", "suppressed"),
        )
        if flag in row.flags
    ]
    found += [(code, 1) for code, so in zip(("care_case", "on_hold"), held, strict=True) if so]
    found += [("few_data", age)] if age < 7 else []
    return [{"code": code, "value": value} for code, value in found]


def shares(masses: dict[str, float], least: float) -> dict[str, float]:
    """Shares of at least `least`, to two places."""
    total = math.fsum(masses.values())
    return {
        name: float(number(mass / total, 2))
        for name, mass in masses.items()
        if total > 1e-12 and mass / total >= least
    }


def suppressions(
    partition: Partition, known: Known, subject: Subject, member: str | None
) -> list[dict[str, Any]]:
    """What not to talk about, and until when."""
    now, ids = partition.now, partition.tree.ids
    found: list[tuple[str, str, int | None, int | None]] = [
        (scope, reason, None, known.case_since if reason == "care_case" else None)
        for scope, reason in holds(known, now, member)
    ]
    found += [
        (interest, what, until, since)
        for who, interest, what, until, since in known.opinions(now)
        if what == "dislike" and (who in (None, member) or is_of(member or "", who))
    ]
    for who, interest, reason, until, since in known.quiet(now):
        if who in (None, member) or is_of(member or "", who):
            touched = partition.config.rules.quieted(interest)
            near = sorted(ids[i] for i in subject.rows if i in touched and ids[i] != interest)
            found += [(name, reason, until, since) for name in (interest, *near)]
    named = dict(zip(ids, partition.tree.names, strict=True))
    return [
        {
            "scope": scope,
            **({"name": named[scope]} if scope in named else {}),
            "reason": reason,
            **({} if since is None else {"since": since}),
            "until": until,
        }
        for scope, reason, until, since in found[:50]
    ]


def holds(known: Known, now: int, member: str | None) -> list[tuple[str, str]]:
    """What forbids a use of the whole profile: the scope of the suppression, and why."""
    found = []
    if known.case_open:
        found.append(("all", "care_case"))
    if known.refuses("offers", now):
        found.append(("all", "no_consent_offers"))
    elif member and (known.is_child(member) or known.refuses("offers", now, member)):
        found.append(("all", "member_no_offers"))
    if known.child_device:
        found.append(("all", "child_device"))
    if known.refuses("audiences", now) or (member and known.refuses("audiences", now, member)):
        found.append(("audiences", "no_consent_audiences"))
    return found


def contactable(known: Known, now: int, member: str | None, until: float) -> dict[str, Any]:
    """Whether each use is allowed, why, and until when."""
    end = None if until == FOREVER else until
    told = {"profiling": {"value": True, "why": "consent", "until": end}}
    for use, scope in (("offers", "all"), ("audiences", "audiences")):
        why = [reason for barred, reason in holds(known, now, member) if barred == scope]
        of = {None, *(known.alike(member) if member else ())}
        words = [known.consents(use, who)[-1:] for who in of]
        ends = [until, *(w["expires_at"] for last in words for w in last if w.get("expires_at"))]
        end = None if why or min(ends) == FOREVER else min(ends)
        told[use] = {"value": not why, "why": why[0] if why else "consent", "until": end}
    return told


def profile(partition: Partition, key: str) -> dict[str, Any] | None:
    """The document about a subject as it stands: no ``version``, ``model`` and ``stance_since``."""
    subject = partition.subjects.get(key)
    if subject is None or not subject.rows:
        return None
    config, (account, _, member) = partition.config, key.partition("/")
    last, now = subject.last_ts, partition.now
    day = max(local_day(last, config.day_offset_ms) + 1, partition.open_day)
    known = partition.known.get(account, Known(config.rules, config.consent_default_grant))
    held = (
        known.case_open,
        known.refuses("offers", now)
        or known.child_device
        or bool(member and (known.is_child(member) or known.refuses("offers", now, member))),
    )
    found = [
        _interest(partition, key, row, day, held)
        for row in subject.rows.values()
        if not partition.tree.sensitive[row.interest]
    ]
    _share(partition, found)
    tree = partition.tree
    parents = {
        interest: tree.ids[above] if above >= 0 else None
        for interest, above in zip(tree.ids, tree.parent.tolist(), strict=True)
    }
    found = chosen(
        [item for item in found if not item.pop("dull")], parents, config.profile_interests
    )
    until = min(known.consent()[1], known.consent(member)[1] if member else FOREVER)
    for item in found:
        del item["tells"]
        score = rounded(item["score"], max(config.publish_score_step, 1e-4))
        item |= {"score": score} | _until(min(until, _said_until(partition, known, member, item)))
    return {
        "schema": 1,
        "subject": key,
        "as_of": last,
        "computed_at": partition.watermark + config.lateness_ms,
        **({"valid_until": until} if until < FOREVER else {}),
        "context": place.context(partition, subject, day),
        "interests": found,
        "suppressions": suppressions(partition, known, subject, member or None),
        "contactable": contactable(known, now, member or None, until),
        "evidence": {
            "events": len(subject.events),
            "days": len(
                [
                    d
                    for d in subject.engaged
                    if max(subject.known_days(config.day_offset_ms)) - d < 64
                ]
            ),
            "sources": [
                name
                for kind, name in SOURCES.items()
                if kind in {seen.kind for seen in subject.events}
            ],
        },
    }


def _until(end: float) -> dict[str, float]:
    return {"until": end} if end < FOREVER else {}


def _said_until(partition: Partition, known: Known, member: str, item: dict[str, Any]) -> float:
    """When what was said of an interest ends, where that decides and not a measure."""
    if item["stance"] == "hold" or item["reasons"][0]["code"] in _MEASURED:
        return FOREVER
    now, tree = partition.now, partition.tree
    rules, interest = partition.config.rules, tree.index(item["id"])
    said = [entry[1:4] for entry in known.opinions(now) if entry[0] in (None, member)]
    ends = [
        until
        for of, what, until in said
        if what == "dislike" and interest in (tree.index(of), *tree.descendants(tree.index(of)))
    ]
    ends += [
        until
        for who, of, _, until, _ in known.quiet(now)
        if who in (None, member) and interest in rules.quieted(of)
    ]
    return max(ends or [until for of, what, until in said if (of, what) == (item["id"], "like")])


def _share(partition: Partition, found: list[dict[str, Any]]) -> None:
    """Put the shares of attention in, of all interests whether shown or not."""
    shares, level = partition.attention.shares([(i["score"], i.pop("values")) for i in found])
    for item, share in zip(found, shares, strict=True):
        low, high = bounds(share, level)
        item["share"] = {
            name: float(number(value, 2))
            for name, value in (("value", share), ("low", low), ("high", high))
        }


def _interest(
    partition: Partition, key: str, row: Row, day: int, held: tuple[bool, bool]
) -> dict[str, Any]:
    subject = partition.subjects[key]
    config, tree, offset = partition.config, partition.tree, partition.config.day_offset_ms
    active = {d for d in row.days(offset) if d < day}
    days = active - subject.not_telling(day, offset)
    age = day - row.first_day(offset)
    rate = partition.rate(row.interest)
    values = signals(subject, row, day, offset, config.half_lives, rate)
    p = score(partition, values, days, day, age, row.interest, "like" in row.flags)
    parts = row.parts(day, offset, config.half_lives[2])
    masses = row.masses(day, offset, config.half_lives[2])
    assert all(local_day(g.ts, offset) < day for g in row.given)
    seen = evidence(subject, row, day, offset)
    back = {day - d for d in days}
    decided = rule(p, rate, age, seen, back, row.engaged, row.mornings)
    taken, decided = decision(decided, row.flags, any(held))
    declared = row.flags & {"like", "dislike", "quiet"}
    weekly = moments.has_own_days(day, days, row.first_day(offset)) and not declared
    if weekly and taken == "avoid":
        taken, decided = "hold", "lift_unclear"
    trip = place.trip(partition, subject, row, day, bool(declared), taken == "engage", days)
    taken, decided = ("hold", "") if trip.holds else (taken, decided)
    dull = taken == "hold" and not declared
    taken, decided, loss = worth_it(partition, key, row.interest, day, values, taken, decided)
    idle = trip.over if trip.holds else idle_of(p, rate, seen, days, day, age, weekly)
    said = moments.said_of(subject, row, day, offset, config.half_lives[2])
    said = {} if taken == "avoid" else said
    above = int(tree.parent[row.interest])
    return {
        "id": tree.ids[row.interest],
        "name": tree.names[row.interest],
        **({"parent": tree.ids[above]} if above >= 0 and not tree.sensitive[above] else {}),
        "dull": dull and idle and not config.profile_common,
        "values": values,
        "tells": tells(p, seen, rate, row.flags),
        "score": p,
        "lift": float(number(p / rate, 2)),
        "confidence": float(number(confidence(p, seen), 2)),
        **place.share(trip.abroad),
        "trend": trend(row.opening(day, offset, config.half_lives), days, day, age, p),
        "last_active": iso_date(max([*active, row.first_day(offset)])),
        "first_seen": iso_date(row.first_day(offset)),
        **said,
        "dayparts": shares(dict(zip(DAY_PARTS, parts, strict=True)), 0.2),
        "sources": shares({SOURCES[kind]: mass for kind, mass in masses.items()}, 0.005),
        "stance": taken,
        "reasons": measured(decided, p, rate, seen, len(back & set(range(1, 8))), loss)
        + reasons(
            row,
            active,
            day,
            values[SIGNALS.index("share_7d")],
            values[SIGNALS.index("weekly_habit")],
            age,
            held,
        )
        + trip.reasons,
    }
