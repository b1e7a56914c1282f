"""Reads the words of facts about permissions: strictly where they grant, tolerantly elsewhere.

A grant is taken only in the exact form of the contract: status ``granted``, a listed term of a
purpose or none (``profiling``), a time, and an end that is absent or a later time. "For ever" is
said by leaving the end out: 9999-12-31, the greatest integer or a text is no end that can be read,
and so no grant. An end of 0, or any other before the beginning, is over: that is a refusal.
Whatever can be read as refusing refuses; which purpose, by a term or a known word, and everything
where the word is unknown. The rest is undecided.

====================  =================================================================
table of the words    fields: lists of squeezed words, each in one place only
====================  =================================================================
(top)                 ``schema`` 1
``status``            ``granting``, ``negations`` (parts of a status)
``status.refusing``   by reason, a name of `Why` in lower case
``status.stems``      likewise, parts of words
``purpose``           ``all``, ``foreign``
``purpose.refusing``  by purpose
``kind``              ``erasure``, ``consent``, ``withdrawal``, ``objection``, ``registry``,
                      ``other``; ``rights``, parts of words
``field``             by field: further names of it
``child``             as `Childhood`
====================  =================================================================
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from features.privacy.childhood import Childhood
from features.records.inputs import TS_END, TS_MIN
from features.records.loose import (
    fronts,
    is_near,
    may_count,
    object_fields,
    scalars,
    squeezed,
    unaccented,
    whole,
    words_in,
)
from features.records.readings import (
    Grant,
    Nothing,
    Reading,
    RefusalReading,
    RightsKind,
    Undecided,
    Why,
)
from features.reviewed import Reviewed
from features.vocabulary import ConsentStatus, Purpose

#: What a fact about consent without a purpose is about.
UNSAID: Final = Purpose.PROFILING
_KINDS: Final = {
    "erasure": RightsKind.ERASURE,
    "consent": RightsKind.CONSENT,
    "withdrawal": RightsKind.WITHDRAWAL,
    "objection": RightsKind.OBJECTION,
    "registry": RightsKind.REGISTRY,
    "other": RightsKind.OTHER,
}
#: Kinds that erase, refuse or grant, the gravest first.
_OF_RIGHTS: Final = (
    RightsKind.ERASURE,
    RightsKind.OBJECTION,
    RightsKind.WITHDRAWAL,
    RightsKind.CONSENT,
)
#: Why a field of the name of such a kind refuses.
_OF_KINDS: Final = {
    RightsKind.ERASURE: Why.WITHDRAWN,
    RightsKind.WITHDRAWAL: Why.WITHDRAWN,
    RightsKind.OBJECTION: Why.OBJECTED,
}
#: Parts of the name of a field that says whether something may be done.
_ALLOWING: Final = ("allow", "permit", "consent", "accept", "agree", "enabl", "optin", "authori")
#: Names of the field that says which purpose.
_OF_PURPOSE: Final = ("purpose", "purposes")
#: Names in an object that is a status, of what it is.
_OF_STATUS: Final = ("status", "value", "code")
#: Ends of the name of a field that says when, and letters from which on a name tells.
_TIMES: Final = ("timestamp", "datetime", "date", "time", "at", "on", "ts")
_NAMING: Final = 5
#: Letters of a part of a kind from which on it can be misspelt.
_TELLING: Final = 6
#: Parts of a word, split at separators and before capitals.
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_a-zA-Z]+")


def _squeezed_parts(text: str) -> set[str]:
    return {squeezed(part) for part in _PARTS.findall(unaccented(text))}


class WordsError(ValueError):
    """The words are not as their schema says; names the table and the word."""


@dataclass(frozen=True, eq=False)
class Words:
    """The words, looked up.

    Attributes
    ----------
    terms : mapping of str to Purpose
        Purpose by the lower-case term that a grant may use.
    granting, negations : frozenset of str
    refusing, stems : mapping of str to Why
        By word, and by part of a word.
    purposes : mapping of str to frozenset of Purpose
        The purposes that a refusal means, by squeezed word; none for what is not ours.
    everything : frozenset of Purpose
        All purposes.
    kinds : mapping of str to RightsKind
    rights : tuple of str
        Parts of a kind that sounds of rights.
    fields : mapping of str to tuple of str
    childhood : Childhood
    """

    terms: Mapping[str, Purpose]
    granting: frozenset[str]
    negations: frozenset[str]
    refusing: Mapping[str, Why]
    stems: Mapping[str, Why]
    purposes: Mapping[str, frozenset[Purpose]]
    everything: frozenset[Purpose]
    kinds: Mapping[str, RightsKind]
    rights: tuple[str, ...]
    fields: Mapping[str, tuple[str, ...]]
    childhood: Childhood

    def read(
        self, statuses: Sequence[Any], purposes: Sequence[Any], ends: Sequence[Any], ts: int | None
    ) -> Reading:
        """Read what a fact about consent says.

        Parameters
        ----------
        statuses, purposes, ends : sequences
            All values of the fields ``status``, ``purpose`` and ``expires_at`` as they came,
            without null; a field may have several where it stands more than once.
        ts : int or None
            Its own time, ms.
        """
        meant = self.meant(purposes)
        if not meant:
            return Nothing("foreign")
        inner = object_fields(statuses)
        said = [self._status(value) for value in words_in(statuses)]
        said += [self._refused_as(squeezed(name), value) for name, value in inner]
        whys = [why for why in said if why is not None]
        if whys:
            uses = [squeezed(n) for n, v in inner if self.refuses_use(squeezed(n), v)]
            return RefusalReading(meant.union(*map(self.purposes.__getitem__, uses)), max(whys))
        if not said or not all(self._grants(value) for value in words_in(statuses)):
            return Undecided("status", meant)
        if not all(self._is_of_status(squeezed(name)) for name, _ in inner):
            return Undecided("status", meant)
        over = [end for end in map(whole, scalars(ends)) if end is not None]
        if any(end < TS_MIN or (ts is not None and end <= ts) for end in over):
            return RefusalReading(meant, Why.EXPIRED)
        return self._strictly(statuses, purposes, ends, ts)

    def kind(self, value: Any) -> RightsKind:
        """Read a value of ``kind``; `features.records.protective` tells the rest."""
        word = squeezed(str(value))
        known = self.kinds.get(word, RightsKind.UNKNOWN)
        if known in (RightsKind.UNKNOWN, RightsKind.OTHER, RightsKind.REGISTRY):
            # Of ``erasure:v1`` and ``erasure#device`` the word in front is the one that counts.
            for kind in self._kinds_in_front(str(value)):
                if kind is not RightsKind.CONSENT or known is RightsKind.UNKNOWN:
                    return kind
        if known is not RightsKind.UNKNOWN:
            return known
        # A letter of another alphabet among ours may only look like the one that is meant.
        mixed = not word.isascii() and any("a" <= char <= "z" for char in word)
        may_be = mixed or any(part in word for part in self.rights)
        return RightsKind.RIGHTS if may_be else RightsKind.UNKNOWN

    def _kinds_in_front(self, text: str) -> list[RightsKind]:
        found = {self.kinds.get(word) for word in fronts(text)}
        return [kind for kind in _OF_RIGHTS if kind in found]

    def is_misspelt(self, value: Any) -> bool:
        """Whether a kind that is not known may be one of rights, misspelt, or has such a word."""
        known = [word for word, kind in self.kinds.items() if kind in _OF_RIGHTS]
        known += [part for part in self.rights if len(part) >= _TELLING]
        told = {squeezed(str(value)), *_squeezed_parts(str(value))} - self.kinds.keys()
        return any(is_near(word, other) for word in told for other in known)

    def names(self, field: str) -> tuple[str, ...]:
        """Further names of a field, squeezed."""
        return self.fields.get(field, ())

    def refuses(self, name: str, value: Any) -> bool:
        """Whether a field says by its name that something was refused, or not granted.

        Examples are ``revoked: true``, ``withdrawn_at`` with a time, and ``valid: false``.
        """
        return self._refused_as(name, value) is not None

    def _refused_as(self, name: str, value: Any) -> Why | None:
        """Why a field refuses, by its squeezed name and value; None if it doesn't."""
        name = name.removeprefix("is")
        if name in self.granting:
            return self._status(value)
        named = next((name.removesuffix(end) for end in _TIMES if name.endswith(end)), name)
        why = max(map(self._refused, (name, named)))
        if why >= Why.DENIED and self.affirms(value):
            return Why(why)
        if len(name) < _NAMING or may_count(value):
            return None  # a number may be a count
        if self.affirms(value):  # ``consent_revoked: true``, ``do_not_profile: yes``
            parts = [why for part, why in self.stems.items() if part in name]
            return max(parts, default=self._asks(name))
        allows = any(part in name for part in _ALLOWING) and any(map(name.count, self._uses))
        return self._status(value) if allows else None

    def _asks(self, name: str) -> Why | None:
        """Why a field refuses that is named as a kind of fact, and says yes."""
        return _OF_KINDS.get(self.kinds.get(name, RightsKind.UNKNOWN))

    @cached_property
    def _uses(self) -> tuple[str, ...]:
        """Words of our purposes, as parts of names."""
        return tuple(
            word for word, meant in self.purposes.items()
            if meant and meant != self.everything and len(word) >= _NAMING
        )  # fmt: skip

    def _is_of_status(self, name: str) -> bool:
        """Whether what a field of a status says is the status, by its squeezed name."""
        return name in self.granting or name in (*_OF_STATUS, *self.names("status"))

    def affirms(self, value: Any) -> bool:
        """Whether a flag says yes, or a time stands in its place."""
        text = str(value).strip()
        return text[:1].isdigit() and text.strip("0") != "" or squeezed(text) in self.granting

    def refuses_use(self, name: str, value: Any) -> bool:
        """Whether a field that is named as a purpose refuses it; a number may be a count."""
        meant = self.purposes.get(name) if name not in _OF_PURPOSE else None
        counts = isinstance(value, int | float) and not isinstance(value, bool)
        return bool(meant) and not counts and self._status(value) is not None

    def _refused(self, name: str) -> int:
        return self.refusing.get(name, 0) if len(name) >= _NAMING else 0

    def tells_of_child(self, fields: Mapping[str, Sequence[Any]], ts: int | None) -> bool:
        """Whether the fields of an entry of the registry tell of a child."""
        return self.childhood.tells(fields, ts)

    def _strictly(
        self, statuses: Sequence[Any], purposes: Sequence[Any], ends: Sequence[Any], ts: int | None
    ) -> Grant | Nothing:
        """The grant, if it is in the form of the contract; else the first thing that isn't."""
        if list(statuses) != [ConsentStatus.GRANTED]:
            return Nothing("status")
        term = purposes[0] if purposes else UNSAID
        purpose = self.terms.get(term.lower()) if isinstance(term, str) else None
        if purpose is None or len(purposes) > 1:
            return Nothing("purpose")
        if ts is None:
            return Nothing("time")
        if not ends:
            return Grant(frozenset({purpose}))
        end = None if isinstance(ends[0], str) else whole(ends[0])
        if end is None or len(ends) > 1 or not ts < end < TS_END:
            return Nothing("expires_at")
        return Grant(frozenset({purpose}), end)

    def _status(self, value: Any) -> Why | None:
        """Why a status refuses; None if it doesn't."""
        word = squeezed(str(value))
        if word in self.granting:
            return self._refused_in_front(str(value))
        if word in self.refusing:
            return self.refusing[word]
        found = [why for part, why in self.stems.items() if part in word]
        if self.negations & _squeezed_parts(str(value)):
            found.append(Why.DENIED)
        return max(found, default=None)

    def _refused_in_front(self, text: str) -> Why | None:
        """Why a word before one that grants refuses: ``revoked: true`` is no grant."""
        found = [why for word in fronts(text) if (why := self.refusing.get(word)) is not None]
        found += [why for w in fronts(text) for part, why in self.stems.items() if part in w]
        found += [Why.DENIED for word in fronts(text) if word in self.negations]
        return max(found, default=None)

    def _grants(self, value: Any) -> bool:
        return squeezed(str(value)) in self.granting

    def meant(self, values: Sequence[Any]) -> frozenset[Purpose]:
        """All purposes that are meant if it is a refusal."""
        if not values:
            return frozenset({UNSAID})
        words = scalars(values)
        if len(words_in(words)) > len(words) or not words:
            return self.everything  # a list in one text, or of nothing, is none of the contract
        found = [self.purposes.get(squeezed(str(word)), self.everything) for word in words]
        for front in (front for word in words for front in fronts(str(word))):
            own = self.purposes.get(front, self.everything)
            found += [own] if own != self.everything else []
        return frozenset[Purpose]().union(*found)


