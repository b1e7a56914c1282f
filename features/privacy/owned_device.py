"""Keeps what the registry says of a device: whose it is and was, and whether it is a child's."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from features.privacy.spelling import are_one
from features.records.facts import Registry

#: The owner of a device whose owner was erased: nobody that is known, but not the household.
ERASED: Final = ""
#: Statements kept of a device about former owners who are adults.
_FORMER: Final = 8


class Said(NamedTuple):
    """The last word on whether somebody is a child: event time in ms, that, event id."""

    ts: int
    child: bool
    event_id: str


@dataclass
class Device:
    """A device.

    Attributes
    ----------
    ts, event_id : int, str
        Of the latest entry.
    owner : str or None
        The member it belongs to, None where it is the household's.
    said : Said or None
        Whether it is a child's.
    owners : dict of str to Said
        Of each member named as its owner, whether he is a child.
    held : dict of str to int
        When each was named so last, ms.
    """

    ts: int = -1
    event_id: str = ""
    owner: str | None = None
    said: Said | None = None
    owners: dict[str, Said] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    was_childs: bool = False

    @property
    def handed_over(self) -> int:
        """From when on it is surely who it is now whose it is, ms; -1 for ever.

        What was done on it before and comes late is not his to allow.
        """
        others = any(name != self.owner for name in self.held)
        grown = self.said.ts if self.said and self.was_childs and not self.said.child else -1
        return max(self.ts if others else -1, grown)

    @property
    def child(self) -> bool:
        """Whether it is a child's."""
        return self.said is not None and self.said.child

    @property
    def protects(self) -> bool:
        """Whether it tells of a child."""
        return self.child or any(said.child for said in self.owners.values())

    def add(self, ts: int, event_id: str, entry: Registry) -> bool:
        """Add an entry of the registry; returns whether anything changed."""
        before = self.to_bytes()
        if self.owner is not None:
            self.held.setdefault(self.owner, self.ts)
        if entry.owner_member_id:
            own = entry.owner_member_id
            self.held[own] = max(ts, self.held.get(own, -1))
        self.was_childs |= self.child or entry.adult is False
        # Of one time the entry that says it is a child's wins, also in whose it is.
        told = self.said is not None and self.said.child and self.said.event_id == self.event_id
        if (ts, entry.adult is False, event_id) > (self.ts, told, self.event_id):
            self.ts, self.event_id, self.owner = ts, event_id, entry.owner_member_id
        if entry.adult is not None:
            said = Said(ts, not entry.adult, event_id)
            self.said = max(self.said or said, said)
            if entry.owner_member_id:
                known = self.owners.get(entry.owner_member_id, said)
                self.owners[entry.owner_member_id] = max(known, said)
        former = sorted(
            (said, name) for name, said in self.owners.items()
            if not said.child and name != self.owner
        )  # fmt: skip
        for _, name in former[:-_FORMER]:
            del self.owners[name]
        for name in sorted(self.held, key=lambda name: (self.held[name], name))[: -_FORMER - 1]:
            del self.held[name]
        return self.to_bytes() != before

    @property
    def whose(self) -> set[str]:
        """All whom it tells anything of, `ERASED` among them."""
        return {*self.owners, *self.held, *(() if self.owner is None else (self.owner,))}

    @property
    def named(self) -> set[str]:
        """The members who were named as its owners, as far as they are kept."""
        return {name for name in self.whose if name}

    def forget(self, member: str, account: str) -> None:
        """Forget that it belongs to a member of an account, however he is spelled."""
        for name in [name for name in self.owners if are_one(name, member, account)]:
            del self.owners[name]
        for name in [name for name in self.held if are_one(name, member, account)]:
            self.held[ERASED] = max(self.held.get(ERASED, -1), self.held.pop(name))
        if self.owner and are_one(self.owner, member, account):
            self.owner = ERASED

    def to_bytes(self) -> bytes:
        """Canonical JSON; without what follows from the rest."""
        doc = dict(vars(self))
        if self.held.keys() <= {self.owner}:
            del doc["held"]
        if self.child or not self.was_childs:
            del doc["was_childs"]
        return json.dumps(doc, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, value: bytes) -> Device:
        """Inverse of `to_bytes`."""
        doc = json.loads(value)
        said = doc["said"]
        return cls(
            int(doc["ts"]),
            str(doc["event_id"]),
            doc["owner"],
            None if said is None else Said(*said),
            {name: Said(*item) for name, item in doc["owners"].items()},
            doc.get("held", {}),
            doc.get("was_childs", False),
        )
