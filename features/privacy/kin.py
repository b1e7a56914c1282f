"""Keeps what an account's people share: devices and who of them is a child, and open care cases.

Only what says so makes an adult of a child: that a later registry entry leaves `adult` out, names
another owner or spells him otherwise says nothing. So a child's device stays one until an entry
says that it is an adult's, and a child stays one until an entry says that he is an adult.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from typing import Final, NamedTuple

from features.privacy.owned_device import Device
from features.privacy.spelling import are_one, keep_spelling, likewise
from features.records.facts import CareCase
from features.vocabulary import CaseStatus

#: Devices of an account beyond which those of each member are listed.
_FEW: Final = 16


class Case(NamedTuple):
    """The latest word on a care case: event time in ms, whether it is open, event id, member."""

    ts: int
    open: bool
    event_id: str
    member: str

    @classmethod
    def of(cls, ts: int, event_id: str, member: str, said: CareCase) -> Case:
        """The word of a fact."""
        return cls(ts, said.status == CaseStatus.OPENED, event_id, member)

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return json.dumps(self, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, value: bytes) -> Case:
        """Inverse of `to_bytes`."""
        ts, is_open, event_id, member = json.loads(value)
        return cls(int(ts), bool(is_open), str(event_id), str(member))


class _Listed:
    """The devices of each member of an account that has many, lest each entry looks at them all.

    Attributes
    ----------
    of : dict of str to dict of str to Device
        By member and name of the device.
    alike : dict of str to set of str
        Those members by how they are spelled alike.
    children : set of str
        Who of them is a child.
    shared : set of str
        Devices of a child that the household shares.
    """

    __slots__ = ("_account", "alike", "children", "of", "shared")

    def __init__(self, account: str) -> None:
        self._account = account
        self.of: dict[str, dict[str, Device]] = {}
        self.alike: dict[str, set[str]] = {}
        self.children: set[str] = set()
        self.shared: set[str] = set()

    def put(self, name: str, before: Device, now: Device) -> None:
        """Replace a device."""
        (self.shared.add if now.child and now.owner is None else self.shared.discard)(name)
        for member in before.whose - now.whose:
            self.of[member].pop(name, None)
            if not self.of[member]:
                del self.of[member]
                keep_spelling(self.alike, member, self._account, kept=False)
        for member in now.whose:
            self.of.setdefault(member, {})[name] = now
            keep_spelling(self.alike, member, self._account, kept=True)
        for member in before.named | now.named:
            known = self.is_child(member)
            (self.children.add if known else self.children.discard)(member)

    def devices(self, member: str) -> Collection[Device]:
        """The devices that tell of a member as he is spelled."""
        return self.of.get(member, {}).values()

    def adult_since(self, member: str) -> int:
        """As `Kin.adult_since`."""
        return _adult_since(member, self.devices(member))

    def is_child(self, member: str) -> bool:
        """As `Kin.is_child`."""
        return _child_by(self.devices(member), member, self.adult_since)

    def likewise(self, member: str) -> set[str]:
        """The members who are spelled as somebody is."""
        return likewise(self.alike, member, self._account) - {""}


def _adult_since(member: str, devices: Iterable[Device]) -> int:
    """Time of the last word that a member is an adult, ms; -1 if there is none."""
    said = (device.owners.get(member) for device in devices)
    return max((item.ts for item in said if item and not item.child), default=-1)


def _child_by(devices: Iterable[Device], member: str, adult_since: Callable[[str], int]) -> bool:
    """Whether devices say that a member is a child; when he grew up is asked where it matters."""
    for device in devices:
        said, his = device.owners.get(member), device.owner == member
        if said is None:
            if his and device.child and adult_since(member) < 0:
                return True
        elif said.child and (his or said.ts >= adult_since(member)):
            return True
    return False


class Kin:
    """Facts about an account beside its own words; values are as in the changelog.

    Parameters
    ----------
    account : bytes
        Whose people they are.

    Attributes
    ----------
    members : set of str
        Members with words of their own.
    devices, cases : dict of str to bytes
    open : set of str
        Open care cases.
    childrens : dict of str to Device
        Devices that tell of a child.
    """

    __slots__ = ("_account", "_devices_alike", "_listed", "_spellings", "_twins",
                 "cases", "childrens", "devices", "members", "open")  # fmt: skip

    def __init__(self, account: bytes = b"") -> None:
        self._account = account.decode()
        self.members: set[str] = set()
        self.devices: dict[str, bytes] = {}
        self.cases: dict[str, bytes] = {}
        self.open: set[str] = set()
        self.childrens: dict[str, Device] = {}
        self._spellings: dict[str, set[str]] = {}
        self._devices_alike: dict[str, set[str]] = {}
        self._listed: _Listed | None = None
        self._twins: dict[str, str] = {}  # devices that are spelled as a child's is: whose they are

    def __bool__(self) -> bool:
        return bool(self.members or self.devices or self.cases)

    def put_member(self, name: str, speaks: bool) -> None:
        """Say whether a member has words of his own."""
        (self.members.add if speaks else self.members.discard)(name)
        keep_spelling(self._spellings, name, self._account, kept=speaks)

    def is_full_for(self, member: str, most: int) -> bool:
        """Whether a member without a word of his own would be one more than an account has."""
        return bool(member) and member not in self.members and len(self.members) >= most

    def alike(self, name: str) -> set[str]:
        """Members with words of their own who are spelled as somebody is, himself left out."""
        return likewise(self._spellings, name, self._account) - {name}

    def put_device(self, name: str, device: Device | None) -> None:
        """Set a device or, with None, forget it."""
        if self._listed is not None:
            self._listed.put(name, self.device(name), device or Device())
        self.childrens.pop(name, None)
        keep_spelling(self._devices_alike, name, self._account, kept=device is not None)
        if device is None:
            self.devices.pop(name, None)
        else:
            self.devices[name] = device.to_bytes()
            if device.protects:
                self.childrens[name] = device
        self._pair(name)
        if device is None:
            return
        if self._listed is None and len(self.devices) > _FEW:
            self._listed = _Listed(self._account)
            for other in self.devices:
                self._listed.put(other, Device(), self.device(other))

    def _pair(self, name: str) -> None:
        """Find out anew who owns a device that is spelled as a child's is."""
        alike = likewise(self._devices_alike, name, self._account) | {name}
        told = {other: self.device(other) for other in alike if len(alike) > 1}
        for other in alike:
            self._twins.pop(other, None)
            device = told.get(other, Device())
            said = [twin.said for twin in told.values() if twin.said and twin.child]
            if device.owner and any(device.said is None or word > device.said for word in said):
                self._twins[other] = device.owner

    def _has_twin(self, member: str) -> bool:
        """Whether a member owns a device that is spelled as a child's is, and isn't of age."""
        return member in self._twins.values() and self.adult_since(member) < 0

    def put_case(self, name: str, case: Case | None) -> None:
        """Set a care case or, with None, forget it."""
        self.open.discard(name)
        if case is None:
            self.cases.pop(name, None)
            return
        self.cases[name] = case.to_bytes()
        if case.open:
            self.open.add(name)

    def device(self, name: str) -> Device:
        """A device as far as it is known."""
        value = self.devices.get(name)
        return Device() if value is None else Device.from_bytes(value)

    def devices_like(self, name: str) -> dict[str, Device]:
        """The devices that are spelled as one is, itself among them."""
        names = likewise(self._devices_alike, name, self._account)
        return {other: self.device(other) for other in sorted(names)}

    def case(self, name: str) -> Case | None:
        """A care case."""
        value = self.cases.get(name)
        return None if value is None else Case.from_bytes(value)

    @property
    def care_since(self) -> int | None:
        """Event time of the first of the words that care cases are open by, ms; None: none is."""
        words = map(self.case, self.open)
        return min([case.ts for case in words if case is not None], default=None)

    @property
    def shared(self) -> bool:
        """Whether a child's device is shared by the household."""
        if self._listed is not None:
            return bool(self._listed.shared)
        return any(device.child and device.owner is None for device in self.childrens.values())

    @property
    def known_children(self) -> set[str]:
        """The members who are children, as they are spelled in the registry."""
        if self._listed is not None:
            return {*self._listed.children, *filter(self._has_twin, self._twins.values())}
        named = {name for device in self.childrens.values() for name in device.named}
        return {name for name in named.union(self._twins.values()) if self.is_child(name)}

    @property
    def owners(self) -> set[str]:
        """The members whom the registry names."""
        if self._listed is not None:
            return {name for name in self._listed.of if name}
        return {name for device in map(self.device, self.devices) for name in device.named}

    def is_child(self, member: str) -> bool:
        """Whether a member is a child: by a device that is his, or by one that was."""
        if self._listed is not None:
            return self._listed.is_child(member) or self._has_twin(member)
        told = self.childrens.values()
        return _child_by(told, member, self.adult_since) or self._has_twin(member)

    def children_like(self, member: str) -> set[str]:
        """The children who are spelled as a member is."""
        if self._listed is not None:
            return {name for name in self._listed.likewise(member) if self.is_child(name)}
        return {name for name in self.known_children if self.are_one(name, member)}

    def child_since(self, member: str) -> int:
        """Time of the last word that somebody who is spelled as a member is a child, ms; or -1."""
        names = self.children_like(member)
        said = (d.owners.get(name) for d in self.childrens.values() for name in names)
        return max((item.ts for item in said if item and item.child), default=-1)

    def adult_since(self, member: str) -> int:
        """Time of the last word that a member is an adult, ms; -1 if there is none."""
        if self._listed is not None:
            return self._listed.adult_since(member)
        return _adult_since(member, map(self.device, self.devices))

    def owned(self, member: str) -> list[str]:
        """Devices of a member, however he is spelled."""
        if (told := self._listed) is not None:
            found = told.likewise(member)
            return sorted(n for who in found for n, d in told.of[who].items() if d.owner == who)
        owners = ((name, self.device(name).owner) for name in self.devices)
        return [name for name, owner in owners if owner and self.are_one(owner, member)]

    def naming(self, member: str) -> list[str]:
        """Devices of which a member was ever named as the owner."""
        if (told := self._listed) is not None:
            return sorted({name for who in told.likewise(member) for name in told.of[who]})
        named = ((name, self.device(name).named) for name in self.devices)
        return [n for n, names in named if any(self.are_one(who, member) for who in names)]

    def cases_of(self, member: str) -> list[str]:
        """Care cases of a member."""
        found = ((name, self.case(name)) for name in self.cases)
        return [n for n, case in found if case and self.are_one(case.member, member)]

    def are_one(self, name: str, other: str) -> bool:
        """Whether two names are one, as far as they can be told."""
        return are_one(name, other, self._account)
