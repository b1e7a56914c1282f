"""Says when persons and devices may be held, in the spans that the kernel reads.

Who has a word of his own has a span from the fact on. Who has none is asked about once where it
matters: in an account with children, whose names may be spelled otherwise, and where somebody was
erased, who can be recognised by a keyed hash alone.
"""

from __future__ import annotations

from typing import Final

from features.privacy.kin import Kin
from features.privacy.ledger import Ledger
from features.privacy.name_sets import keep_name
from features.privacy.owned_device import ERASED
from features.privacy.person import ATTRIBUTION, Person
from features.privacy.rules import Rules
from features.privacy.spelling import keep_spelling, likewise
from features.records.names import plain
from features.records.telling import TextsHeld
from features.state import layout as lay
from features.state.spans import ALWAYS, NEVER, SpanTable
from features.vocabulary import Purpose

#: Answers kept; beyond it all are forgotten, and asked for again.
_MOST_ANSWERS: Final = 100_000


class Admission:
    """Spans of persons and devices.

    Parameters
    ----------
    spans : SpanTable
    ledger : Ledger
    rules : Rules
    """

    def __init__(self, spans: SpanTable, ledger: Ledger, rules: Rules) -> None:
        self._spans = spans
        self.ledger = ledger
        self._rules = rules
        self._answers: dict[bytes, dict[str, set[tuple[bytes, bytes]]]] = {}  # by name
        self._answered_alike: dict[bytes, dict[str, set[str]]] = {}
        self._bounded: dict[bytes, set[str]] = {}
        self._guarded: dict[bytes, set[str]] = {}  # devices that do not always count
        self._count = 0

    def span(self, account: bytes, member: str, person: Person, now: int) -> tuple[int, int]:
        """Event times when a member may be held beside what the account allows, ms.

        What somebody refuses who is spelled as he is, he refuses.
        """
        if not self._rules.children_profiled and self.is_child(account, member):
            return NEVER
        spans = [who.span() for who in (person, *self.ledger.alike(account, member))]
        start, until = max(start for start, _ in spans), min(until for _, until in spans)
        return (start, until) if until > max(now, 0) else NEVER

    def refusal(self, account: bytes, member: str, person: Person, ts: int, now: int) -> int:
        """Outcome of what is said of a person at a time, ms; ``PENDING`` where it may be kept."""
        start, until = (self.ledger.person(account) if member else person).span_in_use()
        if not start <= ts < until:
            return lay.NO_CONSENT
        start, until = self.span(account, member, person, now) if member else ALWAYS
        return lay.PENDING if start <= ts < until else lay.SUPPRESSED

    def may_keep(self, account: bytes, texts: TextsHeld, now: int) -> bool:
        """Whether a refused record names nobody of an account who may not be held.

        Any of its texts may be the name of a member or a device. Where not all can be read, it
        may name anybody, so nothing is kept of an account with somebody who may not be held.
        """
        if self.asks(account) and not texts.whole:
            return False
        if not self.asks(account) and not self.ledger.marks:
            return True
        kin = self.ledger.kin(account) or Kin()
        for text in texts.found:
            name = plain(text, account.decode())
            if self.is_childs(account, name):
                return False
            owners = {device.owner for device in kin.devices_like(name).values()}
            if ERASED in owners:
                return False
            for who in filter(None, (name, *owners)):
                start, until = self.span(account, who, self.ledger.person(account, who), now)
                if not start <= max(now, 0) < until:
                    return False
        return True

    def agrees(self, account: bytes, member: str, person: Person, now: int) -> bool:
        """Whether a member may be told apart on shared screens: only he can say so."""
        if not person.agrees(now):
            return False
        others = (self.ledger.person(account), *self.ledger.alike(account, member))
        return not any(ATTRIBUTION in who.consents and not who.agrees(now) for who in others)

    def is_child(self, account: bytes, member: str) -> bool:
        """Whether a member is a child, by his name or one that is spelled likewise."""
        kin = self.ledger.kin(account)
        if not (kin is not None and kin.childrens) and not self.ledger.marks:
            return False  # as of most accounts
        mark, own = self.ledger.mark(account), self.ledger.mark(account, member)
        if kin is not None and kin.is_child(member):
            return True
        known = kin is not None and bool(kin.children_like(member))
        known = known or any(
            self.ledger.is_marked(item, account, member, "child") for item in (mark, own)
        )
        grown = -1 if kin is None else kin.adult_since(member)
        return known and (grown < 0 or (kin is not None and grown < kin.child_since(member)))

    def is_childs(self, account: bytes, device: str) -> bool:
        """Whether a device is a child's, by its name or one that is spelled likewise."""
        kin, mark = self.ledger.kin(account), self.ledger.mark(account)
        alike = {} if kin is None else kin.devices_like(device)
        own = alike[device].said if device in alike else None
        said = [other.said for other in alike.values() if other.said is not None]
        if any(word.child and (own is None or word >= own) for word in said):
            return True
        return own is None and self.ledger.is_marked(mark, account, device, "device")

    def asks(self, account: bytes) -> bool:
        """Whether persons and devices that are not known have to be asked about."""
        kin, mark = self.ledger.kin(account), self.ledger.mark(account)
        children = bool(kin and kin.childrens) or bool(mark and mark.children)
        return children or account in self._bounded or account in self._guarded

    def put_member(self, account: bytes, member: str, person: Person, now: int) -> tuple[int, int]:
        """Set a member's span, and that of his devices where nobody is named; returns it."""
        span, name = self.span(account, member, person, now), member.encode()
        self.forget_answers(account, member)
        bounds = bool(person) and person.span() != ALWAYS
        keep_name(self._bounded, account, member, kept=bounds)
        if span == ALWAYS and not person and not self.asks(account):
            self._spans.drop(account, member=name)
        else:
            scope = (
                lay.SPAN_AGREED if self.agrees(account, member, person, now) else lay.SPAN_ALWAYS
            )
            self._spans.put(account, span, member=name, scope=scope)
            if not person:  # it follows from what is known of others
                self._answered(account, member, (name, b""))
        kin = self.ledger.kin(account)
        if kin is not None and any(
            use in who.consents
            for who in (person, *self.ledger.alike(account, member))
            for use in Purpose
        ):
            for device in kin.owned(member):
                self.put_device(account, device, now)
        return span

    def renew(self, account: bytes, member: str, now: int) -> None:
        """Set a member's span anew where he has one."""
        if self._spans.get(account, member=member.encode()) is not None:
            self.put_member(account, member, self.ledger.person(account, member), now)

    def put_device(self, account: bytes, device: str, now: int) -> None:
        """Set the span of a device: never for a child's, else its owner's if nobody is named.

        What holds of a device that is spelled as it is holds of it, and the other way round.
        """
        kin = self.ledger.kin(account)
        self.forget_answers(account, device)
        alike = {} if kin is None else kin.devices_like(device)
        owners = {item.owner for item in alike.values() if item.owner is not None}
        spans = [ALWAYS, *(self._unnamed(account, owner, now) for owner in sorted(owners))]
        spans += [(item.handed_over, ALWAYS[1]) for item in alike.values()]
        start, until = max(start for start, _ in spans), min(until for _, until in spans)
        for name in {device, *alike}:
            self._put_device(account, name, (start, until) if start < until else NEVER)

    def _put_device(self, account: bytes, device: str, span: tuple[int, int]) -> None:
        name, childs = device.encode(), self.is_childs(account, device)
        if childs and not self._rules.children_profiled:
            self._spans.put(account, NEVER, device=name)
            return
        keep_name(self._guarded, account, device, kept=span != ALWAYS)
        if span != ALWAYS or self.asks(account):
            self._spans.put(account, span, device=name, scope=lay.SPAN_ALONE)
        else:
            self._spans.drop(account, device=name)

    def _unnamed(self, account: bytes, owner: str, now: int) -> tuple[int, int]:
        """Event times when what is done on a member's device counts for all in the household.

        Its profile is used for what he may refuse, and what was counted can't be told apart there.
        """
        if owner == ERASED:
            return NEVER
        person = self.ledger.person(account, owner)
        start, until = self.span(account, owner, person, now)
        for who in (person, *self.ledger.alike(account, owner)):
            for use in (Purpose.OFFERS, Purpose.AUDIENCES):
                since, end = who.use_span(use)
                start, until = max(start, since), min(until, end)
        return (start, until) if start < until else NEVER

    def answer(self, account: bytes, member: bytes, device: bytes, now: int) -> None:
        """Say of a person and a device that the kernel doesn't know when they may be held."""
        if self._count >= _MOST_ANSWERS:
            for known in [*self._answers]:
                self.forget_answers(known)
            self._answers.clear()
            self._answered_alike.clear()
            self._count = 0
        if member and self._spans.get(account, member=member) is None:
            name = member.decode()
            span = self.span(account, name, self.ledger.person(account, name), now)
            self._spans.put(account, span, member=member)
            self._answered(account, name, (member, b""))
        if device and self._spans.get(account, device=device) is None:
            self.put_device(account, device.decode(), now)
            if self._spans.get(account, device=device) is None:
                self._spans.put(account, ALWAYS, device=device, scope=lay.SPAN_ALONE)
            self._answered(account, device.decode(), (b"", device))
        self._count += 1

    def _answered(self, account: bytes, name: str, whom: tuple[bytes, bytes]) -> None:
        self._answers.setdefault(account, {}).setdefault(name, set()).add(whom)
        alike = self._answered_alike.setdefault(account, {})
        keep_spelling(alike, name, account.decode(), kept=True)

    def forget_answers(self, account: bytes, of: str = "") -> None:
        """Ask anew about those of an account without a word of their own, or about one of them."""
        known, alike = self._answers.get(account, {}), self._answered_alike.get(account, {})
        for name in likewise(alike, of, account.decode()) if of else [*known]:
            keep_spelling(alike, name, account.decode(), kept=False)
            for member, device in known.pop(name, ()):
                self._spans.drop(account, member=member, device=device)

    def forget(self, account: bytes, kin: Kin | None) -> None:
        """Take away the spans of all of an account."""
        self.forget_answers(account)
        self._bounded.pop(account, None)
        self._guarded.pop(account, None)
        if kin is None:
            return
        # An owner who was said to be an adult is a child again if a mark knows him as one.
        for member in kin.members | kin.owners:
            self._spans.drop(account, member=member.encode())
        for device in kin.devices:
            self._spans.drop(account, device=device.encode())
