"""Describes state records in plain words for their subject (GDPR Art. 15 and 20)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from features.privacy import consent
from features.privacy.facts import AccountFacts, fields
from features.privacy.rules import Rules
from features.records.inputs import INPUTS
from features.state import layout as lay
from features.state import packing_kernel
from features.state.changelog_keys import IncompatibleState
from features.tags.taxonomy import Taxonomy
from features.vocabulary import DayPart, Purpose, ReasonCode

_FLAGS = (
    (lay.F_LIKE, ReasonCode.DECLARED_LIKE.value),
    (lay.F_DISLIKE, ReasonCode.DECLARED_DISLIKE.value),
    (lay.F_QUIET, "quiet"),
)


def describe_subject(value: bytes, taxonomy: Taxonomy) -> dict[str, Any]:
    """A state record (``s/``) decoded.

    Raises
    ------
    IncompatibleState
        Where the record is of another format.
    """
    size = packing_kernel.HEAD.itemsize
    if len(value) < size:
        raise IncompatibleState("a state record is shorter than its header")
    head = np.frombuffer(value, packing_kernel.HEAD, 1)[0]
    used = int(head["used"])
    if (
        head["format"] != packing_kernel.FORMAT
        or len(value) != size + used * packing_kernel.ROW_BYTES
    ):
        raise IncompatibleState(f"a state record is not of format {packing_kernel.FORMAT}")
    per_row = packing_kernel.ROW_BYTES - lay.ROW.itemsize
    names = np.frombuffer(value, np.uint8, used * per_row, size).reshape(used, per_row)
    interests = names[:, 0].astype(int) | (names[:, 1].astype(int) << 8)
    rows = np.frombuffer(value, lay.ROW, used, size + used * per_row)
    found: dict[str, Any] = {
        "events": int(head["events"]),
        "profile_version": int(head["version"]),
        "interests": [_row(taxonomy, int(i), row) for i, row in zip(interests, rows, strict=True)],
    }
    if head["events"]:
        country = int(head["country"])
        found |= {
            "first_day": _day(int(head["first"])),
            "last_day": _day(int(head["day"])),
            "days": int(head["days"]).bit_count(),
            "last_event": _time(int(head["last_ts"])),
            "sources": [
                name for kind, name in enumerate(INPUTS.names) if int(head["sources"]) >> kind & 1
            ],
            "country": chr(country >> 8) + chr(country & 255) if country else None,
        }
    return found


def describe_facts(value: bytes, rules: Rules, now: int) -> dict[str, Any]:
    """A record of facts (``f/``) decoded; consent in the words of CAMARA ConsentInfo.

    Parameters
    ----------
    now : int
        Event time at which consent is judged, ms.
    """
    held = AccountFacts.from_bytes(value)
    return {
        "consent": [
            {
                "purpose": name.partition("/")[0],
                "member_id": name.partition("/")[2] or None,
                "terms": [
                    term
                    for term, purpose in rules.terms.items()
                    if purpose == name.partition("/")[0]
                ],
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
            for name, history in sorted(held.consents.items())
        ],
        "not_said": {
            purpose: rules.unsaid[purpose] for purpose in Purpose if purpose not in held.consents
        },
        "facts": [
            {
                "at": _time(fact.ts),
                **{k: v for k, v in sorted(fields(fact).items()) if v is not None},
            }
            for _, fact in sorted(held.facts.items())
        ],
    }


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
        "flags": [name for flag, name in _FLAGS if flags & flag],
    }


def _day(number: int) -> str:
    return str((datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=number)).date())


def _time(ms: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).isoformat()
