"""Counts, from a group's state, who was spoken to, what came of it and who is left alone now.

Counts of households only: what fewer than k of them had is counted together as one line.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from features.outcomes.contact_policy import ContactPolicy
from features.outcomes.contacts import ANNOYED, DAY_MS, Contact, Contacts
from features.privacy.spelling import spelled
from features.state import changelog_keys as keys
from features.state.changelog_keys import Kind
from features.vocabulary import Reply, SuppressionReason

#: What a contact counts as while an answer may still come.
OPEN: Final = "open"


@dataclass
class Line:
    """The contacts of one kind.

    Attributes
    ----------
    households : set of bytes
        Accounts with any.
    made, held_out, late : int
        Contacts, those held out, and answers after the last day.
    came : Counter of str
        Contacts by what came of them: a `Reply`, or `OPEN`.
    """

    households: set[bytes] = field(default_factory=set)
    made: int = 0
    held_out: int = 0
    late: int = 0
    came: Counter[str] = field(default_factory=Counter)

    def add(self, account: bytes, held: Contact, now: int, timeout_ms: int) -> None:
        """Count a contact."""
        if held.made is None:
            return
        self.households.add(account)
        self.late += held.late(timeout_ms)
        if held.made.held_out:
            self.held_out += 1
            return
        self.made += 1
        self.came[held.outcome(now, timeout_ms) or OPEN] += 1

    def join(self, other: Line) -> None:
        """Count another line's contacts, too."""
        self.households |= other.households
        self.made += other.made
        self.held_out += other.held_out
        self.late += other.late
        self.came.update(other.came)


@dataclass
class ContactReport:
    """The contacts of a group at one moment.

    Attributes
    ----------
    lines : dict of (str, str) to Line
        By interest and channel, only of k households and more.
    rest : Line
        All others.
    silent : dict of str to int
        Households in which somebody is left alone now, by reason; only k and more.
    annoyed : int
        Households in which a contact annoyed somebody; 0 below k.
    """

    lines: dict[tuple[str, str], Line]
    rest: Line
    silent: dict[SuppressionReason, int]
    annoyed: int


def contact_report(
    records: Iterable[tuple[bytes, bytes]], policy: ContactPolicy, now: int, k: int
) -> ContactReport:
    """Count the contacts in changelog records; those of other kinds are passed over.

    Parameters
    ----------
    now : int
        Event time, ms, at which no answer is one, and somebody is left alone.
    k : int
        Households below which nothing is said.
    """
    homes: defaultdict[bytes, list[Contact]] = defaultdict(list)
    for key, value in records:
        match keys.parse(key):
            case (Kind.CONTACTS, name):
                account, _, member = name.partition(b"/")
                whose = spelled(member.decode(), account.decode()) or None
                homes[account] += Contacts.from_bytes(value, whose)
    lines: defaultdict[tuple[str, str], Line] = defaultdict(Line)
    silent: Counter[SuppressionReason] = Counter()
    annoyed = 0
    timeout = policy.answer_days * DAY_MS
    for account, contacts in homes.items():
        for held in contacts:
            if held.made is not None:
                about = held.made.interest, held.made.channel
                lines[about].add(account, held, now, timeout)
        silence = policy.silence(contacts, now)
        silent.update({item.rule for of in silence.of.values() for item in of})
        annoyed += any(ANNOYED & held.answers.keys() for held in contacts)
    rest = Line()
    for about in [about for about, line in lines.items() if len(line.households) < k]:
        rest.join(lines.pop(about))
    said = {rule: count for rule, count in sorted(silent.items()) if count >= k}
    return ContactReport(dict(sorted(lines.items())), rest, said, annoyed if annoyed >= k else 0)


def report_lines(report: ContactReport, k: int) -> list[str]:
    """The report as lines of text."""
    words = [*map(str, Reply), OPEN]
    found = [f"{'interest':10} {'channel':10} {'homes':>7} {'made':>7} {'held_out':>8} "
             + " ".join(f"{word:>12}" for word in words) + f" {'late':>6}"]  # fmt: skip
    rows = [(*about, line) for about, line in report.lines.items()]
    if len(report.rest.households) >= k:
        rows.append(("others", "", report.rest))
    for interest, channel, line in rows:
        came = " ".join(f"{line.came[word]:12}" for word in words)
        found.append(
            f"{interest:10} {channel:10} {len(line.households):7} {line.made:7} "
            f"{line.held_out:8} {came} {line.late:6}"
        )
    found.append(f"annoyed: {_count(report.annoyed, k)} households")
    for rule, count in report.silent.items():
        found.append(f"left alone now for {rule}: {count} households")
    return found


def _count(count: int, k: int) -> str:
    return str(count) if count else f"fewer than {k}"
