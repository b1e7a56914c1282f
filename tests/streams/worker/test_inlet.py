"""The inlet: when refusing halts an input, whom it waits for, and what it holds back."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, Message

from streams.contract.topics import INPUTS
from streams.errors import TooManyDeadLetters
from streams.worker.dead_letters import DeadLetterCount, DeadLetterLimit, Passed
from streams.worker.inlet import Inlet
from tests.simulation import inputs
from tests.support.inlets import START, Clock, opened, poll

FACTS, NETWORK, TV, APP = INPUTS[:4]


def record(topic: str, offset: int, ts: int = 0, value: bytes | None = None) -> Message:
    kinds: dict[str, dict[str, Any]] = {
        NETWORK: {"line": "mobile", "host": "a.example"},
        APP: {"app_id": "a", "action": "open"},
        TV: {"content_id": "c", "watched_ms": 1, "mode": "live"},
        FACTS: {"kind": "erasure"},
    }
    good = json.dumps(
        {
            "event_id": f"{topic}{offset}",
            "account_id": "a",
            "ts": inputs.START_MS + ts,
            **kinds[topic],
        }
    ).encode()
    return Message(
        topic=topic,
        partition=0,
        offset=offset,
        key=b"a",
        value=good if value is None else value,
        timestamp=(1, 1_000),
    )


def end(topic: str, offset: int) -> Message:
    return Message(
        topic=topic, partition=0, offset=offset, error=KafkaError(KafkaError._PARTITION_EOF)
    )


def ends_but(*speaking: str) -> list[Message]:
    """The ends of all empty inputs but these."""
    return [end(name, 0) for name in INPUTS if name not in speaking]


def released(inlet: Inlet) -> list[int]:
    return [int(row["offset"]) for _, batch in inlet.release() for row in batch.records]


BAD = b"{"


def bad(topic: str, first: int, count: int, key: bytes | None = None) -> list[Message]:
    """Records that are refused, each of a key of its own by default."""
    return [
        Message(
            topic=topic,
            partition=0,
            offset=first + n,
            key=b"k%d" % n if key is None else key,
            value=BAD,
            timestamp=(1, 1_000),
        )
        for n in range(count)
    ]


def test_a_run_of_refused_records_stops_a_strict_worker() -> None:
    inlet, feed = opened(strict_limits=True, dead_letter_max_run=3)
    poll(inlet, feed, *bad(NETWORK, 0, 3, b"one"))
    why = r"network-usage\[0\]: 4 records in a row.*latest: offset 3, : not_json.*nothing was lost"
    with pytest.raises(TooManyDeadLetters, match=why):
        poll(inlet, feed, *bad(NETWORK, 3, 1, b"one"))


def test_what_passes_a_limit_halts_its_input_alone_and_the_others_do_not_wait() -> None:
    inlet, feed = opened(dead_letter_max_run=3, input_retry_ms=60_000)
    poll(inlet, feed, record(NETWORK, 0), *bad(NETWORK, 1, 9), end(NETWORK, 10))
    poll(inlet, feed, *ends_but(NETWORK, TV), record(TV, 0, ts=9), end(TV, 1))
    assert feed.paused == {NETWORK} and feed.sought == {NETWORK: 4}
    assert released(inlet) == [0, 0], "the record of another input waits for the halted one"
    (cut,) = inlet.cut()
    assert cut.positions[NETWORK].offset == 4 and len(cut.refused) == 3
    assert inlet.lag_seconds(0, 3_000) == 2.0
    poll(inlet, feed, *bad(NETWORK, 4, 1))  # taken before it was paused
    assert inlet.cut() == []
    cast(Clock, inlet._ports.monotonic).now += 60.0
    inlet.apply_backpressure(cast(Consumer, feed))
    assert feed.paused == set()
    poll(inlet, feed, *bad(NETWORK, 4, 3), record(NETWORK, 7, ts=8), end(NETWORK, 8))
    assert released(inlet) == [7]


def test_facts_are_never_halted() -> None:
    inlet, feed = opened(dead_letter_max_run=3)
    poll(inlet, feed, *bad(FACTS, 0, 9), record(FACTS, 9), *ends_but(FACTS))
    assert feed.paused == set()
    assert released(inlet)[-1] == 9, "behind those that put their account on hold"


def test_a_key_that_alone_passes_a_limit_is_quarantined_and_its_input_goes_on() -> None:
    inlet, feed = opened(dead_letter_max_run=3)
    poll(inlet, feed, *bad(NETWORK, 0, 9, b"one"), record(NETWORK, 9), *ends_but(NETWORK))
    poll(inlet, feed, end(NETWORK, 10))
    assert feed.paused == set()
    assert released(inlet) == [9]
    (cut,) = inlet.cut()
    assert [(item.value, item.length) for item in cut.refused[-2:]] == [(None, 1), (None, 1)]
    poll(inlet, feed, *bad(NETWORK, 10, 4))
    assert feed.paused == {NETWORK}, "others are still counted"


def test_a_ratio_of_refused_records_passes_once_the_window_is_full() -> None:
    count = DeadLetterCount(DeadLetterLimit(0.5, 10, 100), "topic[0]")
    for n in range(3):
        assert count.add(3, [0, 2], [b"a%d" % n, b"b%d" % n], 0.0) is None
    assert count.add(3, [0, 2], [b"c", b"d"], 0.0) == Passed(
        3, "topic[0]: 8 of the last 12 records were refused"
    )


def test_a_key_in_quarantine_is_counted_again_an_hour_later() -> None:
    count = DeadLetterCount(DeadLetterLimit(1.0, 1_000, 3), "topic[0]")
    four = [b"one"] * 4
    assert count.add(4, range(4), four, 0.0) is None
    assert count.add(9, range(4), four, 3_599.0) is None and count.quarantined
    assert count.add(3, range(3), four[:3], 3_601.0) is None and not count.quarantined
    count.add(1, [0], four[:1], 3_602.0)
    assert count.quarantined


def test_old_refusals_are_forgiven() -> None:
    count = DeadLetterCount(DeadLetterLimit(0.5, 10, 100), "topic[0]")
    keys = [b"a", b"b", b"c", b"d", b"e"]
    assert count.add(9, [0, 2, 4, 6, 8], keys, 0.0) is None
    for _ in range(10):
        assert count.add(5, [], [], 0.0) is None
    assert count.add(5, [0, 1, 3], keys[:3], 0.0) is None


def test_a_record_waits_until_no_input_can_bring_an_earlier_one() -> None:
    inlet, feed = opened()
    poll(inlet, feed, record(NETWORK, 0, ts=5), *ends_but(NETWORK, TV))
    assert released(inlet) == []
    poll(inlet, feed, record(TV, 0, ts=9))
    assert released(inlet) == [0]


def test_an_input_that_neither_ends_nor_sends_is_waited_for_while_polling_only() -> None:
    inlet, feed = opened(merge_wait_ms=1_000)
    poll(inlet, feed, record(NETWORK, 0), *ends_but(NETWORK, TV))
    cast(Clock, inlet._ports.monotonic).now += 3_600.0  # a long commit, or a process stood still
    assert released(inlet) == []
    for _ in range(9):
        poll(inlet, feed)
        assert released(inlet) == []
    for _ in range(3):
        poll(inlet, feed)
    assert released(inlet) == [0]


def test_an_end_from_before_the_records_beside_it_is_none() -> None:
    inlet, feed = opened()
    poll(inlet, feed, *ends_but(NETWORK), record(NETWORK, 0), end(NETWORK, 0))
    assert not inlet.partitions[0].merge.inputs[NETWORK].drained
    poll(inlet, feed, end(NETWORK, 1))
    assert inlet.partitions[0].merge.inputs[NETWORK].drained


def test_an_input_that_runs_ahead_is_paused_and_resumed() -> None:
    inlet, feed = opened(held_events=4)
    consumer = cast(Consumer, feed)
    poll(inlet, feed, *(record(NETWORK, n, ts=n) for n in range(6)))
    inlet.apply_backpressure(consumer)
    assert feed.paused == {NETWORK}
    poll(inlet, feed, *ends_but(NETWORK))
    assert released(inlet) == list(range(6))
    inlet.apply_backpressure(consumer)
    assert feed.paused == set()


def test_refused_records_go_with_the_offsets_behind_them() -> None:
    inlet, feed = opened()
    poll(
        inlet,
        feed,
        record(NETWORK, 0),
        record(NETWORK, 1, value=b"{"),
        record(NETWORK, 2, ts=7),
        record(NETWORK, 3, value=b"["),
        *ends_but(NETWORK, TV),
        record(TV, 0, ts=3),
    )
    assert released(inlet) == [0, 0]
    assert [item.offset for cut in inlet.cut() for item in cut.refused] == [1]
    poll(inlet, feed, end(TV, 1), end(NETWORK, 4))
    assert released(inlet) == [2]
    (cut,) = inlet.cut()
    assert [(item.offset, item.value) for item in cut.refused] == [(3, b"[")]
    assert (cut.positions[NETWORK][0], cut.taken[NETWORK]) == (4, 2)
    assert inlet.cut() == []


def test_a_closed_partition_forgets_what_it_held() -> None:
    inlet, feed = opened()
    poll(inlet, feed, record(NETWORK, 0), record(NETWORK, 1, value=b"{"))
    inlet.close(0)
    inlet.open(0, START)
    assert not any(inlet.partitions[0].refused.values())
    assert inlet.partitions[0].merge.inputs[NETWORK].count == 0
