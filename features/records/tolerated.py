"""Takes up refusals and erasures that are not in form, as facts written anew with what was read.

What is out of form must not cost anybody a right: only grants are strict. A fact that is stamped
ahead of its arrival, or not at all, acts at once on arrival.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from features.records import protective
from features.records.facts import Doubted, Erasure, Fact, Refused, Registry, present
from features.records.fields import Accepts
from features.records.protective import Vocabulary
from features.records.readings import ChildReading, ErasureReading, RefusalReading, Undecided
from features.vocabulary import ConsentStatus, Purpose

#: Kind of what is written anew; the decoder refuses it of a producer.
KIND: Final = "tolerated"


@dataclass(frozen=True)
class Tolerance:
    """The way in which facts that are not in form are read.

    Attributes
    ----------
    words : Vocabulary
        What the words mean.
    arrival : callable
        Gives when a record of the batch came, ms, by its index; None where unknown.
    """

    words: Vocabulary
    arrival: Callable[[int], int | None]


def take_up(
    raw: bytes | None,
    key: bytes | None,
    tolerance: Tolerance,
    name: str,
    index: int,
    accepts: Accepts | None = None,
) -> Fact | Undecided | None:
    """The fact that protects in a refused record of the facts.

    Parameters
    ----------
    raw, key : bytes or None
        As they came.
    name : str
        Event id where the record has none that can be read.
    index : int
        Of the record in its batch.
    accepts : callable, optional
        Whether a text is a pseudonym.

    Returns
    -------
    Fact or Undecided or None
        A refusal, an erasure, a child's device, or the doubt whether it refuses; `Undecided` where
        nobody can be put on hold for it; or nothing.
    """
    said = protective.read(raw, key, tolerance.words, accepts)
    if said is None:
        return None
    arrival = tolerance.arrival(index)
    ts = said.ts if arrival is None or said.ts is None else min(said.ts, arrival)
    ts = arrival if ts is None else ts
    if ts is None or said.account is None:
        return Undecided("time")
    event_id = said.event_id or name
    what: Doubted | Erasure | Refused | Registry
    match said.reading:
        case RefusalReading(purposes, why):
            what = Refused(tuple(sorted(purposes)), ConsentStatus[why.name])
        case ErasureReading():
            what = Erasure()
        case ChildReading(device, owner):
            what = Registry(device or f"unread-{name}", owner, adult=False)
        case Undecided(_, purposes):
            what = Doubted(tuple(sorted(purposes)))
    return Fact(event_id, said.account, said.member, ts, what, True)


def guarded(
    fact: Fact, raw: bytes, key: bytes | None, tolerance: Tolerance, accepts: Accepts
) -> Fact:
    """A fact in form, with what it tells of a child outside of the form."""
    if not isinstance(fact.said, Registry) or fact.said.adult is False:
        return fact
    said = protective.read(raw, key, tolerance.words, accepts)
    if said is None or not isinstance(said.reading, ChildReading):
        return fact
    return replace(fact, said=replace(fact.said, adult=False), tolerated=True)


def to_bytes(fact: Fact) -> bytes:
    """A fact as a record in the decoder's form; `from_values` reads one that was taken up."""
    values: dict[str, Any] = {
        "event_id": fact.event_id,
        "account_id": fact.account_id,
        "member_id": fact.member_id,
        "ts": fact.ts,
        **present(fact.said),
        "kind": KIND if fact.tolerated else fact.said.kind,
    }
    return orjson.dumps(values)


def from_values(values: Mapping[str, Any]) -> Fact:
    """The fact that was taken up and that `to_bytes` wrote."""
    said: Doubted | Erasure | Refused | Registry = Erasure()
    if "device_id" in values:
        said = Registry(values["device_id"], values.get("owner_member_id"), values["adult"])
    elif "purposes" in values:
        purposes = tuple(map(Purpose, values["purposes"]))
        said = Refused(purposes, values["status"]) if "status" in values else Doubted(purposes)
    event_id, account, member = (values[n] for n in ("event_id", "account_id", "member_id"))
    return Fact(event_id, account, member, values["ts"], said, True)
