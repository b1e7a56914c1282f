"""Joins contacts with their answers, in any order and any number of times.

A contact is known by its id; the earliest telling of it stands, and of each answer the earliest.
Both are a least element of what was told, so the order of arrival does not matter, nor a
repetition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import orjson

from features.records.facts import ContactAnswer, ContactMade, OutcomeSaid
from features.vocabulary import ContactNews, Reply

DAY_MS: Final = 86_400_000


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
    stance : str
        Of the interest, as the profile said; empty where that is not told.
    version : int
        Of the profile; 0 where it is not told.
    """

    ts: int
    member: str | None
    channel: str
    interest: str
    propensity: float
    held_out: bool
    stance: str = ""
    version: int = 0

    @property
    def _order(self) -> tuple[int, bool, str, str, str, float, str, int]:
        # Of one time who was spoken to was spoken to.
        return (self.ts, self.held_out, self.member or "", self.channel, self.interest,
                self.propensity, self.stance, self.version)  # fmt: skip


class Heard(NamedTuple):
    """Holds what the policy reads of a contact again and again.

    Attributes
    ----------
    latest : int
        Event time of the latest of it, ms.
    glad : int
        Event time of the latest answer of somebody who was helped, ms; -1 for none.
    annoyed : list of (Reply, int)
        Answers of somebody who was annoyed, and event time of the first of each, ms.
    """

    latest: int
    glad: int
    annoyed: list[tuple[Reply, int]]


@dataclass
class Contact:
    """Contact under one id, and its answers: one may come before the contact does.

    Attributes
    ----------
    made : Made or None
    answers : dict of Reply to int
        Event time of the first of each, ms.
    whose : str or None
        Member whom an answer names, for a contact that is not known.
    signals : tuple of int
        What was known of the interest when the contact was told first, for what is learned from
        it; empty where nothing is.
    """

    made: Made | None = None
    answers: dict[Reply, int] = field(default_factory=dict)
    whose: str | None = None
    signals: tuple[int, ...] = ()
    _heard: Heard | None = field(default=None, repr=False, compare=False)

    def changed(self) -> None:
        """Have what the policy reads of it made anew."""
        self._heard = None

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        made = self.made and (self.made.ts, *self.made[2:])
        answers = {str(word): ts for word, ts in self.answers.items()}
        signals = (self.signals,) if self.signals else ()
        return orjson.dumps((made, answers, *signals), option=orjson.OPT_SORT_KEYS)

    @property
    def member(self) -> str | None:
        """Person it was made to; None: the household."""
        return self.whose if self.made is None else self.made.member

    @property
    def heard(self) -> Heard:
        """Read the contact and its answers, once while they are the same."""
        if self._heard is None:
            made = -1 if self.made is None else self.made.ts
            if not self.answers:
                self._heard = Heard(made, -1, [])
                return self._heard
            self._heard = Heard(
                max(made, *self.answers.values()),
                max((ts for word, ts in self.answers.items() if word in GLAD), default=-1),
                [(word, ts) for word, ts in self.answers.items() if word in ANNOYED],
            )
        return self._heard

    def outcome(self, now: int, timeout_ms: int) -> Reply | None:
        """Answer that it counts as: None while an answer may still come."""
        for answer in Reply:
            if answer in self.answers:
                return answer
        if self.made is not None and now >= self.made.ts + timeout_ms:
            return Reply.IGNORED
        return None

    def in_time(self, timeout_ms: int) -> Reply | None:
        """Answer that it counts as when the time for one ends; None for a contact not known."""
        if self.made is None:
            return None
        end = self.made.ts + timeout_ms
        said = {word: ts for word, ts in self.answers.items() if ts <= end}
        return Contact(self.made, said).outcome(end, timeout_ms)

    def late(self, timeout_ms: int) -> int:
        """Count the answers that came after no answer was expected any more."""
        if self.made is None:
            return 0
        return sum(ts > self.made.ts + timeout_ms for ts in self.answers.values())


