"""Measures whether two hours of another person's events move the long-term ranking."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import orjson

from features.models.signals import NAMES
from streams.evaluation.panels import DAY_MS, Panel, Visit
from streams.evaluation.prequential import Answers

_HOUR_MS = 3_600_000
_EVENING = 20
#: Days of a diary before the first burst and between two, so that each is judged by itself.
SETTLING_DAYS, APART_DAYS = 14, 21
_TOP = 5

Burst = tuple[str, int]


def plant(panel: Panel) -> tuple[Panel, list[Burst]]:
    """The panel with bursts, and whom and on which day they hit.

    Each brings as many foreign visits as the panelist's own of that day (half of the day's
    events then are foreign), from another panelist of the same kind of source, within the two
    hours from eight in the evening.
    """
    own: dict[str, dict[int, list[Visit]]] = {}
    for visit in panel.visits:
        own.setdefault(visit.account, {}).setdefault(visit.day, []).append(visit)
    planted: list[Visit] = []
    bursts: list[Burst] = []
    for account, days in sorted(own.items()):
        topic = next(iter(days.values()))[0].topic
        others = [
            visit for visit in panel.visits if visit.account != account and visit.topic == topic
        ]
        due = min(days) + SETTLING_DAYS
        for day in sorted(days):
            following = day + 1 <= max(days)
            if day < due or len(days[day]) < 10 or not following or not others:
                continue
            planted += _evening(account, day, others, len(days[day]), len(bursts))
            bursts.append((account, day))
            due = day + APART_DAYS
    visits = sorted([*panel.visits, *planted], key=lambda visit: visit.at)
    return replace(panel, name=panel.name + " with bursts", visits=visits), bursts


def _evening(account: str, day: int, others: list[Visit], count: int, number: int) -> list[Visit]:
    first = (number * 7919) % max(1, len(others) - count)
    found = []
    for k, visit in enumerate(others[first : first + count]):
        at = day * DAY_MS + _EVENING * _HOUR_MS + k * 2 * _HOUR_MS // count
        value = orjson.loads(visit.value)
        value |= {"event_id": f"burst-{number}-{k}", "account_id": account, "ts": at}
        found.append(Visit(at, visit.topic, account, visit.key, orjson.dumps(value)))
    return found


def kept(clean: Answers, flooded: Answers, bursts: list[Burst]) -> dict[str, list[int]]:
    """Number of the top five of the morning after that are those of the same morning unflooded.

    Returns
    -------
    dict of str to list of int
        By ranking: the score that a profile has, and the level of one half-life of 7 days.
    """
    share = NAMES.index("share_7d")  # within a subject it ranks as the level does
    found: dict[str, list[int]] = {"score": [], "7-day level": []}
    for account, day in bursts:
        for name in found:
            tops = []
            for answers in (clean, flooded):
                rank = answers.decisions["score"] if name == "score" else answers.x[:, share]
                tops.append(_top(answers, account, day + 1, rank))
            if len(tops[0]) == _TOP:
                found[name].append(len(tops[0] & tops[1]))
    return found


def _top(
    answers: Answers,
    account: str,
    day: int,
    rank: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> set[int]:
    own = np.flatnonzero(
        (answers.day == day) & (answers.subject == answers.subjects.index(account))
    )
    best = own[np.argsort(-rank[own], kind="stable")][:_TOP]
    return set(answers.interest[best].tolist())
