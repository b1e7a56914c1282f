"""Compares the profiles of two deployments: what is the same, what is acted on otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from features.vocabulary import Stance
from streams.client.parts import Interest
from streams.client.profile import Profile

#: Stands for the stance of an interest that a profile does not have.
ABSENT = "absent"
#: Stances on which nobody acts: an interest comes to wait, or goes, when its profile is written.
_IDLE = frozenset({ABSENT, Stance.HOLD.word})


@dataclass(frozen=True, order=True)
class InterestChange:
    """One interest of one subject that is said otherwise.

    Attributes
    ----------
    amount : float
        Between the scores; that of an absent interest is 0.
    subject, interest : str
    stances : (str, str)
        In the one and the other.
    """

    amount: float
    subject: str
    interest: str
    stances: tuple[str, str]


@dataclass
class ShadowComparison:
    """Sums over all subjects of two deployments.

    Attributes
    ----------
    equal, rescored, changed : int
        Subjects of both: said alike; alike but for scores and for what waits; or acted on
        otherwise, by a stance, a suppression or a permission.
    alone : (int, int)
        Subjects that only the one has, and only the other.
    stances : Counter of (str, str)
        Interests by their stances in the one and the other, where these differ.
    largest : list of InterestChange
        By amount, the largest first, at most `shown`.
    """

    shown: int = 5
    equal: int = 0
    rescored: int = 0
    changed: int = 0
    alone: tuple[int, int] = (0, 0)
    stances: Counter[tuple[str, str]] = field(default_factory=Counter)
    largest: list[InterestChange] = field(default_factory=list)

    @property
    def subjects(self) -> int:
        """Number of subjects of either."""
        return self.equal + self.rescored + self.changed + sum(self.alone)

    @property
    def share_changed(self) -> float:
        """Share of the subjects that are acted on otherwise, those of one alone included."""
        return (self.changed + sum(self.alone)) / self.subjects if self.subjects else 0.0

    def take(self, one: Mapping[bytes, bytes], other: Mapping[bytes, bytes]) -> None:
        """Add profiles by key, of a part of the subjects that is the same in both.

        Raises
        ------
        ProfileError
            Naming the subject whose record is none.
        """
        first, second = self.alone
        both = one.keys() & other.keys()
        self.alone = first + len(one) - len(both), second + len(other) - len(both)
        found = list(self.largest)
        for key in both:
            pair = Profile.from_record(key, one[key]), Profile.from_record(key, other[key])
            changes = list(_changes(*pair))
            moved = [change.stances for change in changes if len(set(change.stances)) > 1]
            self.stances.update(moved)
            acted = any(not _IDLE.issuperset(stances) for stances in moved)
            if acted or _rules(pair[0]) != _rules(pair[1]):
                self.changed += 1
            elif changes:
                self.rescored += 1
            else:
                self.equal += 1
            found += changes
        self.largest = sorted(found, reverse=True)[: self.shown]


def _rules(profile: Profile) -> tuple[Any, ...]:
    """What forbids and permits, but for times: those of a shadow come from another clock."""
    permitted = {use: said.value for use, said in profile.contactable.items()}
    return {item.scope for item in profile.suppressions}, permitted, profile.context


def _changes(one: Profile, other: Profile) -> Iterator[InterestChange]:
    before, after = ({item.id: item for item in p.interests} for p in (one, other))
    for name in before.keys() | after.keys():
        pair = before.get(name), after.get(name)
        stances = _stance(pair[0]), _stance(pair[1])
        amount = abs(_score(pair[0]) - _score(pair[1]))
        if amount or stances[0] != stances[1]:
            yield InterestChange(amount, one.subject, name, stances)


def _stance(interest: Interest | None) -> str:
    return ABSENT if interest is None else interest.stance


def _score(interest: Interest | None) -> float:
    return 0.0 if interest is None else interest.score
