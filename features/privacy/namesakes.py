"""Finds the members of an account who are spelled alike: one person, as far as he forbids.

A producer that sends `M-1` for `m-1` must not cost anybody a right. So what forbids (a refusal, an
end of consent, an erasure, being a child) holds for every spelling, and a grant for its own alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

import numpy as np

from features.privacy.admission import Admission
from features.privacy.ledger import Ledger
from features.privacy.spelling import are_one, ways
from features.state.spellings_kernel import next_ending
from features.state.store import Store

#: From when on members are held, ms.
Starts: TypeAlias = Mapping[str, int]
NONE: Final[Starts] = MappingProxyType({})


def held_from(
    store: Store, admission: Admission, account: bytes, member: str, now: int
) -> dict[str, int]:
    """From when on a member and his namesakes are held, ms; empty if he has none."""
    others = namesakes(store, admission.ledger, account, member)
    persons = {n: admission.ledger.person(account, n) for n in (member, *others) if others}
    return {n: admission.span(account, n, who, now)[0] for n, who in persons.items()}


def namesakes(store: Store, ledger: Ledger, account: bytes, member: str) -> list[str]:
    """Find who is held or has words of his own and is spelled as a member is, without him."""
    if not member:
        return []
    kin = ledger.kin(account)
    found = set(kin.alike(member)) if kin is not None else set()
    of = account.decode()
    end, sid = np.frombuffer(ways(member, of)[-1].encode(), np.uint8), store.find(account)
    while sid >= 0:  # the account, or words, may stand in front
        sid = int(next_ending(store.subjects, store.live.keys, sid, end))
        if sid >= 0:
            found.add(store.key(sid)[len(account) + 1 :].decode())
    return sorted(name for name in found - {member} if are_one(name, member, of))
