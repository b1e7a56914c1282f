"""Keeps care cases: the latest word of each, the closed ones as far as there is room."""

from __future__ import annotations

from features.privacy.kin import Case, Kin
from features.privacy.ledger import Ledger
from features.records.facts import CareCase, Fact


def take_case(
    ledger: Ledger, account: bytes, member: str, fact: Fact, said: CareCase, most: int
) -> int | None:
    """Store what a fact says of a care case; returns how many closed ones were let go for it.

    None where it is no news. Of a member who was erased and has not granted anew the case is kept
    without his name, as the household's: it holds back offers to all of them as it is.
    """
    own = ledger.person(account, member)
    if member and not own.by_default and own.span()[1] <= fact.ts:
        member = ""
    case = Case.of(fact.ts, fact.event_id, member, said)
    known = (ledger.kin(account) or Kin()).case(said.case_id)
    if fact.ts <= own.erased_at or (known is not None and known[:3] >= case[:3]):
        return None
    kin = ledger.set_case(account, said.case_id, case)
    gone = 0
    for _ in range(len(kin.cases) - most):
        closed = [(c.ts, name) for name in kin.cases if (c := kin.case(name)) and not c.open]
        if closed:  # an open one is never let go
            ledger.set_case(account, min(closed)[1], None)
            gone += 1
    return gone
