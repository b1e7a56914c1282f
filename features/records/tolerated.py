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
from features.records.fact_words import Vocabulary
from features.records.facts import Consent, Doubted, Erasure, Fact, Refused, Registry, present
from features.records.fields import Accepts, Malformed
from features.records.inputs import FACT_COMMON, FACT_FIELDS
from features.records.readings import ChildReading, ErasureReading, RefusalReading, Undecided
from features.vocabulary import ConsentStatus, FactKind, Purpose, Refusal

#: Kind of what is written anew; the decoder refuses it of a producer.
KIND: Final = "tolerated"
_OF_CONSENT: Final = frozenset(
    field.name for field in (*FACT_COMMON, *FACT_FIELDS[FactKind.CONSENT])
)


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
    """A fact in form, with what it forbids outside of the form: of a child, or beside a grant.

    Raises
    ------
    Malformed
        For a grant that names a person, a purpose or an end under another name than the form's,
        and so would be a wider one.
    """
    try:
        return _guarded(fact, raw, key, tolerance, accepts)
    except Malformed:
        raise
    except Exception:  # as in `protective.read`: a defect of ours puts the account on hold
        return doubted(fact)


def doubted(fact: Fact) -> Fact:
    """A fact that a person has to decide, whoever of the account was meant."""
    return replace(fact, member_id=None, said=Doubted(tuple(sorted(Purpose))), tolerated=True)


def _guarded(
    fact: Fact, raw: bytes, key: bytes | None, tolerance: Tolerance, accepts: Accepts
) -> Fact:
    match fact.said:
        case Registry():
            return _of_child(fact, raw, key, tolerance, accepts)
        case Consent(status=ConsentStatus.GRANTED) if _holds_more(raw):
            found = protective.overlooked(raw, fact.ts, tolerance.words)
            if found.refusal is not None:
                purposes = tuple(sorted(found.refusal.purposes))
                what = Refused(purposes, ConsentStatus[found.refusal.why.name])
                return replace(fact, said=what, tolerated=True)
            if found.narrower:
                message = "stands under another name, so the grant may be a narrower one"
                raise Malformed(Refusal.MISSING, found.narrower, message)
        case Consent(status=status) if status != ConsentStatus.GRANTED and _holds_more(raw):
            whole = protective.refused_too(raw, tolerance.words)
            if whole is not None and whole.purposes - tolerance.words.meant([fact.said.purpose]):
                return replace(
                    fact, said=Refused(tuple(sorted(whole.purposes)), status), tolerated=True
                )
    return fact


def _holds_more(raw: bytes) -> bool:
    """Whether a record has fields that the contract has not."""
    return not _OF_CONSENT.issuperset(orjson.loads(raw))


def _of_child(
    fact: Fact, raw: bytes, key: bytes | None, tolerance: Tolerance, accepts: Accepts
) -> Fact:
    entry = fact.said
    assert isinstance(entry, Registry)
    if entry.adult is not False:
        said = protective.read(raw, key, tolerance.words, accepts)
        if said is None or not isinstance(said.reading, ChildReading | Undecided):
            return fact  # a doubt is only whose device it is
        if said.reading == Undecided(protective.WHOSE_CHILD):
            return doubted(fact)
    whose = entry.owner_member_id or protective.owner(
        raw, fact.account_id, tolerance.words, accepts
    )
    known = entry.adult is False and whose == entry.owner_member_id
    return (
        fact
        if known
        else replace(fact, said=replace(entry, adult=False, owner_member_id=whose), tolerated=True)
    )


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
