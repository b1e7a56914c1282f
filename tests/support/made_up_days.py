"""Days of a made-up world that models of interests can learn."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from features.models.base import Model
from features.models.signals import HABIT, NAMES, DayRows

M = TypeVar("M", bound=Model)

SUBJECTS, INTERESTS = 30, 6
_HERE, _ODDS_28 = NAMES.index("here_yesterday"), NAMES.index("odds_28")


def day_rows(day: int, seed: int = 0) -> DayRows:
    """A day of a made-up world: presence follows here_yesterday, the habit odds_28."""
    chance = np.random.default_rng([seed, day])
    n = SUBJECTS * INTERESTS
    x = chance.normal(0.0, 0.5, (n, len(NAMES)))
    x[:, 0] = x[:, len(HABIT)] = 1.0
    subject = np.repeat(np.arange(SUBJECTS, dtype=np.int32), INTERESTS)
    interest = np.tile(np.arange(INTERESTS, dtype=np.uint16), SUBJECTS)
    x[:, len(HABIT) :] = x[subject * INTERESTS, len(HABIT) :]
    here = chance.random(SUBJECTS) < 1 / (1 + np.exp(-2.0 * x[::INTERESTS, _HERE]))
    habit = 1 / (1 + np.exp(-2.0 * x[:, _ODDS_28] + 2.0 - 0.5 * interest))
    y = here[subject] & (chance.random(n) < habit)
    return DayRows(
        day,
        x,
        y.astype(np.uint8),
        interest,
        subject,
        here[subject].astype(np.uint8),
        np.zeros(n, np.uint8),
        np.full(n, 20, np.uint8),
        np.zeros(n, np.uint16),
        np.full(n, 0x7F, np.uint64),
    )


def learned(model: M, days: range, seed: int = 0) -> M:
    """The model, after it has learned so many days."""
    for day in days:
        model.learn(day_rows(day, seed))
    return model
