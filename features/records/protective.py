"""Recovers from any bytes of a facts record what protects somebody: refusal, erasure, or doubt.

The strict decoder refuses a record for its clock, a word, an identifier or its form. If that was a
withdrawal or an erasure, somebody's data would stay in use. So facts are read here too, to the
refusing side: of a repeated field every value counts, names may be spelled otherwise, numbers may
be texts, and what cannot be read at all is `Undecided`. What words mean is given from outside
(`features.records.fact_words`). Nothing here raises, and the work is linear in the bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from features.records.everybody import means_everybody
from features.records.fact_words import Vocabulary
from features.records.fields import Accepts
from features.records.inputs import EVENT_ID
from features.records.loose import BEYOND
from features.records.readings import (
    CaseReading,
    ChildReading,
    DislikeReading,
    Protecting,
    RefusalReading,
    Undecided,
)
from features.records.rights_record import IN_WORDS, RightsRecord
from features.records.taken_names import is_valid, taken_name

_BOUNDS: Final = ("member_id", "purpose", "expires_at")


@dataclass(frozen=True, slots=True)
class Protective:
    """The part of a record that protects.

    Attributes
    ----------
    account : str or None
        The record's key; None where the key is no account.
    others : tuple of str
        Accounts that the record names beside it: whose fact it is can't be told.
    member : str or None
        The person; None for the whole account.
    reading : RefusalReading, ErasureReading, ChildReading or Undecided
        Or what protects of another kind of fact.
    ts : int or None
        Event time in ms; None where it can't be read.
    event_id : str or None
        None where it can't be read.
    others_of_it : tuple of str
        Further members of whom the same is said.
    child : ChildReading or None
        What it tells of a child beside that.
    doubt : bool
        Whether a text in it plainly refuses, so that a person has to decide beside that.
    """

    account: str | None
    others: tuple[str, ...]
    member: str | None
    reading: Protecting
    ts: int | None
    event_id: str | None = field(default=None, compare=False)
    others_of_it: tuple[str, ...] = ()
    child: ChildReading | None = None
    doubt: bool = False


def read(
    raw: bytes | None,
    key: bytes | None,
    words: Vocabulary,
    accepts: Accepts | None = None,
    *,
    of_outcomes: bool = False,
    of_events: bool = False,
) -> Protective | None:
    """Find what protects in a facts record; None where nothing does, or nobody is named.

    Parameters
    ----------
    raw, key : bytes or None
        Value and key of the record as they came.
    words : Vocabulary
        What the words mean.
    accepts : callable, optional
        Whether a text is a pseudonym. What an earlier release took for one is one here, too, for
        its data may still be held.
    of_outcomes : bool
        Whether it is a record of what came of offers.
    of_events : bool
        Whether it came among events, so that only a fact about rights is looked for.
    """
    account = key_account(key, accepts)
    try:
        return _read(raw, account, words, accepts, of_outcomes, of_events)
    except Exception:  # a defect of ours must cost nobody a right, and nobody else his turn
        return Protective(account, (), None, Undecided("unreadable"), None) if account else None


def key_account(key: bytes | None, accepts: Accepts | None) -> str | None:
    """Read the account whose key it is; None where it is no account's."""
    return taken_name((key or b"").decode("utf-8", "replace"), accepts)


def _read(
    raw: bytes | None,
    account: str | None,
    words: Vocabulary,
    accepts: Accepts | None,
    of_outcomes: bool,
    of_events: bool,
) -> Protective | None:
    record = RightsRecord(raw or b"", words)
    if of_events and not record.is_of_rights:
        return None
    named = {found for text in record.names("account_id") if (found := taken_name(text, accepts))}
    others = tuple(sorted(named - {account}))
    reading = record.answer(raw or b"") if of_outcomes else record.reading()
    if reading is None and not of_outcomes and record.is_of_people:
        children = record.children(account or "", accepts)
        reading = ChildReading(others=children, own=False) if children else None
    doubt = not of_outcomes and (record.says_so_in_words or bool(record.rights_asked))
    if reading is None and doubt:
        reading, doubt = Undecided(IN_WORDS), False
    if reading is None or (account is None and not others):
        return None
    if account is None or others:
        return Protective(account, others, None, Undecided("key_mismatch"), record.ts)
    names = record.names("member_id", account)
    if any(means_everybody(name, account) for name in names):
        names = set()  # of everybody, whoever else is named
    members = {taken_name(text, accepts) for text in names}
    if len(members) > 1 or None in members or (members and record.has_null("member_id")):
        return Protective(account, (), None, Undecided("member_id"), record.ts)
    member, child = next(iter(members), None), None
    if isinstance(reading, ChildReading) and reading.own:
        reading = record.child(account, accepts)
    elif record.tells_of_child and not isinstance(reading, Undecided):
        told = record.child(account, accepts)
        child = told if isinstance(told, ChildReading) else None
    texts = (text for text in record.texts("event_id") if text != BEYOND)  # that stands for many
    name = next((text for text in texts if is_valid(text, EVENT_ID)), None)
    also = record.others(account, member, accepts)
    doubt = doubt and isinstance(reading, ChildReading | CaseReading | DislikeReading)
    return Protective(account, (), member, reading, record.ts, name, also, child, doubt)


@dataclass(frozen=True, slots=True)
class FoundBeside:
    """Holds what a fact in form says beside the fields of the contract.

    Attributes
    ----------
    refusal : RefusalReading or None
        What another field refuses.
    narrower : str
        A field that bounds a grant: another name of one of its own, or that of a device, a line, a
        channel or a condition; empty for none.
    others : tuple of str
        Further members of whom the same is said.
    child : ChildReading, Undecided or None
        What it tells of a child.
    doubt : bool
        Whether a text beside the form plainly refuses: a person has to decide.
    """

    refusal: RefusalReading | None = None
    narrower: str = ""
    others: tuple[str, ...] = ()
    child: ChildReading | Undecided | None = None
    doubt: bool = False


def beside_consent(raw: bytes, granted: bool, words: Vocabulary, account: str = "") -> FoundBeside:
    """Find what a fact about consent says in other fields: it must be no wider grant for its form.

    A refusal refuses all that any field names, and for all whom it names.
    """
    record = RightsRecord(raw, words)
    child = record.child(account, None) if record.tells_of_child else None
    if not granted:
        others = record.others(account, next(iter(record.names("member_id")), None), None)
        return FoundBeside(record.refusal_of_all(), others=others, child=child)
    narrower = (name for name in _BOUNDS if record.says_otherwise(name))
    found = next(narrower, "") or record.bound(account)
    return FoundBeside(record.refusal_beside(), found, child=child)


def beside_another(raw: bytes, own: Iterable[str], words: Vocabulary, account: str) -> FoundBeside:
    """Find what refuses, or tells of a child, in a fact about something else.

    Parameters
    ----------
    own : iterable of str
        Names of the fields of its kind, which say something else.
    """
    record = RightsRecord(raw, words, {*own})
    child = record.child(account, None) if record.tells_of_child else None
    doubt = record.says_so_in_words or bool(record.rights_asked)
    return FoundBeside(record.refusal_by_name(), child=child, doubt=doubt)


def owner(raw: bytes, account: str, words: Vocabulary, accepts: Accepts) -> str | None:
    """Read whose device it is in an entry of the registry that does not say it in form."""
    names = RightsRecord(raw, words).owners(account)
    return taken_name(min(names), accepts) if len(names) == 1 else None
