"""Stores the facts about accounts and applies them to the live state of their subjects.

Nothing of an account is in the store unless profiling is allowed now: withdrawal, expiry and
erasure take every subject of it out, number and key, so that only tombstones are left to write.
Facts stay after a withdrawal (they are the proof of it); after an erasure nothing stays but a
mark, a keyed hash with the time of the erasure.
"""

from __future__ import annotations

import heapq
import json
from collections import Counter

import numpy as np

from features.privacy import flags as flagging
from features.privacy import rules as rulebook
from features.privacy.consent import FOREVER
from features.privacy.facts import AccountFacts, erasure_mark, holds, next_change, notes
from features.privacy.rules import Rules
from features.privacy.terms import understood
from features.records.facts import AboutInterest, Erasure, Fact
from features.state import layout as lay
from features.state.spans import ALWAYS, NEVER
from features.state.store import Store
from features.tags.taxonomy import Taxonomy
from features.vocabulary import Opinion, Purpose, Tolerated

_MOST_TEXTS = 20_000  # texts kept for subjects that are published again and again
_KEPT_FLAGS = np.uint8(255 - (lay.S_CARE | lay.S_HOLD | lay.S_KIN | lay.S_SUPPRESSIONS))


class Accounts:
    """Facts by account, stored as bytes, for most accounts have a line of consent and no more.

    Parameters
    ----------
    key : bytes
        Of the erasure marks.

    Attributes
    ----------
    marks : dict of str to int
        Keyed hash of an erased account, and the event time of its latest erasure.
    with_suppressions : set of bytes
        Accounts with suppressions to show in a profile.
    changed, changed_marks : set
        Accounts and marks that changed since the last commit.
    receipts : list of (bytes, bytes)
        Erasures since the last commit: mark, and what was erased.
    tolerated : Counter of Tolerated
        Facts since the last commit that were not in form.
    dropped : set of int
        Subjects forgotten since profiles were last written.
    """

    def __init__(
        self,
        store: Store,
        taxonomy: Taxonomy,
        default_grant: bool,
        rules: Rules | None = None,
        key: bytes = b"",
    ) -> None:
        self._store = store
        self._taxonomy = taxonomy
        self._default_grant = default_grant
        self._rules = rules or rulebook.load()
        self._key = key
        self._facts: dict[bytes, bytes] = {}
        self._due: dict[bytes, int] = {}
        self._heap: list[tuple[int, bytes]] = []
        self._forgotten: dict[bytes, bool] = {}
        self._spans: dict[bytes, dict[str, tuple[int, int]]] = {}
        self._texts: dict[bytes, tuple[tuple[bytes | None, int | None, list[int]], bytes]] = {}
        self.marks: dict[str, int] = {}
        self.dropped: set[int] = set()
        self.with_suppressions: set[bytes] = set()
        self.changed: set[bytes] = set()
        self.changed_marks: set[str] = set()
        self.receipts: list[tuple[bytes, bytes]] = []
        self.tolerated: Counter[Tolerated] = Counter()

    def facts(self, account: bytes) -> AccountFacts:
        """The facts about an account."""
        held = self._facts.get(account)
        erased_at = -1
        if self.marks:
            erased_at = self.marks.get(erasure_mark(self._key, account.decode()), -1)
        if held is None:
            return AccountFacts(erased_at=erased_at)
        return AccountFacts.from_bytes(held, erased_at)

    def raw(self, account: bytes) -> bytes | None:
        """The facts of an account as stored."""
        return self._facts.get(account)

    def apply(self, fact: Fact, watermark: int) -> int:
        """Store a fact and apply it to the account's subjects at once.

        Returns
        -------
        int
            Outcome: ``FACT``, or why it was not kept: ``NO_CONSENT`` for facts about
            interests outside consent, ``SUPPRESSED`` for sensitive and unknown interests.
        """
        known, how = understood(fact, self._rules)
        if how is not None:
            self.tolerated[how] += 1
        if known is None:
            return lay.FACT
        fact = known
        account = fact.account_id.encode()
        facts = self.facts(account)
        if isinstance(fact.said, AboutInterest):
            if self._taxonomy.is_sensitive(fact.said.interest):
                return lay.SUPPRESSED
            start, until = facts.consent(self._default_grant)
            if not start <= fact.ts < until:
                return lay.NO_CONSENT
        if not facts.apply(fact, self._rules):
            return lay.FACT
        if isinstance(fact.said, Erasure):
            self._erase(account, facts, fact)
        self._act(account, facts, watermark, fact.ts)
        return lay.FACT

    def admit(self, account: bytes, watermark: int) -> int:
        """Admit an account that the store doesn't know, or say why not (an outcome).

        Only where consent is granted by default: what was erased has to grant anew.
        """
        facts = self.facts(account)
        if facts.consent(self._default_grant)[1] <= max(watermark, 0):
            return lay.NO_CONSENT
        self._act(account, facts, watermark, 0)
        return lay.PENDING

    def admit_person(self, account: bytes, member: bytes, device: bytes, watermark: int) -> None:
        """Say when a person and a device that the store doesn't know may be held."""
        if member:
            spans = self.facts(account).member_spans(self._rules, watermark)
            self._store.spans.put(account, spans.get(member.decode(), ALWAYS), member=member)
        if device:
            self._store.spans.put(account, ALWAYS, device=device)

    def expire(self, watermark: int) -> None:
        """Apply the end of facts that were limited in time, for silent accounts too."""
        while self._heap and self._heap[0][0] <= watermark:
            due, account = heapq.heappop(self._heap)
            if self._due.get(account) == due:
                del self._due[account]
                self._act(account, self.facts(account), watermark, 0)
        self._set_due()

    def restore(self, account: bytes, value: bytes, watermark: int, new_rules: bool) -> None:
        """Load stored facts; flags come with the rows, and are set anew where rules changed."""
        self._facts[account] = value
        facts = self.facts(account)
        start, until = facts.consent(self._default_grant)
        if until <= max(watermark, 0):
            self._stub(account)
        else:
            sid = self._enrol(account, facts, watermark, start, until)
            for subject in self._store.members(sid) if new_rules else ():
                self._flag(subject, facts, watermark)
        self._schedule(account, facts, watermark)

    def settle(self, watermark: int) -> None:
        """After a restore take out those whom nothing allows now: the default was another."""
        s, n = self._store.subjects, int(self._store.counters["subjects"])
        held = (s["status"][:n] & np.uint8(lay.S_GONE)) == 0
        lapsed = (
            held
            & (s["account"][:n] == np.arange(n))
            & (s["consent_until"][:n] <= max(watermark, 0))
        )
        for sid in np.flatnonzero(lapsed).tolist():
            account = self._store.key(sid)
            self._act(account, self.facts(account), watermark, 0)

    def restore_mark(self, name: str, erased_at: int) -> None:
        """Load a stored erasure mark; before any facts."""
        self.marks[name] = erased_at
        self._store.counters["erasures"] = len(self.marks)

    def suppressions(self, sid: int) -> bytes:
        """Suppressions of a subject, for its profile."""
        key = self._store.key(sid)
        account, _, member = key.partition(b"/")
        if account not in self.with_suppressions:
            return b""
        interests = flagging.row_interests(self._store, sid)
        # It stays the same until a fact comes, something ends, or the subject's interests change.
        basis = self._facts.get(account), self._due.get(account), interests
        known = self._texts.get(key)
        if known is not None and known[0] == basis:
            return known[1]
        now = int(self._store.counters["max_ts"]) - self._store.clock.lateness
        held = {self._taxonomy.ids[i]: i for i in interests}
        text = notes(self.facts(account), member.decode() or None, now, self._rules, held)
        if len(self._texts) >= _MOST_TEXTS:
            self._texts.clear()
        self._texts[key] = basis, text
        return text

    def flag_fresh(self, sid: int, watermark: int) -> None:
        """Flag the rows of a subject that just got a new one."""
        account, _, member = self._store.key(sid).partition(b"/")
        facts = self.facts(account)
        if member:
            self._hold(sid, facts.held_members(self._rules, watermark))
        self._flag(sid, facts, watermark)

    def forget(self, sid: int) -> None:
        """Forget a subject that was silent too long; an account keeps what was allowed."""
        key = self._store.key(sid)
        s = self._store.subjects
        keep = b"/" not in key and (key in self._facts or int(s["sibling"][sid]) >= 0)
        if not keep or s["used"][sid] or s["events"][sid]:
            self._drop(sid, entirely=not keep)

    def forgotten(self) -> list[tuple[bytes, bool]]:
        """Keys forgotten since the last call, and whether a profile had been published."""
        found = list(self._forgotten.items())
        self._forgotten.clear()
        return found

    # -- acting --------------------------------------------------------------------------

    def _act(self, account: bytes, facts: AccountFacts, watermark: int, ts: int) -> None:
        """Apply the facts to the live state."""
        start, until = facts.consent(self._default_grant)
        allowed = until > max(watermark, 0)
        facts.forget_outside(start, until if allowed else start)
        self._keep(account, facts)
        if allowed:
            sid = self._store.find(account)
            s = self._store.subjects
            # Admitted anew, or stored before a gap in consent: begin with nothing.
            if sid >= 0 and start > int(s["consent_from"][sid]):
                self._drop_all(account)
            sid = self._enrol(account, facts, watermark, start, until)
            self._enrol_liking(account, facts, watermark)
            for subject in self._store.members(sid):
                self._flag(subject, facts, watermark, ts)
        else:
            self._drop_all(account)
            self.with_suppressions.discard(account)
            if facts:
                self._stub(account)
        self._schedule(account, facts, watermark)

    def _erase(self, account: bytes, facts: AccountFacts, fact: Fact) -> None:
        """Take out all there is and leave a mark and a receipt, neither with an identifier."""
        name = erasure_mark(self._key, fact.account_id)
        subjects = self._drop_all(account)
        profiles = sum(self._forgotten[key] for key in subjects)
        self.changed.add(account)
        self.marks[name] = facts.erased_at
        self.changed_marks.add(name)
        self._store.counters["erasures"] = len(self.marks)
        receipt = {
            "schema": 1,
            "mark": name,
            "request": fact.event_id,
            "requested_at": fact.ts,
            "applied_at": max(fact.ts, int(self._store.counters["max_ts"])),
            "subjects": len(subjects),
            "profiles": profiles,
            "facts_kept": len(facts.facts) + len(facts.consents),
        }
        self.receipts.append((name.encode(), json.dumps(receipt, separators=(",", ":")).encode()))

    def _keep(self, account: bytes, facts: AccountFacts) -> None:
        value = facts.to_bytes() if facts else None
        if value == self._facts.get(account):
            return
        self.changed.add(account)
        if value is None:
            del self._facts[account]
        else:
            self._facts[account] = value

    def _drop_all(self, account: bytes) -> list[bytes]:
        """Take an account out of the store; returns the keys that were there."""
        sid = self._store.find(account)
        if sid < 0:
            return []
        keys = []
        for subject in reversed(self._store.members(sid)):
            keys.append(self._store.key(subject))
            self._drop(subject, entirely=True)
        return keys

    def _drop(self, sid: int, *, entirely: bool) -> None:
        key = self._store.key(sid)
        published = bool(self._store.subjects["version"][sid])
        self.dropped.add(sid)
        self._texts.pop(key, None)
        self._forgotten[key] = published or self._forgotten.get(key, False)
        self._store.forget(sid, entirely=entirely)

    def _enrol(
        self, account: bytes, facts: AccountFacts, watermark: int, start: int, until: int
    ) -> int:
        """Let an account, and those of its members who may be, into the store."""
        store = self._store
        sid = store.ensure(account)
        store.subjects["consent_from"][sid] = start
        store.subjects["consent_until"][sid] = until
        held = not facts.allowed(Purpose.OFFERS, watermark, self._rules)[0] or (
            facts.child_device and self._rules.shared_device_holds
        )
        has_suppressions = self._has_suppressions(facts, watermark)
        store.subjects["status"][sid] = (store.subjects["status"][sid] & _KEPT_FLAGS) | np.uint8(
            lay.S_CARE * facts.case_open
            | lay.S_HOLD * held
            | lay.S_SUPPRESSIONS * has_suppressions
            | lay.S_KIN * bool(facts.member_spans(self._rules, watermark))
        )
        if self._default_grant:
            store.spans.drop(account)
        known = self.with_suppressions
        (known.add if has_suppressions else known.discard)(account)
        self._set_members(account, sid, facts, watermark)
        return sid

    def _set_members(self, account: bytes, sid: int, facts: AccountFacts, watermark: int) -> None:
        store = self._store
        spans = facts.member_spans(self._rules, watermark)
        held = facts.held_members(self._rules, watermark)
        before = self._spans.get(account, {})
        for member in before.keys() - spans.keys():
            store.spans.drop(account, member=member.encode())
        for member, (start, until) in spans.items():
            store.spans.put(account, (start, until), member=member.encode())
            subject = store.find(account, member.encode())
            # From a time that may not be held, or stored before a gap: begin with nothing.
            if subject >= 0 and start > before.get(member, (start * (until > 0), 0))[0]:
                self._drop(subject, entirely=True)
        if spans or before:
            self._spans[account] = spans
        for subject in store.members(sid)[1:]:
            self._hold(subject, held)

    def _enrol_liking(self, account: bytes, facts: AccountFacts, watermark: int) -> None:
        """Let members who like something into the store.

        Where a fact or an end stands in the sequence, never at a restore: one who waits for the
        first event, or was silent too long, is not in the store, and must not come in by a stop.
        """
        if int(self._store.counters["open_day"]) < 0:
            return  # comes with the member's first event
        said = facts.opinions(watermark, self._rules)
        held = facts.held_members(self._rules, watermark)
        for member in sorted({item.member or "" for item in said if item.word == Opinion.LIKE}):
            if member:
                self._hold(self._store.ensure(account, member.encode()), held)

    def _hold(self, sid: int, members: set[str]) -> None:
        """Say of a member's subject whether it gets offers."""
        flags = self._store.subjects["status"]
        hold = self._store.key(sid).partition(b"/")[2].decode() in members
        flags[sid] = (flags[sid] & np.uint8(255 - lay.S_HOLD)) | np.uint8(lay.S_HOLD * hold)

    def _stub(self, account: bytes) -> None:
        """Keep a refusing account from being admitted by default; never written to the state."""
        if not self._default_grant:
            return
        self._store.spans.put(account, NEVER)

    def _has_suppressions(self, facts: AccountFacts, now: int) -> bool:
        members = facts.held_members(self._rules, now)
        return bool(
            members
            or facts.quiet(now, self._rules)
            or facts.opinions(now, self._rules)
            or next(holds(facts, None, now, self._rules), None)
        )

    def _schedule(self, account: bytes, facts: AccountFacts, watermark: int) -> None:
        due = next_change(facts, watermark, self._rules, self._default_grant)
        self._due.pop(account, None)
        if due < FOREVER:
            self._due[account] = due
            heapq.heappush(self._heap, (due, account))
            if len(self._heap) > 2 * len(self._due) + 64:
                self._heap = [(at, name) for name, at in self._due.items()]
                heapq.heapify(self._heap)
        self._set_due()

    def _set_due(self) -> None:
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        self._store.counters["due"] = self._heap[0][0] if self._heap else FOREVER

    def _flag(self, sid: int, facts: AccountFacts, watermark: int, ts: int = 0) -> None:
        flagging.flag(self._store, self._taxonomy, self._rules, sid, facts, watermark, ts)
