"""Recovers from any bytes of a facts record what protects somebody: refusal, erasure, or doubt.

The strict decoder refuses a record for its clock, a word, an identifier or its form. If that was a
withdrawal or an erasure, somebody's data would stay in use. So facts are read here too, to the
refusing side: of a repeated field every value counts, names may be spelled otherwise, numbers may
be texts, and what cannot be read at all is `Undecided`. What words mean is given from outside
(`Vocabulary`). Nothing here raises, and the work is linear in the bytes.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Protocol, TypeAlias

from features.records.fields import Accepts, Malformed
from features.records.fields import read as read_field
from features.records.forms import Field, Pseudonym
from features.records.identifiers import IPV4, IPV6, MAC, NUMBER, is_iban
from features.records.inputs import EVENT_ID, TS_END, TS_MIN
from features.records.names import plain
from features.records.readings import (
    ChildReading,
    ErasureReading,
    Nothing,
    Reading,
    RefusalReading,
    RightsKind,
    Undecided,
)
from features.vocabulary import Purpose

#: Longest record that is parsed; a longer one is `Undecided`.
MAX_BYTES: Final = 1_048_576
#: Most values that one field can have, and what stands for those beyond: no known word.
_MAX_VALUES: Final = 64
_BEYOND: Final = "?"
#: Characters of a word that are looked at: the first and the last.
_LONGEST: Final = 256


class Vocabulary(Protocol):
    """The meaning of the words of a fact; `features.privacy.words` is the one there is."""

    def kind(self, value: Any) -> RightsKind:
        """The meaning of a value of ``kind``."""

    def read(
        self, statuses: Sequence[Any], purposes: Sequence[Any], ends: Sequence[Any], ts: int | None
    ) -> Reading:
        """Read what a fact about consent says, by the values of its fields and its own time."""

    def tells_of_child(self, fields: Mapping[str, Sequence[Any]], ts: int | None) -> bool:
        """Whether the fields of an entry of the registry, by squeezed name, tell of a child."""

    def names(self, field: str) -> Sequence[str]:
        """Squeezed names under which a field is looked for where it is absent."""


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
    name = next((text for text in record.texts("event_id") if _valid(text, EVENT_ID)), None)
    return Protective(account, (), next(iter(members), None), reading, record.ts, name)


@lru_cache(maxsize=4096)
def squeezed(text: str) -> str:
    """A word without what varies in spelling: case, accents, blanks, separators, prefix or IRI."""
    if len(text) > _LONGEST:  # normalising is not linear in marks that pile up
        text = text[: _LONGEST // 2] + text[-_LONGEST // 2 :]
    plain = unicodedata.normalize("NFKD", text).casefold().strip().rstrip("#/:")
    last = re.split("[#/:]", plain)[-1]
    if _NEGATIVE.fullmatch(last):
        return last
    kept = "".join(char for char in last if char.isalnum() or char == "*")
    return unicodedata.normalize("NFC", kept)


def unaccented(text: str) -> str:
    """The beginning of a text, without the accents of its letters."""
    plain = unicodedata.normalize("NFKD", text[:_LONGEST])
    return "".join(char for char in plain if not unicodedata.combining(char))


def scalars(values: Iterable[Any]) -> list[str | int | float | bool]:
    """List what stands in values, lists and objects too; something unknown where it is too much."""
    found: list[str | int | float | bool] = []
    left = list(values)[::-1]
    while left and len(found) < _MAX_VALUES:
        value = left.pop()
        if isinstance(value, (list, dict)):
            inner = value if isinstance(value, list) else list(value.values())
            beyond = [_BEYOND] if not inner or len(inner) > _MAX_VALUES else []
            left += [*inner[:_MAX_VALUES], *beyond][::-1]
        elif value is not None:
            found.append(value)
    return [*found, _BEYOND] if left else found


def words_in(values: Iterable[Any]) -> list[str | int | float | bool]:
    """`scalars`, and of a text that is a list its parts: each has a prefix of its own.

    Examples
    --------
    >>> words_in(["dpv:Profiling,dpv:Marketing", "offers/audiences", "x:a/b#Offers"])
    ['dpv:Profiling', 'dpv:Marketing', 'offers', 'audiences', 'x:a/b#Offers']
    """
    found: list[str | int | float | bool] = []
    for value in scalars(values):
        found += _parts(value) if isinstance(value, str) else [value]
    return found


def _parts(text: str) -> list[str]:
    parts = _LISTED.split(text, _MAX_VALUES)
    beyond = [_BEYOND] * (len(parts) > _MAX_VALUES)
    parts = [
        word
        for part in parts[:_MAX_VALUES]
        for word in ([part] if ":" in part or "#" in part else part.split("/", _MAX_VALUES))
        if word.strip()
    ]
    return [*(parts or [text]), *beyond]


def whole(value: Any) -> int | None:
    """A whole number, written as a number or as digits."""
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,20}\s*", value, re.ASCII):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


class _Record:
    """The fields of a record, as far as they can be read."""

    def __init__(self, raw: bytes, words: Vocabulary) -> None:
        self._words = words
        self._fields: dict[str, list[Any]] = {}
        self._fault = _parse(raw, self._fields)
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

    def has_null(self, field: str) -> bool:
        """Whether a field stands there without a value, too."""
        return None in self._fields.get(field, ())

    def texts(self, field: str) -> list[str]:
        """The values of an identifying field, blank ones left out; a number can't be one."""
        found = [v.strip() if isinstance(v, str) else _BEYOND for v in scalars(self.values(field))]
        return [text for text in found if text]

    def names(self, field: str, account: str = "") -> set[str]:
        """The same as names of persons or devices, in the spelling of the contract."""
        return {found for text in self.texts(field) if (found := plain(text, account))}

    def child(self, account: str, accepts: Accepts | None) -> ChildReading | Undecided:
        """Tell whose device it is; a doubt where it or its owner is named and cannot be told."""
        found = []
        for which in ("device_id", "owner_member_id"):
            names = self.names(which, account)
            if len(names) > 1 or not all(map(str.isascii, names)):
                return Undecided(which)
            found += [_pseudonym(name, accepts) for name in names] or [None]
        return ChildReading(*found)

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
            return ChildReading()
        doubts = [item for item in found if isinstance(item, Undecided)]
        return Undecided(min(d.reason for d in doubts), _of_all(doubts)) if doubts else None

    def _as(self, kind: RightsKind, named: bool) -> Reading:
        """What the record says if it is of a kind; without a name it may be of any."""
        if kind is RightsKind.ERASURE:
            return ErasureReading()
        if kind is RightsKind.REGISTRY and self._words.tells_of_child(self._squeezed, self.ts):
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
            may_be = isinstance(reading, RefusalReading) or self._says_its_kind_alone()
            return Undecided("unknown_kind") if may_be else Nothing("unknown_kind")
        return reading

    def _says_its_kind_alone(self) -> bool:
        """Whether there is nothing in it but who, when and of what kind: it can be a request."""
        own = (*map(squeezed, _WHO_AND_WHEN), *self._words.names("kind"))
        return self._squeezed.keys() <= {*own, *self._words.names("beside")}


