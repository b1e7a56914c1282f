"""What is known about an account, and what follows: consent, quiet interests, open cases.

Facts arrive in any order and more than once: per fact the later event time wins, ties go to
the greater event id, so every interleaving ends in the same record.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from features.privacy import consent
from features.privacy import rules as rulebook
from features.privacy.consent import FOREVER, Consent
from features.privacy.rules import Rules
from features.vocabulary import Purpose

DAY_MS = 86_400_000

#: Kinds of fact that say something about an interest: kept only under consent for profiling.
ABOUT_INTERESTS = frozenset({"declaration", "purchase", "decision_against"})
#: Most facts of an account beside consent; beyond it the oldest go.
MAX_FACTS = 256
_MAX_NOTES = 50


def mark(key: bytes, text: str, what: str = "erasure") -> str:
    """Keyed hash that stands for an identifier where the identifier must not stay.

    HMAC-SHA-256, cut to 128 bits, 32 hex digits; without the key nobody can tell whose it is or
    try candidates.
    """
    return hmac.new(key, f"{what}\0{text}".encode(), hashlib.sha256).hexdigest()[:32]


@dataclass
class AccountFacts:
    """The latest word on everything known about one account.

    Attributes
    ----------
    facts : dict of str to (int, str, dict)
        Per fact name: event time in ms, event id, what was said.
    consents : dict of str to list of Consent
        By ``purpose`` (the account's) or ``purpose/member``, ascending.
    erased_at : int
        Event time of the latest erasure, -1 where there was none. Not part of the stored
        record: it is kept under a keyed hash, and outlives everything else.
    """

    facts: dict[str, tuple[int, str, dict[str, Any]]] = field(default_factory=dict)
    consents: dict[str, list[Consent]] = field(default_factory=dict)
    erased_at: int = -1

    def __bool__(self) -> bool:
        return bool(self.facts or self.consents)

    def apply(
        self,
        kind: str,
        member: str | None,
        ts: int,
        event_id: str,
        data: Mapping[str, Any],
        rules: Rules | None = None,
    ) -> bool:
        """Take up one fact; returns whether anything changed."""
        if ts <= self.erased_at:
            return False
        if kind == "erasure":
            self.erased_at = ts
            self.facts = {name: f for name, f in self.facts.items() if f[0] > ts}
            self.consents = {
                name: kept
                for name, history in self.consents.items()
                if (kept := [c for c in history if c[0] > ts])
            }
            return True
        if kind == "consent":
            return self._consent(member, ts, event_id, data, rules or rulebook.load())
        name = _name(kind, member, data)
        known = self.facts.get(name)
        if known is not None and (known[0], known[1]) >= (ts, event_id):
            return False
        self.facts[name] = (ts, event_id, dict(data, kind=kind, member=member))
        if len(self.facts) > MAX_FACTS:
            oldest = min(self.facts, key=lambda n: (self.facts[n][0], n))
            del self.facts[oldest]
            return oldest != name
        return True

    def _consent(
        self, member: str | None, ts: int, event_id: str, data: Mapping[str, Any], rules: Rules
    ) -> bool:
        purpose = rules.purpose(str(data.get("purpose", Purpose.PROFILING)))
        if purpose is None:
            return False  # consent to something that is not done here
        name = purpose if member is None else f"{purpose}/{member}"
        item: Consent = (ts, event_id, str(data["status"]), data.get("expires_at"))
        before = self.consents.get(name, [])
        self.consents[name] = consent.added(before, item)
        return self.consents[name] != before

    def forget_outside(self, start: int, until: int) -> bool:
        """Drop what was said about interests outside a span of consent; whether there was any."""
        gone = [
            name
            for name, (ts, _, data) in self.facts.items()
            if data["kind"] in ABOUT_INTERESTS and not start <= ts < until
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

    def barred_members(self, rules: Rules, now: int) -> set[str]:
        """Members about whom nothing is held: children, and who refused for themselves."""
        barred = set() if rules.children_profiled else self._children()
        for name, history in self.consents.items():
            purpose, _, member = name.partition("/")
            if member and purpose == Purpose.PROFILING and not consent.valid(history, now):
                barred.add(member)
        return barred

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
        return {
            data["owner_member_id"]
            for _, _, data in self.facts.values()
            if data["kind"] == "registry"
            and data.get("adult") is False
            and data.get("owner_member_id")
        }

    # -- what else is known --------------------------------------------------------------

    @property
    def case_open(self) -> bool:
        """Whether a care case is open: no offers to a customer who waits for help."""
        return any(
            data["kind"] == "care_case" and data["status"] == "opened"
            for _, _, data in self.facts.values()
        )

    @property
    def child_device(self) -> bool:
        """Whether a child's device is shared by the household."""
        return any(
            data["kind"] == "registry"
            and data.get("adult") is False
            and not data.get("owner_member_id")
            for _, _, data in self.facts.values()
        )

    def owner(self, device: str) -> str | None:
        """The member a device is registered to, None where it is shared or unknown."""
        known = self.facts.get(f"registry/{device}")
        return known[2].get("owner_member_id") if known else None

    def opinions(self, now: int, rules: Rules) -> list[tuple[str | None, str, str, int]]:
        """Declared stances that hold at `now`: member, interest, like or dislike, until (ms)."""
        days = {"like": rules.like_days, "dislike": rules.dislike_days}
        found = [
            (data["member"], data["interest"], data["stance"], ts + days[data["stance"]] * DAY_MS)
            for ts, _, data in self.facts.values()
            if data["kind"] == "declaration" and data["stance"] != "neutral"
        ]
        return sorted((item for item in found if item[3] > now), key=_by_subject)

    def quiet(self, now: int, rules: Rules) -> list[tuple[str | None, str, str, int]]:
        """Interests to be quiet about at `now`: member, interest, reason, until (ms)."""
        found = []
        for ts, _, data in self.facts.values():
            if data["kind"] not in ("purchase", "decision_against") or data.get("returned"):
                continue
            days = data.get("quiet_days")
            if days is None:
                days = rules.kind(data["interest"]).days[data["kind"]]
            found.append((data["member"], data["interest"], data["kind"], ts + days * DAY_MS))
        return sorted((item for item in found if item[3] > now), key=_by_subject)

    # -- bytes ---------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """Canonical JSON, the same for the same facts."""
        return json.dumps(
            {"consents": self.consents, "facts": self.facts}, sort_keys=True, separators=(",", ":")
        ).encode()

    @classmethod
    def from_bytes(cls, data: bytes, erased_at: int = -1) -> AccountFacts:
        """Inverse of `to_bytes`."""
        held = json.loads(data)
        facts = {
            name: (int(ts), str(event_id), what)
            for name, (ts, event_id, what) in held["facts"].items()
        }
        consents: dict[str, list[Consent]] = {
            name: [(int(c[0]), str(c[1]), str(c[2]), c[3]) for c in history]
            for name, history in held["consents"].items()
        }
        return cls(facts, consents, erased_at)


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
        if stance == "dislike" and who in (None, member):
            found.append({"scope": interest, "reason": stance, "until": until})
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
) -> Iterator[tuple[str, str]]:
    """Scope and reason of what holds every interest of a subject."""
    if facts.case_open:
        yield "all", "care_case"
    if not facts.allowed(Purpose.OFFERS, now, rules)[0]:
        yield "all", "no_consent_offers"
    elif member in facts.held_members(rules, now):
        yield "all", "member_no_offers"
    if facts.child_device and rules.shared_device_holds:
        yield "all", "child_device"
    if not facts.allowed(Purpose.AUDIENCES, now, rules)[0]:
        yield "audiences", "no_consent_audiences"


def next_change(facts: AccountFacts, now: int, rules: Rules, default_grant: bool) -> int:
    """Event time at which something limited in time ends, `FOREVER` where nothing does."""
    ends = [facts.consent(default_grant)[1]]
    ends += [
        facts.allowed(purpose, now, rules)[1] for purpose in (Purpose.OFFERS, Purpose.AUDIENCES)
    ]
    ends += [history[-1][3] or FOREVER for name, history in facts.consents.items() if "/" in name]
    ends += [item[3] for item in facts.quiet(now, rules)]
    ends += [item[3] for item in facts.opinions(now, rules)]
    return min((end for end in ends if end > max(now, 0)), default=FOREVER)


def _by_subject(item: tuple[str | None, str, str, int]) -> tuple[str, str, str]:
    return item[0] or "", item[1], item[2]


def _name(kind: str, member: str | None, data: Mapping[str, Any]) -> str:
    if kind == "care_case":
        return f"care_case/{data['case_id']}"
    if kind == "registry":
        return f"registry/{data['device_id']}"
    return f"{kind}/{member or ''}/{data['interest']}"
