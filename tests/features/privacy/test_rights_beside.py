"""A request that stands beside a fact in form stops the use until somebody has decided."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.after_a_fact import GOES_ON, HELD, becomes

#: Facts in form, each of which informs.
KNOWN: tuple[dict[str, Any], ...] = (
    {"kind": "consent", "status": "granted"}, {"kind": "purchase", "interest": "483"},
    {"kind": "consent", "status": "granted", "purpose": "offers"},
    {"kind": "consent", "status": "withdrawn", "purpose": "offers"},
    {"kind": "declaration", "interest": "483", "stance": "like"},
    {"kind": "decision_against", "interest": "483"}, {"kind": "registry", "device_id": "d"},
    {"kind": "care_case", "case_id": "c", "status": "closed"},
)  # fmt: skip
#: What asks for an erasure in a field that the contract has not.
ASKED: tuple[dict[str, Any], ...] = (
    {"right": "erasure"}, {"erase": True}, {"request": "erasure"}, {"rights": ["erasure"]},
    {"right": {"type": "erasure"}}, {"request": {"kind": "Erasure"}}, {"gdpr_right": "ERASURE "},
    {"request_type": "deletion"}, {"forget_me": 1}, {"erasure_requested": True},
    {"right": "art17"}, {"recht": "L\u00f6schung"}, {"droit": "effacement"},
)  # fmt: skip
#: What looks like it, and asks for nothing.
NOT_ASKED: tuple[dict[str, Any], ...] = (
    {"erase": False}, {"request": "upgrade"}, {"right": "access"}, {"erase": None},
    {"rights": ["stream", "download"]}, {"request": {"id": "7", "type": "order"}},
)  # fmt: skip


@pytest.mark.parametrize("fact", KNOWN, ids=str)
@pytest.mark.parametrize("whose", [{}, {"member_id": "m-1"}], ids=["account", "member"])
def test_an_erasure_that_is_asked_for_beside_a_fact_is_heard(
    fact: dict[str, Any], whose: dict[str, str]
) -> None:
    for asked in ASKED:
        became = becomes(fact | asked | whose, **whose)
        assert became in (HELD, ["suppressed"]), asked


@pytest.mark.parametrize("fact", [KNOWN[i] for i in (1, 4, 5, 6, 7)], ids=str)
@pytest.mark.parametrize("asked", [{"request": "objection"}, {"right": "restriction"}], ids=str)
def test_so_is_an_objection(fact: dict[str, Any], asked: dict[str, Any]) -> None:
    assert becomes(fact | asked) == HELD


@pytest.mark.parametrize("fact", [fact for fact in KNOWN if fact["kind"] != "consent"], ids=str)
def test_what_asks_for_nothing_changes_nothing(fact: dict[str, Any]) -> None:
    for other in NOT_ASKED:
        assert becomes(fact | other) == GOES_ON, other


@pytest.mark.parametrize("fact", [{"kind": "registry", "device_id": "d"}, KNOWN[1]], ids=str)
@pytest.mark.parametrize("gone", [{"deleted": True}, {"delete": True}, {"revoked": True}], ids=str)
def test_a_device_or_a_purchase_that_is_no_more_asks_for_nothing(
    fact: dict[str, Any], gone: dict[str, Any]
) -> None:
    assert becomes(fact | gone) == GOES_ON
