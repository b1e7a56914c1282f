"""Keeps the live state of persons as what is known of them says: who is in it, held, flagged.

What the account says holds for all in it, and what a member says for that member beside it. What a
member says costs as much in an account of thousands as in one of two.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.outcomes.silence import Silence
from features.privacy import flags as flagging
from features.privacy import lapsed as lapsing
from features.privacy.admission import Admission
from features.privacy.agreements import Agreements
from features.privacy.consent import FOREVER
from features.privacy.ends import Ends
from features.privacy.followed import Followed
from features.privacy.kin import Kin
from features.privacy.ledger import Ledger, person_key
from features.privacy.name_sets import keep_name
from features.privacy.namesakes import NONE, Starts, namesakes
from features.privacy.notes import USES, Notes
from features.privacy.person import ATTRIBUTION, Person
from features.privacy.row_flags import RowFlags
from features.privacy.rules import Rules
from features.privacy.spoken import Spoken
from features.privacy.statements import Statements
from features.state import layout as lay
from features.state.chain_kernel import mark_household
from features.state.spans import ALWAYS, NEVER
from features.state.store import Store
from features.tags.taxonomy import Taxonomy
from features.vocabulary import Purpose

_SAID = np.uint8(255 - lay.S_GONE - lay.S_AGREED)
_HELD = lay.S_CARE | lay.S_HOLD


class Standing:
    """Applies what is known of persons to their subjects.

    Attributes
    ----------
    admission : Admission
    spoken : Spoken
    rows : RowFlags
    ends : Ends
    noted : dict of bytes to set of str
        Accounts with suppressions to show in a profile, and of which members; "" is the account.
    dropped : set of int
        Subjects forgotten since profiles were last written.
    left : set of bytes
        Accounts of which somebody was taken out since the engine last asked.
    """

    def __init__(
        self, store: Store, taxonomy: Taxonomy, ledger: Ledger, rules: Rules, default_grant: bool
    ) -> None:
        self._store = store
        self._taxonomy = taxonomy
        self._ledger = ledger
        self._rules = rules
        self._default_grant = default_grant
        self.admission = Admission(store.spans, ledger, rules)
        self.spoken = Spoken(ledger, rules, taxonomy, Followed(store, taxonomy, ledger, rules))
        self.rows = RowFlags(store, taxonomy, ledger, rules, self.admission, self.spoken)
        self.agreements = Agreements(store, self.admission, taxonomy)
        self.ends = Ends()
        self._statements = Statements(store, taxonomy, ledger, rules, self.admission, self.spoken)
        self.noted: dict[bytes, set[str]] = {}
        self.dropped: set[int] = set()
        self.left: set[bytes] = set()
        self._forgotten: dict[bytes, bool] = {}
        self.count_asked()

    # -- what follows --------------------------------------------------------------------

    def follow(self, account: bytes, member: str, now: int, ts: int, since: Starts = NONE) -> None:
        """Apply what a person said to its subjects.

        Parameters
        ----------
        now : int
            Watermark, ms.
        ts : int
            Event time of the fact that is the occasion, 0 where there is none.
        since : mapping of str to int
            What `held_from` said before it.
        """
        if member:
            self._follow_member(account, member, now, ts, since.get(member, -1))
            for name in namesakes(self._store, self._ledger, account, member):
                self._follow_member(account, name, now, 0, since.get(name, FOREVER))
        else:
            self._follow_account(account, now, ts)
        self._store.counters["due"] = self.ends.first()

    def wake(self, other: int) -> None:
        """Have the fold stop at an event time, ms, for what is due of nobody, too."""
        self.ends.other = other
        self._store.counters["due"] = self.ends.first()

    def follow_contacts(self, account: bytes, now: int, before: Silence | None = None) -> None:
        """Apply what came of contacts to all of an account: a household is one screen.

        Parameters
        ----------
        before : Silence or None
            What followed from the contacts so far, where nothing else changed.
        """
        sid, after = self._store.find(account), self.spoken.silence(account, now)
        if before is not None and sid >= 0 and before.holds("") == after.holds(""):
            known, kin = int(self._store.subjects["status"][sid]), self._ledger.kin(account)
            kin_same = bool(known & lay.S_KIN) == (kin is not None)
            if kin_same and before == after:
                return  # an answer that changes nothing, a hold-out
            self._statements.renew_silence(account)
            self._put_end(account, self._ledger.person(account), after, now)
            if not kin_same or (before.next_end is None) != (after.next_end is None):
                self._restate(account, now)
        else:
            self._settle(account, "", now)
            self.restate(account, now)
            sid, after = self._store.find(account), self.spoken.silence(account, now)
        if sid >= 0:
            self.rows.silence(account, sid, now, before, after)
        self._store.counters["due"] = self.ends.first()

    def _put_end(self, account: bytes, person: Person, silence: Silence, now: int) -> None:
        """Remember when the next thing of an account ends."""
        end, silent = person.next_change(now, self._rules), silence.next_end
        self.ends.put(account, end if silent is None else min(end, silent))

    def end(self, account: bytes, member: str, at: int, now: int) -> None:
        """Apply that something of a person ended at a time, ms; maybe other things since."""
        person = self._ledger.person(account)
        if (
            not member
            and person.next_change(at - 1, self._rules) > now  # none of his words ended
            and ATTRIBUTION not in person.consents
            and self._store.find(account) >= 0
        ):
            self.follow_contacts(account, now, self.spoken.silence(account, at - 1))
        else:
            self.follow(account, member, now, 0)

    def _follow_account(self, account: bytes, now: int, ts: int) -> None:
        store = self._store
        person = self._ledger.person(account)
        span, in_use = person.span(), person.span_in_use()
        allowed = span[1] > max(now, 0)
        sid = store.find(account)
        known = None
        if sid >= 0:
            s = store.subjects
            known = int(s["consent_from"][sid]), int(s["consent_until"][sid])
        if in_use != known or not allowed:
            self._forget_outside(account, span if allowed else NEVER, now)
        # Not allowed, or stored before a gap in consent: begin with nothing.
        if not allowed or (known is not None and span[0] > known[0]):
            self.drop(account)
            sid = -1
        self._settle(account, "", now)
        if not allowed:
            for known_of in (self.noted, self.agreements.others):
                known_of.pop(account, None)
            if self._default_grant and self._ledger.knows(account):
                store.spans.put(account, NEVER)
            return
        fresh, sid = sid < 0, self._enrol(account, in_use)
        settled = fresh or ATTRIBUTION in person.consents
        for member in self._ledger.named(account) if settled else ():
            self._settle(account, member, now)
            self._enrol_liking(account, member, now)
        self.restate(account, now)
        self.rows.all(account, sid, now, ts)

    def _follow_member(self, account: bytes, member: str, now: int, ts: int, since: int) -> None:
        store, name = self._store, member.encode()
        person = self._ledger.person(account, member)
        span = self.admission.span(account, member, person, now)
        if self._ledger.forget_outside(account, member, *span):
            self.follow_contacts(account, now)
        before = (store.spans.get(account, member=name) or ALWAYS)[0] if since < 0 else since
        # Nothing is held from before an erasure, whether or not a span was asked for since.
        held_from = max(before, person.erased_at + 1)
        self._settle(account, member, now)
        sid = store.find(account, name)
        if sid >= 0 and (span == NEVER or span[0] > held_from):
            self._drop(sid, entirely=True)
        if store.find(account) < 0:
            self.restate(account, now)
        if store.find(account) < 0:
            return  # nothing of the account is held
        if span != NEVER and ts:
            self._enrol_liking(account, member, now)
        sid = store.find(account, name)
        self.restate(account, now)
        if sid >= 0:
            self.rows.one(account, member, sid, now, ts)

    def restate(self, account: bytes, now: int, *, news: bool | None = None) -> None:
        """Say of an account's subject what holds for all in it.

        Parameters
        ----------
        news : bool or None
            Whether all profiles have to say it anew; None where a hold or its end is the news.
        """
        self._statements.renew(account)
        self._restate(account, now, news)

    def _restate(self, account: bytes, now: int, news: bool | None = None) -> None:
        kin, person = self._ledger.kin(account), self._ledger.person(account)
        silence = self.spoken.silence(account, now)
        noted = (
            self.spoken.concerns(silence)
            or person.speaks(now, self._rules)
            or self._statements.holds(account, person, now)
        )
        keep_name(self.noted, account, "", kept=noted)
        sid = self._store.find(account)
        if sid < 0:
            self.noted.pop(account, None)
            if person.span()[1] > max(now, 0) and self._ledger.knows(account):
                self._follow_account(account, now, 0)  # whom the default admits
            return
        held = (
            not person.allows(Purpose.OFFERS, now, self._rules)
            or (kin is not None and kin.shared and self._rules.shared_device_holds)
            or self.spoken.holds(account, "", silence)
        )
        status = self._store.subjects["status"]
        before = int(status[sid])
        status[sid] = (status[sid] & ~_SAID) | np.uint8(
            lay.S_CARE * (kin is not None and bool(kin.open))
            | lay.S_HOLD * held
            | lay.S_SUPPRESSIONS * (account in self.noted)
            | lay.S_KIN * (kin is not None and bool(kin.members or kin.devices))
            | lay.S_ASK * self.admission.asks(account)
            | lay.S_OTHERS * self.agreements.has_others(account)
        )
        self.rows.expect(account, sid, silence)
        if news or (news is None and (before ^ int(status[sid])) & _HELD):
            mark_household(self._store.live, sid)

    def _settle(self, account: bytes, member: str, now: int) -> None:
        """Remember when something of a person ends; of a member also when it may be held."""
        self._statements.renew(account)
        person = self._ledger.person(account, member)
        if not member:
            self._put_end(account, person, self.spoken.silence(account, now), now)
            return
        self.ends.put(person_key(account, member), person.next_change(now, self._rules))
        self.admission.put_member(account, member, person, now)
        barred = bool(person) and any(person.refuses(use, now) for use, _ in USES)
        known = (self._ledger.kin(account) or Kin()).is_child(member)  # not whoever was erased
        noted = known or barred or person.speaks(now, self._rules)
        keep_name(self.noted, account, member, kept=noted)
        if (sid := self._store.find(account, member.encode())) >= 0:
            self.rows.hold(account, member, sid, now)
        self.agreements.settle(account, member, person, now)

    def _enrol(self, account: bytes, span: tuple[int, int]) -> int:
        sid = self._store.ensure(account)
        self._store.subjects["consent_from"][sid] = span[0]
        self._store.subjects["consent_until"][sid] = span[1]
        if self._default_grant:
            self._store.spans.drop(account)
        return sid

    def _enrol_liking(self, account: bytes, member: str, now: int) -> None:
        """Let a member who likes something into the store.

        Where a fact stands in the sequence, never at a restore: one who waits for the first event,
        or was silent too long, is not in the store, and must not come in by a stop.
        """
        if int(self._store.counters["open_day"]) < 0:
            return  # comes with the member's first event
        person = self._ledger.person(account, member)
        if flagging.liked(person, now, self._taxonomy, self._rules):
            self._store.ensure(account, member.encode())
            self._settle(account, member, now)

    def _forget_outside(self, account: bytes, span: tuple[int, int], now: int) -> None:
        """Drop facts about interests of all of an account outside a span."""
        for member in ("", *self._ledger.telling(account)):
            if self._ledger.forget_outside(account, member, *span):
                self._settle(account, member, now)

    def count_asked(self) -> None:
        """Count the reasons for which accounts that are not known are asked about."""
        of_all = self._rules.say_of_everybody(self._default_grant)
        self._store.counters["erasures"] = len(self._ledger.marks) + of_all

    # -- going ---------------------------------------------------------------------------

    def forget(self, sid: int) -> None:
        """Forget a subject that was silent too long; an account keeps what was allowed."""
        key = self._store.key(sid)
        s = self._store.subjects
        keep = b"/" not in key and (self._ledger.knows(key) or int(s["sibling"][sid]) >= 0)
        if not keep or s["used"][sid] or s["events"][sid]:
            self._drop(sid, entirely=not keep)

    def drop(self, account: bytes, member: str = "") -> list[bytes]:
        """Take an account, or one member, out of the store; returns the keys that were there."""
        sid = self._store.find(account, member.encode())
        if sid < 0:
            return []
        self.left.add(account)
        keys = []
        for subject in [sid] if member else reversed(self._store.members(sid)):
            keys.append(self._store.key(subject))
            self._drop(subject, entirely=True)
        return keys

    def retract(self, keys: list[bytes]) -> int:
        """Have tombstones written for keys, known or not; of how many a profile was published."""
        published = sum(self._forgotten.get(key, False) for key in keys)
        for key in keys:
            self._forgotten[key] = True
            self.ends.put(key, FOREVER)
            self.spoken.followed.forget(key)
        return published

    @property
    def has_forgotten(self) -> bool:
        """Whether keys were forgotten since `forgotten` was called."""
        return bool(self._forgotten)

    def forgotten(self) -> list[tuple[bytes, bool]]:
        """Keys forgotten since the last call, and whether a profile may have been published."""
        found = list(self._forgotten.items())
        self._forgotten.clear()
        return found

    def _drop(self, sid: int, *, entirely: bool) -> None:
        key = self._store.key(sid)
        published = bool(self._store.subjects["version"][sid])
        self.dropped.add(sid)
        self._statements.renew(key.partition(b"/")[0])
        self._forgotten[key] = published or self._forgotten.get(key, False)
        self._store.forget(sid, entirely=entirely)

    # -- what a profile says -------------------------------------------------------------

    def notes(self, sids: NDArray[np.int32]) -> list[Notes]:
        """Suppressions and permissions of subjects of noted accounts, for their profiles."""
        return self._statements.notes(sids)

    # -- a restore -----------------------------------------------------------------------

    def settle(self, now: int, new_rules: bool) -> None:
        """Apply the restored facts; flags come with the rows, and are set anew for new rules.

        Nobody comes into the store, and only who is allowed nothing now goes: the default was
        another.
        """
        store = self._store
        self.count_asked()
        for sid in lapsing.denied(store, self._ledger, self._taxonomy) if new_rules else ():
            self.forget(sid)
        for account in self._settled():
            person = self._ledger.person(account)
            if person.span()[1] > max(now, 0):
                self._enrol(account, person.span_in_use())
            elif self._default_grant:
                store.spans.put(account, NEVER)
            for member in ("", *self._ledger.named(account)):
                for name in (member, *namesakes(store, self._ledger, account, member)):
                    self._settle(account, name, now)
            kin = self._ledger.kin(account)
            for device in kin.devices if kin is not None else ():
                self.admission.put_device(account, device, now)
            self.restate(account, now, news=False)
            sid = store.find(account)
            if new_rules and sid >= 0:
                for subject in lapsing.barred(store, self.admission, sid, now):
                    self._drop(subject, entirely=True)
            for subject in store.members(sid) if new_rules and sid >= 0 else ():
                self.rows.fresh(subject, now)
        s, n = store.subjects, int(store.counters["subjects"])
        held = (s["status"][:n] & np.uint8(lay.S_GONE)) == 0
        own = s["account"][:n] == np.arange(n)
        gone = held & own & (s["consent_until"][:n] <= max(now, 0))
        for sid in np.flatnonzero(gone).tolist():
            self.follow(store.key(sid), "", now, 0)
        self.spoken.followed.restore()
        store.counters["due"] = self.ends.first()

    def _settled(self) -> list[bytes]:
        """Accounts whose state follows from more than their events, in order."""
        if not self._rules.say_of_everybody(self._default_grant):
            return self._ledger.accounts()
        s, n = self._store.subjects, int(self._store.counters["subjects"])
        own = np.flatnonzero(s["account"][:n] == np.arange(n)).tolist()
        return sorted({*self._ledger.accounts(), *map(self._store.key, own)})
