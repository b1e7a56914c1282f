"""Stores what is known of accounts and their members, as the changelog's records.

One record per person and kind of fact, per device, per care case and per erasure: what a fact
costs does not depend on how much else is known of the account. Most accounts have a line of
consent and no more, so that is kept as bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from features.outcomes.contacts import Contact, Contacts
from features.privacy.kin import Case, Kin
from features.privacy.marks import Mark
from features.privacy.name_sets import keep_name
from features.privacy.owned_device import Device
from features.privacy.person import Person
from features.privacy.spelling import earlier_ways, spelled
from features.records.concealed import Secret, keyed_mark
from features.state import changelog_keys as keys
from features.state.changelog_keys import Kind

_MOST_READ: Final = 4_096  # persons and accounts whose records are kept as they were read


class Ledger:
    """The records, by key.

    Parameters
    ----------
    key : bytes or tuple of bytes
        Of the erasure marks.
    default_grant : bool
        Whether an account without a word is allowed.
    most_contacts : int
        Contacts kept of a person.

    Attributes
    ----------
    marks : dict of str to Mark
        By keyed hash of the erased account or member.
    changed : set of bytes
        Keys of records that changed since the last commit.
    """

    def __init__(self, key: Secret, default_grant: bool, most_contacts: int = 256) -> None:
        self._key = key
        self._most_contacts = most_contacts
        self._default_grant = default_grant
        self._values: dict[bytes, bytes] = {}
        self._kin: dict[bytes, Kin] = {}
        self._spoken: dict[bytes, set[str]] = {}
        self._telling: dict[bytes, set[str]] = {}
        self._contacts: dict[bytes, Contacts] = {}  # of persons, as they were read
        self._together: dict[bytes, tuple[Contact, ...]] = {}  # of accounts
        self._persons: dict[bytes, Person] = {}  # as they were read
        self._nobody = Person(), Person()  # an account and a member without a word
        self.marks: dict[str, Mark] = {}
        self.changed: set[bytes] = set()

    # -- persons -------------------------------------------------------------------------

    def person(self, account: bytes, member: str = "") -> Person:
        """Read what is known of an account or, with `member`, of that member; not to be changed."""
        found = self._read(person_key(account, member))
        if not self.marks:  # as in many partitions
            found = found or self._nobody[bool(member)]
            found.erased_at, found.by_default = -1, bool(member) or self._default_grant
            found.by_name = False
            return found
        found, mine = found or Person(), self.mark(account)
        own = self.mark(account, member) if member else mine
        found.erased_at = max(-1 if mine is None else mine.at, -1 if own is None else own.at)
        erased = own is not None and own.at >= 0  # else it only knows of a child's device
        found.by_default = not erased and (bool(member) or self._default_grant)
        found.by_name = erased
        return found

    def draft(self, account: bytes, member: str = "") -> Person:
        """Copy what is known of a person, to be changed and saved."""
        it = self.person(account, member)
        return replace(it, consents={**it.consents}, about={**it.about})

    def _read(self, name: bytes) -> Person | None:
        """Read the records of a person once while they are the same: a fact asks for them often."""
        known = self._persons.get(name)
        if known is None:
            records = self._values.get(keys.consents(name)), self._values.get(keys.about(name))
            if records == (None, None):
                return None
            if len(self._persons) >= _MOST_READ:
                self._persons.clear()
            known = self._persons[name] = Person.from_bytes(*records)
        return known

    def alike(self, account: bytes, member: str) -> list[Person]:
        """Find those who are spelled as a member is: what they refuse, he refuses."""
        kin = self._kin.get(account)
        others = sorted(kin.alike(member)) if kin is not None else ()
        return [self.person(account, name) for name in others]

    def save(self, account: bytes, member: str, person: Person) -> None:
        """Store what is known of a person."""
        name = person_key(account, member)
        self._put(keys.consents(name), person.consents_bytes())
        self._put(keys.about(name), person.about_bytes())
        keep_name(self._telling, account, member, kept=bool(person.about))
        if member:
            kin = self.kin_of(account)
            kin.put_member(member, bool(person) or keys.contacts(name) in self._values)
            self._tidy(account, kin)

    # -- contacts ------------------------------------------------------------------------

    def contacts(self, account: bytes, member: str) -> Contacts:
        """Read what a person was spoken to about; who is spelled alike has one name there."""
        name = person_key(account, member)
        value, known = self._values.get(keys.contacts(name)), self._contacts.get(name)
        if value is None:
            return Contacts(self._most_contacts)
        if known is None:
            if len(self._contacts) >= _MOST_READ:
                self._contacts.clear()
            whose = spelled(member, account.decode()) or None
            known = Contacts.from_bytes(value, whose, self._most_contacts)
            self._contacts[name] = known
        return known

    def save_contacts(self, account: bytes, member: str, contacts: Contacts) -> None:
        """Store what a person was spoken to about."""
        name = person_key(account, member)
        self._put(keys.contacts(name), contacts.to_bytes())
        keep_name(self._spoken, account, member, kept=len(contacts) > 0)
        self._together.pop(account, None)
        if not len(contacts):
            self._contacts.pop(name, None)
            return
        self._contacts[name] = contacts
        if member:
            self.kin_of(account).put_member(member, speaks=True)

    def spoken(self, account: bytes) -> list[str]:
        """Members who were spoken to, in order; "" is the household."""
        return sorted(self._spoken.get(account, ()))

    def household_contacts(self, account: bytes) -> tuple[Contact, ...]:
        """All contacts with an account and its members, those spelled alike as one.

        The same object for as long as nothing of it changes, but for want of room.
        """
        if account not in self._spoken:
            return ()
        known = self._together.get(account)
        if known is None:
            if len(self._together) >= _MOST_READ:
                self._together.clear()
            known = self._together[account] = tuple(
                held for member in self.spoken(account) for held in self.contacts(account, member)
            )
        return known

    def forget_outside(self, account: bytes, member: str, start: int, until: int) -> bool:
        """Drop what is known outside a span but words; returns whether there was anything."""
        person, contacts = self.draft(account, member), self.contacts(account, member)
        gone = contacts.forget_outside(start, until)
        if gone:
            self.save_contacts(account, member, contacts)
        if person.forget_outside(start, until) or gone:
            self.save(account, member, person)
            return True
        return False

    def forget_interests(self, account: bytes, member: str, denied: Callable[[str], bool]) -> None:
        """Drop what a person said about interests that must not be held."""
        person = self.draft(account, member)
        gone = [name for name, held in person.about.items() if denied(held.said.interest)]
        for name in gone:
            del person.about[name]
        if gone:
            self.save(account, member, person)

    # -- accounts ------------------------------------------------------------------------

    def kin(self, account: bytes) -> Kin | None:
        """The facts that an account's people share; None where there are none."""
        return self._kin.get(account)

    def kin_of(self, account: bytes) -> Kin:
        """The facts that an account's people share, to add to."""
        return self._kin.setdefault(account, Kin(account))

    def set_device(self, account: bytes, name: str, device: Device | None) -> Kin:
        """Store a device or, with None, forget it; returns what the account shares then."""
        kin = self.kin_of(account)
        kin.put_device(name, device)
        self.changed.add(keys.device(account, name))
        self._tidy(account, kin)
        return kin

    def set_case(self, account: bytes, name: str, case: Case | None) -> Kin:
        """Store a care case or, with None, forget it; returns what the account shares then."""
        kin = self.kin_of(account)
        kin.put_case(name, case)
        self.changed.add(keys.case(account, name))
        self._tidy(account, kin)
        return kin

    def named(self, account: bytes) -> list[str]:
        """Members of whom something is known, in order."""
        kin = self._kin.get(account)
        return sorted(kin.members | kin.known_children) if kin is not None else []

    def telling(self, account: bytes) -> list[str]:
        """Members who said something about interests, or were spoken to about one, in order."""
        found = {*self._telling.get(account, ()), *self._spoken.get(account, ())}
        return sorted(found - {""})

    def tells(self, account: bytes) -> bool:
        """Whether anybody of an account said something about an interest."""
        return account in self._telling

    def latest(self, account: bytes, member: str = "") -> int:
        """Event time of the latest of what an erasure would take, ms; -1 for none."""
        kin, found = self._kin.get(account), [self.person(account, member).latest]
        found.append(self.contacts(account, member).latest)
        if kin is not None:
            cases = kin.cases_of(member) if member else kin.cases
            found += [case.ts for name in cases if (case := kin.case(name))]
            for device in map(kin.device, kin.naming(member) if member else kin.devices):
                if not member or (device.owner and kin.are_one(device.owner, member)):
                    found.append(device.ts)
                owners = device.owners.items() if member else ()
                found += [said.ts for name, said in owners if kin.are_one(name, member)]
        return max(found)

    def knows(self, account: bytes) -> bool:
        """Whether anything is known of an account or its members."""
        told = self._values.keys() & {keys.consents(account), keys.about(account)}
        return bool(told) or account in self._kin or account in self._spoken

    def accounts(self) -> list[bytes]:
        """All accounts of which something is known, in order."""
        named = {keys.account_named(key) for key in self._values}
        return sorted(named | self._kin.keys())

    def forget(self, account: bytes, member: str = "") -> None:
        """Forget all that is known of an account, or of one member."""
        kin = self._kin.get(account)
        if member:
            self._forget_person(account, member)
            for name in kin.naming(member) if kin else ():
                device = self.kin_of(account).device(name)
                device.forget(member, account.decode())
                self.set_device(account, name, device)
            for name in kin.cases_of(member) if kin else ():
                self.set_case(account, name, None)
            return
        for name in sorted(kin.members) if kin else ():
            self._forget_person(account, name)
        self._forget_person(account, "")
        for name in [*kin.devices] if kin else ():
            self.set_device(account, name, None)
        for name in [*kin.cases] if kin else ():
            self.set_case(account, name, None)

    def _forget_person(self, account: bytes, member: str) -> None:
        self.save_contacts(account, member, Contacts())
        self.save(account, member, Person())

    # -- erasures ------------------------------------------------------------------------

    def mark(self, account: bytes, member: str = "") -> Mark | None:
        """The mark of an account or a member that was erased."""
        if not self.marks:
            return None
        names = self.mark_names(account, member)
        found = sorted(self.marks[name] for name in names if name in self.marks)
        if not found:
            return None
        children = {child for mark in found for child in mark.children}
        return found[-1]._replace(children=tuple(sorted(children)))

    def mark_names(self, account: bytes, member: str = "") -> list[str]:
        """The keyed hashes that stand for an account or a member; one for nearly all.

        A name with something in front has more, for it is known without, and to earlier releases.
        """
        if member:
            return self.child_marks(account, member, "erasure")
        return [keyed_mark(self._key, account.decode(), "erasure")]

    def child_marks(self, account: bytes, name: str, what: str) -> list[str]:
        """The keyed hashes that stand for a child or, with `what` device, for a child's device."""
        of = account.decode()
        return [keyed_mark(self._key, f"{of}/{way}", what) for way in earlier_ways(name, of)]

    def is_marked(self, mark: Mark | None, account: bytes, name: str, what: str) -> bool:
        """Whether a mark knows a name as a child's or, with `what` device, a child's device's."""
        if mark is None or not mark.children:
            return False
        return not {*mark.children}.isdisjoint(self.child_marks(account, name, what))

    def set_mark(self, name: str, mark: Mark) -> None:
        """Store a mark."""
        self.marks[name] = mark
        self.changed.add(keys.erased(name))

    # -- records -------------------------------------------------------------------------

    def take_changed(self) -> Iterator[tuple[bytes, bytes | None]]:
        """Keys and values of what changed since the last call, None for what is gone."""
        changed, self.changed = self.changed, set()
        for key in sorted(changed):
            yield key, self.value(key)

    def all_keys(self) -> Iterator[bytes]:
        """The keys of all records."""
        yield from self._values
        for account, kin in self._kin.items():
            yield from (keys.device(account, name) for name in kin.devices)
            yield from (keys.case(account, name) for name in kin.cases)
        yield from map(keys.erased, self.marks)

    def value(self, key: bytes) -> bytes | None:
        """The record under a key."""
        match keys.parse(key):
            case (Kind.ERASED, name):
                mark = self.marks.get(name.decode())
                return None if mark is None else mark.to_bytes()
            case (Kind.DEVICE | Kind.CASE as kind, name):
                account, _, rest = name.partition(b"\0")
                kin = self._kin.get(account)
                if kin is None:
                    return None
                return (kin.devices if kind is Kind.DEVICE else kin.cases).get(rest.decode())
        return self._values.get(key)

    def restore(self, key: bytes, value: bytes) -> None:
        """Load a stored record."""
        match keys.parse(key):
            case (Kind.ERASED, name):
                self.marks[name.decode()] = Mark.from_bytes(value)
            case (Kind.CONSENTS | Kind.ABOUT | Kind.CONTACTS as kind, name):
                self._values[key] = value
                self._persons.pop(name, None)
                account, _, member = name.partition(b"/")
                if kind is not Kind.CONSENTS:
                    sets = self._spoken if kind is Kind.CONTACTS else self._telling
                    keep_name(sets, account, member.decode(), kept=True)
                if member:
                    self.kin_of(account).put_member(member.decode(), speaks=True)
            case (Kind.DEVICE, name):
                account, _, rest = name.partition(b"\0")
                self.kin_of(account).put_device(rest.decode(), Device.from_bytes(value))
            case (Kind.CASE, name):
                account, _, rest = name.partition(b"\0")
                self.kin_of(account).put_case(rest.decode(), Case.from_bytes(value))

    def _put(self, key: bytes, value: bytes | None) -> None:
        if value == self._values.get(key):
            return
        self.changed.add(key)
        self._persons.pop(key[2:], None)  # nothing is to be kept of who was erased
        if value is None:
            del self._values[key]
        else:
            self._values[key] = value

    def _tidy(self, account: bytes, kin: Kin) -> None:
        if not kin:
            self._kin.pop(account, None)


def person_key(account: bytes, member: str) -> bytes:
    """Key of a person: ``account`` or ``account/member``."""
    return account + b"/" + member.encode() if member else account
