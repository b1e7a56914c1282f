"""Says who may be told apart on shared screens: who agreed for himself, and nobody else."""

from __future__ import annotations

import numpy as np

from features.privacy.admission import Admission
from features.privacy.name_sets import keep_name
from features.privacy.person import Person
from features.records.facts import AboutInterest, Declaration
from features.state import layout as lay
from features.state.store import Store
from features.tags.taxonomy import Taxonomy
from features.vocabulary import Opinion


class Agreements:
    """Keeps in the live state who agreed to attribution, and that others are there.

    Parameters
    ----------
    store : Store
    admission : Admission
    taxonomy : Taxonomy

    Attributes
    ----------
    others : dict of bytes to set of str
        By account, who is known of it and did not agree.
    """

    def __init__(self, store: Store, admission: Admission, taxonomy: Taxonomy) -> None:
        self._store = store
        self._admission = admission
        self._taxonomy = taxonomy
        self.others: dict[bytes, set[str]] = {}

    def settle(self, account: bytes, member: str, person: Person, now: int) -> None:
        """Say whether a member's line may be kept; what is held without that goes."""
        agrees = self._admission.agrees(account, member, person, now)
        keep_name(self.others, account, member, kept=bool(person) and not agrees)
        sid = self._store.find(account, member.encode())
        if sid < 0:
            return
        status = self._store.subjects["status"]
        status[sid] = (status[sid] & np.uint8(255 - lay.S_AGREED)) | np.uint8(lay.S_AGREED * agrees)
        if not agrees:
            self._store.screens.withdraw(sid)

    def has_others(self, account: bytes) -> bool:
        """Whether somebody is known of an account who did not agree."""
        return account in self.others

    def take(self, account: bytes, member: str, said: AboutInterest) -> None:
        """Take out what was attributed of an interest of which somebody says that it was not he."""
        sid = self._store.find(account, member.encode())
        if sid >= 0 and isinstance(said, Declaration) and said.stance == Opinion.NOT_ME:
            index = self._taxonomy.index(said.interest)
            self._store.screens.disown(sid, [index, *self._taxonomy.descendants(index)])
