"""Of too many event ids the oldest go, at places of the sequence, for good."""

from __future__ import annotations

import random

import pytest

from features.config import Config
from features.state import snapshots
from features.tags.exact import TagEntry
from tests.support.feeding import DAY, Feed, Record, Stream

TABLE = {"host:sport.example": TagEntry((("483", 1.0),), "test", 1.0)}
MOST = 40
CONFIG = Config(dedup_max_ids=MOST, consent_default_grant=True)
STEP = 60_000 / DAY  # a minute; the horizon is an hour, and a bucket a little less than four
COUNTED, DUPLICATE = "counted", "duplicate"


def visits(count: int, step: float = STEP) -> list[Record]:
    feed = Feed()
    return [feed.visit(f"a-{n % 7}", 1 + n * step, "sport.example") for n in range(count)]


def _held(stream: Stream) -> int:
    """Different ids in the changelog."""
    values = [value for key, value in stream.state.items() if key.startswith(b"d/")]
    return len({h for value in values for h in snapshots.unpack(value)[1]["hash"].tolist()})


def _again(stream: Stream, records: list[Record]) -> list[str]:
    """What becomes of each if it comes once more."""
    return stream.feed(*records)


@pytest.mark.parametrize("per_minute", [1, 2, 5])
def test_what_was_forgotten_is_forgotten_by_a_restore_too(per_minute: int) -> None:
    records = visits(60 * per_minute, STEP / per_minute)
    live, restored = Stream(CONFIG, TABLE), Stream(CONFIG, TABLE)
    for stream in (live, restored):
        assert stream.feed(*records) == [COUNTED] * len(records)
        stream.commit()
    restored.restart()
    found = _again(live, records)
    assert found == _again(restored, records)
    assert found[0] == COUNTED and found[-1] == DUPLICATE
    assert found.index(DUPLICATE) >= len(records) - MOST - 4 * per_minute


@pytest.mark.parametrize("round_", range(8))
def test_what_is_forgotten_does_not_depend_on_cuts_and_restarts(seed: int, round_: int) -> None:
    """Ids come again at random, at places where more than the limit come in an hour."""
    chance = random.Random(seed + round_)
    once = visits(400, STEP * chance.choice([0.15, 0.25, 0.4, 0.7]))
    records = list(once)
    for at in sorted(chance.sample(range(50, 400), 150), reverse=True):
        back = chance.randrange(1, 120)
        records.insert(at, once[max(0, at - back)])
    whole = Stream(CONFIG, TABLE)
    expected = whole.feed(*records)
    assert {COUNTED, DUPLICATE} <= set(expected)
    cut, found = Stream(CONFIG, TABLE), list[str]()
    while len(found) < len(records):
        size = chance.choice([1, 3, 10, 50])
        found += cut.feed(*records[len(found) : len(found) + size])
        if chance.random() < 0.5:
            cut.commit()
            assert _held(cut) <= 2 * MOST
            if chance.random() < 0.5:
                cut.restart()
    assert found == expected


def test_below_the_limit_every_id_of_the_horizon_is_known() -> None:
    stream, records = Stream(CONFIG, TABLE), visits(MOST)
    stream.feed(*records)
    assert _again(stream, records) == [DUPLICATE] * MOST
    stream.commit()
    stream.restart()
    assert _again(stream, records) == [DUPLICATE] * MOST


def test_ids_are_bounded_while_event_time_stands_still() -> None:
    stream, records = Stream(CONFIG, TABLE), visits(10 * MOST, 0.0)
    for at in range(0, len(records), 10):
        stream.feed(*records[at : at + 10])
        stream.commit()
        assert _held(stream) <= 2 * MOST
        assert int(stream.engine.store.counters["ids"]) <= 2 * MOST + 10
    held = Stream(CONFIG, TABLE)
    held.state = dict(stream.state)
    held.restart()
    assert _again(held, records) == _again(stream, records)


def test_what_was_written_together_is_forgotten_apart() -> None:
    """A record of before there were many holds several buckets; it goes, the newer are kept."""
    more = visits(120)
    live, restored = Stream(CONFIG, TABLE), Stream(CONFIG, TABLE)
    for stream in (live, restored):
        stream.feed(*more[:30])
        stream.commit()
        assert len([key for key in stream.state if key.startswith(b"d/")]) == 1
        stream.feed(*more[30:55])
        stream.commit()
        assert b"d/0" not in stream.state
    restored.restart()
    found = _again(live, more[:55])
    assert found == _again(restored, more[:55])
    assert COUNTED in found[:15] and DUPLICATE in found[15:30]
