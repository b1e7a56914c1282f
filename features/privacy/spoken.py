"""Says who is left alone for having been spoken to: what a profile must not advise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from features.outcomes.contacts import DAY_MS
from features.outcomes.silence import NOT_SPOKEN_TO, Forbidden, Silence
from features.privacy.consent import FOREVER
from features.privacy.flags import Flags
from features.privacy.followed import Followed
from features.privacy.ledger import Ledger
from features.privacy.notes import SilenceText, said_of
from features.privacy.rules import Rules
from features.privacy.spelling import spelled
from features.records.facts import ContactMade, OutcomeSaid
from features.state import layout as lay
from features.tags.taxonomy import Taxonomy
from features.vocabulary import ContactNews, Reply, SuppressionReason

#: Accounts whose silence is kept once worked out.
_MOST_SILENCES: Final = 20_000
#: What is kept with a silence of all of an account.
_BITS: Final = "bits", ""


class Spoken:
    """The contacts with accounts and their members, the silence that follows, and the hold-outs.

    Parameters
    ----------
    ledger : Ledger
        Where they are kept.
    rules : Rules
    taxonomy : Taxonomy
    followed : Followed
        Told of contacts, for what came of them to be learned.

    Attributes
    ----------
    news : Counter of ContactNews or Reply
        What is new since the last commit.
    """

    def __init__(
        self, ledger: Ledger, rules: Rules, taxonomy: Taxonomy, followed: Followed
    ) -> None:
        self.followed = followed
        self._ledger = ledger
        self._rules = rules
        self._taxonomy = taxonomy
        self.news: Counter[ContactNews | Reply] = Counter()
        self._silences: dict[bytes, tuple[object, int, int, Silence]] = {}  # from, until when

    def take(
        self, account: bytes, member: str, ts: int, told: OutcomeSaid, now: int
    ) -> Silence | None:
        """Keep a contact or an answer.

        Returns
        -------
        Silence or None
            What followed at `now`, ms, from the contacts before; None where it is no news.
        """
        before = self.silence(account, now)
        contacts = self._ledger.contacts(account, member)
        patience = self._rules.contact.answer_days * DAY_MS
        news = contacts.take(
            spelled(member, account.decode()) if member else None,
            ts,
            told,
            patience,
            lambda: self.followed.signals(account, member, getattr(told, "interest", "")),
        )
        if news is None:
            return None
        if isinstance(told, ContactMade):
            self.followed.expect(account, member, contacts.items()[told.contact_id])
        self.news.update(news)
        self._ledger.save_contacts(account, member, contacts)
        return before

    def silence(self, account: bytes, now: int) -> Silence:
        """Work out what must not be said to an account and its members at `now`, ms."""
        contacts = self._ledger.household_contacts(account)
        if not contacts:
            self._silences.pop(account, None)
            return NOT_SPOKEN_TO
        known = self._silences.get(account)
        # It stays the same until a contact or an answer comes, but for what of it ends.
        if known is not None and known[0] is contacts and known[1] <= now:
            if now < known[2]:
                return known[3]
            silence = known[3].at(now)
        else:
            if len(self._silences) >= _MOST_SILENCES:
                self._silences.clear()
            silence = self._rules.contact.silence(contacts, now)
        self._silences[account] = contacts, now, _end(silence), silence
        return silence

    def forbidden(
        self, account: bytes, member: str, now: int, interests: Iterable[int]
    ) -> tuple[Forbidden, ...]:
        """List what must not be said to a member; of hold-outs, about these interests alone."""
        silent = self.silence(account, now).to(spelled(member, account.decode()))
        if not self._rules.holdouts.active:
            return tuple(silent)
        out = self._rules.holdouts.is_out(account.decode())
        about = [None] if out else [self._taxonomy.ids[i] for i in self._out(account, interests)]
        held = (Forbidden(SuppressionReason.HOLDOUT, name, None, FOREVER) for name in about)
        return (*held, *silent)

    def said(self, account: bytes, member: str, now: int) -> SilenceText:
        """Write what the silence towards a member says in his profile, but for hold-outs."""
        silence, name = self.silence(account, now), spelled(member, account.decode())
        what = "said", name if name in silence.of else ""
        known: SilenceText | None = silence.kept.get(what)
        if known is None:
            known = silence.kept[what] = said_of(silence.to(name), self._taxonomy)
        return known

    def concerns(self, silence: Silence) -> bool:
        """Whether there is, or may be, something that must not be said to an account."""
        return silence.next_end is not None or self._rules.holdouts.active

    def holds(self, account: bytes, member: str, silence: Silence) -> bool:
        """Whether nothing at all may be said to a member or, with "", to the household."""
        if self._rules.holdouts.active and self._rules.holdouts.is_out(account.decode()):
            return True
        return silence.holds(spelled(member, account.decode()))

    def flags(self, account: bytes, member: str, now: int, interests: Iterable[int] = ()) -> Flags:
        """The flags of what nothing may be said about; of hold-outs, of these interests alone."""
        quiet = self.quiet(self.silence(account, now), spelled(member, account.decode()))
        return dict.fromkeys(quiet.union(self._out(account, interests)), lay.F_QUIET)

    def quiet(self, silence: Silence, name: str) -> frozenset[int]:
        """Dense interests of which a silence lets nothing be said to whom it spells so."""
        what = "quiet", name if name in silence.of else ""
        known: frozenset[int] | None = silence.kept.get(what)
        if known is None:
            known = frozenset(map(self._taxonomy.index, silence.interests(name)))
            silence.kept[what] = known
        return known

    def bits(self, silence: Silence) -> int:
        """Kinds of interests (`features.state.layout.SUBJECT`) that a silence to anybody is on."""
        known: int | None = silence.kept.get(_BITS)
        if known is None:
            known = 0
            for member in silence.of:
                for interest in self.quiet(silence, member):
                    known |= int(lay.FLAGGED[interest % lay.FLAGGED.size])
            silence.kept[_BITS] = known
        return known

    def _out(self, account: bytes, interests: Iterable[int]) -> list[int]:
        """Those of some interests for which an account is held out."""
        draws, ids = self._rules.holdouts, self._taxonomy.ids
        if not draws.active:
            return []
        return [i for i in interests if draws.group(account.decode(), ids[i]) is not None]


def _end(silence: Silence) -> int:
    return FOREVER if silence.next_end is None else silence.next_end
