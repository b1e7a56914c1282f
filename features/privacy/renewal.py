"""Puts the keyed hashes in a partition's records under a newer key, where a changelog is loaded.

A hash under the newer key is made of the one under the older (`concealed.renewed`), so nobody has
to know whose it is, and what comes from then on still meets it: the mark of an erasure, the known
child, the case that is closed, the request that comes again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

from features.outcomes.contacts import Contacts
from features.privacy.kin import Case
from features.privacy.marks import Mark
from features.privacy.owned_device import Device, Said
from features.privacy.person import Held, Person
from features.privacy.strays import Erased
from features.records.facts import DecisionAgainst, Declaration, Purchase
from features.state import changelog_keys as keys
from features.state.changelog_keys import Kind

Renew = Callable[[str], str]


def renewed_record(key: bytes, value: bytes, renew: Renew) -> tuple[bytes, bytes]:
    """A changelog record with each keyed hash in it put under a newer key."""
    match keys.parse(key):
        case (Kind.ERASED, name):
            return keys.erased(renew(name.decode())), _mark(Mark.from_bytes(value), renew)
        case (Kind.UNSWEPT, name):
            erased = Erased.from_bytes(value)
            erased = erased._replace(request=renew(erased.request))
            return keys.unswept(renew(name.decode())), erased.to_bytes()
        case (Kind.CONSENTS, _):
            person = Person.from_bytes(value, None)
            for purpose, history in person.consents.items():
                person.consents[purpose] = [
                    word._replace(event_id=renew(word.event_id)) for word in history
                ]
            return key, person.consents_bytes() or b""
        case (Kind.ABOUT, _):
            person = Person.from_bytes(None, value)
            person.about = {name: _held(held, renew) for name, held in person.about.items()}
            return key, person.about_bytes() or b""
        case (Kind.CONTACTS, _):
            return key, Contacts.from_bytes(value, None).renewed(renew).to_bytes() or b""
        case (Kind.DEVICE, _):
            return key, _device(Device.from_bytes(value), renew)
        case (Kind.CASE, name):
            account, _, case_id = name.partition(b"\0")
            case_ = Case.from_bytes(value)
            case_ = case_._replace(event_id=renew(case_.event_id))
            return keys.case(account, renew(case_id.decode())), case_.to_bytes()
    return key, value


def _mark(mark: Mark, renew: Renew) -> bytes:
    request = mark.request and renew(mark.request)
    children = tuple(sorted(map(renew, mark.children)))
    return mark._replace(request=request, children=children).to_bytes()


def _held(held: Held, renew: Renew) -> Held:
    match held.said:
        case Purchase(product=str(product)) as said:
            held = held._replace(said=replace(said, product=renew(product)))
        case Purchase() | Declaration() | DecisionAgainst():
            pass
        case other:
            assert_never(other)
    return held._replace(event_id=renew(held.event_id))


def _device(device: Device, renew: Renew) -> bytes:
    def told(said: Said) -> Said:
        return said._replace(event_id=renew(said.event_id))

    device.event_id = renew(device.event_id)
    device.said = device.said and told(device.said)
    device.owners = {name: told(said) for name, said in device.owners.items()}
    return device.to_bytes()
