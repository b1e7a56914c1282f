"""Finds the members of an account who are spelled alike: one person, as far as he forbids.

A producer that sends `M-1` for `m-1` must not cost anybody a right. So what forbids (a refusal, an
end of consent, an erasure, being a child) holds for every spelling, and a grant for its own alone.
"""

from __future__ import annotations

import numpy as np

from features.privacy.kin import spelled
from features.privacy.ledger import Ledger
from features.state.spellings_kernel import next_alike
from features.state.store import Store


def namesakes(store: Store, ledger: Ledger, account: bytes, member: str) -> list[str]:
    """Who is held or has words of his own and is spelled as a member is, himself left out."""
    kin = ledger.kin(account)
    found = set(kin.alike(member)) if kin is not None else set()
    name, sid = np.frombuffer(spelled(member).encode(), np.uint8), store.find(account)
    while sid >= 0:
        sid = int(next_alike(store.subjects, store.live.keys, sid, name))
        if sid >= 0:
            found.add(store.key(sid)[len(account) + 1 :].decode())
    return sorted(found - {member})
