"""Prepares what profiles say of suppressions and permissions, for each subject once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from features.privacy.admission import Admission
from features.privacy.ledger import Ledger
from features.privacy.notes import Notes, Situation, notes
from features.privacy.person import Person
from features.privacy.rules import Rules
from features.privacy.spoken import Spoken
from features.state.store import Store
from features.tags.taxonomy import Taxonomy

#: Accounts whose texts are kept, for those that are published again and again.
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
    ) -> None:
        self._store = store
        self._taxonomy = taxonomy
        self._ledger = ledger
        self._rules = rules
        self._admission = admission
        self._spoken = spoken
        self._texts: dict[bytes, dict[bytes, tuple[bytes | None, int, Notes]]] = {}

    def notes(self, sid: int) -> Notes:
        """Suppressions and permissions of a subject."""
        store, key = self._store, self._store.key(sid)
        account, _, name = key.partition(b"/")
        start = int(store.subjects["start"][sid])
        rows = store.rows.interest[start : start + int(store.subjects["used"][sid])]
        # It stays the same until its account is to be told anew or, where they matter, the
        # subject's interests change.
        until = self._allowed_until(sid, account, name)
        texts = self._texts.get(account)
        if texts is None:
            if len(self._texts) >= _MOST_TEXTS:
                self._texts.clear()
            texts = self._texts[account] = {}
        known = texts.get(key)
        if known is not None and known[1] == until and known[0] in (None, rows.tobytes()):
            return known[2]
        tree, now, interests = self._taxonomy, store.now, rows.tolist()
        person = self._ledger.person(account)
        it = self.situation(account, name.decode(), person, now, interests)
        held = {tree.ids[i]: i for i in interests}
        text = notes(it, now, until, self._rules, held, tree)
        named = self._rules.holdouts.active or any(who.about for who in it.persons)
        texts[key] = rows.tobytes() if named else None, until, text
        return text

    def renew(self, account: bytes) -> None:
        """Have the texts of an account made anew: something of it changed, or ended."""
        self._texts.pop(account, None)

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

    def _allowed_until(self, sid: int, account: bytes, name: bytes) -> int:
        """Event time at which the consent ends that a profile rests on, ms."""
        subjects = self._store.subjects
        until = int(subjects["consent_until"][subjects["account"][sid]])
        own = self._store.spans.get(account, member=name) if name else None
        return until if own is None else min(until, own[1])
