"""Writes what a profile says of suppressions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from features.privacy.person import Person
from features.privacy.rules import Rules
from features.vocabulary import Opinion, Purpose, SuppressionReason

_MAX_NOTES = 50


@dataclass(frozen=True)
class Situation:
    """The facts that decide the suppressions of a subject.

    Attributes
    ----------
    account : Person
    member : Person or None
        None for the household.
    child, care, child_device : bool
        Whether the member is a child, the account has an open care case, or shares a child's
        device.
    """

    account: Person
    member: Person | None
    child: bool
    care: bool
    child_device: bool

    @property
    def persons(self) -> tuple[Person, ...]:
        """Those whose facts about interests apply."""
        return (self.account,) if self.member is None else (self.account, self.member)


def notes(it: Situation, now: int, rules: Rules, held: Mapping[str, int]) -> bytes:
    """Suppressions of a subject as JSON objects joined by commas.

    Parameters
    ----------
    now : int
        Event time, ms.
    held : mapping of str to int
        Dense index by id of the interests that the subject has: of what goes quiet as a
        relative, only these are named.
    """
    found: list[dict[str, Any]] = [
        {"scope": scope, "reason": reason, "until": None} for scope, reason in holds(it, now, rules)
    ]
    for person in it.persons:
        for interest, stance, until in person.opinions(now, rules):
            if stance == Opinion.DISLIKE:
                reason = SuppressionReason.DISLIKE
                found.append({"scope": interest, "reason": reason, "until": until})
    for person in it.persons:
        for interest, why, until in person.quiet(now, rules):
            silent = set(rules.quieted(interest))
            near = sorted(
                name for name, index in held.items() if index in silent and name != interest
            )
            found += [{"scope": name, "reason": why, "until": until} for name in (interest, *near)]
    return ",".join(json.dumps(item, separators=(",", ":")) for item in found[:_MAX_NOTES]).encode()


def holds(it: Situation, now: int, rules: Rules) -> Iterator[tuple[str, SuppressionReason]]:
    """Scope and reason of suppressions that apply to every interest of a subject."""
    if it.care:
        yield "all", SuppressionReason.CARE_CASE
    if not it.account.allows(Purpose.OFFERS, now, rules):
        yield "all", SuppressionReason.NO_CONSENT_OFFERS
    elif it.child or (it.member is not None and it.member.refuses(Purpose.OFFERS, now)):
        yield "all", SuppressionReason.MEMBER_NO_OFFERS
    if it.child_device and rules.shared_device_holds:
        yield "all", SuppressionReason.CHILD_DEVICE
    if not it.account.allows(Purpose.AUDIENCES, now, rules) or (
        it.member is not None and it.member.refuses(Purpose.AUDIENCES, now)
    ):
        yield "audiences", SuppressionReason.NO_CONSENT_AUDIENCES
