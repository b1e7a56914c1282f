"""Accounts and what is known about them, put to work on the live state of their subjects."""

from __future__ import annotations

import numpy as np

from features.events import Fact
from features.kernels import layout as lay
from features.suppression import FOREVER, AccountFacts, notes
from features.taxonomy import Taxonomy
from features.windows import Store

_FLAG = {"like": lay.F_LIKE, "dislike": lay.F_DISLIKE}


class Accounts:
    """Facts by account, held as bytes, for most accounts have a line of consent and no more.

    Attributes
    ----------
    noted : set of bytes
        Accounts with something to say in a profile.
    changed : set of bytes
        Accounts whose facts changed since the last commit.
    dropped : set of int
        Subjects forgotten since profiles were last written.
    """

    def __init__(self, store: Store, taxonomy: Taxonomy, default_grant: bool) -> None:
        self._store = store
        self._taxonomy = taxonomy
        self._default_grant = default_grant
        self._facts: dict[bytes, bytes] = {}
        self._due: dict[bytes, int] = {}
        self._forgotten: dict[bytes, bool] = {}
        self.dropped: set[int] = set()
        self.noted: set[bytes] = set()
        self.changed: set[bytes] = set()

    def facts(self, account: bytes) -> AccountFacts:
        """What is known about an account."""
        held = self._facts.get(account)
        return AccountFacts() if held is None else AccountFacts.from_bytes(held)

    def raw(self, account: bytes) -> bytes | None:
        """The facts of an account as stored."""
        return self._facts.get(account)

    def apply(self, fact: Fact, watermark: int) -> None:
        """Take up a fact and let it act on the account's subjects at once."""
        account = fact.account_id.encode()
        facts = self.facts(account)
        if not facts.apply(fact.kind, fact.member_id, fact.ts, fact.event_id, fact.data):
            return
        self._facts[account] = facts.to_bytes()
        self.changed.add(account)
        if fact.kind == "erasure":
            self._forget_all(account)
        self._act(account, facts, watermark)

    def expire(self, watermark: int) -> None:
        """Let what was limited in time end, for silent accounts too."""
        for account in [a for a, due in self._due.items() if due <= watermark]:
            self._act(account, self.facts(account), watermark)

    def restore(self, account: bytes, value: bytes, watermark: int) -> None:
        """Take up stored facts; the rows' flags come with the rows."""
        self._facts[account] = value
        facts = AccountFacts.from_bytes(value)
        sid = self._store.ensure(account)
        self._set_consent(sid, facts)
        self._schedule(account, facts, watermark)

    def note(self, sid: int) -> bytes:
        """Suppressions of a subject, for its profile."""
        key = self._store.key(sid)
        account, _, member = key.partition(b"/")
        if account not in self.noted:
            return b""
        day = int(self._store.c[lay.C_OPEN_DAY])
        start = day * lay.DAY_MS - self._store.clock.offset
        return notes(self.facts(account), member.decode() or None, start)

    def forget(self, sid: int) -> None:
        """Forget a subject's behaviour; tombstones follow with the next commit."""
        store = self._store
        key = store.key(sid)
        published = bool(store.subjects.version[sid])
        if store.subjects.events[sid] == 0 and not store.subjects.used[sid] and not published:
            return
        is_account = b"/" not in key
        keep = is_account and (key in self._facts or int(store.subjects.sibling[sid]) >= 0)
        self.dropped.add(sid)
        self._forgotten[key] = published or self._forgotten.get(key, False)
        store.forget(sid, entirely=not keep)

    def forgotten(self) -> list[tuple[bytes, bool]]:
        """Keys forgotten since the last call, and whether a profile had been published."""
        found = list(self._forgotten.items())
        self._forgotten.clear()
        return found

    def _act(self, account: bytes, facts: AccountFacts, watermark: int) -> None:
        sid = self._store.ensure(account)
        self._set_consent(sid, facts)
        _, until = facts.consent(self._default_grant)
        if until <= watermark or until == 0:
            self._forget_all(account)
        else:
            self._flag_rows(sid, facts, watermark)
        self._schedule(account, facts, watermark)

    def _forget_all(self, account: bytes) -> None:
        for sid in reversed(self._store.members(self._store.ensure(account))):
            self.forget(sid)

    def _set_consent(self, sid: int, facts: AccountFacts) -> None:
        s = self._store.subjects
        s.consent_from[sid], s.consent_until[sid] = facts.consent(self._default_grant)
        s.flags[sid] = (s.flags[sid] & ~np.uint8(lay.S_CARE)) | np.uint8(
            lay.S_CARE if facts.case_open else 0)

    def _schedule(self, account: bytes, facts: AccountFacts, watermark: int) -> None:
        until = facts.consent(self._default_grant)[1]
        due = [until] if watermark < until < FOREVER else []
        quiet = facts.quiet(watermark)
        due += [item[3] for item in quiet]
        self._due.pop(account, None)
        if due:
            self._due[account] = min(due)
        if quiet or facts.case_open or facts.opinions():
            self.noted.add(account)
        else:
            self.noted.discard(account)

    def _flag_rows(self, account: int, facts: AccountFacts, watermark: int) -> None:
        wanted = [(m, i, _FLAG[stance]) for m, i, stance in facts.opinions()]
        wanted += [(m, i, lay.F_QUIET) for m, i, _, _ in facts.quiet(watermark)]
        for member, interest, flag in wanted:
            if flag == lay.F_LIKE and interest in self._taxonomy:
                self._ensure_row(account, member, interest)
        store = self._store
        for sid in store.members(account):
            member_id = store.key(sid).partition(b"/")[2].decode() or None
            flags: dict[int, int] = {}
            for who, interest, flag in wanted:
                if who in (None, member_id) and interest in self._taxonomy:
                    for node in self._concerned(interest, flag):
                        flags[node] = flags.get(node, 0) | flag
            start = int(store.subjects.start[sid])
            for j in range(start, start + int(store.subjects.used[sid])):
                store.rows.u2[j, lay.R_FLAGS] = flags.get(int(store.rows.interest[j]), 0)
            if store.subjects.used[sid]:
                store.mark(sid, lay.D_STATE | lay.D_PROFILE)

    def _ensure_row(self, account: int, member: str | None, interest: str) -> None:
        index = self._taxonomy.index(interest)
        day = int(self._store.c[lay.C_OPEN_DAY])
        if self._taxonomy.sensitive[index] or day < 0:
            return
        key = self._store.key(account)
        sid = self._store.ensure(key, member.encode()) if member else account
        self._store.row(sid, index, day)

    def _concerned(self, interest: str, flag: int) -> list[int]:
        """An interest and, for being quiet or disliked, everything beneath it."""
        index = self._taxonomy.index(interest)
        return [index] if flag == lay.F_LIKE else [index, *self._taxonomy.descendants(index)]
