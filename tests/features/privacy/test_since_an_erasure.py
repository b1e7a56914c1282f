"""What holds of persons since an erasure, and of two entries of one time."""

from __future__ import annotations

from typing import Any

import pytest

from features.config import Config
from features.privacy.owned_device import Device
from features.records.facts import Registry
from features.tags.exact import TagEntry
from tests.support.feeding import DAY, Feed, Record, Stream

TABLE = {"host:sport.example": TagEntry((("483", 1.0),), "test", 1.0)}


def _stream() -> Stream:
    return Stream(Config(erasure_key=b"k" * 32, lateness_ms=DAY // 4), TABLE)


def _registry(feed: Feed, day: float, device: str, **fields: Any) -> Record:
    return feed.fact("acc", day, "registry", device_id=device, **fields)


def _erased_and_granted(feed: Feed) -> tuple[Record, ...]:
    return feed.consent("acc", 0), feed.fact("acc", 1, "erasure"), feed.consent("acc", 1.1)


@pytest.mark.parametrize("stops", [False, True])
def test_a_first_word_long_after_an_erasure_takes_nothing(stops: bool) -> None:
    """What a member did since stays his, whether or not there was a restart before his word."""
    held, feed = _stream(), Feed()
    held.feed(*_erased_and_granted(feed), feed.visit("acc", 1.2, "sport.example", member_id="m1"))
    if stops:
        held.commit()
        held.restart()
    held.feed(feed.consent("acc", 1.3, purpose="offers", member_id="m1"))
    assert held.engine.store.find(b"acc", b"m1") >= 0


@pytest.mark.parametrize("word", [False, True])
def test_a_child_named_by_a_fact_of_before_the_erasure_is_let_go(word: bool) -> None:
    """At once, not at the next restart, with or without a grant of his own."""
    held, feed = _stream(), Feed()
    held.feed(*_erased_and_granted(feed))
    if word:
        held.feed(feed.consent("acc", 1.2, member_id="m1"))
    visit = feed.visit("acc", 1.3, "sport.example", member_id="m1")
    late = _registry(feed, 0.5, "dev-1", owner_member_id="m1", adult=False)
    after = feed.visit("acc", 1.4, "sport.example", member_id="m1")
    assert held.feed(visit, late, after) == ["counted", "fact", "suppressed"]
    assert held.engine.store.find(b"acc", b"m1") < 0


def test_a_known_device_is_a_childs_by_a_fact_of_before_the_erasure() -> None:
    """The device was named again since, without a word on whose it is."""
    held, feed = _stream(), Feed()
    child = _registry(feed, 0, "dev-kid", owner_member_id="kid", adult=False)
    held.feed(feed.consent("acc", 0), child)
    held.feed(*_erased_and_granted(feed), _registry(feed, 1.2, "dev-1"))
    late = _registry(feed, 0.5, "dev-1", adult=False)
    visit = feed.visit("acc", 1.3, "sport.example", device_id="dev-1")
    assert held.feed(late, visit) == ["fact", "suppressed"]


@pytest.mark.parametrize("first", [0, 1])
def test_of_one_time_the_childs_entry_says_whose_a_device_is(first: int) -> None:
    """Whatever the event ids, and in any order; of both entries nothing is put together."""
    for number in range(8):
        child, adult = Registry("dev", None, False), Registry("dev", "m1", True)
        entries = [(f"e-{number}", child), (f"e-{number ^ 1}", adult)]
        device = Device()
        for event_id, entry in (entries[first], entries[1 - first]):
            device.add(5, event_id, entry)
        assert (device.owner, device.child) == (None, True)


def test_a_device_named_since_is_held_by_its_erased_owners_word() -> None:
    """Also where nobody of the account has a word of his own, and no child is known."""
    held, feed = _stream(), Feed()
    named = _registry(feed, 1.2, "dev-1", owner_member_id="m1")
    held.feed(feed.consent("acc", 0), feed.fact("acc", 1, "erasure", member_id="m1"), named)
    assert held.feed(feed.visit("acc", 1.3, "sport.example", device_id="dev-1")) == ["suppressed"]


@pytest.mark.parametrize("stops", [False, True])
@pytest.mark.parametrize("granted", [False, True])
def test_a_device_is_a_childs_though_only_its_owner_was_erased(stops: bool, granted: bool) -> None:
    """By an entry of before the erasure; and the account keeps what it is allowed by default."""
    config = Config(erasure_key=b"k" * 32, lateness_ms=DAY // 4, consent_default_grant=granted)
    held, feed = Stream(config, TABLE), Feed()
    if not granted:
        held.feed(feed.consent("acc", 0))
    held.feed(feed.fact("acc", 1, "erasure", member_id="kid"))
    held.feed(_registry(feed, 0.5, "dev-kid", owner_member_id="kid", adult=False))
    if stops:
        held.commit()
        held.restart()
    childs = feed.visit("acc", 1.3, "sport.example", device_id="dev-kid")
    others = feed.visit("acc", 1.3, "sport.example", device_id="dev-1")
    assert held.feed(childs, others) == ["suppressed", "counted"]


@pytest.mark.parametrize("stops", [False, True])
def test_who_was_a_child_is_one_again_since_the_next_erasure(stops: bool) -> None:
    """It takes with it the word that he grew up; live as after a restart."""
    held, feed = _stream(), Feed()
    child = _registry(feed, 0, "dev-0", owner_member_id="kid", adult=False)
    grown = [
        _registry(feed, 1.2, "dev-1", owner_member_id="kid", adult=True),
        _registry(feed, 1.21, "dev-2", owner_member_id="kid", adult=False),
        _registry(feed, 1.22, "dev-2", owner_member_id="m1"),
        _registry(feed, 1.23, "dev-1", owner_member_id="kid", adult=True),
    ]
    visit = feed.visit("acc", 1.3, "sport.example", member_id="kid")
    held.feed(feed.consent("acc", 0), child)
    assert held.feed(*_erased_and_granted(feed), *grown, visit)[-1] == "counted"
    held.feed(feed.fact("acc", 2, "erasure"), feed.consent("acc", 2.1))
    if stops:
        held.commit()
        held.restart()
    again = feed.visit("acc", 2.2, "sport.example", member_id="kid")
    assert held.feed(again) == ["suppressed"]


@pytest.mark.parametrize("stops", [False, True])
def test_a_device_of_whom_was_erased_counts_for_nobody_until_another_has_it(stops: bool) -> None:
    held, feed = _stream(), Feed()
    held.feed(feed.consent("acc", 0), _registry(feed, 0, "dev-1", owner_member_id="m1"))
    held.feed(feed.consent("acc", 0.5, "withdrawn", member_id="m1"))
    held.feed(feed.fact("acc", 1, "erasure", member_id="m1"))
    if stops:
        held.commit()
        held.restart()
    assert held.feed(feed.visit("acc", 1.1, "sport.example", device_id="dev-1")) == ["suppressed"]
    held.feed(_registry(feed, 1.2, "dev-1", owner_member_id="m2"))
    assert held.feed(feed.visit("acc", 1.3, "sport.example", device_id="dev-1")) == ["counted"]
