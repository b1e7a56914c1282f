"""Holds a declared opinion against what behaviour said of the interest that morning."""

from __future__ import annotations

from features.models.memory_kernel import decided_by_behaviour
from features.models.stance_kernel import Policy
from features.models.verdicts import Opined
from features.privacy.ledger import Ledger
from features.records.facts import Declaration, Fact, as_kept
from features.state.store import Store
from features.tags.taxonomy import Taxonomy
from features.vocabulary import FactKind, Opinion

_DAY_MS = 86_400_000


class Declared:
    """Judges what behaviour said by what people say.

    Parameters
    ----------
    store : Store
    taxonomy : Taxonomy
    ledger : Ledger
        Where opinions are kept.
    """

    def __init__(self, store: Store, taxonomy: Taxonomy, ledger: Ledger) -> None:
        self._store = store
        self._taxonomy = taxonomy
        self._ledger = ledger

    def judged(self, fact: Fact, policy: Policy) -> tuple[Opined, float] | None:
        """An opinion beside what behaviour said of it, before the fact is applied.

        Returns
        -------
        (Opined, float) or None
            With the score, below 0 where the interest was never seen. None for other facts, for one
            that is told again, and for one of a day that has closed: nobody knows that morning now.
        """
        said = fact.said
        if not isinstance(said, Declaration) or fact.tolerated:
            return None
        open_day = int(self._store.counters["open_day"])
        if open_day < 0 or (fact.ts + self._store.clock.offset) // _DAY_MS < open_day:
            return None
        if self._taxonomy.is_sensitive(said.interest):
            return None
        account, member = fact.account_id.encode(), fact.member_id or ""
        known = self._ledger.person(account, member).about
        before = known.get(f"{FactKind.DECLARATION}/{said.interest}")
        if before is not None and before.said == as_kept(said):
            return None
        sid = self._store.find(account, member.encode())
        score, engaged = -1.0, False
        if sid >= 0:
            index = self._taxonomy.index(said.interest)
            score, engaged = decided_by_behaviour(self._store.live, sid, index, policy)
        return Opined(bool(said.asked), Opinion(said.stance), bool(engaged)), float(score)
