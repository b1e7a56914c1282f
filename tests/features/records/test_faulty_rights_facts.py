"""A fault in a withdrawal or an erasure does not lose it.

Each is one for which the strict decoder turned it away, or took it without effect, and the data
stayed in use.
"""

from __future__ import annotations

from typing import Any

import pytest

from features.records.loose import MAX_BYTES
from features.records.protective import read
from features.records.readings import ErasureReading, RefusalReading, Undecided, Why
from tests.support.rights_facts import (
    BASE,
    ERASURE,
    EVERYTHING,
    GRANT,
    KEY,
    PROFILING,
    TS,
    WITHDRAWAL,
    WITHDRAWN,
    WORDS,
    raw,
    reading,
    without,
)

# -- faults of form

FAULTS: dict[str, Any] = {
    "the clock is ahead": {"ts": TS * 2},
    "the clock counts seconds": {"ts": TS // 1000},
    "the clock counts microseconds": {"ts": TS * 1000},
    "the clock is zero": {"ts": 0},
    "the time is a text": {"ts": "2026-11-25T10:00:00+02:00"},
    "the time is digits": {"ts": str(TS)},
    "the time is absent": {"ts": None},
    "the time is a fraction": {"ts": TS + 0.5},
    "the event id is absent": {"event_id": None},
    "the event id is too long": {"event_id": "e" * 65},
    "the event id is a number": {"event_id": 7},
    "the account id is absent": {"account_id": None},
    "the account id is a number": {"account_id": 7},
    "the end is zero": {"expires_at": 0},
    "the end is the greatest integer": {"expires_at": 2**63 - 1},
    "the end is a text": {"expires_at": "9999-12-31T23:59:59Z"},
    "there are more fields": {"channel": "app", "note": "x" * 70_000, "deep": [[[[[[[[[]]]]]]]]]},
    "a control character": {"note": "a\u0000b\ud800"},
    "a blank member": {"member_id": " "},
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("doc", "wanted"), [(WITHDRAWAL, WITHDRAWN), (ERASURE, ErasureReading())])
def test_a_fault_of_form_does_not_lose_it(fault: str, doc: dict[str, Any], wanted: Any) -> None:
    assert reading(doc | FAULTS[fault]) == wanted
    assert reading(without(doc | FAULTS[fault], "event_id")) == wanted


TEXTS: dict[str, Any] = {
    "a byte order mark": lambda text: b"\xef\xbb\xbf" + text,
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "blanks and NULs around": lambda text: b" \r\n" + text + b"\r\n\0\0",
    "a byte that is no UTF-8": lambda text: text[:-1] + b',"note":"caf\xe9"}',
    "NaN": lambda text: text[:-1] + b',"x":NaN,"y":-Infinity}',
    "a newline in a text": lambda text: text[:-1] + b',"x":"a\nb"}',
    "a number without end": lambda text: text[:-1] + b',"x":' + b"1" * 9999 + b"}",
    "in an array": lambda text: b"[" + text + b"]",
    "garbage behind": lambda text: text + b" x",
    "another object behind": lambda text: text + raw(GRANT),
    "another object before": lambda text: raw(GRANT) + text,
    "capitals in names": lambda text: text.replace(b'"status"', b'"Status"').replace(
        b'"kind"', b'"KIND"'
    ),
}


@pytest.mark.parametrize("fault", TEXTS)
@pytest.mark.parametrize(("doc", "wanted"), [(WITHDRAWAL, WITHDRAWN), (ERASURE, ErasureReading())])
def test_a_fault_of_the_text_does_not_lose_it(fault: str, doc: dict[str, Any], wanted: Any) -> None:
    assert reading(TEXTS[fault](raw(doc))) == wanted


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b" \n\0", "empty"),
        (b"withdrawn", "not_json"),
        (raw(WITHDRAWAL)[:-1], "not_json"),
        (raw(GRANT) + b"x", "not_json"),
        (repr(WITHDRAWAL).encode(), "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'{"kind":"erasure","x":' + b"[" * 5000 + b"]" * 5000 + b"}", "not_json"),
        (b"null", "not_object"),
        (b'"erasure"', "not_object"),
        (raw(GRANT | {"note": "x" * MAX_BYTES}), "too_large"),
    ],
)
def test_what_cannot_be_read_is_for_a_person_to_decide(data: bytes | None, reason: str) -> None:
    said = read(data, KEY, WORDS)
    assert said is not None
    assert (said.account, said.member, said.reading) == ("acc-1", None, Undecided(reason))


@pytest.mark.parametrize(
    ("doc", "wanted"),
    [
        (without(WITHDRAWAL, "kind"), WITHDRAWN),
        (without(GRANT, "kind"), None),
        (BASE, Undecided("status")),
        (without(WITHDRAWAL, "status"), Undecided("status")),
        (WITHDRAWAL | {"status": "perhaps"}, Undecided("status")),
        (WITHDRAWAL | {"kind": "rumour"}, Undecided("unknown_kind")),
        (WITHDRAWAL | {"kind": "gdpr_request"}, Undecided("unknown_kind")),
        (GRANT | {"kind": "consentDeleted"}, Undecided("unknown_kind")),
        (BASE | {"kind": "withdrawal"}, WITHDRAWN),
        (GRANT | {"kind": "withdrawal"}, WITHDRAWN),
        (
            BASE | {"kind": "opt-out", "purpose": "weather"},
            RefusalReading(EVERYTHING, Why.OBJECTED),
        ),
        (without(WITHDRAWAL, "purpose"), WITHDRAWN),
        (WITHDRAWAL | {"purpose": "billing"}, None),
        (GRANT | {"expires_at": 0}, RefusalReading(PROFILING, Why.EXPIRED)),
        (
            without(GRANT, "status") | {"statusValidForProcessing": False},
            RefusalReading(PROFILING, Why.DENIED),
        ),
        (GRANT | {"Status": "withdrawn", "statusReason": "REVOKED"}, WITHDRAWN),
    ],
)
def test_missing_and_unknown_words(doc: dict[str, Any], wanted: Any) -> None:
    """An unknown field is ignored where the known one is there, as the contract says."""
    assert reading(doc) == wanted
