"""Remembers in marks, beyond an erasure, what must not come back to life by it.

A child stays a child, and who had forbidden something himself is not covered again by what is
granted for his account: he has to grant it himself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from features.privacy.ledger import Ledger
from features.privacy.marks import Mark
from features.privacy.person import ATTRIBUTION, Person, withholds
from features.records.facts import Fact
from features.vocabulary import Reply

#: Answers of somebody who wants to be left alone.
LEAVE_ALONE: Final = frozenset({Reply.UNSUBSCRIBED, Reply.COMPLAINED})


def children_of(ledger: Ledger, account: bytes, member: str) -> tuple[set[str], set[str]]:
    """Find the children of an account, or those spelled as a member is, and all their hashes.

    Those of their devices go with the account alone.
    """
    kin, hashes = ledger.kin(account), set[str]()
    if kin is None:
        return set(), hashes
    known = kin.children_like(member) if member else kin.known_children
    for child in known:
        hashes |= {*ledger.child_marks(account, child, "child")}
    for his, held in kin.childrens.items():
        if not member and held.child:
            hashes |= {*ledger.child_marks(account, his, "device")}
    return known, hashes


def mark_child(ledger: Ledger, account: bytes, owner: str, device: str, *, of_member: bool) -> None:
    """Remember of an erased person that he is a child, and of the device that it is one's.

    The device with the account, though only a member was erased: who holds it is not asked.
    """
    found = [("", ledger.child_marks(account, device, "device"))]
    if owner:
        child = ledger.child_marks(account, owner, "child")
        found.append((owner if of_member else "", child))
    for member, hashed in found:
        for name in ledger.mark_names(account, member):
            mark = ledger.marks.get(name, Mark(-1))
            children = tuple(sorted({*mark.children, *hashed}))
            ledger.set_mark(name, mark._replace(children=children))


def mark_refusing(ledger: Ledger, account: bytes, member: str, at: int) -> None:
    """Have an account's erasure count as one of a member who forbade something himself.

    Parameters
    ----------
    at : int
        Event time up to which the account was erased, ms.
    """
    for name in ledger.mark_names(account, member):
        mark = ledger.marks.get(name, Mark(-1))
        ledger.set_mark(name, mark._replace(at=max(mark.at, at)))


def refusing(ledger: Ledger, account: bytes, members: Iterable[str]) -> list[str]:
    """Find the members who forbade something themselves: a purpose, an end of it, or contacts."""
    return [
        name
        for name in members
        if name and (ledger.person(account, name).forbids or _is_left_alone(ledger, account, name))
    ]


def forbade_before(
    person: Person, fact: Fact, purposes: Iterable[str], status: str, until: int | None
) -> bool:
    """Whether a member's word comes too late to be kept, is of before an erasure, and forbids."""
    if fact.ts > person.erased_at or person.by_name or not withholds(status, until):
        return False
    return any(what != ATTRIBUTION and what not in person.consents for what in purposes)


def _is_left_alone(ledger: Ledger, account: bytes, member: str) -> bool:
    contacts = ledger.contacts(account, member)
    return any(LEAVE_ALONE & held.answers.keys() for held in contacts)
