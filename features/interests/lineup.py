"""Who plays: the champion of a cold worker, and its challengers."""

from __future__ import annotations

from features.interests import prior
from features.interests.base import Model
from features.interests.linear import Hurdle, Intercepts, Logistic
from features.interests.mixture import Mixture


def lineup(primed: bool = True) -> tuple[Model, ...]:
    """New models, the champion first; a mixture stands before its members.

    Parameters
    ----------
    primed : bool
        Start from the shipped prior, not from zero.
    """
    habits, all_in_one = (prior.HURDLE, prior.LOGISTIC) if primed else (None, None)
    hurdle, intercepts, logistic = Hurdle(habits), Intercepts(habits), Logistic(all_in_one)
    return Mixture(hurdle, logistic), hurdle, intercepts, logistic
