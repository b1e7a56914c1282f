"""Who plays: the champion of a cold worker, and its challengers."""

from __future__ import annotations

from features.interests.base import Model
from features.interests.linear import Hurdle, Intercepts, Logistic
from features.interests.mixture import Mixture


def lineup() -> tuple[Model, ...]:
    """New models, the champion first; a mixture stands before its members."""
    hurdle, intercepts, logistic = Hurdle(), Intercepts(), Logistic()
    return Mixture(hurdle, logistic), hurdle, intercepts, logistic
