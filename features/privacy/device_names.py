"""Finds whom a fact means that names a device in place of a member.

It is heard as of a member of that name, and besides of whose the device is: a refusal is his, too.
Of the household's device, and where something is to be erased for good, a person has to decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from features.privacy.kin import Kin
from features.privacy.ledger import Ledger
from features.privacy.namesakes import namesakes
from features.records.facts import Consent, Doubted, Erasure, Fact, Refused, Registry
from features.state.store import Store
from features.vocabulary import ConsentStatus, Purpose


def also_meant(store: Store, ledger: Ledger, fact: Fact) -> list[Fact]:
    """List what a fact says besides, where its member's name is that of a device.

    Parameters
    ----------
    fact : Fact
        A refusal or an erasure; of any other nothing is listed.
    """
    if fact.member_id is None or not _forbids(fact):
        return []
    kin = ledger.kin(fact.account_id.encode())
    if kin is None or not _is_no_member(store, ledger, kin, fact.account_id, fact.member_id):
        return []
    owners = {device.owner for device in kin.devices_like(fact.member_id).values()}
    return [_of(fact, owner) for owner in sorted(owners, key=str) if owner != ""]


def refused_before(store: Store, ledger: Ledger, fact: Fact) -> list[Fact]:
    """List what was refused in the name of a device, before an entry says whose it is."""
    entry, account = fact.said, fact.account_id.encode()
    kin = ledger.kin(account)
    if not isinstance(entry, Registry) or kin is None or not kin.members:
        return []
    named = kin.alike(entry.device_id) | ({entry.device_id} & kin.members)
    return [
        _of(word, entry.owner_member_id)
        for name in sorted(named)
        if _is_no_member(store, ledger, kin, fact.account_id, name)
        for word in _refused(ledger, fact, name)
    ]


def _refused(ledger: Ledger, fact: Fact, name: str) -> Iterator[Fact]:
    """What holds of the refusals under a name."""
    person = ledger.person(fact.account_id.encode(), name)
    for purpose in Purpose:
        for word in person.consents.get(purpose, [])[-1:]:
            if word.status != ConsentStatus.GRANTED:
                said = Refused((purpose,), word.status)
                yield replace(fact, event_id=word.event_id, ts=word.ts, said=said)


def _forbids(fact: Fact) -> bool:
    said = fact.said
    return isinstance(said, Erasure | Refused) or (
        isinstance(said, Consent) and said.status != ConsentStatus.GRANTED
    )


def _is_no_member(store: Store, ledger: Ledger, kin: Kin, account: str, name: str) -> bool:
    """Whether nobody of that name did anything or owns something, and a device has it."""
    if not kin.devices_like(name) or kin.naming(name):
        return False
    of = account.encode()
    return all(
        store.find(of, who.encode()) < 0 for who in (name, *namesakes(store, ledger, of, name))
    )


def _of(fact: Fact, owner: str | None) -> Fact:
    """The same of whose the device is; a doubt where that is everybody, or he would be erased."""
    if owner is None or isinstance(fact.said, Erasure):
        return replace(fact, member_id=None, said=Doubted(tuple(sorted(Purpose))), tolerated=True)
    return replace(fact, member_id=owner)
