"""Counts of contacts and answers from state records, and nothing of fewer than k households."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from features.outcomes.contacts import DAY_MS, Contacts, Made
from features.privacy import rules
from features.state import changelog_keys as keys
from features.vocabulary import Reply, SuppressionReason
from streams.evaluation.contact_report import (
    OPEN,
    contact_report,
    first_day,
    report_json,
    report_lines,
)

NOW = 1_780_000_000_000
POLICY = rules.load().contact
SINCE = date(2026, 4, 6)  # eight weeks before


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
    found = contact_report(_state(8), POLICY, NOW, 3, SINCE)
    (about, line), = found.lines.items()  # fmt: skip
    assert about == ("483", "mail")
    assert (line.made, line.held_out, len(line.households)) == (8, 8, 8)
    assert line.came == {Reply.IGNORED: 4, OPEN: 3, Reply.BOUGHT: 1}
    assert found.silent[SuppressionReason.CONTACTED] == 8
    assert "left alone now for contacted: 8 households" in report_lines(found, 3, SINCE)


def test_nothing_is_said_of_few_households() -> None:
    found = contact_report(_state(8), POLICY, NOW, 3, SINCE)
    assert ("653", "call") not in found.lines
    assert (found.rest.made, found.rest.came, found.rest.late) == (1, {Reply.COMPLAINED: 1}, 1)
    assert SuppressionReason.CONTACT_PAUSE not in found.silent
    said = "\n".join(report_lines(found, 3, SINCE))
    assert "653" not in said
    assert "others" not in said
    assert "annoyed: fewer than 3 households" in said
    assert contact_report(_state(8), POLICY, NOW, 1, SINCE).annoyed == 1


def _drawn(homes: int) -> list[tuple[bytes, bytes]]:
    """Households of which every other one is held out; of those spoken to one in two says yes."""
    records = []
    for n in range(homes):
        contacts = Contacts()
        made = Made(NOW - (10 + n % 21) * DAY_MS, None, "mail", "483", 0.5, n % 2 == 0)
        contacts.tell("a", made)
        if n % 4 == 1:
            contacts.answer("a", Reply.ACCEPTED, made.ts + 1)
        if n % 50 == 3:
            contacts.answer("a", Reply.COMPLAINED, made.ts + 1)
        if n % 10 == 0:
            contacts.tell("b", made._replace(ts=made.ts + DAY_MS))
        records.append((keys.contacts(b"acc-%d" % n), contacts.to_bytes() or b""))
    return records


def test_what_contacts_brought_is_told_by_interest_channel_and_week() -> None:
    found = contact_report(_drawn(2_000), POLICY, NOW, 3, SINCE)
    said = report_json(found, NOW, 3, SINCE, {"483": "Sports"})
    weeks = ["2026-04-27", "2026-05-04", "2026-05-11", "2026-05-18"]
    assert [(line["by"], line["name"]) for line in said["effects"]] == [
        ("all", ""), ("interest", "Sports"), ("channel", "mail"), *(("week", day) for day in weeks)
    ]  # fmt: skip
    for line in said["effects"][:3]:
        assert line["effect"]["low"] < 0.5 < line["effect"]["high"] and line["sure"]
        assert line["annoyed"]["low"] < 0.04 < line["annoyed"]["high"] and line["why"] is None
    assert said["held_back"] == {SuppressionReason.CONTACTED: 200}
    assert said["annoyed"] == 40 and said["since"] == "2026-04-06"
    lines = report_lines(found, 3, SINCE)
    assert any(text.split()[:4] == ["channel", "mail", "1000", "1000"] for text in lines)
    assert "kept back by contacted: 200 contacts that hold-outs were told for" in lines


def test_what_no_draw_decided_is_counted_and_tells_no_effect() -> None:
    found = contact_report(_state(8), POLICY, NOW, 3, SINCE)
    assert found.undrawn == 13 and found.effects == []
    (last,) = [text for text in report_lines(found, 3, SINCE) if "no draw" in text]
    assert last.endswith(": 13 contacts")


@pytest.mark.parametrize(
    ("now", "since"),
    [
        ((2026, 5, 28), date(2026, 3, 30)),
        ((2026, 7, 7), date(2026, 3, 30)),  # the last contacts whose time is over are of June
        ((2026, 7, 9), date(2026, 6, 29)),
        ((2026, 1, 3), date(2025, 9, 29)),
    ],
)
def test_effects_are_told_of_a_quarter(now: tuple[int, int, int], since: date) -> None:
    at = int(datetime(*now, tzinfo=UTC).timestamp() * 1000)
    assert first_day(at, POLICY) == since
