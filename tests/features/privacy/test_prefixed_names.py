"""Who is named with a prefix is who is named without it, as far as it protects him."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.after_a_fact import HOST, NOW, made, settled

PREFIXED = ("x:m-1", "urn:member:m-1", "dpv:M_1", "acc:m-1")
PROTECTS: tuple[dict[str, Any], ...] = (
    {"kind": "consent", "status": "withdrawn"}, {"kind": "consent", "status": "Opt-Out"},
    {"kind": "objection"}, {"kind": "purchase", "interest": "483", "gpc": True},
)  # fmt: skip


@pytest.mark.parametrize("name", PREFIXED)
@pytest.mark.parametrize("fact", PROTECTS, ids=str)
def test_a_refusal_is_his_whose_name_stands_behind_a_prefix(
    fact: dict[str, Any], name: str
) -> None:
    run, feed = settled()
    run.feed(made(feed, fact | {"member_id": name}), now=NOW)
    visits = [feed.visit("acc", 2.5, HOST, member_id=member) for member in (name, "m-1", "m-2")]
    assert run.feed(*visits) == ["suppressed", "suppressed", "counted"]


@pytest.mark.parametrize("name", PREFIXED)
def test_so_are_an_erasure_and_a_childs_device(name: str) -> None:
    run, feed = settled()
    run.feed(feed.visit("acc", 1.2, HOST, member_id="m-1"))
    run.feed(feed.visit("acc", 1.2, HOST, member_id="m-2"))
    run.commit()
    run.feed(made(feed, {"kind": "erasure", "member_id": name}), now=NOW)
    run.commit()
    assert set(run.profiles) == {b"acc", b"acc/m-2"}
    child = {"kind": "registry", "device_id": "d", "owner_member_id": name, "adult": False}
    run.feed(made(feed, child | {"event_id": "q"}), now=NOW)
    assert run.feed(feed.visit("acc", 2.5, HOST, member_id="m-1")) == ["suppressed"]


def test_a_grant_is_its_own_alone_and_a_name_with_a_digit_in_front_no_prefix() -> None:
    run, feed = settled()
    no = {"kind": "consent", "status": "withdrawn"}
    run.feed(made(feed, no | {"member_id": "home1:m-1"}), now=NOW)
    assert run.feed(feed.visit("acc", 2.5, HOST, member_id="m-1")) == ["counted"]
    run.feed(made(feed, no | {"member_id": "m-1", "event_id": "q"}), now=NOW)
    run.feed(feed.consent("acc", 2, member_id="x:m-1"))
    assert run.feed(feed.visit("acc", 2.6, HOST, member_id="m-1")) == ["suppressed"]


@pytest.mark.parametrize("field", ["profile", "tariff"])
def test_a_device_of_a_childs_profile_or_tariff_is_a_childs(field: str) -> None:
    run, feed = settled()
    run.feed(made(feed, {"kind": "registry", "device_id": "d", field: "Kids Mobile"}), now=NOW)
    assert run.feed(feed.visit("acc", 2.5, HOST, device_id="d")) == ["suppressed"]
