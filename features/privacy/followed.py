"""Follows contacts until the time for an answer ends: what each was chosen by, and what came of it.

A contact ends on the local day on which no answer is expected any more, whatever answers came
before: learned at once, good answers would be known a week before their absence is. It is learned
at the close of that day, which the sequence alone places, and so exactly once; one that is told
when its day has closed is not learned.
"""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from features.models.worth import Ended, kinds_of
from features.models.worth_kernel import PICKED, Glimpse, picked_signals
from features.outcomes.contacts import ANNOYED, DAY_MS, GLAD, Contact
from features.privacy.ledger import Ledger, person_key
from features.privacy.rules import Rules
from features.state.store import Store
from features.tags.taxonomy import Taxonomy


class Followed:
    """The persons with contacts that have not ended, by the local day on which one does.

    Parameters
    ----------
    store : Store
    taxonomy : Taxonomy
    ledger : Ledger
        Where the contacts are kept.
    rules : Rules
        Without rules on uplift nobody is followed.
    """

    def __init__(self, store: Store, taxonomy: Taxonomy, ledger: Ledger, rules: Rules) -> None:
        self._store = store
        self._taxonomy = taxonomy
        self._ledger = ledger
        self._kind = kinds_of(taxonomy.parent)
        self._active = rules.contact.uplift is not None
        self._patience = rules.contact.answer_days * DAY_MS
        self._days: defaultdict[int, set[bytes]] = defaultdict(set)
        self._found = np.zeros(len(PICKED), np.int16)  # what the kernel fills

    def signals(self, account: bytes, member: str, interest: str) -> tuple[int, ...]:
        """Read what is known of an interest now; empty for nothing, or where nobody is followed."""
        sid = self._store.find(account, member.encode()) if self._active else -1
        if sid < 0:
            return ()
        index, live = self._taxonomy.index(interest), self._store.live
        known = Glimpse(live.subjects, live.rows, live.counters, live.clock)
        if not picked_signals(known, sid, index, self._found):
            return ()
        return tuple(self._found.tolist())

    def expect(self, account: bytes, member: str, contact: Contact) -> None:
        """Follow a contact, unless its day has closed."""
        if contact.signals and (day := self._day(contact)) >= self._store.counters["open_day"]:
            self._days[day].add(person_key(account, member))

    def forget(self, person: bytes) -> None:
        """Follow nobody under a key any more."""
        for persons in self._days.values():
            persons.discard(person)

    def ended(self, first: int, until: int) -> list[Ended]:
        """Take out the contacts that ended on local days from `first` to before `until`."""
        due = [self._days.pop(day) for day in sorted(self._days) if day < until]
        found = [
            (person.partition(b"/")[0], contact)
            for person in sorted(set().union(*due))
            for _, contact in sorted(self._contacts(person).items())
            if contact.signals and first <= self._day(contact) < until
        ]
        now = Counter((account, self._kind_of(contact)) for account, contact in found)
        before = {account: self._before(account, first) for account, _ in now}
        return [
            # So many ended before, so many with it, in no order among each other.
            self._ended(contact, 2 * before[account][kind] + now[account, kind])
            for account, contact in found
            for kind in (self._kind_of(contact),)
        ]

    def restore(self) -> None:
        """Follow the contacts that a changelog says."""
        for account in self._ledger.accounts() if self._active else ():
            for member in self._ledger.spoken(account):
                for contact in self._ledger.contacts(account, member):
                    self.expect(account, member, contact)

    def _before(self, account: bytes, first: int) -> Counter[int]:
        """Count the contacts of a household that ended before a local day, by kind."""
        return Counter(
            self._kind_of(contact)
            for contact in self._ledger.household_contacts(account)
            if contact.signals and self._day(contact) < first
        )

    def _kind_of(self, contact: Contact) -> int:
        assert contact.made is not None
        return int(self._kind[self._taxonomy.index(contact.made.interest)])

    def _contacts(self, person: bytes) -> dict[str, Contact]:
        account, _, member = person.partition(b"/")
        return dict(self._ledger.contacts(account, member.decode()).items())

    def _day(self, contact: Contact) -> int:
        assert contact.made is not None  # signals are of a contact that was told
        return (contact.made.ts + self._patience + self._store.clock.offset) // DAY_MS

    def _ended(self, contact: Contact, cluster: int) -> Ended:
        made, came = contact.made, contact.in_time(self._patience)
        assert made is not None
        return Ended(
            self._taxonomy.index(made.interest),
            contact.signals,
            made.held_out,
            made.propensity,
            came in GLAD,
            came in ANNOYED,
            cluster,
        )
