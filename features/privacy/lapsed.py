"""Finds what lost its ground because rules changed between two starts: interests, and members."""

from __future__ import annotations

import numpy as np

from features.privacy.admission import Admission
from features.privacy.ledger import Ledger
from features.state import layout as lay
from features.state import slabs_kernel
from features.state.spans import NEVER
from features.state.store import Store
from features.tags.taxonomy import Taxonomy


def denied(store: Store, ledger: Ledger, taxonomy: Taxonomy) -> list[int]:
    """Take out rows and facts of interests that became sensitive since they were stored.

    Profiles with such a row are to be written anew, though nothing in them were news.

    Returns
    -------
    list of int
        Subjects of whom nothing is left, members before their account.
    """
    for account in ledger.accounts():
        for member in ("", *ledger.telling(account)):
            ledger.forget_interests(account, member, taxonomy.is_sensitive)
    s, interests = store.subjects[: int(store.counters["subjects"])], store.rows.interest
    empty = []
    for sid in np.flatnonzero((s["used"] > 0) & ((s["status"] & lay.S_GONE) == 0)).tolist():
        start, used = int(s["start"][sid]), int(s["used"][sid])
        found = np.flatnonzero(taxonomy.sensitive[interests[start : start + used]]).tolist()
        for at in reversed(found):
            slabs_kernel.drop_row(store.subjects, store.rows, store.live.counters, sid, start + at)
        if found:
            s["digest"][sid] = 0
            store.mark(sid, lay.D_STATE | lay.D_PROFILE)
        if len(found) == used:
            empty.append(sid)
    return empty[::-1]


def barred(store: Store, admission: Admission, sid: int, now: int) -> list[int]:
    """Find the members of an account who are held and never may be, such as children."""
    found = []
    for subject in reversed(store.members(sid)[1:]):
        account, _, member = store.key(subject).partition(b"/")
        name = member.decode()
        person = admission.ledger.person(account, name)
        if admission.span(account, name, person, now) == NEVER:
            found.append(subject)
    return found
