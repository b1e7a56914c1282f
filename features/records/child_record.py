"""Reads of what kind a record is, and whether it tells of a child and of whom."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final

from features.records.fields import Accepts
from features.records.loose import squeezed, words_in
from features.records.loose_record import SAYS_WHETHER, LooseRecord
from features.records.names import plain
from features.records.readings import ChildReading, RightsKind, Undecided
from features.records.taken_names import taken_name

#: Kinds that erase, refuse or grant, or sound as if they did.
OF_RIGHTS: Final = frozenset(
    {
        RightsKind.ERASURE,
        RightsKind.WITHDRAWAL,
        RightsKind.OBJECTION,
        RightsKind.CONSENT,
        RightsKind.RIGHTS,
    }
)
#: What stands between names that one text lists.
BETWEEN_NAMES: Final = re.compile(r"[,;|\s]+")
#: The same without blanks, which a text may have that is no list.
LISTED: Final = re.compile("[,;|]")
#: Children of a list that are looked at.
_MOST_CHILDREN: Final = 64
_PERSONS: Final = ("member_id", "owner_member_id", "device_id")


class ChildRecord(LooseRecord):
    """Reads the kind of a record, and what it says of children."""

    @cached_property
    def tells_of_child(self) -> bool:
        """Whether it tells of a child; in a fact about something else by what a field is named."""
        kinds = self.kinds
        if self.is_of_people:
            return self._words.tells_of_child(self.deep, self.ts)
        fields = {name: v for name, v in self.deep.items() if name not in self._passed_over}
        named = self._words.tells_of_child(fields, self.ts, by_name=True)
        return named and not kinds & {RightsKind.OTHER, RightsKind.CASE}  # whose ages they have

    @property
    def is_of_people(self) -> bool:
        """Whether it may be an entry of the registry: it is of no kind that is something else."""
        return self.kinds <= {RightsKind.REGISTRY, RightsKind.UNKNOWN}

    @cached_property
    def kinds(self) -> set[RightsKind]:
        """The kinds that it may be of."""
        return {self._words.kind(value) for value in words_in(self.values("kind"))}

    @property
    def is_set_for_child(self) -> bool:
        """Whether it says of what its kind is that it is on, or does not say whether it is."""
        names = {*self.other_names("status"), *self._words.names("says_status"), *SAYS_WHETHER}
        told = [value for name in sorted(names) for value in self.squeezed(name)]
        return not told or any(map(self._words.is_set_for_child, told))

    @property
    def is_of_rights(self) -> bool:
        """Whether its kind erases, refuses or grants, or sounds as if it did."""
        return bool(self.kinds & OF_RIGHTS)

    def child(self, account: str, accepts: Accepts | None) -> ChildReading | Undecided:
        """Tell whose device it is; a doubt where it or its owner is named and cannot be told."""
        found = []
        for which in ("device_id", "owner_member_id"):
            names = self.names(which, account) if which == "device_id" else self.owners(account)
            names = {part.strip() for name in names for part in LISTED.split(name)}
            if len(names) > 1 or not all(map(str.isascii, names)):
                return Undecided(which)
            found += [taken_name(name, accepts) for name in names] or [None]
        others = tuple(name for name in self.children(account, accepts) if name not in found)
        if not any(found) and not others:
            return Undecided("owner_member_id")
        return ChildReading(found[0], found[1], others, own=any(found))

    def children(self, account: str, accepts: Accepts | None) -> tuple[str, ...]:
        """Find the members whom fields of children name: ``child_id``, ``children``."""
        kinds = self.other_names("kind")
        named = [n for n in self.deep if n not in kinds and self._words.names_child(n)]
        if self.tells_of_child:  # it may be of whoever else it names
            named += [n for n in self._words.names("owner_member_id") if n in self._squeezed]
        texts = {part for n in named for value in self.deep[n] for part in self._ids_in(value)}
        told = {plain(text, account) for text in texts}
        return tuple(sorted(name for name in told if name and self._is_id(name, accepts)))

    def _is_id(self, name: str, accepts: Accepts | None) -> bool:
        """Whether a text is somebody's id, and no word for a child, a yes or a no."""
        if self._words.is_child_word(name) or self._words.affirms(name):
            return False
        is_one = taken_name(name, None) if accepts is None else accepts(name)
        return bool(is_one) and self._words.is_set_for_child(name)

    def _ids_in(self, value: Any) -> Iterator[str]:
        """The texts in a value that may be ids; of objects those that their fields call so."""
        if isinstance(value, str):
            yield from BETWEEN_NAMES.split(value)
        elif isinstance(value, list):
            for item in value[:_MOST_CHILDREN]:
                yield from self._ids_in(item)
        elif isinstance(value, dict):
            ids = {"id", "memberid", *self._words.names("owner_member_id")}
            for name, values in value.items():
                if squeezed(name) in ids:
                    yield from self._ids_in(values)

    def has_child_inside(self) -> bool:
        """Whether an object in it tells of a child that it names itself: not the record's own."""
        named = {*map(squeezed, _PERSONS), *self._words.names("bounds_member_id")}
        named |= {*self._words.names("owner_member_id")}
        inside = ({squeezed(n): v for n, v in inner.items()} for inner in self.objects())
        return any(
            fields.keys() & named and self._words.tells_of_child(fields, self.ts)
            for fields in inside
        )
