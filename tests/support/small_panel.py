"""A made-up panel of four people, and what the engine answers on it."""

from __future__ import annotations

from functools import cache

import numpy as np
import orjson

from features.models import Learner
from features.models.linear import Hurdle
from streams.contract import topics
from streams.evaluation import panels, prequential
from streams.evaluation.panels import DAY_MS, Panel, Visit
from streams.evaluation.prequential import Answers

START = 18_000  # day of the first visit
DAYS = 40


def visit(account: str, day: int, minute: int, host: str, number: int) -> Visit:
    at = day * DAY_MS + minute * 60_000
    return Visit(
        at,
        topics.NETWORK,
        account,
        f"host:{host}",
        orjson.dumps(
            {
                "event_id": f"e-{number}",
                "account_id": account,
                "ts": at,
                "line": "mobile",
                "host": host,
                "duration_ms": 60_000,
            }
        ),
    )


@cache
def small_panel() -> Panel:
    """Four people with daily, weekly and passing habits, and days without any."""
    chance = np.random.default_rng(5)
    visits: list[Visit] = []
    for person in range(4):
        for day in range(START + person, START + DAYS - 2 * person):
            if chance.random() < 0.3:
                continue
            keys = [f"www.site{k}.com" for k in range(8) if chance.random() < 0.9 / (1 + k)]
            if day % 7 == person:
                keys.append("weekly.org")
            keys.append(f"once{chance.integers(60)}.net")
            for key in keys:
                visits.append(
                    visit(f"p-{person}", day, int(chance.integers(0, 1440)), key, len(visits))
                )
    return Panel("small", sorted(visits, key=lambda v: v.at))


def play(panel: Panel, interests: dict[str, str] | None = None) -> Answers:
    interests = interests or panel.interests()
    tree = panels.flat(sorted(set(interests.values())))
    learner = Learner(len(tree), (Hurdle(),))
    return prequential.run(panel, tree, panels.one_each(interests), learner)


@cache
def played() -> Answers:
    return play(small_panel())