def parse(text: str, terms: Mapping[str, Purpose]) -> Words:
    """Words from TOML text, beside the terms of the rules, which go before them.

    Raises
    ------
    WordsError
        Naming the table and the word that is not as the schema says.
    """
    read = Reviewed(WordsError)
    top = _only(
        "words", read.loads(text), {"schema", "status", "purpose", "kind", "field", "child"}
    )
    read.schema(top)
    status = _only("status", top["status"], {"granting", "negations", "refusing", "stems"})
    purpose = _only("purpose", top["purpose"], {"all", "foreign", "refusing"})
    kind = _only("kind", top["kind"], {*_KINDS, "rights"})
    child = _only("child", top["child"], {field.name for field in dataclasses.fields(Childhood)})
    reasons, everything = {why.name.lower() for why in Why}, frozenset(Purpose)
    refusing = _by_word("status.refusing", status["refusing"], reasons)
    stems = _by_word("status.stems", status["stems"], reasons)
    granting = _list("status.granting", status["granting"])
    for word in granting:
        if word in refusing or any(part in word for part in stems):
            raise WordsError(f"status.granting: {word!r} is read as refusing too")
    further = _by_word("purpose.refusing", purpose["refusing"], set(Purpose))
    every, foreign = (_list(f"purpose.{name}", purpose[name]) for name in ("all", "foreign"))
    listed = [*further, *every, *foreign]
    for word in listed:
        if listed.count(word) > 1:
            raise WordsError(f"purpose: {word!r} stands in two lists")
    return Words(
        dict(terms),
        frozenset(granting),
        frozenset(_list("status.negations", status["negations"])),
        {word: Why[name.upper()] for word, name in refusing.items()},
        {word: Why[name.upper()] for word, name in stems.items()},
        {word: frozenset({Purpose(name)}) for word, name in further.items()}
        | dict.fromkeys(every, everything)
        | dict.fromkeys(foreign, frozenset[Purpose]())
        | {squeezed(term): frozenset({name}) for term, name in terms.items()},
        everything,
        {
            word: _KINDS[name]
            for word, name in _by_word("kind", {n: kind[n] for n in _KINDS}, set(_KINDS)).items()
        },
        tuple(_list("kind.rights", kind["rights"])),
        {name: tuple(_list(f"field.{name}", top["field"][name])) for name in top["field"]},
        Childhood(**{name: tuple(_list(f"child.{name}", child[name])) for name in child}),
    )


def _only(place: str, table: Any, names: set[str]) -> Mapping[str, Any]:
    """A table that has these fields and no others."""
    if not isinstance(table, dict) or set(table) != names:
        raise WordsError(f"{place}: a table of {', '.join(sorted(names))} is expected")
    return table


def _list(place: str, value: Any) -> list[str]:
    if not isinstance(value, list):
        raise WordsError(f"{place}: a list is expected")
    for word in value:
        if not isinstance(word, str) or squeezed(word) != word or not word:
            raise WordsError(f"{place}: {word!r} is not squeezed")
    return value


def _by_word(place: str, table: Any, names: Iterable[str]) -> dict[str, str]:
    """The list each word stands in; a word in two is an error."""
    found: dict[str, str] = {}
    if not isinstance(table, dict):
        raise WordsError(f"{place}: a table is expected")
    for name, words in table.items():
        if name not in names:
            raise WordsError(f"{place}.{name}: one of {', '.join(sorted(names))}")
        for word in _list(f"{place}.{name}", words):
            if found.setdefault(word, name) != name:
                raise WordsError(f"{place}: {word!r} stands under {found[word]} and {name}")
    return found
