"""Reads what format 1 held of an account in one record, as the records of today."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from features.privacy.consent import ConsentWord
from features.privacy.kin import Case
from features.privacy.ledger import person_key
from features.privacy.owned_device import Device
from features.privacy.person import Held, Person
from features.records.concealed import Secret, concealed, keyed_mark
from features.records.facts import (
    LASTING,
    CareCase,
    DecisionAgainst,
    Declaration,
    Fact,
    Lasting,
    Purchase,
    Registry,
)
from features.state import changelog_keys as keys
from features.vocabulary import FactKind


def records(account: bytes, value: bytes, secret: Secret) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of today for a record ``f/`` of an account, its ids under keyed hashes."""
    doc = json.loads(value)
    persons: defaultdict[str, Person] = defaultdict(Person)
    for name, history in doc["consents"].items():
        purpose, _, member = name.partition("/")
        words = [
            ConsentWord(int(c[0]), keyed_mark(secret, c[1], "request"), str(c[2]), c[3])
            for c in history
        ]
        persons[member].consents[purpose] = words
    for ts, name, stored in doc["facts"].values():
        member = stored["member"] or ""
        fact = Fact(name, account.decode(), None, ts, _said(stored))
        fact = concealed(fact, secret)
        event_id = fact.event_id
        match fact.said:
            case CareCase() as said:
                case = Case.of(ts, event_id, member, said)
                yield keys.case(account, said.case_id), case.to_bytes()
            case Registry() as said:
                device = Device()
                device.add(ts, event_id, said)
                yield keys.device(account, said.device_id), device.to_bytes()
            case Declaration() | Purchase() | DecisionAgainst() as said:
                persons[member].keep(Held(ts, event_id, said))
    for member, person in sorted(persons.items()):
        name = person_key(account, member)
        for key, record in (
            (keys.consents(name), person.consents_bytes()),
            (keys.about(name), person.about_bytes()),
        ):
            if record is not None:
                yield key, record


def _said(stored: dict[str, Any]) -> Lasting:
    own = {name: item for name, item in stored.items() if name not in ("kind", "member")}
    return LASTING[FactKind(stored["kind"])](**own)
