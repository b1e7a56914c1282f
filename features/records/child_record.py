"""Reads of what kind a record is, and whether it tells of a child and of whom."""

from __future__ import annotations

from functools import cached_property
from typing import Final

from features.records.fields import Accepts
from features.records.loose import squeezed, words_in
from features.records.loose_record import LooseRecord
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
_PERSONS: Final = ("member_id", "owner_member_id", "device_id")


class ChildRecord(LooseRecord):
    """Reads the kind of a record, and what it says of children."""

    @cached_property
    def tells_of_child(self) -> bool:
        """Whether it tells of a child; in a fact about something else by what a field is named."""
        kinds = self.kinds
        if kinds <= {RightsKind.REGISTRY, RightsKind.UNKNOWN}:
            return self._words.tells_of_child(self.deep, self.ts)
        fields = {name: v for name, v in self.deep.items() if name not in self._passed_over}
        named = self._words.tells_of_child(fields, self.ts, by_name=True)
        return named and not kinds & {RightsKind.OTHER, RightsKind.CASE}  # whose ages they have

    @cached_property
    def kinds(self) -> set[RightsKind]:
        """The kinds that it may be of."""
        return {self._words.kind(value) for value in words_in(self.values("kind"))}

    @property
    def is_of_rights(self) -> bool:
        """Whether its kind erases, refuses or grants, or sounds as if it did."""
        return bool(self.kinds & OF_RIGHTS)

    def child(self, account: str, accepts: Accepts | None) -> ChildReading | Undecided:
        """Tell whose device it is; a doubt where it or its owner is named and cannot be told."""
        found = []
        for which in ("device_id", "owner_member_id"):
            names = self.names(which, account) if which == "device_id" else self.owners(account)
            if len(names) > 1 or not all(map(str.isascii, names)):
                return Undecided(which)
            found += [taken_name(name, accepts) for name in names] or [None]
        return ChildReading(*found) if any(found) else Undecided("owner_member_id")

    def has_child_inside(self) -> bool:
        """Whether an object in it tells of a child that it names itself: not the record's own."""
        named = {*map(squeezed, _PERSONS), *self._words.names("bounds_member_id")}
        named |= {*self._words.names("owner_member_id")}
        inside = ({squeezed(n): v for n, v in inner.items()} for inner in self.objects())
        return any(
            fields.keys() & named and self._words.tells_of_child(fields, self.ts)
            for fields in inside
        )
