"""Reads what a record says of rights, and of what else protects, whatever its form."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, Final

from features.records.child_record import BETWEEN_NAMES, LISTED, OF_RIGHTS, ChildRecord
from features.records.everybody import means_everybody
from features.records.fields import Accepts
from features.records.forms import Field
from features.records.inputs import CASE_ID, CONTACT_ID, INTEREST
from features.records.loose import BEYOND, scalars, squeezed, whole, words_in
from features.records.loose_record import SAYS_WHETHER
from features.records.names import plain
from features.records.readings import (
    AnswerReading,
    CaseReading,
    ChildReading,
    DislikeReading,
    ErasureReading,
    Grant,
    Nothing,
    Protecting,
    Reading,
    RefusalReading,
    RightsKind,
    Undecided,
    Why,
)
from features.records.taken_names import is_valid, taken_name
from features.vocabulary import Purpose

#: Why nobody can be said to be the child of an entry that tells of others in it.
WHOSE_CHILD: Final = "whose_child"
#: Why a person decides where a text plainly refuses.
IN_WORDS: Final = "in_words"
#: Kinds that are about something else.
_OF_ELSE: Final = frozenset(
    {RightsKind.REGISTRY, RightsKind.DECLARATION, RightsKind.CASE, RightsKind.OTHER}
)
#: Bytes of a torn record that are searched for a word.
_MOST_SEARCHED: Final = 4_096
_BOUNDS: Final = ("device_id", "line_id", "channel", "app_id", "condition")
#: Of these, what may only say how a grant came.
_MAY_BE_A_WAY: Final = ("channel", "app_id")
_IN_FORM: Final = frozenset({"eventid", "accountid", "memberid", "kind", "ts"})
_REFUSING: Final = frozenset({RightsKind.WITHDRAWAL, RightsKind.OBJECTION, RightsKind.ERASURE})
#: Values that name nothing and nobody.
_NOBODY: Final = (False, 0, "", "false", BEYOND)
#: Fields of an object that say which right is asked for.
_SAYS_WHICH: Final = frozenset({"kind", "type", "name", "code", "value"})
_WHO_AND_WHEN: Final = ("event_id", "account_id", "member_id", "ts", "kind")


class RightsRecord(ChildRecord):
    """Reads what the fields of a record say; those that say something else are passed over."""

    def says_otherwise(self, field: str) -> bool:
        """Whether a field that is absent stands there under another name."""
        if any(value is not None for value in self._fields.get(field, ())):
            return False
        own = {*self.other_names(field)}
        if any(v is not None for name in own for v in self.deep.get(name, ())):
            return True
        return any(self._words.bounds(field, name) for name, _ in self.bounding)

    def bound(self, account: str) -> str:
        """Name what makes a grant one for less than it says; empty for nothing."""
        member = {squeezed(name) for name in self.names("member_id", account)}
        if any(squeezed(name) not in member for name in self._spoken_for(account)):
            return "member_id"
        for field in _BOUNDS:
            own = squeezed(field)
            told = [v for name, v in self.bounding if self._words.bounds(field, name)]
            if any(self._is_bound(field, v) for v in (*self.deep.get(own, ()), *told)):
                return field
        given = scalars(v for name, v in self.bounding if self._words.bounds("giver", name))
        if any(map(self._words.is_child_word, given)):
            return "giver"
        begins = (v for name in self._words.names("begins") for v in scalars(self.squeezed(name)))
        begun = (start is not None and start <= (self.ts or 0) for start in map(whole, begins))
        return "" if all(begun) else "ts"

    def _spoken_for(self, account: str) -> list[str]:
        """For whom it says that it speaks, if not for everybody: ``on_behalf_of``, ``subject``."""
        named = (v for name, v in self.bounding if self._words.bounds("on_behalf", name))
        texts = (str(v) for v in scalars(named) if v not in _NOBODY and not self._words.is_use(v))
        return [text for text in texts if not means_everybody(plain(text, account), account)]

    def _is_bound(self, field: str, value: Any) -> bool:
        """Whether a value bounds, in a field of such a name: a no, and everybody, do not."""
        told = [v for v in scalars([value]) if v not in _NOBODY]
        bounding = (v for v in told if not means_everybody(str(v), ""))
        return any(field not in _MAY_BE_A_WAY or not self._words.came_by(v) for v in bounding)

    def contradicts(self) -> bool:
        """Whether another field than the contract's refuses."""
        deep = self.deep
        statuses = (*self.other_names("status"), *self._words.names("says_status"))
        return (
            any(self._refuses(v) for n in statuses for v in scalars(deep.get(n, ())))
            or any(
                self._words.kind(value) in _REFUSING
                for name in self.other_names("kind")
                for value in scalars(self.squeezed(name))
            )
            or bool(self.rights_asked)
            or any(
                self._words.refuses(name, value)
                for name, values in deep.items()
                for value in scalars(v for v in values if not isinstance(v, dict))
            )
            or any(self._words.refuses_permission(name, value) for name, value in self.told)
            or self.is_signalled
            or self.says_so_in_words
        )

    @cached_property
    def says_so_in_words(self) -> bool:
        """Whether a text in it that is no field of its kind plainly refuses."""
        written, alone = self._words.names("written"), self._words.names("alone")
        return any(
            self._words.refuses_in_words(value)
            or (name in written and isinstance(value, str) and squeezed(value) in alone)
            for name, value in self.told
            if name not in _IN_FORM
        )

    def refusal_beside(self) -> RefusalReading | None:
        """Find what other fields than those of the contract refuse."""
        return self.refusal_of_all() if self.uses_refused or self.contradicts() else None

    def refusal_of_all(self) -> RefusalReading | None:
        """Refuse the purposes that any field names as such, or refuses."""
        reading = self._words.read(["withdrawn"], self.purposes_named, [], self.ts)
        return reading if isinstance(reading, RefusalReading) else None

    @property
    def purposes_named(self) -> list[Any]:
        """All that any field names as a purpose, or refuses; all of a signal, or to erase."""
        names = (*self.other_names("purpose"), *self._words.names("bounds_purpose"))
        named = [v for name in names for v in self.squeezed(name)]
        named += [*self.values("purpose"), *self.uses_refused]
        return [*named, "all"] if self._asks_to_erase or self.is_signalled else named

    @cached_property
    def rights_asked(self) -> set[RightsKind]:
        """The rights that fields beside its kind's ask for: ``right: erasure``, ``erase: true``."""
        asks, gone = self._words.names("of_rights"), self._words.names("record_gone")
        told = [(name, value) for name, value in self.told if name not in (*_IN_FORM, *gone)]
        said = [self._words.kind(value) for name, value in told if name in asks]
        said += [
            self._words.kind(value)
            for outer, name, value in self.flags
            if outer in asks and name in (*_SAYS_WHICH, *asks)
        ]
        names = {name for name, value in told if self._words.affirms(value)}
        erases = RightsKind.ERASURE in map(self._words.kind, names)  # a purchase may be revoked
        return {*said, *[RightsKind.ERASURE] * erases} & _REFUSING

    @property
    def _asks_to_erase(self) -> bool:
        return RightsKind.ERASURE in self.rights_asked or any(
            self._words.kind(name) is RightsKind.ERASURE and self._words.affirms(value)
            for name, values in self._squeezed.items()
            for value in scalars(values)
        )

    @cached_property
    def uses_refused(self) -> list[str]:
        """The purposes that are refused by fields of their names, or as what a field refuses."""
        named = (name for name, value in self.told if self._words.refuses_use(name, value))
        return [*dict.fromkeys(named), *self._uses_listed]

    @cached_property
    def _uses_listed(self) -> list[str]:
        """The purposes in fields that say what is refused: a list of them, or a flag for each."""
        found = [v for name, v in self.told if self._words.refuses_listed(name, v)]
        for outer, name, value in self.flags:
            if self._words.is_use(name) and self._words.affirms(value):
                found += [name] * self._words.names_refused(outer)
        return [squeezed(value) for value in found]

    def refusal_by_name(self) -> RefusalReading | None:
        """Find what a fact about something else refuses, by fields that speak of permission."""
        refuses = self._words.refuses_permission
        told = [name for name, value in self.told if refuses(name, value)]
        told += self._uses_listed
        if self.is_signalled:
            return RefusalReading(self._words.meant(["all"]), Why.OBJECTED)
        if not told:
            return None
        uses = frozenset[Purpose]().union(*map(self._words.purposes_in, told))
        return RefusalReading(uses or self._words.meant([]), Why.WITHDRAWN)

    def _refuses(self, value: Any) -> bool:
        return isinstance(self._words.read([value], [], [], self.ts), RefusalReading)

    def others(self, account: str, member: str | None, accepts: Accepts | None) -> tuple[str, ...]:
        """Find the further members whom a list names, or for whom a member says that he speaks."""
        lists = (self.squeezed(name) for name in self._words.names("members"))
        texts = (text for values in lists for text in scalars(values) if isinstance(text, str))
        listed = {name for text in texts for name in BETWEEN_NAMES.split(text)}
        if member:  # else it is of the whole account
            bounding = (v for n, v in self.bounding if self._words.bounds("member_id", n))
            beside = (*self._spoken_for(account), *map(str, scalars(bounding)))
            listed |= {name for text in beside for name in LISTED.split(text)}
        found = {plain(name, account) for name in listed}
        own = _letters(member or "")
        found = {name for name in found if _letters(name) != own}
        found = {name for name in found if not means_everybody(name, account)} - {"", BEYOND}
        told = {taken_name(name, accepts) for name in found}
        return tuple(sorted(name for name in told if name and name != member))

    # -- readings

    def reading(self) -> Protecting | None:
        """The gravest of all readings."""
        kinds = self.kinds
        found = [self._as(kind, bool(kinds)) for kind in kinds or {RightsKind.UNKNOWN}]
        if any(isinstance(item, ErasureReading) for item in found):
            return ErasureReading()
        refusals = [item for item in found if isinstance(item, RefusalReading)]
        if refusals:
            return RefusalReading(_of_all(refusals), max(item.why for item in refusals))
        if self.fault:
            return Undecided(self.fault)
        if any(isinstance(item, ChildReading) for item in found):
            return Undecided(WHOSE_CHILD) if self.has_child_inside() else ChildReading()
        doubts = [item for item in found if isinstance(item, Undecided)]
        if doubts:
            return Undecided(min(d.reason for d in doubts), _of_all(doubts))
        others = (item for item in found if isinstance(item, CaseReading | DislikeReading))
        return next(others, None)

    def _as(self, kind: RightsKind, named: bool) -> Reading:
        """What the record says if it is of a kind; without a name it may be of any."""
        if kind is RightsKind.ERASURE:
            return ErasureReading()
        if kind in _OF_ELSE:
            return self.refusal_by_name() or self._of_else(kind)
        statuses = self.values("status")
        if kind in (RightsKind.WITHDRAWAL, RightsKind.OBJECTION):
            statuses = [*statuses, kind.value]
        purposes, ends = self.values("purpose"), self.values("expires_at")
        reading = self._words.read(statuses, purposes, ends, self.ts)
        if kind is RightsKind.RIGHTS:
            return Undecided("unknown_kind")
        if kind is RightsKind.MANDATE or (kind is RightsKind.UNKNOWN and named):
            return self._of_no_kind(reading)
        if isinstance(reading, RefusalReading | Nothing) and purposes != self.purposes_named:
            wider = self._words.read(statuses, self.purposes_named, ends, self.ts)
            reading = wider if isinstance(wider, RefusalReading) else reading
        if isinstance(reading, Grant | Nothing) and kind is RightsKind.CONSENT:
            refused = self.refusal_beside()
            return refused or (ChildReading() if self.tells_of_child else reading)
        return reading

    def _of_else(self, kind: RightsKind) -> Reading:
        """What protects in a fact about something else than permission."""
        if kind is not RightsKind.OTHER and self.tells_of_child:
            return ChildReading()
        if kind is RightsKind.DECLARATION:
            return self._dislike()
        return self._open_case() if kind is RightsKind.CASE else Nothing("kind")

    def _dislike(self) -> Reading:
        """What is disliked; an opinion that can't be read may be that."""
        opinions = self.values("stance")
        denied = any(map(self._words.affirms, scalars(self.values("dislike"))))
        if not denied and not any(map(self._words.may_dislike, scalars(opinions))):
            return Nothing("stance")
        found = {str(value) for value in scalars(self.values("interest"))}
        known = tuple(sorted(name for name in found if is_valid(name, INTEREST)))
        return DislikeReading(known) if known and found == {*known} else Undecided("interest")

    def _open_case(self) -> Reading:
        """The care case that is open; one whose status can't be read may be that."""
        statuses = scalars(self.values("status"))
        if statuses and not any(map(self._words.may_be_open, statuses)):
            return Nothing("status")
        name = self._one("case_id", CASE_ID)
        if name is None and not (statuses or self.values("case_id")):
            return Nothing("case_id")  # it says nothing of any
        return CaseReading(name) if name else Undecided("case_id")

    def answer(self, raw: bytes) -> Protecting | None:
        """Find what protects in a record of what came of offers: an answer, or a fact astray."""
        if self.is_of_rights:
            return self.reading()
        if self.fault:
            text = raw[:_MOST_SEARCHED].decode("utf-8", "replace")
            return Undecided(self.fault) if self._words.annoyance(text) else None
        told = [self._words.annoyance(value) for value in words_in(self.values("answer"))]
        annoyed = [answer for answer in told if answer is not None]
        if not annoyed:
            return None
        name = self._one("contact_id", CONTACT_ID)
        return AnswerReading(name, max(annoyed)) if name else Undecided("contact_id")

    def _one(self, field: str, form: Field) -> str | None:
        """The only name in a field; None where there is none, or not one that can be."""
        found = {str(value).strip() for value in scalars(self.values(field))}
        name = found.pop() if len(found) == 1 else ""
        return name if is_valid(name, form) else None

    def _of_no_kind(self, reading: Reading) -> Reading:
        """What a record of a kind that is not known says, by what it would say of consent."""
        misspelt = any(map(self._words.is_misspelt, words_in(self.values("kind"))))
        purposes = self.values("purpose")
        if not purposes and any(map(self._words.is_kind_of_child, words_in(self.values("kind")))):
            if self.is_set_for_child:
                return ChildReading()
            if not self.tells_of_child and self.refusal_by_name() is None:
                return Nothing("status")
        of_use = purposes and self.refusal_beside()
        if isinstance(reading, RefusalReading) or misspelt or of_use or self._names_a_right():
            return Undecided("unknown_kind")
        if self.refusal_by_name() is not None or self._refuses_inside():
            return Undecided("unknown_kind")
        if self._forbids_something() or self.says_so_in_words or self._ends_a_mandate():
            return Undecided("unknown_kind")
        if isinstance(reading, Undecided) and not all(
            isinstance(value, str | bool) for value in self.values("status")
        ):  # no word, so it is neither a grant nor a state of something else that can be told
            return Undecided("status")
        if self._words.tells_of_child(self.deep, self.ts):
            return ChildReading()
        if self.squeezed("caseid") and self.squeezed("status"):
            return self._open_case()
        if self.squeezed("interest") and self.squeezed("stance"):
            return self._dislike()
        return Undecided("unknown_kind") if self._says_its_kind_alone() else Nothing("unknown_kind")

    def _says_its_kind_alone(self) -> bool:
        """Whether there is nothing in it but who, when and of what kind: it can be a request."""
        own = (*map(squeezed, _WHO_AND_WHEN), *self._words.names("kind"))
        return self._squeezed.keys() <= {*own, *self._words.names("beside")}

    def _names_a_right(self) -> bool:
        """Whether any field says what a kind would, by its value or its name: that it refuses."""
        rights = (RightsKind.ERASURE, RightsKind.WITHDRAWAL, RightsKind.OBJECTION)
        own, beside = {*map(squeezed, _WHO_AND_WHEN)}, self._words.names("beside")
        return bool(self.uses_refused) or any(
            self._words.kind(value) in (rights if "right" not in name else OF_RIGHTS)
            or (self._words.kind(name) in rights and self._words.affirms(value))
            or (name not in beside and self._words.says_refused(value))
            or self._words.names_article(name, value)
            for name, values in self.deep.items()
            for value in (scalars(values) if name not in own else ())
        )

    def _forbids_something(self) -> bool:
        """Whether a field says that something is not allowed that may concern a person."""
        return any(self._words.forbids_something(name, value) for name, value in self.told)

    def _ends_a_mandate(self) -> bool:
        """Whether somebody may act for another no more, who may have given the consent."""
        if RightsKind.MANDATE not in self.kinds:
            return False
        ends = [end for end in map(whole, scalars(self.values("expires_at"))) if end is not None]
        return self.contradicts() or any(self.ts is None or end <= self.ts for end in ends)

    def _refuses_inside(self) -> bool:
        """Whether an object in it names a purpose in one field, and refuses it in another."""
        for inner in self.objects():
            told = [(squeezed(name), v) for name, vs in inner.items() for v in scalars(vs)]
            uses = [name for name, value in told if self._words.is_use(value)]
            others = [(name, value) for name, value in told if name not in uses]
            if uses and any(
                self._refuses(value) if name in SAYS_WHETHER else self._words.refuses(name, value)
                for name, value in others
            ):
                return True
        return False


def _of_all(found: Iterable[RefusalReading | Undecided]) -> frozenset[Purpose]:
    return frozenset[Purpose]().union(*(item.purposes for item in found))


def _letters(name: str) -> str:
    """The letters and digits of a name."""
    return "".join(filter(str.isalnum, name.casefold()))
