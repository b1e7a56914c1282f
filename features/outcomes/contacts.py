"""Joins contacts with their answers, in any order and any number of times.

A contact is known by its id; the earliest telling of it stands, and of each answer the earliest.
Both are a least element of what was told, so the order of arrival does not matter, nor a
repetition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

DAY_MS: Final = 86_400_000


class Reply(StrEnum):
    """Answers to a contact; the first that was given of this order is what it counts as."""

    UNSUBSCRIBED = "unsubscribed"
    COMPLAINED = "complained"
    DISMISSED = "dismissed"
    BOUGHT = "bought"
    ACCEPTED = "accepted"
    IGNORED = "ignored"


#: Answers of somebody who was annoyed.
ANNOYED: Final = frozenset({Reply.UNSUBSCRIBED, Reply.COMPLAINED, Reply.DISMISSED})
#: Answers of somebody who was helped.
GLAD: Final = frozenset({Reply.BOUGHT, Reply.ACCEPTED})


class Made(NamedTuple):
    """A contact as it was made, or held out where it would have been.

    Attributes
    ----------
    ts : int
        Event time, ms.
    member : str or None
        None: the household.
    channel, interest : str
    propensity : float
        Probability with which it was chosen.
    held_out : bool
        Nobody was spoken to: it counts for no cap.
    """

    ts: int
    member: str | None
    channel: str
    interest: str
    propensity: float
    held_out: bool

    @property
    def _order(self) -> tuple[int, bool, str, str, str, float]:
        # Of one time who was spoken to was spoken to.
        return (self.ts, self.held_out, self.member or "", self.channel, self.interest,
                self.propensity)  # fmt: skip


@dataclass
class Contact:
    """Contact under one id, and its answers: one may come before the contact does.

    Attributes
    ----------
    made : Made or None
    answers : dict of Reply to int
        Event time of the first of each, ms.
    """

    made: Made | None = None
    answers: dict[Reply, int] = field(default_factory=dict)

    def outcome(self, now: int, timeout_ms: int) -> Reply | None:
        """Answer that it counts as: None while an answer may still come."""
        for answer in Reply:
            if answer in self.answers:
                return answer
        if self.made is not None and now >= self.made.ts + timeout_ms:
            return Reply.IGNORED
        return None

    def late(self, timeout_ms: int) -> int:
        """Count the answers that came after no answer was expected any more."""
        if self.made is None:
            return 0
        return sum(ts > self.made.ts + timeout_ms for ts in self.answers.values())


class Contacts:
    """The contacts of an account.

    Parameters
    ----------
    most : int
        So many are kept; the oldest go, those with an answer of somebody annoyed last, for they
        keep others from being made.
    """

    def __init__(self, most: int = 256) -> None:
        self._most = most
        self._known: dict[str, Contact] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Contact]:
        return iter(self._known.values())

    def items(self) -> Mapping[str, Contact]:
        """Contacts by id."""
        return self._known

    def tell(self, name: str, made: Made) -> bool:
        """Add a contact; returns whether anything is new."""
        known = self._known.setdefault(name, Contact())
        if known.made is not None and known.made._order <= made._order:
            return False
        known.made = made
        return self._bounded(name)

    def answer(self, name: str, answer: Reply, ts: int) -> bool:
        """Add an answer to a contact, known or not; returns whether anything is new."""
        known = self._known.setdefault(name, Contact())
        if known.answers.get(answer, ts + 1) <= ts:
            return False
        known.answers[answer] = ts
        return self._bounded(name)

    def _bounded(self, name: str) -> bool:
        if len(self._known) > self._most:
            gone = min(self._known, key=lambda name: (*_worth(self._known[name]), name))
            del self._known[gone]
            return gone != name
        return True


def _latest(contact: Contact) -> int:
    times = [*contact.answers.values(), *([contact.made.ts] if contact.made else [])]
    return max(times)


def _worth(contact: Contact) -> tuple[bool, int]:
    return bool(ANNOYED & contact.answers.keys()), _latest(contact)
