"""Recovers from any bytes of a facts record what protects somebody: refusal, erasure, or doubt.

The strict decoder refuses a record for its clock, a word, an identifier or its form. If that was a
withdrawal or an erasure, somebody's data would stay in use. So facts are read here too, to the
refusing side: of a repeated field every value counts, names may be spelled otherwise, numbers may
be texts, and what cannot be read at all is `Undecided`. What words mean is given from outside
(`features.records.fact_words`). Nothing here raises, and the work is linear in the bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeAlias

from features.records.fact_words import Vocabulary
from features.records.fields import Accepts, Malformed
from features.records.fields import read as read_field
from features.records.forms import Field, Pseudonym
from features.records.identifiers import IPV4, IPV6, MAC, NUMBER, is_iban
from features.records.inputs import EVENT_ID, TS_END, TS_MIN
from features.records.loose import BEYOND, parse, scalars, squeezed, whole, words_in
from features.records.names import plain
from features.records.readings import (
    ChildReading,
    ErasureReading,
    Grant,
    Nothing,
    Reading,
    RefusalReading,
    RightsKind,
    Undecided,
)
from features.vocabulary import Purpose

#: Most values that are looked into for the fields of objects.
_MOST_NESTED: Final = 4096


#: What protects, in a reading.
Protecting: TypeAlias = RefusalReading | ErasureReading | ChildReading | Undecided


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
    ts : int or None
        Event time in ms; None where it can't be read.
    event_id : str or None
        None where it can't be read.
    """

    account: str | None
    others: tuple[str, ...]
    member: str | None
    reading: Protecting
    ts: int | None
    event_id: str | None = field(default=None, compare=False)


