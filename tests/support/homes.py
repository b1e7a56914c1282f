"""Made-up homes: people with tastes and hours, their own lines and their shared screen."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.household import EVENT, SHARED
from tests.oracle.household import Watched

INTERESTS = 8
CHILDRENS = frozenset({6, 7})
HOMES = (0, 0, 0, 1, 1, 2)  # of each line
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
BEGIN = 18_000 * DAY_MS


def childrens_flags() -> NDArray[np.bool_]:
    """Which interests are children's, as the model wants it."""
    return np.array([k in CHILDRENS for k in range(INTERESTS)])


def made_up(seed: int, days: int = 9, a_day: int = 14) -> list[Watched]:
    """Events in order of time: each line has a favourite, and evenings on the shared screen."""
    rng = random.Random(seed)
    found = []
    for day in range(days):
        for _ in range(a_day):
            line, hour, shared = rng.randrange(len(HOMES)), rng.randrange(24), rng.random() < 0.5
            if shared:  # the same person for three hours
                sitter = random.Random(f"{seed} {day} {HOMES[line]} {hour // 3}")
                line = sitter.choice([at for at, home in enumerate(HOMES) if home == HOMES[line]])
            favourite = (line * 2) % 6 if rng.random() < 0.7 else rng.randrange(INTERESTS)
            tags: tuple[tuple[int, float], ...] = ((favourite, 1.0),)
            if rng.random() < 0.3:
                tags = ((favourite, 0.75), ((favourite + 1) % INTERESTS, 0.25))
            found.append(
                Watched(
                    BEGIN + day * DAY_MS + hour * HOUR_MS + rng.randrange(HOUR_MS),
                    HOMES[line],
                    None if shared else line,
                    rng.randrange(40) + 100 * favourite,
                    tags if rng.random() < 0.95 else (),
                    rng.choice((0.375, 1.0)),
                    line if shared and rng.random() < 0.1 else None,
                    rng.choice((0, 0, 0, 0, 1, 1, 2)),
                )
            )
    return sorted(found, key=lambda e: e.ts)


def disordered(events: Sequence[Watched], late: float, seed: int, most_ms: int) -> list[Watched]:
    """The same events, a share of them up to so much later in the sequence."""
    rng = random.Random(seed)
    moved = [
        (e.ts + (rng.randrange(most_ms) if rng.random() < late else 0), i, e)
        for i, e in enumerate(events)
    ]
    return [e for _, _, e in sorted(moved, key=lambda item: item[:2])]


def columns(
    events: Sequence[Watched],
) -> tuple[NDArray[np.void], NDArray[np.uint16], NDArray[np.float32]]:
    """Events as the model takes them."""
    made = np.zeros(len(events), EVENT)
    interest: list[int] = []
    weight: list[float] = []
    for row, e in zip(made, events, strict=True):
        row["ts"], row["home"], row["content"] = e.ts, e.home, e.content
        row["line"] = SHARED if e.line is None else e.line
        row["chosen"] = SHARED if e.chosen is None else e.chosen
        row["mass"], row["country"] = e.mass, e.country
        row["start"] = len(interest)
        interest += [k for k, _ in e.tags]
        weight += [w for _, w in e.tags]
        row["end"] = len(interest)
    return made, np.array(interest, np.uint16), np.array(weight, np.float32)