def _of_all(found: Iterable[RefusalReading | Undecided]) -> frozenset[Purpose]:
    return frozenset[Purpose]().union(*(item.purposes for item in found))


def _parse(raw: bytes, fields: dict[str, list[Any]]) -> str:
    """Collect the values of all objects of a record by name; what was wrong, or nothing."""
    if len(raw) > MAX_BYTES:
        return "too_large"
    text = raw.decode(json.detect_encoding(raw), "replace").rstrip("\0")
    at = _skipped(text, 0)
    if at == len(text):
        return "empty"
    fault = ""
    while at < len(text):
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            return "not_json"
        at = _skipped(text, at)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                for name, values in item.items():
                    fields.setdefault(name, []).extend(values)
            else:
                fault = "not_object"
    return fault


def _skipped(text: str, at: int) -> int:
    """Where the next value begins."""
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at


def _grouped(pairs: list[tuple[str, Any]]) -> dict[str, list[Any]]:
    """An object with all values of each name."""
    found: dict[str, list[Any]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


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
_NEGATIVE = re.compile(r"-[0-9]+")
_WHO_AND_WHEN: Final = ("event_id", "account_id", "member_id", "ts", "kind")
_LISTED = re.compile("[,;|&]")
_BLANK = re.compile(r"[\s\ufeff]*")
#: As tolerant as the library can be; a number of any length is no work.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_grouped,
    parse_int=lambda text: int(text) if len(text) <= 20 else text,
    parse_constant=str,
    strict=False,
)
