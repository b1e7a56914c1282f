"""A device or a child that is spelled otherwise is the same one, as far as it forbids."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from features.config import Config
from features.privacy.person import ATTRIBUTION
from features.tags.exact import TagEntry
from features.vocabulary import Purpose
from tests.support.feeding import DAY, Feed, Record, Stream

TABLE = {"host:sport.example": TagEntry((("483", 1.0),), "test", 1.0)}
_SPELLINGS = ("tab_1", "acc:tab-1", "Tab.1", "tab-1")


def _entry(feed: Feed, day: float, **fields: Any) -> Record:
    return feed.fact("acc", day, "registry", **fields)


def _settled(**more: Any) -> tuple[Stream, Feed]:
    run = Stream(Config(erasure_key=b"k" * 32, lateness_ms=DAY // 4, **more), TABLE)
    feed = Feed()
    run.feed(feed.consent("acc", 0), feed.visit("acc", 0.5, "sport.example"))
    run.commit()
    return run, feed


def _counted(run: Stream, feed: Feed, day: float, **fields: Any) -> list[str]:
    return run.feed(feed.visit("acc", day, "sport.example", **fields))


@pytest.mark.parametrize("purpose", [*Purpose])
@pytest.mark.parametrize("again", [False, True])
def test_a_device_of_who_refuses_is_his_however_it_is_spelled(purpose: str, again: bool) -> None:
    run, feed = _settled()
    run.feed(_entry(feed, 0.6, device_id="TAB-1", owner_member_id="m-1", adult=True))
    assert _counted(run, feed, 0.65, device_id="tab-1") == ["counted"]
    withdrawn = {"member_id": "m-1", "purpose": purpose, "status": "withdrawn"}
    run.feed(feed.fact("acc", 0.7, "consent", **withdrawn))
    if again:
        run.commit()
        run.restart()
    for n, device in enumerate(_SPELLINGS):
        assert _counted(run, feed, 0.8 + n / 100, device_id=device) == ["suppressed"], device
    assert _counted(run, feed, 0.9, device_id="tab-2") == ["counted"]


@pytest.mark.parametrize("again", [False, True])
def test_a_device_of_who_was_erased_is_nobodys_however_it_is_spelled(again: bool) -> None:
    run, feed = _settled()
    run.feed(_entry(feed, 0.6, device_id="TAB-1", owner_member_id="m-1", adult=True))
    run.feed(feed.fact("acc", 0.7, "erasure", member_id="m-1"))
    if again:
        run.commit()
        run.restart()
    for n, device in enumerate(_SPELLINGS):
        assert _counted(run, feed, 0.8 + n / 100, device_id=device) == ["suppressed"], device
    raw = b'{"device":"TAB-1","host":"private.example"'
    assert not run.engine.may_keep(b"acc", raw), "it would be a dead letter that names it"


_CHILD = {"device_id": "TAB-1", "owner_member_id": "KID", "adult": False}
_GROWN = {"device_id": "tab-1", "owner_member_id": "kid", "adult": True}


@pytest.mark.parametrize("order", [*permutations((0, 1))])
def test_the_later_word_that_it_is_a_childs_holds_for_all_spellings(order: tuple[int, int]) -> None:
    run, feed = _settled()
    entries = _entry(feed, 0.6, **_GROWN), _entry(feed, 0.7, **_CHILD)
    run.feed(*(entries[n] for n in order))
    for n, device in enumerate(_SPELLINGS):
        assert _counted(run, feed, 0.8 + n / 100, device_id=device) == ["suppressed"], device
    for n, member in enumerate(("kid", "KID", "Kid.")):
        assert _counted(run, feed, 0.85 + n / 100, member_id=member) == ["suppressed"], member


def test_who_is_said_to_be_grown_up_later_is_so_as_he_is_spelled_there() -> None:
    run, feed = _settled()
    run.feed(_entry(feed, 0.6, **_CHILD), _entry(feed, 0.7, **_GROWN))
    assert _counted(run, feed, 0.8, device_id="tab-1", member_id="kid") == ["counted"]
    assert _counted(run, feed, 0.81, device_id="TAB-1", member_id="KID") == ["suppressed"]


@pytest.mark.parametrize(
    "word", [{"purpose": "all"}, {"status": "revoked", "purpose": "household_attribution"},
             {"purpose": "everything there is", "status": "objected"}], ids=str
)  # fmt: skip
def test_who_refuses_everything_is_told_apart_on_no_screen(word: dict[str, Any]) -> None:
    run, feed = _settled(attribution=True)
    agreed = {"member_id": "m-1", "status": "granted", "purpose": ATTRIBUTION}
    run.feed(feed.fact("acc", 0.6, "consent", **agreed))
    person = run.engine.accounts.ledger.person
    now = run.engine.store.now
    assert person(b"acc", "m-1").agrees(now)
    run.feed(feed.fact("acc", 0.7, "consent", **{**agreed, "status": "withdrawn", **word}))
    assert not person(b"acc", "m-1").agrees(now)


@pytest.mark.parametrize(
    "raw",
    [b'{"members":{"m-1":{"host":"private.example"}}}', b'{"who":"mum;m-1"}',
     b"{'member_id':'m-1'}", b"acc,m-1,private.example", b'{"u":"urn:member:m-1"}',
     b'{"text":"{\\"member_id\\":\\"m-1\\"}"}'],
)  # fmt: skip
@pytest.mark.parametrize("gone", [{"kind": "erasure"}, {"kind": "consent", "status": "withdrawn"}])
def test_nothing_is_kept_of_a_record_that_names_him_in_a_text(raw: bytes, gone: Any) -> None:
    run, feed = _settled()
    fields = {name: value for name, value in gone.items() if name != "kind"}
    assert run.engine.may_keep(b"acc", raw)
    run.feed(feed.fact("acc", 0.7, gone["kind"], member_id="m-1", **fields))
    assert not run.engine.may_keep(b"acc", raw)


_FORMER = (
    {"kind": "erasure", "member_id": "m-1"},
    {"kind": "consent", "status": "withdrawn", "member_id": "m-1"},
    {"kind": "registry", "device_id": "tab-1", "owner_member_id": "m-1", "adult": False},
)


@pytest.mark.parametrize("gone", _FORMER, ids=lambda gone: gone["kind"])
@pytest.mark.parametrize("to", [{"owner_member_id": "mum", "adult": True}, {"adult": True}])
@pytest.mark.parametrize("again", [False, True])
def test_what_was_done_before_a_device_changed_hands_is_not_the_new_owners(
    gone: dict[str, Any], to: dict[str, Any], again: bool
) -> None:
    run, feed = _settled()
    fields = {name: value for name, value in gone.items() if name != "kind"}
    run.feed(
        _entry(feed, 0.6, device_id="tab-1", owner_member_id="m-1", adult=True),
        feed.fact("acc", 0.7, gone["kind"], **fields),
        _entry(feed, 0.9, device_id="tab-1", **to),
    )
    if again:
        run.commit()
        run.restart()
    assert _counted(run, feed, 0.65, device_id="tab-1") == ["suppressed"]
    assert _counted(run, feed, 0.89, device_id="TAB-1") == ["suppressed"]
    assert _counted(run, feed, 0.91, device_id="tab-1") == ["counted"]


def test_what_a_child_did_before_he_grew_up_is_not_counted_late() -> None:
    run, feed = _settled()
    run.feed(_entry(feed, 0.6, **_CHILD), _entry(feed, 0.9, **(_CHILD | {"adult": True})))
    assert _counted(run, feed, 0.8, device_id="TAB-1") == ["suppressed"]
    assert _counted(run, feed, 0.95, device_id="TAB-1") == ["counted"]
