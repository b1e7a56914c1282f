"""Prepares what profiles say of suppressions and permissions, for each subject once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from features.privacy import flags as flagging
from features.privacy.admission import Admission
from features.privacy.ends import Ends
from features.privacy.ledger import Ledger
from features.privacy.notes import Notes, Situation, notes
from features.privacy.person import Person
from features.privacy.rules import Rules
from features.privacy.spoken import Spoken
from features.state.store import Store
from features.tags.taxonomy import Taxonomy

#: Texts kept for subjects that are published again and again.
_MOST_TEXTS: Final = 20_000


class Statements:
    """The texts on the rights of subjects, made anew where something changed."""

    def __init__(
        self,
        store: Store,
        taxonomy: Taxonomy,
        ledger: Ledger,
        rules: Rules,
        admission: Admission,
        spoken: Spoken,
        ends: Ends,
    ) -> None:
        self._store = store
        self._taxonomy = taxonomy
        self._ledger = ledger
        self._rules = rules
        self._admission = admission
        self._spoken = spoken
        self._ends = ends
        self._texts: dict[bytes, tuple[object, Notes]] = {}

    def notes(self, sid: int) -> Notes:
        """Suppressions and permissions of a subject."""
        key = self._store.key(sid)
        account, _, name = key.partition(b"/")
        member, interests = name.decode(), flagging.row_interests(self._store, sid)
        tree, now = self._taxonomy, self._store.now
        it = self.situation(account, member, None, now)
        # It stays the same until a fact comes, something ends, or the subject's interests change.
        basis = (
            self._ledger.basis(account, ""),
            self._ledger.basis(account, member),
            self._ledger.contacts_basis(account),
            (it.care, it.child, it.child_device),
            (self._ends.due.get(account), self._ends.due.get(key)),
            interests,
            until := self._allowed_until(account, name),
        )
        known = self._texts.get(key)
        if known is not None and known[0] == basis:
            return known[1]
        it = self.situation(account, member, self._ledger.person(account), now, interests)
        held = {tree.ids[i]: i for i in interests}
        text = notes(it, now, until, self._rules, held, tree)
        if len(self._texts) >= _MOST_TEXTS:
            self._texts.clear()
        self._texts[key] = basis, text
        return text

    def forget(self, key: bytes) -> None:
        """Forget the texts of a subject."""
        self._texts.pop(key, None)

    def situation(
        self,
        account: bytes,
        member: str,
        person: Person | None,
        now: int,
        interests: Sequence[int] = (),
    ) -> Situation:
        """Gather what decides suppressions; without `person` what is the same for all facts."""
        kin, spoken = self._ledger.kin(account), self._spoken
        return Situation(
            person or Person(),
            self._ledger.person(account, member) if member and person is not None else None,
            tuple(self._ledger.alike(account, member)) if member and person is not None else (),
            bool(member) and self._admission.is_child(account, member),
            kin is not None and bool(kin.open),
            kin is not None and kin.shared,
            () if person is None else spoken.forbidden(account, member, now, interests),
        )

    def _allowed_until(self, account: bytes, name: bytes) -> int:
        """Event time at which the consent ends that a profile rests on, ms."""
        until = int(self._store.subjects["consent_until"][self._store.find(account)])
        own = self._store.spans.get(account, member=name) if name else None
        return until if own is None else min(until, own[1])
