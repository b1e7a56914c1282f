"""Reads the words of facts about permissions: strictly where they grant, tolerantly elsewhere.

A grant is taken only in the exact form of the contract: status ``granted``, a listed term of a
purpose or none (``profiling``), a time, and an end that is absent or a later time. "For ever" is
said by leaving the end out: 9999-12-31, the greatest integer or a text is no end that can be read,
and so no grant. An end of 0, or any other before the beginning, is over: that is a refusal.
Whatever can be read as refusing refuses; which purpose, by a term or a known word, and everything
where the word is unknown. The rest is undecided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from features.privacy.childhood import Childhood
from features.privacy.coded import code_refuses
from features.privacy.permission_words import PermissionWords
from features.privacy.plain_words import PlainWords
from features.privacy.purpose_words import NAMING, OF_PURPOSE, UNSAID
from features.records.inputs import TS_END, TS_MIN
from features.records.loose import (
    AS_TIME,
    fronts,
    is_near,
    may_count,
    object_fields,
    scalars,
    squeezed,
    squeezed_parts,
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
from features.vocabulary import ConsentStatus, Reply

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
#: Names in an object that is a status, of what it is.
_OF_STATUS: Final = ("status", "value", "code")
#: Ends of the name of a field that says when.
_TIMES: Final = (
    "timestamp", "datetime", "date", "time", "at", "on", "ts", "am", "datum", "dato", "when"
)  # fmt: skip
#: Characters of an answer from which on it is a text.
_LONGEST: Final = 128
#: Letters of a part of a kind from which on it can be misspelt.
_TELLING: Final = 6


@dataclass(frozen=True, eq=False)
class Words(PermissionWords):
    """The words, looked up.

    Attributes
    ----------
    granting, negations : frozenset of str
    refusing : mapping of str to Why
        By word.
    kinds : mapping of str to RightsKind
    rights : tuple of str
        Parts of a kind that sounds of rights.
    childhood : Childhood
    plain : PlainWords
    """

    granting: frozenset[str]
    negations: frozenset[str]
    refusing: Mapping[str, Why]
    kinds: Mapping[str, RightsKind]
    rights: tuple[str, ...]
    childhood: Childhood
    plain: PlainWords

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
        if known not in _OF_RIGHTS:
            # Of ``erasure:v1`` and ``erasure#device`` the word in front is the one that counts.
            for kind in self._kinds_in_front(str(value)):
                if kind is not RightsKind.CONSENT or known is RightsKind.UNKNOWN:
                    return kind
        if known is not RightsKind.UNKNOWN:
            return known
        # A letter of another alphabet among ours may only look like the one that is meant.
        mixed = not word.isascii() and any("a" <= char <= "z" for char in word)
        may_be = mixed or word in self.negations or any(part in word for part in self.rights)
        return RightsKind.RIGHTS if may_be else RightsKind.UNKNOWN

    def _kinds_in_front(self, text: str) -> list[RightsKind]:
        found = {self.kinds.get(word) for word in fronts(text)}
        return [kind for kind in _OF_RIGHTS if kind in found]

    def is_misspelt(self, value: Any) -> bool:
        """Whether a kind that is not known may be one of rights, misspelt, or has such a word."""
        known = [word for word, kind in self.kinds.items() if kind in _OF_RIGHTS]
        known += [part for part in self.rights if len(part) >= _TELLING]
        told = {squeezed(str(value)), *squeezed_parts(str(value))} - self.kinds.keys()
        return any(is_near(word, other) for word in told for other in known)

    def refuses(self, name: str, value: Any) -> bool:
        """Whether a field says by its name that something was refused, or not granted.

        Examples are ``revoked: true``, ``withdrawn_at`` with a time, and ``valid: false``.
        """
        return self._refused_as(name, value) is not None

    def _refused_as(self, name: str, value: Any) -> Why | None:
        """Why a field refuses, by its squeezed name and value; None if it doesn't."""
        told = self.signals.refuses(name, value)
        if told is not None:
            return Why.OBJECTED if told else None
        if self.allowances.refuse(name, value):
            return Why.OBJECTED
        name = name.removeprefix("is")
        if name in self.granting:
            return self._status(value)
        named = next((name.removesuffix(end) for end in _TIMES if name.endswith(end)), name)
        why = max(map(self._refused, (name, named)))
        if why >= Why.DENIED and self.affirms(value):
            return Why(why)
        if named != name and self.affirms(value) and (asked := self._asks(named)):
            return asked
        if self._is_yes(value) and any(part in name for part in self.said["permission"]):
            parts = [why for part, why in self.stems.items() if part in name]
            if parts and "count" not in name:
                return max(parts)
        if len(name) < NAMING or (may_count(value) and not self._is_flag(name, value)):
            return None  # a number may be a count
        if self.affirms(value):  # ``consent_revoked: true``, ``do_not_profile: yes``
            parts = [why for part, why in self.stems.items() if part in name]
            return max(parts, default=self._asks(name))
        allows = any(part in name for part in _ALLOWING) and any(map(name.count, self.uses))
        return self._status(value) if allows else None

    def _is_yes(self, value: Any) -> bool:
        """Whether a flag says yes, or a time stands in its place, and no count."""
        number = whole(value)
        return self.affirms(value) if number is None else number == 1 or number > AS_TIME

    def _is_flag(self, name: str, value: Any) -> bool:
        """Whether a number is a yes, of a field that says that something must not be done."""
        barred = any(why is Why.OBJECTED and part in name for part, why in self.stems.items())
        return barred and whole(value) == 1 and "count" not in name

    def _asks(self, name: str) -> Why | None:
        """Why a field refuses that is named as a kind of fact, and says yes."""
        return _OF_KINDS.get(self.kinds.get(name, RightsKind.UNKNOWN))

    def _is_of_status(self, name: str) -> bool:
        """Whether what a field of a status says is the status, by its squeezed name."""
        return name in self.granting or name in (*_OF_STATUS, *self.names("status"))

    def affirms(self, value: Any) -> bool:
        """Whether a flag says yes, or a time stands in its place."""
        text = str(value).strip()
        if "://" in text:
            return False  # where to do it
        return text[:1].isdigit() and text.strip("0") != "" or squeezed(text) in self.granting

    def refuses_use(self, name: str, value: Any) -> bool:
        """Whether a field that is named as a purpose refuses it; a number may be a count."""
        meant = self.purposes.get(name) if name not in OF_PURPOSE else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return bool(meant) and value == 0 and self.is_never_counted(name)
        return bool(meant) and self._status(value) is not None

    def refuses_permission(self, name: str, value: Any) -> bool:
        """Whether a field refuses that speaks of permission whatever the fact is about.

        A purchase may be revoked and a device blocked: that says nothing of what may be done. The
        refused use of a purpose's own term, and what is named as consent or as an opt-out, does.
        """
        if isinstance(value, dict) or not self.speaks[name]:
            return False
        told = self.signals.refuses(name, value)
        if told is not None:
            return told
        if self.allowances.refuse(name, value):
            return True
        if name in self.by_term or self.is_ours_uncounted(name):
            return self.refuses_use(name, value)
        if self.consents[name]:
            code = code_refuses(str(value))
            return self._status(value) is not None if code is None else code
        if self._is_yes(value) and self.stops_use(name):
            return True
        return any(part in name for part in self.said["permission"]) and self.refuses(name, value)

    def says_refused(self, value: Any) -> bool:
        """Whether a value speaks of permission, and that it is refused: ``withdraw consent``."""
        word = squeezed(value) if isinstance(value, str) and len(value) < _LONGEST else ""
        speaks = any(part in word for part in self.said["permission"])
        return speaks and self._status(value) is not None

    def forbids_something(self, name: str, value: Any) -> bool:
        """Whether a field forbids anything that is not known to be technical, or stops a use."""
        if self._is_yes(value) and self.stops_use(name, any_use=True):
            return True
        return self.allowances.refuse_something(name, value)

    def refuses_in_words(self, value: Any) -> bool:
        """Whether a text plainly says not to be profiled, or to be forgotten."""
        return isinstance(value, str) and self.plain.refuse(value)

    def may_be_open(self, value: Any) -> bool:
        """Whether a care case of a status may be an open one."""
        return squeezed(str(value)) not in self.said["closed"]

    def may_dislike(self, value: Any) -> bool:
        """Whether an opinion may be a dislike."""
        return squeezed(str(value)) not in self.said["liked"]

    def annoyance(self, value: Any) -> Reply | None:
        """The answer of somebody who doesn't want to be spoken to; None for any other."""
        word = squeezed(str(value)) if len(str(value)) < _LONGEST else str(value).casefold()
        for answer in (Reply.UNSUBSCRIBED, Reply.COMPLAINED):
            if any(part in word for part in self.said[answer]):
                return answer
        return None

    def _refused(self, name: str) -> int:
        return self.refusing.get(name, 0) if len(name) >= NAMING else 0

    def is_child_word(self, value: Any) -> bool:
        """Whether a value is a word for a child."""
        return self.childhood.is_word(value)

    def is_kind_of_child(self, value: Any) -> bool:
        """Whether a kind says by itself that somebody is a child: ``parental_control``."""
        registry = [word for word, kind in self.kinds.items() if kind is RightsKind.REGISTRY]
        return self.childhood.is_kind(squeezed(str(value)), registry)

    def names_child(self, name: str) -> bool:
        """Whether what stands in a field of a squeezed name may be the id of a child."""
        return self.childhood.names_one(name)

    def is_set_for_child(self, value: Any) -> bool:
        """Whether a value says that what parents set for a child is on, or may be."""
        return self.childhood.is_set(value)

    def tells_of_child(
        self, fields: Mapping[str, Sequence[Any]], ts: int | None, *, by_name: bool = False
    ) -> bool:
        """Whether the fields of an entry of the registry tell of a child; `by_name` alone."""
        return self.childhood.tells(fields, ts, by_name=by_name)

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
        if self.negations & squeezed_parts(str(value)):
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
