"""Counts of contacts and answers from state records, and nothing of fewer than k households."""

from __future__ import annotations

from features.outcomes.contacts import DAY_MS, Contacts, Made
from features.privacy import rules
from features.state import changelog_keys as keys
from features.vocabulary import Reply, SuppressionReason
from streams.evaluation.contact_report import OPEN, contact_report, report_lines

NOW = 1_780_000_000_000
POLICY = rules.load().contact


def _state(homes: int) -> list[tuple[bytes, bytes]]:
    """So many households: spoken to by mail about 483; the first by call about 653, too."""
    records = []
    for n in range(homes):
        contacts = Contacts()
        days = 1 if n % 2 else 10
        contacts.tell("a", Made(NOW - days * DAY_MS, None, "mail", "483", 1.0, False))
        contacts.tell("b", Made(NOW - 20 * DAY_MS, None, "mail", "483", 1.0, True))
        if n == 0:
            contacts.tell("c", Made(NOW - 9 * DAY_MS, None, "call", "653", 1.0, False))
            contacts.answer("c", Reply.COMPLAINED, NOW - DAY_MS)
        if n == 3:
            contacts.answer("a", Reply.BOUGHT, NOW)
        records.append((keys.contacts(b"acc-%d" % n), contacts.to_bytes() or b""))
    return records


def test_contacts_are_counted_by_what_came_of_them() -> None:
    found = contact_report(_state(8), POLICY, NOW, 3)
    (about, line), = found.lines.items()  # fmt: skip
    assert about == ("483", "mail")
    assert (line.made, line.held_out, len(line.households)) == (8, 8, 8)
    assert line.came == {Reply.IGNORED: 4, OPEN: 3, Reply.BOUGHT: 1}
    assert found.silent[SuppressionReason.CONTACTED] == 8
    assert "left alone now for contacted: 8 households" in report_lines(found, 3)


def test_nothing_is_said_of_few_households() -> None:
    found = contact_report(_state(8), POLICY, NOW, 3)
    assert ("653", "call") not in found.lines
    assert (found.rest.made, found.rest.came, found.rest.late) == (1, {Reply.COMPLAINED: 1}, 1)
    assert SuppressionReason.CONTACT_PAUSE not in found.silent
    said = "\n".join(report_lines(found, 3))
    assert "653" not in said
    assert "others" not in said
    assert "annoyed: fewer than 3 households" in said
    assert contact_report(_state(8), POLICY, NOW, 1).annoyed == 1
