"""Reads what a fact in form says beside its form: it must not make it a wider grant.

A field that the contract has not is ignored, but where it refuses, bounds a grant, or tells of a
child. What the fact itself says stays, where both can be kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from features.records import protective
from features.records.everybody import means_everybody
from features.records.facts import (
    CareCase,
    Consent,
    ContactAnswer,
    ContactMade,
    Declaration,
    Doubted,
    Erasure,
    Fact,
    Refused,
    Registry,
)
from features.records.fields import Accepts, Malformed
from features.records.inputs import FACT_COMMON, FACT_FIELDS, OUTCOME_FIELDS
from features.records.readings import ChildReading, RefusalReading, Undecided
from features.records.rights_record import IN_WORDS, WHOSE_CHILD
from features.records.tolerated import Tolerance, child_entries, joined_facts
from features.vocabulary import ConsentStatus, Opinion, Purpose, Refusal, Reply

#: Names of the fields that facts about something else than permission have.
_OWN: Final[Mapping[str, frozenset[str]]] = {
    str(kind): frozenset(field.name for field in (*FACT_COMMON, *own))
    for fields in (FACT_FIELDS, OUTCOME_FIELDS)
    for kind, own in fields.items()
}


def guarded(
    fact: Fact, raw: bytes, key: bytes | None, tolerance: Tolerance, accepts: Accepts
) -> Fact:
    """A fact in form, with what it forbids outside of the form.

    Raises
    ------
    Malformed
        For a grant that names a person, a purpose or an end under another name than the form's,
        and so would be a wider one; and for what informs of a member whose name means everybody.
    """
    if not fact.beside and fact.member_id is None and not isinstance(fact.said, Registry):
        return fact  # as nearly all are
    try:
        if fact.member_id and means_everybody(fact.member_id, fact.account_id):
            fact = _of_everybody(fact, tolerance)
        if isinstance(fact.said, Registry):
            return _of_registry(fact, raw, key, tolerance, accepts)
        return _with_what_is_beside(fact, raw, tolerance) if fact.beside else fact
    except Malformed:
        raise
    except Exception:  # as in `protective.read`: a defect of ours puts the account on hold
        return doubted(fact)


def doubted(fact: Fact) -> Fact:
    """A fact that a person has to decide, whoever of the account was meant."""
    return replace(fact, member_id=None, said=Doubted(tuple(sorted(Purpose))), tolerated=True)


def _of_everybody(fact: Fact, tolerance: Tolerance) -> Fact:
    """What protects, as of the whole account; anything else of such a member is none in form."""
    of_all = replace(fact, member_id=None)
    match fact.said:
        case Consent(status=status, purpose=term) if status != ConsentStatus.GRANTED:
            purposes = tuple(sorted(tolerance.words.meant([term])))
            return replace(of_all, said=Refused(purposes, status), tolerated=True)
        case Erasure() | CareCase():
            return replace(of_all, tolerated=True)
        case Declaration(stance=Opinion.DISLIKE | Opinion.NOT_ANY_MORE):
            return replace(of_all, tolerated=True)
        case ContactAnswer(answer=Reply.UNSUBSCRIBED | Reply.COMPLAINED | Reply.DISMISSED):
            return replace(of_all, tolerated=True)
        case Registry():
            return of_all
    message = "means everybody: a fact about the whole account has no member_id"
    raise Malformed(Refusal.IDENTIFIER, "member_id", message)


def _with_what_is_beside(fact: Fact, raw: bytes, tolerance: Tolerance) -> Fact:
    words, account = tolerance.words, fact.account_id
    match fact.said:
        case Consent(status=ConsentStatus.GRANTED):
            return _of_grant(fact, protective.beside_consent(raw, True, words, account))
        case Consent() | Refused() | Erasure():
            found = protective.beside_consent(raw, False, words, account)
            return _of_refusal(fact, found, tolerance)
        case ContactMade() | ContactAnswer():
            found = protective.beside_another(raw, _OWN[fact.said.kind], words, account)
            return _joined(fact, replace(found, child=None))
    return _joined(fact, protective.beside_another(raw, _OWN[fact.said.kind], words, account))


def _of_grant(fact: Fact, found: protective.FoundBeside) -> Fact:
    if found.refusal is not None:
        return _joined(replace(fact, said=_refused(found.refusal), tolerated=True), found, None)
    if found.child is not None:
        return joined_facts(fact, _children(fact, found.child))
    if found.narrower:
        message = "bounds the grant outside of its form, so it may be a narrower one"
        raise Malformed(Refusal.MISSING, found.narrower, message)
    return fact


def _of_refusal(fact: Fact, found: protective.FoundBeside, tolerance: Tolerance) -> Fact:
    """A refusal of all that any field names, of all whom it names."""
    if isinstance(fact.said, Consent) and found.refusal is not None:
        if found.refusal.purposes - tolerance.words.meant([fact.said.purpose]):
            purposes = tuple(sorted(found.refusal.purposes))
            fact = replace(fact, said=Refused(purposes, fact.said.status), tolerated=True)
    others = [replace(fact, member_id=name) for name in found.others]
    children = _children(fact, found.child) if isinstance(found.child, ChildReading) else []
    return joined_facts(fact, [fact, *others, *children])


def _joined(fact: Fact, found: protective.FoundBeside, refusal: bool | None = True) -> Fact:
    """A fact, what it refuses beside that, and whom it calls a child."""
    if isinstance(found.child, Undecided):
        return doubted(fact)
    parts = [fact]
    if refusal and found.refusal is not None:
        parts.append(replace(fact, said=_refused(found.refusal), tolerated=True))
    if found.child is not None:
        parts += _children(fact, found.child)
    if found.doubt:
        parts.append(doubted(fact))
    return joined_facts(fact, parts)


def _children(fact: Fact, child: ChildReading | Undecided) -> list[Fact]:
    if isinstance(child, Undecided):
        return [doubted(fact)]
    entries = child_entries(child, fact.event_id)
    return [replace(fact, said=entry, tolerated=True) for entry in entries]


def _refused(reading: RefusalReading) -> Refused:
    return Refused(tuple(sorted(reading.purposes)), ConsentStatus[reading.why.name])


def _of_registry(
    fact: Fact, raw: bytes, key: bytes | None, tolerance: Tolerance, accepts: Accepts
) -> Fact:
    entry = fact.said
    assert isinstance(entry, Registry)
    if not fact.beside:
        if entry.adult is not False or entry.owner_member_id or fact.member_id is None:
            return fact
        own = replace(entry, owner_member_id=fact.member_id)
        return replace(fact, said=own, tolerated=True)
    said = protective.read(raw, key, tolerance.words, accepts)
    if said is not None and said.reading == Undecided(WHOSE_CHILD):
        return doubted(fact)
    child = entry.adult is False or (
        said is not None
        and said.reading != Undecided(IN_WORDS)
        and isinstance(found := said.child or said.reading, ChildReading | Undecided)
        and (isinstance(found, Undecided) or found.own)
    )  # a doubt is only whose device it is, or what a text says
    whose = entry.owner_member_id
    if child:
        whose = whose or protective.owner(raw, fact.account_id, tolerance.words, accepts)
        own = replace(entry, adult=False, owner_member_id=whose)
        fact = fact if own == entry else replace(fact, said=own, tolerated=True)
    parts = [fact]
    if said is not None and isinstance(told := said.child or said.reading, ChildReading):
        parts += _children(fact, replace(told, own=False))
    if said is not None and (said.doubt or said.reading == Undecided(IN_WORDS)):
        parts.append(doubted(fact))
    elif said is not None and isinstance(said.reading, RefusalReading):
        refusing = replace(fact, member_id=whose or fact.member_id, said=_refused(said.reading))
        parts.append(replace(refusing, tolerated=True))
    return joined_facts(fact, parts)