def read(
    raw: bytes | None, key: bytes | None, words: Vocabulary, accepts: Accepts | None = None
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
    """
    account = _pseudonym((key or b"").decode("utf-8", "replace"), accepts)
    try:
        return _read(raw, account, words, accepts)
    except Exception:  # a defect of ours must cost nobody a right, and nobody else his turn
        return Protective(account, (), None, Undecided("unreadable"), None) if account else None


def _read(
    raw: bytes | None, account: str | None, words: Vocabulary, accepts: Accepts | None
) -> Protective | None:
    record = _Record(raw or b"", words)
    named = {found for text in record.names("account_id") if (found := _pseudonym(text, accepts))}
    others = tuple(sorted(named - {account}))
    reading = record.reading()
    if reading is None or (account is None and not others):
        return None
    if account is None or others:
        return Protective(account, others, None, Undecided("key_mismatch"), record.ts)
    members = {_pseudonym(text, accepts) for text in record.names("member_id", account)}
    if len(members) > 1 or None in members or (members and record.has_null("member_id")):
        return Protective(account, (), None, Undecided("member_id"), record.ts)
    if isinstance(reading, ChildReading):
        reading = record.child(account, accepts)
    texts = (text for text in record.texts("event_id") if text != BEYOND)  # that stands for many
    name = next((text for text in texts if _valid(text, EVENT_ID)), None)
    return Protective(account, (), next(iter(members), None), reading, record.ts, name)


@dataclass(frozen=True, slots=True)
class Overlooked:
    """Holds what a grant says beside the fields of the contract.

    Attributes
    ----------
    refusal : RefusalReading or None
        What another field refuses.
    narrower : str
        A field that bounds the grant and stands under another name; empty for none.
    """

    refusal: RefusalReading | None
    narrower: str


def overlooked(raw: bytes, ts: int, words: Vocabulary) -> Overlooked:
    """Find what a grant in form says in other fields: the form must not make it a wider one."""
    record = _Record(raw, words)
    narrower = (name for name in _BOUNDS if record.says_otherwise(name))
    return Overlooked(record.refusal_beside(), next(narrower, ""))


def refused_too(raw: bytes, words: Vocabulary) -> RefusalReading | None:
    """Find all that a refusal in form refuses where other fields name further purposes."""
    return _Record(raw, words).refusal_of_all()


def owner(raw: bytes, account: str, words: Vocabulary, accepts: Accepts) -> str | None:
    """Read whose device it is in an entry of the registry that does not say it in form."""
    names = _Record(raw, words).owners(account)
    return _pseudonym(min(names), accepts) if len(names) == 1 else None


class _Record:
    """The fields of a record, as far as they can be read."""

    def __init__(self, raw: bytes, words: Vocabulary) -> None:
        self._words = words
        self._fields: dict[str, list[Any]] = {}
        self._fault = parse(raw, self._fields)
        self._squeezed: dict[str, list[Any]] = {}
        for name, values in self._fields.items():
            self._squeezed.setdefault(squeezed(name), []).extend(values)
        times = {whole(value) for value in scalars(self.values("ts"))}
        time = times.pop() if len(times) == 1 else None
        self.ts = time if time is not None and TS_MIN <= time < TS_END else None

    def values(self, field: str) -> list[Any]:
        """All values of a field; null is absent, and then other spellings are looked for."""
        exact = [value for value in self._fields.get(field, ()) if value is not None]
        for name in () if exact else (squeezed(field), *self._words.names(field)):
            exact = [value for value in self._squeezed.get(name, ()) if value is not None]
            if exact:
                break
        return exact

    def squeezed(self, name: str) -> list[Any]:
        """All values of the fields of a squeezed name."""
        return [value for value in self._squeezed.get(name, ()) if value is not None]

    def other_names(self, field: str) -> tuple[str, ...]:
        """Squeezed names of a field, its own among them."""
        return (squeezed(field), *self._words.names(field))

    def says_otherwise(self, field: str) -> bool:
        """Whether a field that is absent stands there under another name."""
        exact = any(value is not None for value in self._fields.get(field, ()))
        names, deep = self._words.names(f"bounds_{field}"), self._deep
        there = [value for name in self.other_names(field) for value in deep.get(name, ())]
        told = any(map(self.squeezed, names)) or any(value is not None for value in there)
        return not exact and told

    def contradicts(self) -> bool:
        """Whether another field than the contract's refuses."""
        others = {name: self.squeezed(name) for name in self._squeezed}
        deep = self._deep
        statuses = (*self.other_names("status"), *self._words.names("says_status"))
        refusing = (RightsKind.WITHDRAWAL, RightsKind.OBJECTION, RightsKind.ERASURE)
        return (
            any(self._refuses(v) for n in statuses for v in scalars(deep.get(n, ())))
            or any(
                self._words.kind(value) in refusing
                for name in self.other_names("kind")
                for value in scalars(others.get(name, ()))
            )
            or any(
                self._words.refuses(name, value)
                for name, values in deep.items()
                for value in scalars(v for v in values if not isinstance(v, dict))
            )
        )

    def refusal_beside(self) -> RefusalReading | None:
        """Find what other fields than those of the contract refuse."""
        return self.refusal_of_all() if self.uses_refused or self.contradicts() else None

    def refusal_of_all(self) -> RefusalReading | None:
        """Refuse the purposes that any field names as such, or refuses."""
        named = [v for name in self.other_names("purpose") for v in self.squeezed(name)]
        named += [*self.values("purpose"), *self.uses_refused]
        reading = self._words.read(["withdrawn"], named, [], self.ts)
        return reading if isinstance(reading, RefusalReading) else None

    @cached_property
    def uses_refused(self) -> list[str]:
        """The purposes that are refused by fields of their names, wherever these stand."""
        return [
            name
            for name, values in self._deep.items()
            if any(self._words.refuses_use(name, value) for value in scalars(values))
        ]

    def _refuses(self, value: Any) -> bool:
        return isinstance(self._words.read([value], [], [], self.ts), RefusalReading)

    def owners(self, account: str) -> set[str]:
        """The owners of the device; where none is named, the person that the record is about."""
        return self.names("owner_member_id", account) or self.names("member_id", account)

    def has_null(self, field: str) -> bool:
        """Whether a field stands there without a value, too."""
        return None in self._fields.get(field, ())

    def texts(self, field: str) -> list[str]:
        """The values of an identifying field, blank ones left out; a number can't be one."""
        found = [v.strip() if isinstance(v, str) else BEYOND for v in scalars(self.values(field))]
        return [text for text in found if text]

    def names(self, field: str, account: str = "") -> set[str]:
        """The same as names of persons or devices, in the spelling of the contract."""
        return {found for text in self.texts(field) if (found := plain(text, account))}

    def child(self, account: str, accepts: Accepts | None) -> ChildReading | Undecided:
        """Tell whose device it is; a doubt where it or its owner is named and cannot be told."""
        found = []
        for which in ("device_id", "owner_member_id"):
            names = self.names(which, account) if which == "device_id" else self.owners(account)
            if len(names) > 1 or not all(map(str.isascii, names)):
                return Undecided(which)
            found += [_pseudonym(name, accepts) for name in names] or [None]
        return ChildReading(*found) if any(found) else Undecided("owner_member_id")

    def reading(self) -> Protecting | None:
        """The gravest of all readings."""
        kinds = {self._words.kind(value) for value in words_in(self.values("kind"))}
        found = [self._as(kind, bool(kinds)) for kind in kinds or {RightsKind.UNKNOWN}]
        if any(isinstance(item, ErasureReading) for item in found):
            return ErasureReading()
        refusals = [item for item in found if isinstance(item, RefusalReading)]
        if refusals:
            return RefusalReading(_of_all(refusals), max(item.why for item in refusals))
        if self._fault:
            return Undecided(self._fault)
        if any(isinstance(item, ChildReading) for item in found):
            return Undecided(WHOSE_CHILD) if self._has_child_inside() else ChildReading()
        doubts = [item for item in found if isinstance(item, Undecided)]
        return Undecided(min(d.reason for d in doubts), _of_all(doubts)) if doubts else None

    def _as(self, kind: RightsKind, named: bool) -> Reading:
        """What the record says if it is of a kind; without a name it may be of any."""
        if kind is RightsKind.ERASURE:
            return ErasureReading()
        if kind is RightsKind.REGISTRY and self._words.tells_of_child(self._deep, self.ts):
            return ChildReading()
        if kind in (RightsKind.OTHER, RightsKind.REGISTRY):
            return Nothing("kind")
        statuses = self.values("status")
        if kind in (RightsKind.WITHDRAWAL, RightsKind.OBJECTION):
            statuses = [*statuses, kind.value]
        purposes, ends = self.values("purpose"), self.values("expires_at")
        reading = self._words.read(statuses, purposes, ends, self.ts)
        if kind is RightsKind.RIGHTS:
            return Undecided("unknown_kind")
        if kind is RightsKind.UNKNOWN and named:
            return self._of_no_kind(reading)
        if isinstance(reading, Grant | Nothing) and kind is RightsKind.CONSENT:
            return self.refusal_beside() or reading
        return reading

    def _of_no_kind(self, reading: Reading) -> Reading:
        """What a record of a kind that is not known says, by what it would say of consent."""
        misspelt = any(map(self._words.is_misspelt, words_in(self.values("kind"))))
        of_use = self.values("purpose") and self.refusal_beside()
        if isinstance(reading, RefusalReading) or misspelt or of_use or self._names_a_right():
            return Undecided("unknown_kind")
        if self._words.tells_of_child(self._deep, self.ts):
            return ChildReading()
        return Undecided("unknown_kind") if self._says_its_kind_alone() else Nothing("unknown_kind")

    def _says_its_kind_alone(self) -> bool:
        """Whether there is nothing in it but who, when and of what kind: it can be a request."""
        own = (*map(squeezed, _WHO_AND_WHEN), *self._words.names("kind"))
        return self._squeezed.keys() <= {*own, *self._words.names("beside")}

    @cached_property
    def _deep(self) -> dict[str, list[Any]]:
        """The fields by squeezed name, with those of objects in them."""
        found = {name: [*values] for name, values in self._squeezed.items()}
        for inner in self._objects():
            for name, values in inner.items():
                found.setdefault(squeezed(name), []).extend(values)
        return found

    def _objects(self) -> Iterator[dict[str, list[Any]]]:
        """The objects in it, as far as they are looked into."""
        left, most = [v for values in self._squeezed.values() for v in values], _MOST_NESTED
        while left and (most := most - 1):
            value = left.pop()
            if isinstance(value, dict):
                yield value
                left += [inner for values in value.values() for inner in values]
            elif isinstance(value, list):
                left += value[:_MOST_NESTED]

    def _has_child_inside(self) -> bool:
        """Whether an object in it tells of a child that it names itself: not the record's own."""
        named = {*map(squeezed, _PERSONS), *self._words.names("bounds_member_id")}
        named |= {*self._words.names("owner_member_id")}
        inside = ({squeezed(n): v for n, v in inner.items()} for inner in self._objects())
        return any(
            fields.keys() & named and self._words.tells_of_child(fields, self.ts)
            for fields in inside
        )

    def _names_a_right(self) -> bool:
        """Whether any field says what a kind would, by its value or its name: that it refuses."""
        rights = (RightsKind.ERASURE, RightsKind.WITHDRAWAL, RightsKind.OBJECTION)
        own = {*map(squeezed, _WHO_AND_WHEN)}
        return bool(self.uses_refused) or any(
            self._words.kind(value) in rights
            or (self._words.kind(name) in rights and self._words.affirms(value))
            for name, values in self._deep.items()
            for value in (scalars(values) if name not in own else ())
        )


def _of_all(found: Iterable[RefusalReading | Undecided]) -> frozenset[Purpose]:
    return frozenset[Purpose]().union(*(item.purposes for item in found))


def _pseudonym(text: str, accepts: Accepts | None) -> str | None:
    """An identifier that the strict decoder takes, or took."""
    return text if _taken_before(text) or (accepts is not None and accepts(text)) else None


def _taken_before(text: str) -> bool:
    """Whether the first release took a text for a pseudonym."""
    return len(text) <= Pseudonym.longest and bool(_BEFORE.fullmatch(text)) and not is_iban(text)


def _valid(text: str, form: Field) -> bool:
    """Whether the strict decoder would take a text that is no pseudonym."""
    try:
        read_field({form.name: text}, form, _taken_before)
    except Malformed:
        return False
    return True


_BEFORE = re.compile(f"(?!(?:{NUMBER}|{MAC}|{IPV4}|{IPV6})$)[A-Za-z0-9_.:-]+")
_BOUNDS: Final = ("member_id", "purpose", "expires_at")
#: Why nobody can be said to be the child of an entry that tells of others in it.
WHOSE_CHILD: Final = "whose_child"
_PERSONS: Final = ("member_id", "owner_member_id", "device_id")
_WHO_AND_WHEN: Final = ("event_id", "account_id", "member_id", "ts", "kind")
