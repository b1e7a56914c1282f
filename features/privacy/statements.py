"""Prepares what profiles say of suppressions and permissions, for each subject once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from features.privacy.admission import Admission
from features.privacy.ledger import Ledger
from features.privacy.notes import (
    Notes,
    RightsText,
    Situation,
    holds,
    notes,
    notes_beside,
    rights_of,
)
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
        self._texts: dict[int, _Text] = {}  # by subject number
        self._rights: dict[int, RightsText] = {}  # what facts alone say, by subject number
        self._made_of: dict[bytes, set[int]] = {}  # numbers by account
        self._numbers = store.live.keys.dirty  # another array after numbers were given anew

    def notes(self, sids: NDArray[np.int32]) -> list[Notes]:
        """Suppressions and permissions of subjects."""
        if self._numbers is not self._store.live.keys.dirty:
            self._numbers = self._store.live.keys.dirty
            self._clear()
        found, now, texts = [], self._store.now, self._texts
        for sid, end in zip(sids.tolist(), self._ends(sids), strict=True):
            # It stays the same until its account is to be told anew or, where they matter, the
            # subject's interests change.
            known = texts.get(sid)
            if (
                known is None
                or known[1] != end
                or (known[0] is not None and known[0] != self._rows(sid))
            ):
                known = self._made(sid, end, now)
            found.append(known[2])
        return found

    def _ends(self, sids: NDArray[np.int32]) -> list[int]:
        """When the consents end that profiles rest on, ms."""
        s, spans = self._store.subjects, self._store.spans
        owners = s["account"][sids]
        ends: list[int] = s["consent_until"][owners].tolist()
        if spans.is_empty:
            return ends
        for k, (name, owner) in enumerate(zip(s["hash"][sids], s["hash"][owners], strict=True)):
            if name != owner and (own := spans.found(name, owner)) is not None:
                ends[k] = min(ends[k], own[1])
        return ends

    def _rows(self, sid: int) -> bytes:
        start, used = (int(self._store.subjects[name][sid]) for name in ("start", "used"))
        return self._store.rows.interest[start : start + used].tobytes()

    def _made(self, sid: int, until: int, now: int) -> _Text:
        account, _, name = self._store.key(sid).partition(b"/")
        # Where nobody of it said something of interests, the text names none of the subject's.
        named = self._rules.holdouts.active or self._ledger.tells(account)
        if account not in self._made_of and len(self._made_of) >= _MOST_TEXTS:
            self._clear()
        self._made_of.setdefault(account, set()).add(sid)
        if not named:
            rights = self._rights.get(sid)
            if rights is None:
                person = self._ledger.person(account)
                it = self.situation(account, name.decode(), person, now, told=False)
                rights = self._rights[sid] = rights_of(it, now, self._rules)
            said = self._spoken.said(account, name.decode(), now)
            self._texts[sid] = None, until, notes_beside(rights, said, until)
            return self._texts[sid]
        rows = self._rows(sid)
        interests = np.frombuffer(rows, np.uint16).tolist()
        person = self._ledger.person(account)
        it = self.situation(account, name.decode(), person, now, interests)
        held = {self._taxonomy.ids[i]: i for i in interests}
        text = notes(it, now, until, self._rules, held, self._taxonomy)
        self._texts[sid] = rows, until, text
        return self._texts[sid]

    def holds(self, account: bytes, person: Person, now: int) -> bool:
        """Whether facts alone suppress something of all in an account."""
        it = self.situation(account, "", person, now, told=False)
        return any(holds(it, now, self._rules))

    def renew(self, account: bytes) -> None:
        """Have the texts of an account made anew: something of it changed, or ended."""
        for sid in self._made_of.pop(account, ()):
            self._texts.pop(sid, None)
            self._rights.pop(sid, None)

    def renew_silence(self, account: bytes) -> None:
        """Have them made anew where nothing changed or ended but the silence towards it."""
        for sid in self._made_of.get(account, ()):
            self._texts.pop(sid, None)

    def _clear(self) -> None:
        for kept in (self._texts, self._rights, self._made_of):
            kept.clear()

    def situation(
        self,
        account: bytes,
        member: str,
        person: Person | None,
        now: int,
        interests: Sequence[int] = (),
        *,
        told: bool = True,
    ) -> Situation:
        """Gather what decides suppressions; without `person` what is the same for all facts.

        Where not `told`, whom there is silence towards is left out.
        """
        found = situation_of(self._ledger, self._admission, account, member, person)
        if not told or person is None:
            return found
        return found._replace(silence=self._spoken.forbidden(account, member, now, interests))


def situation_of(
    ledger: Ledger, admission: Admission, account: bytes, member: str, person: Person | None
) -> Situation:
    """Gather what facts alone decide of suppressions; `person` as in `Statements.situation`."""
    kin, himself = ledger.kin(account), bool(member) and person is not None
    return Situation(
        Person() if person is None else person,
        ledger.person(account, member) if himself else None,
        tuple(ledger.alike(account, member)) if himself else (),
        bool(member) and admission.is_child(account, member),
        None if kin is None else kin.care_since,
        kin is not None and kin.shared,
    )
