"""Keeps what is known about an account, and derives consent, quiet interests and open cases.

Facts arrive in any order and more than once: per fact the later event time wins, of one time
what forbids, then the greater event id, so every interleaving ends in the same record.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, assert_never

from features.privacy import consent
from features.privacy import rules as rulebook
from features.privacy.consent import FOREVER, ConsentWord
from features.privacy.rules import Rules
from features.records.concealed import keyed_mark
from features.records.facts import (
    LASTING,
    AboutInterest,
    CareCase,
    Consent,
    DecisionAgainst,
    Declaration,
    Erasure,
    Fact,
    Lasting,
    Purchase,
    Refused,
    Registry,
    present,
)
from features.state.spans import NEVER
from features.vocabulary import CaseStatus, FactKind, Opinion, Purpose, SuppressionReason

DAY_MS = 86_400_000

#: Most facts of an account beside consent; beyond it the oldest go, those that protect last.
MAX_FACTS = 256
_MAX_NOTES = 50


def erasure_mark(key: bytes, text: str, what: str = "erasure") -> str:
    """Keyed hash that stands for an identifier where the identifier must not stay.

    See `features.records.concealed.keyed_mark`.
    """
    return keyed_mark(key, text, what)


class Held(NamedTuple):
    """The latest version of a fact: event time in ms, event id, member (None: account), content."""

    ts: int
    event_id: str
    member: str | None
    said: Lasting


class Timed(NamedTuple):
    """A statement on an interest, valid until a time in ms; `member` None: of the account."""

    member: str | None
    interest: str
    word: str
    until: int


@dataclass
class AccountFacts:
    """The latest version of every fact about one account.

    Attributes
    ----------
    facts : dict of str to Held
        By name of the fact.
    consents : dict of str to list of ConsentWord
        By ``purpose`` (the account's) or ``purpose/member``, ascending.
    erased_at : int
        Event time of the latest erasure, -1 where there was none. Not part of the stored
        record: it is kept under a keyed hash, and outlives everything else.
    """

    facts: dict[str, Held] = field(default_factory=dict)
    consents: dict[str, list[ConsentWord]] = field(default_factory=dict)
    erased_at: int = -1

    def __bool__(self) -> bool:
        return bool(self.facts or self.consents)

    def apply(self, fact: Fact, rules: Rules | None = None) -> bool:
        """Add one fact; returns whether anything changed."""
        if fact.at_once:
            fact = replace(fact, ts=max(fact.ts, self._latest()))
        if fact.ts <= self.erased_at:
            return False
        match fact.said:
            case Erasure():
                self._erase(fact.ts)
                return True
            case Consent() as said:
                purpose = (rules or rulebook.load()).purpose(said.purpose)
                if purpose is None:
                    return False  # consent to something that is not done here
                return self._word(fact, purpose, said.status, said.expires_at)
            case Refused() as said:
                return any([self._word(fact, name, said.status) for name in said.purposes])
            case said:
                return self._keep(Held(fact.ts, fact.event_id, fact.member_id, said))

    def _erase(self, ts: int) -> None:
        self.erased_at = ts
        self.facts = {name: held for name, held in self.facts.items() if held.ts > ts}
        self.consents = {
            name: kept
            for name, history in self.consents.items()
            if (kept := [word for word in history if word.ts > ts])
        }

    def _latest(self) -> int:
        """Event time of the latest word, ms: a clock may run ahead of its arrival for a while."""
        words = (word.ts for history in self.consents.values() for word in history)
        return max((*words, *(held.ts for held in self.facts.values())), default=0)

    def _word(
        self, fact: Fact, purpose: Purpose, status: str, expires_at: int | None = None
    ) -> bool:
        name = purpose if fact.member_id is None else f"{purpose}/{fact.member_id}"
        before = self.consents.get(name, [])
        word = ConsentWord(fact.ts, fact.event_id, status, expires_at)
        self.consents[name] = consent.added(before, word)
        return self.consents[name] != before

    def _keep(self, held: Held) -> bool:
        name = _name(held)
        known = self.facts.get(name)
        if known is not None and _rank(known) >= _rank(held):
            return False
        self.facts[name] = held
        if len(self.facts) > MAX_FACTS:
            oldest = min(self.facts, key=lambda name: _worth(name, self.facts[name]))
            del self.facts[oldest]
            return oldest != name
        return True

    def forget_outside(self, start: int, until: int) -> bool:
        """Drop facts about interests outside a span of consent; returns whether there were any."""
        gone = [
            name
            for name, held in self.facts.items()
            if isinstance(held.said, AboutInterest) and not start <= held.ts < until
        ]
        for name in gone:
            del self.facts[name]
        return bool(gone)

    # -- consent -------------------------------------------------------------------------

    def consent(self, default_grant: bool, purpose: Purpose = Purpose.PROFILING) -> tuple[int, int]:
        """Event times from which on and until which a purpose is allowed, ms."""
        return consent.span(self.consents.get(purpose, []), self.erased_at, default_grant)

    def allowed(self, purpose: Purpose, now: int, rules: Rules) -> tuple[bool, int]:
        """Whether a use of profiles is allowed at `now`, and until when that answer holds."""
        if purpose not in self.consents:
            return rules.unsaid[purpose] == "profiling", FOREVER
        _, until = self.consent(False, purpose)
        held = until > max(now, 0)  # before the first event there is no time yet
        return held, until if held else FOREVER

    def member_spans(self, rules: Rules, now: int) -> dict[str, tuple[int, int]]:
        """By member with a word of its own, the event times when it may be held, ms."""
        found: dict[str, tuple[int, int]] = {}
        for name, history in self.consents.items():
            purpose, _, member = name.partition("/")
            if member and purpose == Purpose.PROFILING:
                start, until = consent.span(history, self.erased_at, True)
                found[member] = (start, until) if until > now else NEVER
        if not rules.children_profiled:
            found |= dict.fromkeys(self._children(), NEVER)
        return found

    def held_members(self, rules: Rules, now: int) -> set[str]:
        """Members who get no offers: children, and who refused offers for themselves."""
        held = self._children()
        for name, history in self.consents.items():
            purpose, _, member = name.partition("/")
            if member and purpose == Purpose.OFFERS and not consent.valid(history, now):
                held.add(member)
        return held

    def _children(self) -> set[str]:
        """A member with any device registered to a child is a child."""
        return {device.owner_member_id for device in self._childrens if device.owner_member_id}

    # -- what else is known --------------------------------------------------------------

    @property
    def case_open(self) -> bool:
        """Whether a care case is open: no offers to a customer who waits for help."""
        return any(
            isinstance(held.said, CareCase) and held.said.status == CaseStatus.OPENED
            for held in self.facts.values()
        )

    @property
    def child_device(self) -> bool:
        """Whether a child's device is shared by the household."""
        return any(not device.owner_member_id for device in self._childrens)

    @property
    def _childrens(self) -> list[Registry]:
        said = (held.said for held in self.facts.values())
        return [item for item in said if isinstance(item, Registry) and item.adult is False]

    def owner(self, device: str) -> str | None:
        """The member a device is registered to, None where it is shared or unknown."""
        known = self.facts.get(_name_of_device(device))
        return known.said.owner_member_id if known and isinstance(known.said, Registry) else None

    def opinions(self, now: int, rules: Rules) -> list[Timed]:
        """Declared likes and dislikes that hold at `now`."""
        days = {Opinion.LIKE: rules.like_days, Opinion.DISLIKE: rules.dislike_days}
        return _in_force(
            (
                Timed(held.member, said.interest, said.stance, held.ts + days[stance] * DAY_MS)
                for held in self.facts.values()
                if isinstance(said := held.said, Declaration)
                and (stance := Opinion(said.stance)) in days
            ),
            now,
        )

    def quiet(self, now: int, rules: Rules) -> list[Timed]:
        """Interests to be quiet about at `now`, and why."""
        found = []
        for held in self.facts.values():
            match held.said:
                case Purchase(returned=True) | Declaration() | CareCase() | Registry():
                    continue
                case Purchase() | DecisionAgainst() as said:
                    days = said.quiet_days
                    if days is None:
                        days = rules.kind(said.interest).days[said.kind]
                    until = held.ts + days * DAY_MS
                    found.append(Timed(held.member, said.interest, said.kind, until))
                case other:
                    assert_never(other)
        return _in_force(found, now)

    # -- bytes ---------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """Canonical JSON, the same for the same facts."""
        facts = {name: (held.ts, held.event_id, fields(held)) for name, held in self.facts.items()}
        return json.dumps(
            {"consents": self.consents, "facts": facts}, sort_keys=True, separators=(",", ":")
        ).encode()

    @classmethod
    def from_bytes(cls, data: bytes, erased_at: int = -1) -> AccountFacts:
        """Inverse of `to_bytes`."""
        held = json.loads(data)
        facts = {name: _held(*item) for name, item in held["facts"].items()}
        consents = {
            name: [ConsentWord(int(c[0]), str(c[1]), str(c[2]), c[3]) for c in history]
            for name, history in held["consents"].items()
        }
        return cls(facts, consents, erased_at)


def fields(held: Held) -> dict[str, Any]:
    """A fact as it is stored: its own fields, its kind, its member."""
    return present(held.said) | {"kind": held.said.kind, "member": held.member}


def _held(ts: int, event_id: str, stored: Mapping[str, Any]) -> Held:
    said = dict(stored)
    kind, member = FactKind(said.pop("kind")), said.pop("member")
    return Held(int(ts), str(event_id), member, LASTING[kind](**said))


def notes(
    facts: AccountFacts, member: str | None, now: int, rules: Rules, held: Mapping[str, int]
) -> bytes:
    """Suppressions of a subject as JSON objects joined by commas.

    Parameters
    ----------
    member : str or None
        None for the household: facts of the account apply to all, facts of a member to it.
    now : int
        Event time, ms.
    held : mapping of str to int
        Dense index by id of the interests that the subject has: of what goes quiet as a
        relative, only these are named.
    """
    found: list[dict[str, Any]] = [
        {"scope": scope, "reason": reason, "until": None}
        for scope, reason in holds(facts, member, now, rules)
    ]
    for who, interest, stance, until in facts.opinions(now, rules):
        if stance == Opinion.DISLIKE and who in (None, member):
            found.append({"scope": interest, "reason": SuppressionReason.DISLIKE, "until": until})
    for who, interest, reason, until in facts.quiet(now, rules):
        if who in (None, member):
            silent = set(rules.quieted(interest))
            near = sorted(
                name for name, index in held.items() if index in silent and name != interest
            )
            found += [
                {"scope": name, "reason": reason, "until": until} for name in (interest, *near)
            ]
    return ",".join(json.dumps(item, separators=(",", ":")) for item in found[:_MAX_NOTES]).encode()


def holds(
    facts: AccountFacts, member: str | None, now: int, rules: Rules
) -> Iterator[tuple[str, SuppressionReason]]:
    """Scope and reason of suppressions that apply to every interest of a subject."""
    if facts.case_open:
        yield "all", SuppressionReason.CARE_CASE
    if not facts.allowed(Purpose.OFFERS, now, rules)[0]:
        yield "all", SuppressionReason.NO_CONSENT_OFFERS
    elif member in facts.held_members(rules, now):
        yield "all", SuppressionReason.MEMBER_NO_OFFERS
    if facts.child_device and rules.shared_device_holds:
        yield "all", SuppressionReason.CHILD_DEVICE
    if not facts.allowed(Purpose.AUDIENCES, now, rules)[0]:
        yield "audiences", SuppressionReason.NO_CONSENT_AUDIENCES


def next_change(facts: AccountFacts, now: int, rules: Rules, default_grant: bool) -> int:
    """Event time at which something limited in time ends, `FOREVER` where nothing does."""
    ends = [facts.consent(default_grant)[1]]
    ends += [
        facts.allowed(purpose, now, rules)[1] for purpose in (Purpose.OFFERS, Purpose.AUDIENCES)
    ]
    ends += [history[-1].until for name, history in facts.consents.items() if "/" in name]
    ends += [item.until for item in facts.quiet(now, rules) + facts.opinions(now, rules)]
    return min((end for end in ends if end > max(now, 0)), default=FOREVER)


def _in_force(found: Iterable[Timed], now: int) -> list[Timed]:
    kept = (item for item in found if item.until > now)
    return sorted(kept, key=lambda item: (item.member or "", item.interest, item.word))


def _forbids(said: Lasting) -> bool:
    """Whether a word forbids something: it wins over one of the same time."""
    match said:
        case Declaration(stance=stance):
            return stance == Opinion.DISLIKE
        case CareCase(status=status):
            return status == CaseStatus.OPENED
        case Registry(adult=adult):
            return adult is False
        case Purchase(returned=returned):
            return not returned
        case DecisionAgainst():
            return True
        case other:
            assert_never(other)


def _rank(held: Held) -> tuple[int, bool, str]:
    return held.ts, _forbids(held.said), held.event_id


def _worth(name: str, held: Held) -> tuple[bool, int, str]:
    """What goes first has the least: children, open cases and dislikes stay longest."""
    protects = _forbids(held.said) and not isinstance(held.said, Purchase | DecisionAgainst)
    return protects, held.ts, name


def _name(held: Held) -> str:
    """What a later word must be about to take this one's place."""
    match held.said:
        case CareCase(case_id=case_id):
            return f"{CareCase.kind}/{case_id}"
        case Registry(device_id=device_id):
            return _name_of_device(device_id)
        case Declaration() | Purchase() | DecisionAgainst() as said:
            return f"{said.kind}/{held.member or ''}/{said.interest}"
        case other:
            assert_never(other)


def _name_of_device(device: str) -> str:
    return f"{Registry.kind}/{device}"
