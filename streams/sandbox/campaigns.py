"""Plays policies of contact against people whose answers are known, in a closed loop.

Each subject has, for each interest, a chance of fulfilling it alone, and a change of it by a
contact. The four kinds of people of the uplift literature are all there: who would come anyway
(a great chance, a small change), who needs the word (a fair chance, a great change), whom nothing
moves, and who is put off. Contacts tire: each in the fortnight before takes a part of the effect
away and makes annoyance likelier. What a policy sees are noisy signals, never the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.models.uplift import Uplift

Floats = NDArray[np.float64]

POLICIES: Final = ("oracle", "uplift", "response", "random")
SIGNALS: Final = 10
INTERESTS: Final = 12
#: Share of subjects that is contacted a day, and of contacts that are drawn by lot.
BUDGET, EXPLORED = 0.03, 0.1
#: Contacts of a subject in a fortnight, whoever decides.
CAP: Final = 2
#: What one annoyed customer costs, in interests fulfilled.
PRICE: Final = 1.0
_FORTNIGHT = 14
_TIRES = 0.7
_MOVED = 5  # the signal that a contact's effect grows with


class Day(NamedTuple):
    """Contacts of a day, what they added to what would have come, and annoyed people."""

    contacts: int
    gained: float
    annoyed: float


@dataclass(frozen=True)
class People:
    """Subjects and the truth about them.

    Attributes
    ----------
    signals : float array (subjects, interests, SIGNALS - 2)
        What a policy sees, beside how often it spoke to a subject lately.
    alone, change : float array (subjects, interests)
        Chance without a contact, and by how much one changes it.
    annoyance : float array (subjects,)
        Chance that a first contact annoys.
    """

    signals: Floats
    alone: Floats
    change: Floats
    annoyance: Floats

    @classmethod
    def drawn(cls, subjects: int, generator: np.random.Generator) -> People:
        """Draw people; signals tell of interest, of openness to advice and of patience."""
        shape = (subjects, INTERESTS)
        interest = generator.normal(0.0, 1.0, shape)
        openness = generator.normal(0.0, 1.0, (subjects, 1)) + generator.normal(0.0, 0.5, shape)
        patience = generator.normal(0.0, 1.0, subjects)
        alone = 1.0 / (1.0 + np.exp(2.0 - 2.0 * interest))
        # Most can be moved who are neither sure nor lost; some are put off.
        change = np.clip(0.25 * openness * alone * (1.0 - alone) * 4.0, -alone * 0.5, 1.0 - alone)
        annoyance = 1.0 / (1.0 + np.exp(3.0 + 1.2 * patience))
        noise = generator.normal(0.0, 0.6, (*shape, 3))
        seen = (
            interest + noise[..., 0],
            openness + noise[..., 1],
            patience[:, None] + noise[..., 2],
        )
        moving = 1.0 / (1.0 + np.exp(2.0 - 2.0 * seen[0]))
        signals = np.stack(
            [np.ones(shape), *seen, moving, moving * (1.0 - moving) * seen[1],
             moving * (1.0 - moving), generator.normal(0.0, 1.0, shape)],
            axis=-1,
        )  # fmt: skip
        return cls(signals, alone, change, annoyance)


class Played(NamedTuple):
    """The days of a policy, and what it had learned by their end."""

    days: list[Day]
    model: Uplift


def play(people: People, policy: str, days: int, seed: int) -> Played:
    """Let a policy decide for some days, and learn from what came of it."""
    generator = np.random.default_rng(seed)
    subjects = len(people.alone)
    model = Uplift.cold(SIGNALS)
    recent = np.zeros((_FORTNIGHT, subjects))
    found = []
    for day in range(days):
        tired = recent.sum(axis=0)
        change = people.change * _TIRES ** tired[:, None]
        annoying = np.minimum(people.annoyance * (1.0 + tired), 0.9)
        x = _signals(people, tired)
        worth = _worth(x, policy, model, change - PRICE * annoying[:, None], generator)
        interest, propensity = _decided(worth, tired < CAP, generator)
        contacted = generator.random(subjects) < propensity
        own = np.arange(subjects), interest
        effect = change[own] * contacted
        fulfilled = generator.random(subjects) < people.alone[own] + effect
        annoyed = contacted & (generator.random(subjects) < annoying)
        free = propensity > 0.0
        model.learn(
            x[own][free], contacted[free], propensity[free], fulfilled[free] * 1.0,
            annoyed[free] * 1.0,
        )  # fmt: skip
        recent[day % _FORTNIGHT] = contacted
        found.append(Day(int(contacted.sum()), float(effect.sum()), float(annoyed.sum())))
    return Played(found, model)


def qini(people: People, policy: str, model: Uplift, generator: np.random.Generator) -> float:
    """Area between a policy's uplift curve and that of chance, 1 for the oracle's (Qini).

    Subjects who were never contacted are ranked by their best interest in the policy's eyes; the
    curve adds up what a contact about it would change.
    """
    x = _signals(people, np.zeros(len(people.alone)))
    areas = []
    for name in (policy, "oracle"):
        worth = _worth(x, name, model, people.change, generator)
        own = np.arange(len(worth)), worth.argmax(axis=1)
        gain = people.change[own][np.argsort(-worth[own], kind="stable")]
        areas.append(float(np.cumsum(gain).mean()))
    chance = float(people.change.mean()) * len(people.alone) / 2.0
    return (areas[0] - chance) / (areas[1] - chance)


def _signals(people: People, tired: Floats) -> Floats:
    """Signals of all pairs, (subjects, interests, SIGNALS), with the contacts of a fortnight."""
    often = np.broadcast_to(tired[:, None, None], (*people.alone.shape, 1))
    moved = people.signals[..., _MOVED, None]
    return np.concatenate([people.signals, often, often * moved], axis=-1)


def _worth(
    x: Floats, policy: str, model: Uplift, truth: Floats, generator: np.random.Generator
) -> Floats:
    """What a policy believes a contact is worth, (subjects, interests)."""
    if policy == "oracle":
        return truth
    if policy == "random":
        return generator.random(truth.shape)
    flat = x.reshape(-1, SIGNALS)
    found = model.worth(flat, PRICE) if policy == "uplift" else model.with_it.answer(flat)
    return found.reshape(truth.shape)


def _decided(
    worth: Floats, free: NDArray[np.bool_], generator: np.random.Generator
) -> tuple[NDArray[np.intp], Floats]:
    """Interest that each subject would be asked about, and the probability of being asked."""
    subjects = len(worth)
    explored = generator.random(subjects) < EXPLORED
    interest = np.where(explored, generator.integers(0, INTERESTS, subjects), worth.argmax(axis=1))
    best = worth[np.arange(subjects), interest]
    chosen = int(BUDGET * (1.0 - EXPLORED) * subjects)
    propensity = np.full(subjects, BUDGET * EXPLORED)
    # Also of the best some are left out: without them nothing would be known about the effect.
    first = np.argpartition(-np.where(explored | ~free, -np.inf, best), chosen)[:chosen]
    propensity[first] = 1.0 - EXPLORED
    propensity[explored] = BUDGET
    propensity[~free] = 0.0
    return interest, propensity
