"""Of misplaced facts all that forbids is sent on, in form or not, and nothing that permits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from features.privacy import rules
from features.records.pseudonyms import pseudonyms
from streams.worker.astray import Homing

FORBIDS: tuple[dict[str, Any], ...] = (
    {"kind": "consent", "status": "withdrawn"}, {"kind": "erasure"},
    {"kind": "consent", "status": {"x": 1}}, {"kind": "web", "gpc": True},
    {"kind": "crm", "deceased": True}, {"kind": "purchase", "interest": "483", "opt": "out"},
    {"kind": "registry", "device_id": "d", "adult": False},
    {"kind": "care_case", "case_id": "c", "status": "opened"},
    {"kind": "care_case", "case_id": "c", "status": "escalated"},
    {"kind": "declaration", "interest": "483", "stance": "dislike"},
    {"kind": "declaration", "interest": "483", "stance": "Hates it"},
    {"kind": "purchase", "interest": "483", "consent": "revoked"},
    {"kind": "remark", "text": "please stop profiling me"},
    {"kind": "purchase", "interest": "483", "note": "please stop profiling me"},
    {"kind": "care_case", "case_id": "c", "status": "closed", "note": "delete all my data"},
)  # fmt: skip
PERMITS: tuple[dict[str, Any], ...] = (
    {"kind": "consent", "status": "granted"}, {"kind": "purchase", "interest": "483"},
    {"kind": "care_case", "case_id": "c", "status": "closed"},
    {"kind": "declaration", "interest": "483", "stance": "like"},
    {"kind": "registry", "device_id": "d", "adult": True}, {"kind": "web", "gpc": False},
)  # fmt: skip


def sent_on(fact: dict[str, Any]) -> list[int]:
    """Where a fact goes that lies in partition 0 and belongs to 1."""
    homing = Homing(rules.load().words, pseudonyms().accepts, 65_536)
    raw = json.dumps({"event_id": "e", "account_id": "acc", "ts": 1_704_067_200_000} | fact)
    return [item.home for item in homing.found(0, [(5, b"acc", raw.encode())], lambda _: 1)]


@pytest.mark.parametrize("fact", FORBIDS, ids=str)
def test_what_forbids_is_sent_on(fact: dict[str, Any]) -> None:
    assert sent_on(fact) == [1]


@pytest.mark.parametrize("fact", PERMITS, ids=str)
def test_what_permits_is_not(fact: dict[str, Any]) -> None:
    assert sent_on(fact) == []
