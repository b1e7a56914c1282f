"""Describes state records in plain words for their subject (GDPR Art. 15 and 20)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from features.models.worth_kernel import PICKED, UNITS
from features.outcomes.contacts import Contacts
from features.privacy import consent
from features.privacy.kin import Case
from features.privacy.owned_device import Device
from features.privacy.person import Held, Person, fields
from features.privacy.rules import Rules
from features.records.inputs import INPUTS
from features.state import aside_kernel, packing_kernel
from features.state import changelog_keys as keys
from features.state import layout as lay
from features.state.arrays import as_bytes
from features.state.changelog_keys import IncompatibleState, Kind
from features.tags.taxonomy import Taxonomy
from features.vocabulary import CaseStatus, DayPart, FactKind, OutcomeKind, Purpose, ReasonCode

_FLAGS = (
    (lay.F_LIKE, ReasonCode.DECLARED_LIKE.value),
    (lay.F_DISLIKE, ReasonCode.DECLARED_DISLIKE.value),
    (lay.F_QUIET, "quiet"),
    (lay.F_ENGAGED, "engaged"),
)


def describe_subject(value: bytes, taxonomy: Taxonomy) -> dict[str, Any]:
    """A state record (``s/``) decoded.

    Raises
    ------
    IncompatibleState
        Where the record is of another format.
    """
    parts = packing_kernel.SIZES.get(value[0]) if value else None
    if parts is None:
        raise IncompatibleState("a state record is of no format that this release can read")
    if len(value) < parts.head:
        raise IncompatibleState("a state record is shorter than its header")
    head = np.frombuffer(value[: parts.head].ljust(packing_kernel.HEAD_BYTES, b"\0"),
                         packing_kernel.HEAD, 1)[0]  # fmt: skip
    used = int(head["used"])
    if len(value) != parts.head + used * (parts.lead + parts.row):
        raise IncompatibleState("a state record is not as long as its header says")
    names = np.frombuffer(value, np.uint8, used * parts.lead, parts.head).reshape(used, parts.lead)
    interests = names[:, 0].astype(int) | (names[:, 1].astype(int) << 8)
    stored = np.frombuffer(value, np.uint8, used * parts.row, parts.head + used * parts.lead)
    rows = np.zeros(used, lay.ROW)
    as_bytes(rows)[:, : parts.row] = stored.reshape(used, parts.row)
    found: dict[str, Any] = {
        "events": int(head["events"]),
        "profile_version": int(head["version"]),
        "interests": [_row(taxonomy, int(i), row) for i, row in zip(interests, rows, strict=True)],
    }
    if head["events"]:
        country, zone = int(head["country"]), int(head["zone"])
        found |= {
            "first_day": _day(int(head["first"])),
            "last_day": _day(int(head["day"])),
            "days": int(head["days"]).bit_count(),
            "last_event": _time(int(head["last_ts"])),
            "sources": [
                name for kind, name in enumerate(INPUTS.names) if int(head["sources"]) >> kind & 1
            ],
            "country": chr(country >> 8) + chr(country & 255) if country else None,
            "tz_offset_min": zone if head["placed_at"] and zone != lay.NO_ZONE else None,
            "days_abroad_of_last_64": int(head["abroad"]).bit_count(),
        }
    return found


def describe_aside(value: bytes, taxonomy: Taxonomy) -> dict[str, Any]:
    """A record of a line or a shared screen (``h/``) decoded, as far as it is of one person.

    Who was there when is not told: it is of others as well.
    """
    apart = aside_kernel.apart_of(value)
    return {
        "seen_on_shared_screen": [
            {"id": taxonomy.ids[i], "name": taxonomy.names[i], "mass": round(mass, 4)}
            for i, mass in apart.items()
        ]
    }


def describe_facts(records: Mapping[bytes, bytes], rules: Rules, now: int) -> dict[str, Any] | None:
    """Records of facts of one account decoded; consent in the words of CAMARA ConsentInfo.

    Parameters
    ----------
    records : mapping of bytes to bytes
        By changelog key; others are passed over.
    now : int
        Event time at which consent is judged, ms.

    Returns
    -------
    dict or None
        None where there are none.
    """
    consents: list[dict[str, Any]] = []
    facts: list[dict[str, Any]] = []
    said: set[str] = set()
    for key, value in sorted(records.items()):
        match keys.parse(key):
            case (Kind.CONSENTS, name):
                member = name.partition(b"/")[2].decode() or None
                person = Person.from_bytes(value, None)
                consents += _consents(person, member, rules, now)
                said |= set() if member else person.consents.keys()
            case (Kind.ABOUT, name):
                member = name.partition(b"/")[2].decode() or None
                facts += [
                    {"at": _time(held.ts), **_present(fields(held) | _more(held, member))}
                    for held in Person.from_bytes(None, value).about.values()
                ]
            case (Kind.CONTACTS, name):
                member = name.partition(b"/")[2].decode() or None
                facts += _contacts(Contacts.from_bytes(value, member))
            case (Kind.DEVICE, name):
                facts.append(_device(name.partition(b"\0")[2].decode(), Device.from_bytes(value)))
            case (Kind.CASE, name):
                facts.append(_case(name.partition(b"\0")[2].decode(), Case.from_bytes(value)))
    if not consents and not facts:
        return None
    return {
        "consent": consents,
        "not_said": {purpose: rules.unsaid[purpose] for purpose in Purpose if purpose not in said},
        "facts": facts,
    }


def _more(held: Held, member: str | None) -> dict[str, Any]:
    before = [_time(ts) for ts in held.bought if ts != held.ts]
    return {"member": member, "bought_before": before or None}


def _consents(
    person: Person, member: str | None, rules: Rules, now: int
) -> Iterator[dict[str, Any]]:
    for purpose, history in sorted(person.consents.items()):
        yield {
            "purpose": purpose,
            "member_id": member,
            "terms": [term for term, meant in rules.terms.items() if meant == purpose],
            **consent.status(history, now),
            "history": [
                {
                    "at": _time(word.ts),
                    "status": word.status,
                    "expires_at": _time(word.expires_at) if word.expires_at else None,
                }
                for word in history
            ],
        }


def _contacts(contacts: Contacts) -> Iterator[dict[str, Any]]:
    for name, held in sorted(contacts.items().items()):
        answers = {word: _time(ts) for word, ts in sorted(held.answers.items())}
        said: dict[str, Any] = {"kind": OutcomeKind.CONTACT, "contact_id": name}
        said |= {"member": held.member, "answers": answers or None}
        if held.made is not None:
            said |= {"at": _time(held.made.ts)} | held.made._asdict()
            del said["ts"]
        signals = zip(PICKED, held.signals, strict=False)
        said["known_of_it"] = {name: round(x / UNITS, 2) for name, x in signals} or None
        yield _present(said)


def _device(name: str, device: Device) -> dict[str, Any]:
    owners = {owner: said.child for owner, said in device.owners.items() if owner != device.owner}
    return {
        "at": _time(device.ts),
        **_present(
            {
                "kind": FactKind.REGISTRY,
                "device_id": name,
                "owner_member_id": device.owner,
                "adult": None if device.said is None else not device.child,
                "former_owners_are_children": owners or None,
            }
        ),
    }


def _case(name: str, case: Case) -> dict[str, Any]:
    status = CaseStatus.OPENED if case.open else CaseStatus.CLOSED
    said = {"kind": FactKind.CARE_CASE, "case_id": name, "status": status}
    return {"at": _time(case.ts), **_present(said | {"member": case.member or None})}


def _present(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in sorted(said.items()) if item is not None}


def _row(taxonomy: Taxonomy, interest: int, row: Any) -> dict[str, Any]:
    flags = int(row["known"])
    return {
        "id": taxonomy.ids[interest],
        "name": taxonomy.names[interest],
        "first_day": _day(int(row["first"])),
        "as_of_day": _day(int(row["day"])),
        "active_days": int(row["active"]),
        "active_days_of_last_64": int(row["bits"]).bit_count(),
        "levels": {
            name: round(float(sum(row[at][k] for at in ("level", "today", "tomorrow"))), 4)
            for k, name in enumerate(("short", "middle", "long"))
        },
        "dayparts": {
            name: round(float(mass), 4)
            for name, mass in zip(DayPart.words(), row["part"], strict=True)
            if mass
        },
        "gathered_abroad": round(float(row["abroad"]), 4),
        "flags": [name for flag, name in _FLAGS if flags & flag],
    }


def _day(number: int) -> str:
    return str((datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=number)).date())


def _time(ms: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).isoformat()
