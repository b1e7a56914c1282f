"""Keeps what is known of one person: an account as a whole, or a member of it.

Facts come in any order and more than once: of a name the later event time wins, of one time what
forbids, then the greater event id. A refusal answers every word that came before it in the log,
however late that one's time: no clock can tell a slow one from a late delivery, so it is put at its
own time or at that of the latest word known when it came.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, assert_never

import orjson

from features.privacy import consent
from features.privacy.consent import FOREVER, ConsentWord
from features.privacy.rules import Rules
from features.records.facts import (
    LASTING,
    AboutInterest,
    DecisionAgainst,
    Declaration,
    Fact,
    Purchase,
    present,
)
from features.vocabulary import ConsentStatus, FactKind, Opinion, Purpose

DAY_MS = 86_400_000
#: What stands in place of a purpose where it is in doubt whether profiling was refused.
DOUBT: Final = "undecided"
#: Word of a consent fact for being told apart on shared screens: per person, unsaid is refused.
ATTRIBUTION: Final = "household-attribution"


#: Purchases of one interest whose times are kept, and from how many gaps on they have a rhythm.
_MOST_BOUGHT, _LEAST_GAPS = 8, 2
_ONE_PURCHASE_MS = 3 * DAY_MS  # there and back, a ticket each


class Held(NamedTuple):
    """The latest version of a fact about an interest: event time in ms, event id, content.

    Of a purchase also when that interest was bought, ms, the latest first, itself included.
    """

    ts: int
    event_id: str
    said: AboutInterest
    bought: tuple[int, ...] = ()

    @property
    def rhythm(self) -> int:
        """Median of the times between purchases, ms, 0 where they are too few."""
        times: list[int] = []
        for ts in self.bought:
            if not times or times[-1] - ts >= _ONE_PURCHASE_MS:
                times.append(ts)
        gaps = sorted(later - earlier for later, earlier in zip(times, times[1:], strict=False))
        return gaps[(len(gaps) - 1) // 2] if len(gaps) >= _LEAST_GAPS else 0


class Timed(NamedTuple):
    """A statement on an interest, valid until a time in ms, made at another."""

    interest: str
    word: str
    until: int
    since: int


@dataclass
class Person:
    """The facts about a person.

    Attributes
    ----------
    consents : dict of str to list of ConsentWord
        By purpose or `DOUBT`, ascending.
    about : dict of str to Held
        By kind and interest.
    erased_at : int
        Event time of the latest erasure that covers it, -1 where there was none. Not part of
        what is stored: it is kept under a keyed hash, and outlives everything else.
    by_default : bool
        Whether profiling is allowed without a word.
    by_name : bool
        Whether each use of profiles has to be granted by name: he was erased, and what he may
        have refused before is not known any more.
    """

    consents: dict[str, list[ConsentWord]] = field(default_factory=dict)
    about: dict[str, Held] = field(default_factory=dict)
    erased_at: int = -1
    by_default: bool = False
    by_name: bool = False

    def __bool__(self) -> bool:
        return bool(self.consents or self.about)

    # -- facts ---------------------------------------------------------------------------

    def word(self, fact: Fact, purpose: str, status: str, expires_at: int | None = None) -> bool:
        """Add what a fact says about a purpose, or a doubt; returns whether anything changed."""
        before = self.consents.get(purpose, [])
        ts = fact.ts
        if status != ConsentStatus.GRANTED:
            again = (w for w in before if w.event_id == fact.event_id and w.status == status)
            if any(ts <= word.ts for word in again):
                return False  # it came again, and may have been answered since
            profiling = self.consents.get(Purpose.PROFILING, []) if purpose == DOUBT else []
            ts = max((ts, *(word.ts for word in before + profiling)))
        if ts <= self.erased_at:
            return False
        self.consents[purpose] = consent.added(
            before, ConsentWord(ts, fact.event_id, status, expires_at)
        )
        return self.consents[purpose] != before

    def keep(self, held: Held) -> bool:
        """Add a fact about an interest; returns whether anything changed."""
        name = f"{held.said.kind}/{held.said.interest}"
        known = self.about.get(name)
        if held.ts <= self.erased_at:
            return False
        if isinstance(held.said, Purchase) and not held.said.returned:
            held = held._replace(bought=(held.ts,))
        if known is not None:
            bought = sorted({*known.bought, *held.bought}, reverse=True)[:_MOST_BOUGHT]
            held = max(known, held, key=_rank)._replace(bought=tuple(bought))
        self.about[name] = held
        return held != known

    def evict(self, most: int) -> list[FactKind]:
        """Let go what merely informs, the oldest first, down to `most`; returns its kinds."""
        informs = sorted(
            (name for name, held in self.about.items() if not protects(held.said)),
            key=lambda name: (self.about[name].ts, name),
        )
        gone = informs[: max(0, len(self.about) - most)]
        return [self.about.pop(name).said.kind for name in gone]

    def forget_outside(self, start: int, until: int) -> bool:
        """Drop facts about interests outside a span; returns whether there were any."""
        gone = [name for name, held in self.about.items() if not start <= held.ts < until]
        for name in gone:
            del self.about[name]
        before = dict(self.about)
        for name, held in before.items():
            bought = tuple(ts for ts in held.bought if start <= ts < until)
            self.about[name] = held._replace(bought=bought)
        return bool(gone) or self.about != before

    @property
    def latest(self) -> int:
        """Event time of the latest word, ms, -1 for none: its clock may have run ahead."""
        words = (word.ts for history in self.consents.values() for word in history)
        return max((*words, *(held.ts for held in self.about.values())), default=-1)

    # -- permissions ---------------------------------------------------------------------

    def span(self) -> tuple[int, int]:
        """Event times from which on and until which profiling is allowed, ms."""
        return consent.span(
            self.consents.get(Purpose.PROFILING, []), self.erased_at, self.by_default
        )

    def span_in_use(self) -> tuple[int, int]:
        """The same up to a doubt that no later word on profiling has ended."""
        start, until = self.span()
        doubts, said = self.consents.get(DOUBT), self.consents.get(Purpose.PROFILING)
        if doubts and not (said and said[-1].ts > doubts[-1].ts):
            until = min(until, doubts[-1].ts)
        return start, until

    @property
    def forbids(self) -> bool:
        """Whether the last word on any purpose is not a grant without an end."""
        last = (history[-1] for what, history in self.consents.items() if what != ATTRIBUTION)
        return any(withholds(word.status, word.expires_at) for word in last)

    @property
    def is_doubted(self) -> bool:
        """Whether it is on hold until somebody has decided."""
        return DOUBT in self.consents and self.span_in_use() != self.span()

    def refuses(self, purpose: Purpose, now: int) -> bool:
        """Whether the last word on a use of profiles is not a grant that holds at `now`.

        Without a word it is allowed, but to who was erased: it is granted by name, or not at all.
        """
        history = self.consents.get(purpose)
        if history is None:
            return self.by_name
        return not consent.valid(history, max(now, 0))

    def agrees(self, now: int) -> bool:
        """Whether a person wants to be told apart on shared screens."""
        history = self.consents.get(ATTRIBUTION)
        return history is not None and consent.valid(history, max(now, 0))

    def use_until(self, purpose: Purpose) -> int:
        """Event time at which the last grant of a use ends, ms, `FOREVER` where there is none."""
        history = self.consents.get(purpose, [])
        granted = bool(history) and history[-1].status == ConsentStatus.GRANTED
        return history[-1].until if granted else FOREVER

    def use_span(self, purpose: Purpose) -> tuple[int, int]:
        """Event times from which on and until which a use is allowed, ms.

        Without a word it is, but to who was erased.
        """
        erased_at = self.erased_at if self.by_name else -1
        return consent.span(self.consents.get(purpose, []), erased_at, not self.by_name)

    def bounds(self) -> bool:
        """Whether a use of profiles is allowed for a time only."""
        return any(self.use_until(use) < FOREVER for use in (Purpose.OFFERS, Purpose.AUDIENCES))

    def allows(self, purpose: Purpose, now: int, rules: Rules) -> bool:
        """Whether an account allows a use of profiles; without a word the rules say."""
        if self.is_doubted:
            return False
        if purpose not in self.consents:
            return rules.unsaid[purpose] == "profiling" and not self.by_name
        return not self.refuses(purpose, now)

    # -- interests -----------------------------------------------------------------------

    def opinions(self, now: int, rules: Rules) -> list[Timed]:
        """Declared likes and dislikes that hold at `now`."""
        if not self.about:
            return []
        days = {Opinion.LIKE: rules.like_days, Opinion.DISLIKE: rules.dislike_days}
        return _in_force(
            (
                Timed(said.interest, said.stance, held.ts + days[stance] * DAY_MS, held.ts)
                for held in self.about.values()
                if isinstance(said := held.said, Declaration)
                and (stance := Opinion(said.stance)) in days
            ),
            now,
        )

    def quiet(self, now: int, rules: Rules) -> list[Timed]:
        """Interests to be quiet about at `now`, and why."""
        if not self.about:
            return []
        found = []
        for held in self.about.values():
            match held.said:
                case Purchase(returned=True) | Declaration():
                    continue
                case Purchase() | DecisionAgainst() as said:
                    kind = rules.kind(said.interest)
                    days = kind.days[said.kind] if said.quiet_days is None else said.quiet_days
                    quiet = days * DAY_MS
                    if said.quiet_days is None and kind.rhythm and held.rhythm:
                        quiet = held.rhythm * 3 // 4  # in time for the next one
                    found.append(Timed(said.interest, said.kind, held.ts + quiet, held.ts))
                case other:
                    assert_never(other)
        return _in_force(found, now)

    def speaks(self, now: int, rules: Rules) -> bool:
        """Whether own words on interests, or on how long, are to show in a profile."""
        return bool(self.opinions(now, rules) or self.quiet(now, rules)) or self.bounds()

    def next_change(self, now: int, rules: Rules) -> int:
        """Event time at which something limited in time ends, `FOREVER` where nothing does."""
        now = max(now, 0)
        first = FOREVER
        for history in self.consents.values():
            last = history[-1]
            if last.status == ConsentStatus.GRANTED and now < last.until < first:
                first = last.until
        if not self.about:  # as most
            return first
        said = self.quiet(now, rules) + self.opinions(now, rules)
        return min(first, *(item.until for item in said if item.until > now), FOREVER)

    # -- bytes ---------------------------------------------------------------------------

    def consents_bytes(self) -> bytes | None:
        """Canonical JSON of the words about permissions, None for none."""
        return _dumps(self.consents) if self.consents else None

    def about_bytes(self) -> bytes | None:
        """Canonical JSON of the facts about interests, None for none."""
        if not self.about:
            return None
        return _dumps({name: _stored(held) for name, held in self.about.items()})

    @classmethod
    def from_bytes(cls, consents: bytes | None, about: bytes | None) -> Person:
        """Inverse of both."""
        return cls(
            {
                name: [ConsentWord(int(c[0]), str(c[1]), str(c[2]), c[3]) for c in history]
                for name, history in orjson.loads(consents or b"{}").items()
            },
            {name: _held(*item) for name, item in orjson.loads(about or b"{}").items()},
        )


def fields(held: Held) -> dict[str, Any]:
    """A fact as it is stored: its own fields and its kind."""
    return present(held.said) | {"kind": held.said.kind}


def withholds(status: str, expires_at: int | None) -> bool:
    """Whether a word on a purpose is anything but a grant without an end."""
    return status != ConsentStatus.GRANTED or expires_at is not None


def forbids(said: AboutInterest) -> bool:
    """Whether a word forbids something: it wins over one of the same time."""
    match said:
        case Declaration(stance=stance):
            return stance == Opinion.DISLIKE
        case Purchase(returned=returned):
            return not returned
        case DecisionAgainst():
            return True
        case other:
            assert_never(other)


def protects(said: AboutInterest) -> bool:
    """Whether a word is a person's own no, which is never let go."""
    return isinstance(said, Declaration) and said.stance == Opinion.DISLIKE


def _stored(held: Held) -> tuple[Any, ...]:
    more = (held.bought,) if held.bought not in ((), (held.ts,)) else ()
    return held.ts, held.event_id, fields(held), *more


def _held(
    ts: int, event_id: str, stored: Mapping[str, Any], bought: Iterable[int] | None = None
) -> Held:
    said = dict(stored)
    kind = LASTING[FactKind(said.pop("kind"))]
    what = kind(**said)
    assert isinstance(what, AboutInterest)
    if bought is None:
        own = isinstance(what, Purchase) and not what.returned
        bought = (ts,) if own else ()
    return Held(int(ts), str(event_id), what, tuple(map(int, bought)))


def _rank(held: Held) -> tuple[int, bool, str]:
    return held.ts, forbids(held.said), held.event_id


def _in_force(found: Iterable[Timed], now: int) -> list[Timed]:
    return sorted(item for item in found if item.until > now)


def _dumps(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