class Contacts:
    """The contacts of a person or an account.

    Parameters
    ----------
    most : int
        So many are kept; the oldest go, those with an answer of somebody annoyed last, for they
        keep others from being made.
    """

    def __init__(self, most: int = 256) -> None:
        self._most = most
        self._known: dict[str, Contact] = {}
        self._stored: dict[str, bytes] = {}  # of those that are as they were: nearly all

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
        self._changed(name)
        return self._bounded(name)

    def answer(self, name: str, answer: Reply, ts: int, whose: str | None = None) -> bool:
        """Add an answer to a contact, known or not; returns whether anything is new."""
        known = self._known.setdefault(name, Contact(whose=whose))
        if known.answers.get(answer, ts + 1) <= ts:
            return False
        known.answers[answer] = ts
        self._changed(name)
        return self._bounded(name)

    def take(
        self,
        member: str | None,
        ts: int,
        said: OutcomeSaid,
        timeout_ms: int,
        signals: Callable[[], tuple[int, ...]] = tuple,
    ) -> list[ContactNews | Reply] | None:
        """Add what an outcome of a member says; returns what counts of it, None for no news.

        Parameters
        ----------
        signals : callable
            Asked for what is kept with a contact that is told for the first time.
        """
        name, count = said.contact_id, len(self._known)
        before = self._known.get(name)
        first = before is None or before.made is None
        heard = {} if before is None else {**before.answers}
        late = 0 if before is None else before.late(timeout_ms)
        news: list[ContactNews | Reply]
        match said:
            case ContactMade():
                stance, version = said.stance or "", said.profile_version or 0
                made = Made(ts, member, said.channel, said.interest, said.propensity,
                            said.held_out, stance, version)  # fmt: skip
                if not self.tell(name, made):
                    return None
                if first:
                    self._known[name].signals = signals()
                news = [ContactNews.HELD_OUT if said.held_out else ContactNews.MADE] * first
            case ContactAnswer(answer=word):
                if not self.answer(name, Reply(word), ts, member):
                    return None
                news = [Reply(word)] * (word not in heard)
        news += [ContactNews.LATE_ANSWER] * max(0, self._known[name].late(timeout_ms) - late)
        return news + [ContactNews.EVICTED] * (before is None and len(self._known) == count)

    def forget_outside(self, start: int, until: int) -> bool:
        """Drop contacts and answers outside a span, ms; returns whether there were any."""
        known, self._known, self._stored = self._known, {}, {}
        for name, held in known.items():
            inside = held.made is not None and start <= held.made.ts < until
            answers = {word: ts for word, ts in held.answers.items() if start <= ts < until}
            if inside or answers:
                made = held.made if inside else None
                same = made is held.made and answers == held.answers
                signals = held.signals if inside else ()
                self._known[name] = held if same else Contact(made, answers, held.member, signals)
        return known != self._known

    def renewed(self, renew: Callable[[str], str]) -> Contacts:
        """The same under other names."""
        found = Contacts(self._most)
        found._known = {renew(name): held for name, held in self._known.items()}
        return found

    @property
    def latest(self) -> int:
        """Event time of the latest of all, ms; -1 for none."""
        return max((held.heard.latest for held in self._known.values()), default=-1)

    def to_bytes(self) -> bytes | None:
        """Canonical JSON of what is known of one person, None for nothing."""
        if not self._known:
            return None
        stored = self._stored
        for name in self._known.keys() - stored.keys():
            stored[name] = b"%b:%b" % (orjson.dumps(name), self._known[name].to_bytes())
        return b"{%b}" % b",".join([stored[name] for name in sorted(self._known)])

    @classmethod
    def from_bytes(cls, value: bytes | None, member: str | None, most: int = 256) -> Contacts:
        """Inverse of `to_bytes`, of a member; None: the household."""
        found = cls(most)
        for name, (made, answers, *signals) in orjson.loads(value or b"{}").items():
            found._known[name] = Contact(
                made and Made(made[0], member, *made[1:]),
                {Reply(word): ts for word, ts in answers.items()},
                member,
                tuple(signals[0]) if signals else (),
            )
        return found

    def _changed(self, name: str) -> None:
        self._stored.pop(name, None)
        self._known[name].changed()

    def _bounded(self, name: str) -> bool:
        if len(self._known) > self._most:
            gone = min(self._known, key=lambda name: (*_worth(self._known[name]), name))
            del self._known[gone]
            self._stored.pop(gone, None)
            return gone != name
        return True


def _worth(contact: Contact) -> tuple[bool, int]:
    return bool(ANNOYED & contact.answers.keys()), contact.heard.latest
