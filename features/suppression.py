"""What is known about an account, and what follows: consent, quiet interests, open cases.

Facts arrive in any order and more than once: per fact the later event time wins, ties go to
the greater event id, so every interleaving ends in the same record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DAY_MS = 86_400_000
FOREVER = 2**62
PROFILING = "profiling"

#: Days for which a purchase or a decision against quiets its interest, unless the fact says.
QUIET_DAYS = {"purchase": 30, "decision_against": 90}


@dataclass
class AccountFacts:
    """The latest word on everything known about one account.

    Attributes
    ----------
    facts : dict of str to (int, str, dict)
        Per fact name: event time in ms, event id, what was said.
    erased_at : int
        Event time of the latest erasure, -1 where there was none. It outlives everything else.
    """

    facts: dict[str, tuple[int, str, dict[str, Any]]] = field(default_factory=dict)
    erased_at: int = -1

    def apply(self, kind: str, member: str | None, ts: int, event_id: str,
              data: Mapping[str, Any]) -> bool:
        """Take up one fact; returns whether anything changed."""
        if kind == "erasure":
            if ts <= self.erased_at:
                return False
            self.erased_at = ts
            self.facts = {name: f for name, f in self.facts.items() if f[0] > ts}
            return True
        if ts <= self.erased_at:
            return False
        name = _name(kind, member, data)
        known = self.facts.get(name)
        if known is not None and (known[0], known[1]) >= (ts, event_id):
            return False
        self.facts[name] = (ts, event_id, dict(data, kind=kind, member=member))
        return True

    def consent(self, default_grant: bool) -> tuple[int, int]:
        """Event times from which on and until which profiling is allowed, ms."""
        start = self.erased_at + 1
        known = self.facts.get(f"consent/{PROFILING}")
        if known is None:
            return (start, FOREVER if default_grant and self.erased_at < 0 else 0)
        ts, _, data = known
        if data["status"] != "granted":
            return (start, 0)
        return (max(start, ts), int(data.get("expires_at") or FOREVER))

    @property
    def case_open(self) -> bool:
        """Whether a care case is open: no offers to a customer who waits for help."""
        return any(data["kind"] == "care_case" and data["status"] == "opened"
                   for _, _, data in self.facts.values())

    def owner(self, device: str) -> str | None:
        """The member a device is registered to, None where it is shared or unknown."""
        known = self.facts.get(f"registry/{device}")
        return known[2].get("owner_member_id") if known else None

    def opinions(self) -> list[tuple[str | None, str, str]]:
        """Declared stances: member, interest, ``like`` or ``dislike``."""
        return [(data["member"], data["interest"], data["stance"])
                for _, _, data in self.facts.values()
                if data["kind"] == "declaration" and data["stance"] != "neutral"]

    def quiet(self, now: int) -> list[tuple[str | None, str, str, int]]:
        """Interests to be quiet about at `now`: member, interest, reason, until (ms)."""
        found = []
        for ts, _, data in self.facts.values():
            if data["kind"] not in QUIET_DAYS or data.get("returned"):
                continue
            days = data.get("quiet_days")
            until = ts + (QUIET_DAYS[data["kind"]] if days is None else days) * DAY_MS
            if until > now:
                found.append((data["member"], data["interest"], data["kind"], until))
        return sorted(found, key=lambda item: (item[0] or "", item[1], item[2]))

    def to_bytes(self) -> bytes:
        """Canonical JSON, the same for the same facts."""
        return json.dumps({"erased_at": self.erased_at, "facts": self.facts},
                          sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> AccountFacts:
        """Inverse of `to_bytes`."""
        held = json.loads(data)
        facts = {name: (int(ts), str(event_id), what)
                 for name, (ts, event_id, what) in held["facts"].items()}
        return cls(facts, int(held["erased_at"]))


def _name(kind: str, member: str | None, data: Mapping[str, Any]) -> str:
    if kind == "consent":
        return f"consent/{data.get('purpose', PROFILING)}"
    if kind == "care_case":
        return f"care_case/{data['case_id']}"
    if kind == "registry":
        return f"registry/{data['device_id']}"
    return f"{kind}/{member or ''}/{data['interest']}"


def notes(facts: AccountFacts, member: str | None, now: int) -> bytes:
    """Suppressions of a subject as JSON objects joined by commas.

    Parameters
    ----------
    member : str or None
        None for the household: facts of the account apply to all, facts of a member to it.
    now : int
        Event time, ms.
    """
    found: list[dict[str, Any]] = []
    if facts.case_open:
        found.append({"scope": "all", "reason": "care_case", "until": None})
    for who, interest, stance in sorted(facts.opinions(), key=str):
        if stance == "dislike" and who in (None, member):
            found.append({"scope": interest, "reason": "dislike", "until": None})
    for who, interest, reason, until in facts.quiet(now):
        if who in (None, member):
            found.append({"scope": interest, "reason": reason, "until": until})
    return ",".join(json.dumps(item, separators=(",", ":")) for item in found[:50]).encode()
