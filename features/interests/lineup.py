"""Who plays: the champion of a cold worker, its challengers, and who only trains with them."""

from __future__ import annotations

from features.interests import prior
from features.interests.adpredictor import AdPredictor
from features.interests.base import Model
from features.interests.hoeffding import HoeffdingTree
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


def bystanders() -> tuple[Model, ...]:
    """Models that `interest-streams quality` compares and no worker runs.

    On the development data the mixture's log-loss is 0.0645, and a row costs its two members 34
    microseconds to be scored and learned. AdPredictor: 0.0644 for 7 alone, 0.0642 as a third
    member: less than the 1 % that a promotion takes, and its answer is none that the kernel
    which writes profiles can give. The tree: 0.0706 for 13, no better than weekly boosting.
    """
    return AdPredictor(), HoeffdingTree()
