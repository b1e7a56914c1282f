"""Lists the models of a cold worker: champion, challengers, and members that only train."""

from __future__ import annotations

from features.models import prior
from features.models.adpredictor import AdPredictor
from features.models.base import Model
from features.models.binned import Binned
from features.models.hoeffding import HoeffdingTree
from features.models.linear import Hurdle, Intercepts, Logistic
from features.models.mixture import Mixture


def registered(primed: bool = True) -> tuple[Model, ...]:
    """New models, the champion first; what reads others stands before them.

    The two unlike each other that answer best for the least work: see `references`.

    Parameters
    ----------
    primed : bool
        Start from the shipped prior, not from zero.
    """
    habits = prior.HURDLE if primed else None
    intercepts, gaussian = Intercepts(habits), AdPredictor(habits)
    mixture = Mixture(intercepts, gaussian)
    return Binned(mixture), mixture, intercepts, gaussian


def references() -> tuple[Model, ...]:
    """Models that `interest-streams quality` compares and no worker runs.

    Log-loss on the development data (web and app keys; bundled tags; television), and processor
    time to score and learn a row: the line-up's mixture 0.0639, 0.1449, 0.1205; its members
    ftrl-intercepts 0.0641, 0.1450, 0.1207 for 8 us and adpredictor 0.0639, 0.1454, 0.1219 for 7.
    Not among them: ftrl-hurdle 0.0642, 0.1458, 0.1217 for 10 us, no better than its like with
    intercepts; ftrl-logistic 0.0654, 0.1497, 0.1216 for 24 us, in whose stead AdPredictor halves
    what learning costs and takes 0.6 % off the mixture; the tree 0.0705, 0.1736, 0.1265 for
    13 us, which batch boosting beats.
    """
    return Hurdle(), Logistic(), HoeffdingTree()
