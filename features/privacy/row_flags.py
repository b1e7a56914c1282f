"""Sets the flags of an account's rows, and who of it gets offers, from all that decides them."""

from __future__ import annotations

import numpy as np

from features.outcomes.silence import Silence
from features.privacy import flags as flagging
from features.privacy.admission import Admission
from features.privacy.ledger import Ledger
from features.privacy.rules import Rules
from features.privacy.spelling import spelled
from features.privacy.spoken import Spoken
from features.state import layout as lay
from features.state.store import Store
from features.tags.taxonomy import Taxonomy
from features.vocabulary import Purpose


class RowFlags:
    """Applies what is known of persons, and what they were spoken to about, to rows.

    Parameters
    ----------
    store : Store
    taxonomy : Taxonomy
    ledger : Ledger
    rules : Rules
    admission : Admission
    spoken : Spoken
    """

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

    def fresh(self, sid: int, now: int) -> None:
        """Flag the rows of a subject that just got a new one, or whose rules changed."""
        account, _, name = self._store.key(sid).partition(b"/")
        member = name.decode()
        self.hold(account, member, sid, now)
        self.one(account, member, sid, now, 0)

    def one(self, account: bytes, member: str, sid: int, now: int, ts: int) -> None:
        """Set the flags of one subject's rows; `ts` is of the fact that is the occasion, or 0."""
        if not self._ledger.tells(account):  # most say nothing of interests, but are spoken to
            drawn = flagging.row_interests(self._store, sid) if self._rules.holdouts.active else []
            silent = self._spoken.flags(account, member, now, drawn)
            flagging.set_quiet(self._store, sid, silent.keys())
            return
        own = [self._ledger.person(account, member)] if member else []
        of = [self._ledger.person(account), *own]
        flags = [flagging.flags_of(person, now, self._taxonomy, self._rules) for person in of]
        for person in self._ledger.alike(account, member) if member else ():
            flags.append(flagging.forbidding(person, now, self._taxonomy, self._rules))
        held = flagging.row_interests(self._store, sid)
        flags.append(self._spoken.flags(account, member, now, held))
        likes = flagging.liked(of[-1], now, self._taxonomy, self._rules)
        flagging.flag(self._store, sid, flags, likes, ts)

    def all(self, account: bytes, sid: int, now: int, ts: int) -> None:
        """Set the flags of all rows of an account."""
        self.one(account, "", sid, now, ts)
        if int(self._store.subjects["sibling"][sid]) < 0:
            return
        # Hold-outs, and contacts with namesakes, give every member flags of his own.
        if self._rules.holdouts.active or self._ledger.spoken(account):
            members = self._store.members(sid)[1:]
        else:
            person = self._ledger.person(account)
            flags = flagging.flags_of(person, now, self._taxonomy, self._rules)
            flagging.flag_members(self._store, sid, flags, len(self._taxonomy))
            found = (self._store.find(account, m.encode()) for m in self._ledger.telling(account))
            members = [member for member in found if member >= 0]
        for of_member in members:
            member = self._member(of_member)
            self.one(account, member, of_member, now, ts)
            self.hold(account, member, of_member, now)

    def silence(
        self, account: bytes, sid: int, now: int, before: Silence | None, after: Silence
    ) -> None:
        """Set the flags of all rows of an account where nothing but its silence changed.

        Parameters
        ----------
        before : Silence or None
            What the flags follow from; None where that is not known.
        after : Silence
            What they are to follow from, that of `now`.
        """
        if before is None or self._rules.holdouts.active:
            self.all(account, sid, now, 0)
            return
        tells = self._ledger.tells(account)
        self.expect(account, sid, after)
        for subject in self._store.members(sid):
            member = "" if subject == sid else self._member(subject)
            name = spelled(member, account.decode())
            if tells:
                self.one(account, member, subject, now, 0)
            elif before.to(name) != after.to(name):
                quiet = self._spoken.quiet(after, name)
                if quiet != self._spoken.quiet(before, name):
                    flagging.set_quiet(self._store, subject, quiet)
                elif self._store.subjects["used"][subject]:  # its profile says so
                    self._store.mark(subject, lay.D_STATE | lay.D_PROFILE)
            # A restart left off what the household's hold said as well.
            if before.holds(name) or after.holds(name):
                self.hold(account, member, subject, now)

    def expect(self, account: bytes, sid: int, silence: Silence) -> None:
        """Say which new rows of an account and its members get flags, for the fold to stop at."""
        any_of_it = self._rules.holdouts.active or self._ledger.tells(account)
        bits = lay.ALL_FLAGGED if any_of_it else self._spoken.bits(silence)
        self._store.subjects["flagged"][sid] = bits

    def hold(self, account: bytes, member: str, sid: int, now: int) -> None:
        """Say of a member's subject whether he gets offers; of the household `Standing` says it."""
        if not member:
            return
        of = (self._ledger.person(account, member), *self._ledger.alike(account, member))
        held = (
            self._admission.is_child(account, member)
            or any(who.refuses(Purpose.OFFERS, now) for who in of)
            or self._spoken.holds(account, member, self._spoken.silence(account, now))
        )
        status = self._store.subjects["status"]
        status[sid] = (status[sid] & np.uint8(255 - lay.S_HOLD)) | np.uint8(lay.S_HOLD * held)

    def _member(self, sid: int) -> str:
        return self._store.key(sid).partition(b"/")[2].decode()
