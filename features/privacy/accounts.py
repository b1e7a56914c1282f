"""Takes facts: stores what they say, and has it applied to the persons they are about.

Nothing of a person is in the store unless profiling is allowed now: withdrawal, expiry and erasure
take it out, number and key, so that only tombstones are left to write. Words stay after a
withdrawal (they are the proof of it); after an erasure nothing stays but a mark, a keyed hash
with the time of the erasure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

from features.outcomes.contacts import ANNOYED
from features.privacy import format_1
from features.privacy import rules as rulebook
from features.privacy.cases import take_case
from features.privacy.device_names import also_meant, refused_before
from features.privacy.kin import Kin
from features.privacy.ledger import Ledger, person_key
from features.privacy.limits import FactLimits
from features.privacy.marks import Mark
from features.privacy.namesakes import held_from, namesakes
from features.privacy.person import ATTRIBUTION, DOUBT, Held, protects
from features.privacy.remembered import (
    LEAVE_ALONE,
    children_of,
    forbade_before,
    mark_child,
    mark_refusing,
    refusing,
)
from features.privacy.renewal import renewed_record
from features.privacy.rules import Rules
from features.privacy.standing import Standing
from features.privacy.strays import Erased, Strays
from features.privacy.terms import understood
from features.records.concealed import Secret, renewed
from features.records.facts import (
    CareCase,
    Consent,
    ContactAnswer,
    ContactMade,
    DecisionAgainst,
    Declaration,
    Doubted,
    Erasure,
    Fact,
    OutcomeSaid,
    Purchase,
    Refused,
    Registry,
    Several,
    SharedPart,
    Tick,
    as_kept,
)
from features.state import changelog_keys as keys
from features.state import layout as lay
from features.state.changelog_keys import Kind
from features.state.store import Store
from features.tags.taxonomy import Taxonomy
from features.vocabulary import ConsentStatus, FactKind, Purpose, Tolerated


class Accounts:
    """Facts, and what follows from them.

    Parameters
    ----------
    key : bytes or tuple of bytes
        Of the erasure marks.

    Attributes
    ----------
    ledger : Ledger
        What is known.
    standing : Standing
        What follows from it.
    strays : Strays
        What stands published of persons whom the state does not know.
    receipts : list of (bytes, bytes)
        Erasures since the last commit: mark, and what was erased.
    tolerated : Counter of Tolerated
        Facts since the last commit that were not in form.
    evicted : Counter of FactKind
        Facts since the last commit that were let go for others, by kind.
    """

    def __init__(
        self,
        store: Store,
        taxonomy: Taxonomy,
        default_grant: bool,
        limits: FactLimits,
        rules: Rules | None = None,
        key: Secret = b"",
    ) -> None:
        self._store = store
        self._taxonomy = taxonomy
        self._rules = rules or rulebook.load()
        self._limits = limits
        self._key = key
        self.ledger = Ledger(key, default_grant, limits.contacts_per_person)
        self.standing = Standing(store, taxonomy, self.ledger, self._rules, default_grant)
        self.strays = Strays(store, self.ledger)
        self.receipts: list[tuple[bytes, bytes]] = []
        self.tolerated: Counter[Tolerated] = Counter()
        self.evicted: Counter[FactKind] = Counter()

    # -- facts ---------------------------------------------------------------------------

    def apply(self, fact: Fact, now: int) -> int:
        """Store a fact and apply it to the live state at once.

        Returns
        -------
        int
            Outcome: ``FACT``, or why it was not kept: ``NO_CONSENT`` for facts about
            interests outside consent, ``SUPPRESSED`` for sensitive and unknown interests and
            for members who may not be held, ``OVER_LIMIT`` where there is no room, ``MALFORMED``
            for what puts on hold, ``PENDING`` for a tick until what ended by it was applied.
        """
        known, how = understood(fact, self._rules)
        found = [] if known is None else [known, *also_meant(self._store, self.ledger, known)]
        self.tolerated.update(filter(None, (how, Tolerated.REFUSAL if len(found) > 1 else None)))
        return self._apply(found[0], now) if len(found) == 1 else self._all(found, self._apply, now)

    def _apply(self, known: Fact, now: int) -> int:
        account, member = known.account_id.encode(), known.member_id or ""
        match known.said:
            case Tick(now=told):
                self._store.ticked = max(self._store.ticked, told or -1)
                return lay.PENDING if self.standing.ends.next() <= self._store.now else lay.FACT
            case Erasure():
                return self._erase(account, member, known, now)
            case Consent(status=status, purpose=term, expires_at=until):
                ours = ATTRIBUTION if term.lower() == ATTRIBUTION else self._rules.purpose(term)
                named = () if ours is None else (ours,)
                return self._words(account, member, known, named, status, until, now)
            case Refused(purposes=named, status=status):
                named = (*named, *[ATTRIBUTION] * {*Purpose}.issubset(named))  # on screens, too
                return self._words(account, member, known, named, status, None, now)
            case Doubted(purposes=named):
                return self._doubt(account, known, named, now)
            case SharedPart():
                return lay.FACT
            case Several(parts=parts):
                return self._all(parts, self.apply, now)
            case Registry() as said:
                return self._register(account, known, said, now)
            case CareCase() as said:
                return self._case(account, member, known, said, now)
            case Declaration() | Purchase() | DecisionAgainst() as about:
                held = Held(known.ts, known.event_id, as_kept(about))
                return self._about(account, member, held, now)
            case ContactMade() | ContactAnswer() as told:
                return self._outcome(account, member, known.ts, told, now)

    def _all(self, parts: Iterable[Fact], apply: Callable[[Fact, int], int], now: int) -> int:
        became = [apply(part, now) for part in parts]
        return lay.MALFORMED if lay.MALFORMED in became else lay.FACT

    def _words(
        self,
        account: bytes,
        member: str,
        fact: Fact,
        purposes: Sequence[str],
        status: str,
        until: int | None,
        now: int,
    ) -> int:
        if status == ConsentStatus.GRANTED and self._is_one_too_many(account, member):
            return lay.OVER_LIMIT
        person = self.ledger.draft(account, member)
        changed = any([person.word(fact, purpose, status, until) for purpose in purposes])
        late = bool(member) and forbade_before(person, fact, purposes, status, until)
        if changed or late:
            since = held_from(self._store, self.standing.admission, account, member, now)
            self.ledger.save(account, member, person)
            if late:
                mark_refusing(self.ledger, account, member, person.erased_at)
            self.standing.follow(account, member, now, fact.ts, since)
        return lay.FACT

    def _doubt(self, account: bytes, fact: Fact, purposes: Sequence[Purpose], now: int) -> int:
        """Put an account on hold, whoever of it was meant; of a mere use that use."""
        person = self.ledger.draft(account)
        words = (DOUBT,) if Purpose.PROFILING in purposes else purposes
        if any([person.word(fact, word, ConsentStatus.PENDING) for word in words]):
            self.ledger.save(account, "", person)
            self.standing.follow(account, "", now, fact.ts)
        return lay.MALFORMED

    def _about(self, account: bytes, member: str, held: Held, now: int) -> int:
        if self._taxonomy.is_sensitive(held.said.interest):
            return lay.SUPPRESSED
        person = self.ledger.draft(account, member)
        why = self.standing.admission.refusal(account, member, person, held.ts, now)
        if why != lay.PENDING:
            return why
        if not protects(held.said) and self._is_one_too_many(account, member):
            return lay.OVER_LIMIT
        if not person.keep(held):
            return lay.FACT
        gone = person.evict(self._limits.facts_per_person)
        self.evicted.update(gone)
        self.ledger.save(account, member, person)
        self.standing.follow(account, member, now, held.ts)
        self.standing.agreements.take(account, member, held.said)
        return lay.FACT

    def _outcome(self, account: bytes, member: str, ts: int, told: OutcomeSaid, now: int) -> int:
        """Join a contact and its answers, each under the consent of its own time."""
        if isinstance(told, ContactMade) and self._taxonomy.is_sensitive(told.interest):
            return lay.SUPPRESSED
        person = self.ledger.person(account, member)
        why = self.standing.admission.refusal(account, member, person, ts, now)
        if why != lay.PENDING:
            alone = isinstance(told, ContactAnswer) and told.answer in LEAVE_ALONE
            if member and alone and ts <= person.erased_at and not person.by_name:
                mark_refusing(self.ledger, account, member, person.erased_at)
                self.standing.follow(account, member, now, ts)
            return why
        annoyed = isinstance(told, ContactAnswer) and told.answer in ANNOYED
        if not annoyed and self._is_one_too_many(account, member):
            return lay.OVER_LIMIT
        before = self.standing.spoken.take(account, member, ts, told, now)
        if before is not None:
            self.standing.follow_contacts(account, now, before)
        return lay.FACT

    def _is_one_too_many(self, account: bytes, member: str) -> bool:
        kin = self.ledger.kin(account)
        return kin is not None and kin.is_full_for(member, self._limits.members_per_account)

    def _case(self, account: bytes, member: str, fact: Fact, said: CareCase, now: int) -> int:
        gone = take_case(self.ledger, account, member, fact, said, self._limits.cases_per_account)
        if gone is not None:
            self.evicted[FactKind.CARE_CASE] += gone
            self.standing.restate(account, now)
        return lay.FACT

    def _register(self, account: bytes, fact: Fact, said: Registry, now: int) -> int:
        owner, name = said.owner_member_id or "", said.device_id
        person, mine = self.ledger.person(account, owner), self.ledger.mark(account)
        if fact.ts <= person.erased_at:
            if said.adult is False:  # the id must not stay, but that it is a child's must
                admission = self.standing.admission
                was_child = admission.is_child(account, owner)
                of_member = mine is None or fact.ts > mine.at
                mark_child(self.ledger, account, owner, name, of_member=of_member)
                admission.forget_answers(account)
                if name in (self.ledger.kin(account) or Kin()).devices:
                    admission.put_device(account, name, now)
                if owner and admission.is_child(account, owner) != was_child:  # held since, maybe
                    self.standing.follow(account, owner, now, fact.ts)
                self.standing.restate(account, now)
            return lay.FACT
        kin = self.ledger.kin(account) or Kin()
        device, children, shared = kin.device(name), kin.known_children, kin.shared
        named = device.named
        if not device.add(fact.ts, fact.event_id, said):
            return lay.FACT
        new = name not in kin.devices and len(kin.devices) >= self._limits.devices_per_account
        if new and not device.protects:
            return lay.OVER_LIMIT
        kin = self.ledger.set_device(account, name, device)
        self.standing.admission.forget_answers(account)
        for other in sorted(children ^ kin.known_children):
            self.standing.follow(account, other, now, fact.ts)
            for owned in kin.owned(other):  # whatever was said of those themselves
                self.standing.admission.put_device(account, owned, now)
        for other in sorted(named | device.named):  # a mark may have known him as a child
            self.standing.admission.renew(account, other, now)
        self.standing.admission.put_device(account, name, now)
        self.standing.restate(account, now, news=True if shared != kin.shared else None)
        return self._all(refused_before(self._store, self.ledger, fact), self._apply, now)

    def _erase(self, account: bytes, member: str, fact: Fact, now: int) -> int:
        """Take out all there is and leave a mark and a receipt, neither with an identifier."""
        names, request = self.ledger.mark_names(account, member), fact.event_id
        name, before = names[0], self.ledger.mark(account, member) or Mark(-1)
        if before.request == request and fact.ts <= before.at:
            return lay.FACT  # it came again; an id that is used once more is of a later time
        kin = self.ledger.kin(account)
        known, hashes = children_of(self.ledger, account, member)
        others = ["", *sorted(kin.members if kin else ())]
        if member:
            alike = namesakes(self._store, self.ledger, account, member)
            others = [member, *sorted({*alike, *known} - {member})]  # some by a device alone
        devices = kin.naming(member) if kin is not None and member else ()
        # Whatever came before is older, for a clock may run ahead of its arrival for a while.
        latest = max(self.ledger.latest(account, other) for other in others)
        gone = others if member else ("",)
        forbade = () if member else refusing(self.ledger, account, others)
        subjects = [key for other in gone for key in self.standing.drop(account, other)]
        named = {*subjects, *(person_key(account, other) for other in others)}
        self.standing.left.add(account)  # though it was not held any more
        profiles = self.standing.retract(sorted(named))
        if not member:
            self.standing.admission.forget(account, kin)
        for other in gone:
            self.ledger.forget(account, other)
        children = tuple(sorted({*before.children, *hashes}))
        mark = Mark(max(fact.ts, before.at, latest), request, children)
        for hashed in names:
            self.ledger.set_mark(hashed, mark)
        for who in forbade:
            mark_refusing(self.ledger, account, who, mark.at)
        self.standing.count_asked()
        applied_at = max(fact.ts, int(self._store.counters["max_ts"]))
        done = Erased(request, bool(member), fact.ts, applied_at, len(subjects))
        self.strays.erased(name, done)
        self.receipts.append(done.receipt(name, profiles=profiles))
        for other in gone:
            self.standing.follow(account, other, now, fact.ts)
        if member:
            for device in devices:
                self.standing.admission.put_device(account, device, now)
            self.standing.follow_contacts(account, now)
        return lay.FACT

    @property
    def has_changed(self) -> bool:
        """Whether there is something to write."""
        forgotten = self.standing.has_forgotten
        return forgotten or bool(self.ledger.changed) or self.strays.waiting

    def swept(
        self,
        published: Iterable[bytes],
        marks: Collection[str],
        looked_in: Sequence[str],
        not_looked_in: Sequence[str],
    ) -> int:
        """Take back what stands published and nobody answers for; returns how much that is.

        The arguments are those of `Strays.found`.
        """
        before = len(self.strays)
        self.receipts += self.strays.found(published, marks, looked_in, not_looked_in)
        return len(self.strays) - before

    # -- asked by the engine -------------------------------------------------------------

    def admit(self, account: bytes, now: int) -> int:
        """Admit an account that the store doesn't know, or say why not (an outcome).

        Only where consent is granted by default: what was erased has to grant anew.
        """
        if self.ledger.person(account).span()[1] <= max(now, 0):
            return lay.NO_CONSENT
        self.standing.follow(account, "", now, 0)
        return lay.PENDING

    def admit_person(self, account: bytes, member: bytes, device: bytes, now: int) -> None:
        """Say when a person and a device that the store doesn't know may be held."""
        self.standing.admission.answer(account, member, device, now)

    def expire(self, now: int, most: int) -> int:
        """Apply the end of facts that were limited in time, for silent accounts too.

        Returns how many persons it was applied to, about `most` where more are due.
        """
        count = 0
        for at, key in self.standing.ends.passed(now):
            account, _, member = key.partition(b"/")
            kin = None if member else self.ledger.kin(account)
            self.standing.end(account, member.decode(), at, now)
            count += 1 + len(kin.members if kin else ())
            if count >= most:
                break
        return count

    def restore(
        self,
        records: Iterable[tuple[bytes, bytes]],
        now: int,
        new_rules: bool,
        later: Sequence[bytes] = (),
    ) -> None:
        """Load the stored records of facts and erasures.

        What is of format 1, or was written before the `later` keys, is written anew.
        """
        for key, value in records:
            found, written = keys.parse(key), [(key, value)]
            if found is not None and found.kind is Kind.FACTS:
                written = list(format_1.records(found.name, value, self._key))
            elif later:
                written = [renewed_record(key, value, lambda mark: renewed(mark, later))]
            waits = found is not None and found.kind is Kind.UNSWEPT
            holder = self.strays if waits else self.ledger
            if written != [(key, value)]:
                holder.changed |= {key, *(name for name, _ in written)}
            for name, record in written:
                holder.restore(name, record)
        self.standing.settle(now, new_rules)
