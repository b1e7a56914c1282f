"""An event id counts once in its account and input, and nobody else can use it up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from features.config import Config
from features.state import snapshots
from features.tags.exact import TagEntry
from tests.support.feeding import DAY, HOUR, Feed, Record, Stream

MINUTE = 60_000

TABLE = {
    "host:sport.example": TagEntry((("483", 1.0),), "test", 1.0),
    "app:sport.example": TagEntry((("483", 1.0),), "test", 1.0),
}


def _stream(*accounts: str) -> tuple[Stream, Feed]:
    stream, feed = Stream(None, TABLE), Feed()
    stream.feed(*(feed.consent(account, 0) for account in accounts))
    return stream, feed


def _named(feed: Feed, account: str, event_id: str, day: float = 1.0) -> Record:
    return feed.visit(account, day, "sport.example", event_id=event_id)


def test_one_account_does_not_use_up_the_ids_of_another() -> None:
    stream, feed = _stream("victim", "mallory")
    found = stream.feed(
        _named(feed, "mallory", "1000001"),
        _named(feed, "victim", "1000001"),
        _named(feed, "victim", "1000001"),
    )
    assert found == ["counted", "counted", "duplicate"]


def test_devices_that_count_for_themselves_are_as_many_as_their_accounts() -> None:
    names = [f"acc-{n}" for n in range(50)]
    stream, feed = _stream(*names)
    found = stream.feed(*(_named(feed, name, str(n)) for name in names for n in range(20)))
    assert found == ["counted"] * 1_000


def test_an_id_of_one_input_is_free_in_another() -> None:
    stream, feed = _stream("acc")
    visit = _named(feed, "acc", "1")
    use = feed.use("acc", 1, "sport.example", event_id="1")
    assert stream.feed(visit, use, visit, use) == ["counted", "counted"] + ["duplicate"] * 2


@pytest.mark.parametrize("accounts", [("acc", "acc"), ("acc", "acd")])
def test_ids_made_to_meet_both_count(accounts: tuple[str, str]) -> None:
    stream, feed = _stream(*set(accounts))
    pair = zip(accounts, ("7mohtcOFVz", "c1E51sSEyx"), strict=True)
    assert stream.feed(*(_named(feed, *item) for item in pair)) == ["counted"] * 2


def test_a_repetition_counts_once_across_a_restart() -> None:
    stream, feed = _stream("acc", "acd")
    visit = _named(feed, "acc", "7")
    stream.feed(visit)
    stream.commit()
    stream.restart()
    assert stream.feed(visit, _named(feed, "acd", "7")) == ["duplicate", "counted"]


@pytest.mark.parametrize("before", [5, 10, 20, 60, 120, 360])
@pytest.mark.parametrize("after", [20, 60, 360])
@pytest.mark.parametrize("passed", [0, 3, 18, 24, 50, 70])
def test_a_changed_horizon_is_measured_from_when_an_id_came(
    before: int, after: int, passed: int
) -> None:
    """Minutes. What the former horizon had forgotten is gone, the rest is as if it had never been
    another; a horizon's sixteenth is the step in which ids are forgotten."""
    config = Config(dedup_horizon_ms=before * MINUTE, lateness_ms=6 * HOUR)
    stream, feed = Stream(config, TABLE), Feed()
    stream.feed(feed.consent("acc", 0))
    visit = _named(feed, "acc", "same", 1.0)
    stream.feed(visit, _named(feed, "acc", "other", 1.0))
    stream.commit()
    stream.config = replace(config, dedup_horizon_ms=after * MINUTE)
    stream.restart()
    stream.feed(_named(feed, "acc", f"at-{passed}", 1.0 + passed * MINUTE / DAY))
    stream.commit()
    stream.restart()
    found = stream.feed(visit)[0]
    if passed <= after:
        assert found == "duplicate"
    elif passed > after + (after + before) / 16 + 1:
        assert found == "counted"


def test_ids_hashed_under_another_key_or_none_go_with_the_next_commit() -> None:
    """State of before ids were keyed: a repetition counts again, once, and nothing lingers."""
    stream, feed = _stream("acc")
    visit = _named(feed, "acc", "same")
    stream.feed(visit)
    stream.commit()
    head, arrays = snapshots.unpack(stream.state[b"d/0"])
    assert set(head) == {"key", "width"}
    stream.state[b"d/0"] = snapshots.pack({}, arrays)
    stream.restart()
    assert stream.feed(visit, visit) == ["counted", "duplicate"]
    stream.commit()
    assert {key for key in stream.state if key.startswith(b"d/")} == {b"d/1"}
