"""Defines the models that learn by FTRL: one regression, one with intercepts, and the hurdle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import river
from numpy.typing import NDArray

from features.models import base
from features.models.answer_kernel import Form
from features.models.ftrl import Ftrl
from features.models.signals import HABIT, LINEAR, NAMES, PRESENCE, DayRows
from features.state import snapshots

# Rates were not tuned to the third digit: halving or doubling either costs less than 1 %.
_RATE = 0.05
_PRESENCE_RATE = 1.0  # a subject gives one row a day to presence, and a hundred to habit
RATES = {"habit": _RATE, "here": _PRESENCE_RATE}
_PRIOR_TRUST = 3.0
_HABITS = len(HABIT)


class _Parts:
    """What models made of `Ftrl` parts have in common."""

    id = ""

    def __init__(self, parts: Mapping[str, Ftrl]) -> None:
        self._parts = dict(parts)
        self.learned = 0
        self.version = 0
        self.primed = False

    def score(self, rows: DayRows) -> NDArray[np.float64]:
        """See `features.models.base.Model`."""
        return base.score_form(self.form(), rows)

    def form(self) -> Form:
        """See `features.models.base.Model`."""
        raise NotImplementedError

    def learn(self, rows: DayRows) -> None:
        """See `features.models.base.Model`."""
        base.check(rows)
        if len(rows):
            self._learn(rows)
            self.learned += len(rows)
            self.version += 1

    def part(self, name: str) -> Ftrl:
        """One of its regressions."""
        return self._parts[name]

    def _learn(self, rows: DayRows) -> None:
        raise NotImplementedError

    def relearn(self) -> None:
        """See `features.models.base.Model`."""
        for part in self._parts.values():
            part.relearn()

    def snapshot(self) -> bytes:
        """See `features.models.base.Model`."""
        manifest: dict[str, Any] = {
            "model": self.id,
            "river": river.__version__,
            "learned": self.learned,
            "version": self.version,
        }
        arrays: dict[str, NDArray[np.float64]] = {}
        for name, part in self._parts.items():
            manifest[name], state = part.arrays()
            arrays |= {f"{name}.{key}": array for key, array in state.items()}
        return snapshots.pack(manifest, arrays)

    def restore(self, data: bytes) -> None:
        """See `features.models.base.Model`."""
        manifest, states = self._unpack(data)
        self.learned, self.version = manifest["learned"], manifest["version"]
        for name, part in self._parts.items():
            part.take(manifest[name], states[name])

    def merge(self, other: bytes) -> None:
        """See `features.models.base.Model`."""
        manifest, states = self._unpack(other)
        self.learned += manifest["learned"]
        self.version = max(self.version, manifest["version"])
        for name, part in self._parts.items():
            part.merge(manifest[name], states[name])

    def _unpack(self, data: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
        manifest, arrays = base.unpack(data, self.id)
        return manifest, {
            name: {key: arrays[f"{name}.{key}"] for key in ("w", "z", "n")} for name in self._parts
        }


class Logistic(_Parts):
    """One logistic regression over all signals but those that only bins read.

    Parameters
    ----------
    prior : mapping of str to float, optional
        Weights to start from.
    """

    id = "ftrl-logistic"

    def __init__(self, prior: Mapping[str, float] | None = None) -> None:
        # twice the rate, for it has no part that learns faster
        self._all = Ftrl(NAMES[:LINEAR], 2 * _RATE, prior, _PRIOR_TRUST)
        super().__init__({"all": self._all})
        self.primed = prior is not None

    def form(self) -> Form:
        """See `features.models.base.Model`."""
        return base.single(base.vector(self._all.weights()), product=False)

    def _learn(self, rows: DayRows) -> None:
        self._all.learn(rows.x[:, :LINEAR], rows.y)


class Hurdle(_Parts):
    """Product of two regressions: the subject is active that day, and if so, it engages.

    The two questions have signals and clocks of their own. Nobody engages with anything on a
    day of absence, so such days teach presence only, once per subject, and the habit is learned
    from the days that were there to be used: less to learn, and faster.

    Parameters
    ----------
    prior : mapping of str to float, optional
        Weights to start from.
    """

    id = "ftrl-hurdle"
    _own_intercepts = False

    def __init__(self, prior: Mapping[str, float] | None = None) -> None:
        self._habit = Ftrl(HABIT, _RATE, prior, _PRIOR_TRUST)
        self._presence = Ftrl(PRESENCE, _PRESENCE_RATE, prior, _PRIOR_TRUST)
        super().__init__({"habit": self._habit, "here": self._presence})
        self.primed = prior is not None

    def form(self) -> Form:
        """See `features.models.base.Model`."""
        weights = base.vector(self._habit.weights() | self._presence.weights())
        intercepts = self._habit.intercepts() if self._own_intercepts else None
        return base.single(weights, product=True, intercepts=intercepts)

    def _learn(self, rows: DayRows) -> None:
        first = rows.firsts()
        self._presence.learn(rows.x[first][:, _HABITS:LINEAR], rows.active_today[first])
        there = rows.active_today == 1
        own = rows.interest[there] if self._own_intercepts else None
        self._habit.learn(rows.x[there][:, :_HABITS], rows.y[there], own)


class Intercepts(Hurdle):
    """The hurdle with an intercept per interest, for some are of every day and some are not."""

    id = "ftrl-intercepts"
    _own_intercepts = True
