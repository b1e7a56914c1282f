"""Takes up refusals and erasures that are not in form, as facts written anew with what was read.

What is out of form must not cost anybody a right: only grants are strict. A fact that is stamped
ahead of its arrival, or not at all, acts at once on arrival.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, assert_never

import orjson

from features.records import protective
from features.records.fact_words import Vocabulary
from features.records.facts import (
    CareCase,
    ContactAnswer,
    Declaration,
    Doubted,
    Erasure,
    Fact,
    Refused,
    Registry,
    Several,
    Statement,
    present,
)
from features.records.fields import Accepts
from features.records.readings import (
    AnswerReading,
    CaseReading,
    ChildReading,
    DislikeReading,
    ErasureReading,
    Protecting,
    RefusalReading,
    Undecided,
)
from features.vocabulary import CaseStatus, ConsentStatus, Opinion, Purpose

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
    *,
    of_outcomes: bool = False,
) -> Fact | Undecided | None:
    """The fact that protects in a refused record of the facts, or of what came of offers.

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
    of_outcomes : bool
        Whether it is one of the latter.

    Returns
    -------
    Fact or Undecided or None
        A refusal, an erasure, a child's device, an open case, a dislike, an answer of somebody who
        wants to be left alone, or the doubt whether it is one of these; `Undecided` where nobody
        can be put on hold for it; or nothing.
    """
    said = protective.read(raw, key, tolerance.words, accepts, of_outcomes=of_outcomes)
    if said is None:
        return None
    arrival = tolerance.arrival(index)
    ts = said.ts if arrival is None or said.ts is None else min(said.ts, arrival)
    ts = arrival if ts is None else ts
    if ts is None or said.account is None:
        return Undecided("time")
    fact = Fact(said.event_id or name, said.account, said.member, ts, Erasure(), True)
    what = list(_statements(said.reading, name))
    found = [replace(fact, said=item) for item in what]
    if not isinstance(said.reading, ChildReading | Undecided):
        found += [replace(fact, said=item, member_id=m) for item in what for m in said.others_of_it]
    if said.child is not None:
        found += [replace(fact, said=item) for item in _statements(said.child, name)]
    if said.doubt:
        found.append(replace(fact, member_id=None, said=Doubted(tuple(sorted(Purpose)))))
    return joined_facts(fact, found)


def joined_facts(fact: Fact, found: Sequence[Fact]) -> Fact:
    """Join what one record says into one fact."""
    if len(found) == 1:
        return found[0]
    return replace(fact, said=Several(tuple(found)), tolerated=True, beside=False)


def child_entries(reading: ChildReading, name: str) -> Iterator[Registry]:
    """Entries of the registry that a reading of children is, in a fact of a name."""
    unread = f"unread-{name}"
    if reading.own:
        yield Registry(reading.device or unread, reading.owner, adult=False)
    yield from (Registry(unread, other, adult=False) for other in reading.others)


def _statements(reading: Protecting, name: str) -> Iterator[Statement]:
    """What a reading states."""
    match reading:
        case RefusalReading(purposes, why):
            yield Refused(tuple(sorted(purposes)), ConsentStatus[why.name])
        case ErasureReading():
            yield Erasure()
        case ChildReading():
            yield from child_entries(reading, name)
        case CaseReading(case_id):
            yield CareCase(case_id, CaseStatus.OPENED)
        case DislikeReading(interests):
            yield from (Declaration(interest, Opinion.DISLIKE) for interest in interests)
        case AnswerReading(contact_id, answer):
            yield ContactAnswer(contact_id, answer)
        case Undecided(_, purposes):
            yield Doubted(tuple(sorted(purposes)))
        case other:
            assert_never(other)


def to_bytes(fact: Fact) -> bytes:
    """A fact as a record in the decoder's form; `from_values` reads one that was taken up."""
    return orjson.dumps(_values(fact))


def _values(fact: Fact) -> dict[str, Any]:
    said = fact.said
    if isinstance(said, Several):
        told: dict[str, Any] = {"parts": [_values(part) for part in said.parts]}
    else:
        told = present(said)
    return {
        "event_id": fact.event_id,
        "account_id": fact.account_id,
        "member_id": fact.member_id,
        "ts": fact.ts,
        **told,
        "kind": KIND if fact.tolerated else said.kind,
    }


def from_values(values: Mapping[str, Any], decode: Callable[[Mapping[str, Any]], Fact]) -> Fact:
    """The fact that was taken up and that `to_bytes` wrote; `decode` reads one in form."""
    said: Statement = Erasure()
    match values:
        case {"parts": parts}:
            said = Several(tuple(map(decode, parts)))
        case {"device_id": device}:
            said = Registry(device, values.get("owner_member_id"), values["adult"])
        case {"purposes": purposes}:
            named = tuple(map(Purpose, purposes))
            said = Refused(named, values["status"]) if "status" in values else Doubted(named)
        case {"case_id": case_id}:
            said = CareCase(case_id, values["status"])
        case {"stance": stance}:
            said = Declaration(values["interest"], stance)
        case {"contact_id": contact_id}:
            said = ContactAnswer(contact_id, values["answer"])
    event_id, account, member = (values[n] for n in ("event_id", "account_id", "member_id"))
    return Fact(event_id, account, member, values["ts"], said, True)
