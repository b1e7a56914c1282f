"""Prepares what profiles say of suppressions and permissions, for each subject once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

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

#: The interests that a text names some of, where it does, the end that it says, and the text.
_Text: TypeAlias = tuple[bytes | None, int, Notes]


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
        self._texts: dict[bytes, dict[bytes, _Text]] = {}

    def notes(self, sids: NDArray[np.int32]) -> list[Notes]:
        """Suppressions and permissions of subjects."""
        store, s = self._store, self._store.subjects
        owners = s["account"][sids]
        columns = (
            store.keys(sids),
            s["consent_until"][owners].tolist(),
            s["hash"][sids],
            s["hash"][owners],
        )
        found = []
        for sid, key, until, name, owner in zip(sids.tolist(), *columns, strict=True):
            # The end of the consent that a profile rests on.
            own = None if name == owner else store.spans.found(name, owner)
            end = until if own is None else min(until, own[1])
            # It stays the same until its account is to be told anew or, where they matter, the
            # subject's interests change.
            known = self._texts.get(key.partition(b"/")[0], {}).get(key)
            if known is None or known[1] != end or known[0] not in (None, self._rows(sid)):
                known = self._made(sid, key, end)
            found.append(known[2])
        return found

    def _rows(self, sid: int) -> bytes:
        start, used = (int(self._store.subjects[name][sid]) for name in ("start", "used"))
        return self._store.rows.interest[start : start + used].tobytes()

    def _made(self, sid: int, key: bytes, until: int) -> _Text:
        account, _, name = key.partition(b"/")
        tree, now, rows = self._taxonomy, self._store.now, self._rows(sid)
        interests = np.frombuffer(rows, np.uint16).tolist()
        person = self._ledger.person(account)
        it = self.situation(account, name.decode(), person, now, interests)
        held = {tree.ids[i]: i for i in interests}
        text = notes(it, now, until, self._rules, held, tree)
        named = self._rules.holdouts.active or any(who.about for who in it.persons)
        if account not in self._texts and len(self._texts) >= _MOST_TEXTS:
            self._texts.clear()
        made = rows if named else None, until, text
        self._texts.setdefault(account, {})[key] = made
        return made

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
