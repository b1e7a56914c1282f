"""Draws households, members, habits and fates, once, from the seed.

`HouseholdTruth` is what an evaluation may hold the learned profiles against.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from features.vocabulary import FactKind, Purpose
from streams.sandbox.contents import INTERESTS

MAX_MEMBERS = 5
#: Households of 1, 2, 3, 4 and 5 members.
_SIZES = (0.30, 0.30, 0.18, 0.15, 0.07)
_CHILDREN_INTEREST = next(i for i, x in enumerate(INTERESTS) if x.id == "645")

Consent = Literal["granted", "denied", "withdrawn", "erased"]


@dataclass(frozen=True)
class MemberTruth:
    """True interests of one member.

    Attributes
    ----------
    member_id : str
    adult : bool
    interests : mapping of str to float
        Taxonomy id to the probability of engaging on a usual day.
    since, until : mapping of str to int
        First day of an interest, and the day it ended, counted from the start of the simulation;
        only for interests that began or ended during it.
    """

    member_id: str
    adult: bool
    interests: Mapping[str, float]
    since: Mapping[str, int]
    until: Mapping[str, int]


@dataclass(frozen=True)
class HouseholdTruth:
    """The truth about one household; `consent` is how its story ends."""

    account_id: str
    members: tuple[MemberTruth, ...]
    consent: Consent

    def interests(self) -> dict[str, float]:
        """Interests of all members together: the greatest probability of each."""
        union: dict[str, float] = {}
        for member in self.members:
            for interest, weight in member.interests.items():
                union[interest] = max(weight, union.get(interest, 0.0))
        return union


@dataclass(frozen=True)
class Habits:
    """One row per (person, interest), as columns of equal length H.

    Attributes
    ----------
    person, interest : int64[H]
        Indices into the population and into `contents.INTERESTS`.
    chance : float64[H, 7]
        Probability of doing it, by day of the week (0 Monday).
    rate : float64[H]
        Mean number of further sessions on an active day.
    dayparts : float64[H, 4]
        Cumulative shares of night, morning, afternoon, evening.
    since, until : int64[H]
        Days from and before which it holds.
    favourite : int64[H]
        Number that picks the favourite content of each sort.
    """

    person: NDArray[np.int64]
    interest: NDArray[np.int64]
    chance: NDArray[np.float64]
    rate: NDArray[np.float64]
    dayparts: NDArray[np.float64]
    since: NDArray[np.int64]
    until: NDArray[np.int64]
    favourite: NDArray[np.int64]


class Households:
    """All households of a simulation, without what they do.

    Parameters
    ----------
    seed, households, days : int
        The same three give the same population.

    Attributes
    ----------
    size : int64[households]
    first : int64[households]
        Index of a household's first person; its members follow each other.
    household : int64[people]
    habits : Habits
    fates : list of (day, household, kind, data)
        Facts to come, ascending by day; consent of day 0 excluded.
    consent : list of str
        How each household's story ends.
    gone : int64[households]
        Last day on which an erased household does anything: it goes on after the erasure at noon.
    """

    def __init__(self, seed: int, households: int, days: int) -> None:
        rng = np.random.default_rng([seed, 1])
        self.households, self.days = households, days
        self.size = rng.choice(MAX_MEMBERS, households, p=_SIZES).astype(np.int64) + 1
        self.first = np.concatenate(([0], np.cumsum(self.size)[:-1])).astype(np.int64)
        self.household = np.repeat(np.arange(households, dtype=np.int64), self.size)
        self.member = np.arange(len(self.household), dtype=np.int64) - self.first[self.household]
        # Children: never the first member, every third of the others.
        self.adult = (self.member == 0) | (rng.random(len(self.member)) > 0.35)
        self.habits = _habits(rng, self.adult, days)
        self.consent: list[Consent] = []
        self.gone = np.full(households, 1 << 40, np.int64)
        fates = sorted(_fates(rng, self), key=lambda fate: fate[:2])
        self.fates = [fate for fate in fates if fate[0] < days]

    def account(self, household: int) -> str:
        """Pseudonym of a household."""
        return f"sim-{household:05d}"

    def truth(self, household: int) -> HouseholdTruth:
        """The truth about one household."""
        first = int(self.first[household])
        members = tuple(self._member(first + k) for k in range(int(self.size[household])))
        return HouseholdTruth(self.account(household), members, self.consent[household])

    def _member(self, person: int) -> MemberTruth:
        h = self.habits
        low, high = np.searchsorted(h.person, [person, person + 1])
        ids = [INTERESTS[i].id for i in h.interest[low:high]]
        mean = h.chance[low:high].mean(axis=1)
        since, until = h.since[low:high], h.until[low:high]
        return MemberTruth(
            f"m{self.member[person] + 1}",
            bool(self.adult[person]),
            {key: round(float(p), 3) for key, p in zip(ids, mean, strict=True)},
            {key: int(d) for key, d in zip(ids, since, strict=True) if d > 0},
            {key: int(d) for key, d in zip(ids, until, strict=True) if d < self.days},
        )


def _habits(rng: np.random.Generator, adult: NDArray[np.bool_], days: int) -> Habits:
    people = len(adult)
    count = rng.integers(2, 7, people)
    person = np.repeat(np.arange(people, dtype=np.int64), count)
    # Draw without replacement: the smallest `count` of exponential keys, popular ones first.
    popularity = 1.0 / np.arange(2, len(INTERESTS) + 2) ** 0.5
    keys = rng.exponential(size=(people, len(INTERESTS))) / rng.permutation(popularity)
    keys[adult, _CHILDREN_INTEREST] = np.inf
    keys[~adult, _CHILDREN_INTEREST] = 0.0
    order = np.argsort(keys, axis=1)
    place = np.arange(len(person)) - np.repeat(np.cumsum(count) - count, count)
    interest = order[person, place].astype(np.int64)
    rows = len(person)

    usual = np.clip(rng.beta(2.0, 2.5, rows), 0.05, 0.95)
    by_day = usual[:, None] * rng.uniform(0.7, 1.3, (rows, 7))
    weekday = np.array([x.weekday for x in INTERESTS])[interest]
    # A weekly habit: seldom on other days, nearly always on its own.
    weekly = (weekday >= 0) & (rng.random(rows) < 0.7)
    by_day[weekly] *= 0.12
    by_day[np.flatnonzero(weekly), weekday[weekly]] = rng.uniform(0.75, 0.97, int(weekly.sum()))

    shares = np.array([x.dayparts for x in INTERESTS])[interest]
    shares = shares * rng.gamma(4.0, 0.25, shares.shape) + 1e-9
    fate = rng.random(rows)
    turn = rng.integers(1, max(2, days), rows)
    return Habits(
        person,
        interest,
        np.clip(by_day, 0.0, 0.97),
        rng.gamma(1.2, 0.8, rows),
        np.cumsum(shares / shares.sum(axis=1, keepdims=True), axis=1),
        np.where(fate < 0.10, turn, 0).astype(np.int64),
        np.where(fate > 0.92, turn, days + 1).astype(np.int64),
        rng.integers(0, 1 << 20, rows).astype(np.int64),
    )


def _fates(
    rng: np.random.Generator, people: Households
) -> Iterator[tuple[int, int, str, dict[str, Any]]]:
    """Facts of every household after day 0; also fills `consent`, `gone` and habits' ends."""
    days, habits = people.days, people.habits
    for household in range(people.households):
        draw = rng.random(6)
        day = [int(d) for d in rng.integers(1, max(2, days), 6)]
        consent: Consent = "granted"
        if draw[0] < 0.08:
            consent = "denied"
        elif draw[0] < 0.12 and days > 1:
            consent = "withdrawn"
            yield (
                day[0],
                household,
                FactKind.CONSENT,
                {"purpose": Purpose.PROFILING, "status": "withdrawn"},
            )
        elif draw[0] < 0.135 and days > 1:
            consent = "erased"
            people.gone[household] = day[0]
            yield day[0], household, FactKind.ERASURE, {}
        people.consent.append(consent)
        person = int(people.first[household])
        low, high = np.searchsorted(habits.person, [person, person + 1])
        row = int(rng.integers(low, high))
        chosen = INTERESTS[habits.interest[row]]
        if draw[1] < 0.25 and chosen.sold:
            habits.until[row] = min(int(habits.until[row]), day[1])
            yield (
                day[1],
                household,
                FactKind.PURCHASE,
                {"interest": chosen.id, "product": f"offer-{chosen.id.lower()}", "quiet_days": 90},
            )
        elif draw[1] > 0.93:
            yield (
                day[1],
                household,
                FactKind.DECISION_AGAINST,
                {"interest": chosen.id, "quiet_days": 60},
            )
        if draw[2] < 0.06 and day[2] < days - 1:
            case = f"case-{household}"
            yield day[2], household, FactKind.CARE_CASE, {"case_id": case, "status": "opened"}
            if draw[3] < 0.8:
                end = min(day[2] + 1 + int(draw[4] * 9), days - 1)
                yield end, household, FactKind.CARE_CASE, {"case_id": case, "status": "closed"}
        if draw[5] < 0.15:
            stance = "dislike" if draw[5] < 0.04 else "like"
            yield day[3], household, FactKind.DECLARATION, {"interest": chosen.id, "stance": stance}
