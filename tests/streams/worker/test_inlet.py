"""The inlet: when refusing stops the worker, whom it waits for, and what it holds back."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, Message

from streams.contract.topics import INPUTS
from streams.errors import TooManyDeadLetters
from streams.worker.dead_letters import DeadLetterCount, DeadLetterLimit
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


def test_a_run_of_refused_records_stops_the_worker() -> None:
    count = DeadLetterCount(DeadLetterLimit(1.0, 1_000, 3), "topic[0]")
    count.add(4, [0, 1, 2], "x")
    count.add(1, [], "x")
    count.add(2, [0, 1], "x")
    count.add(1, [0], "x")
    with pytest.raises(TooManyDeadLetters, match=r"topic\[0\]: 4 records in a row.*latest: why"):
        count.add(1, [0], "why")


def test_a_ratio_of_refused_records_stops_the_worker_once_the_window_is_full() -> None:
    count = DeadLetterCount(DeadLetterLimit(0.5, 10, 100), "topic[0]")
    for _ in range(3):
        count.add(3, [0, 2], "x")
    with pytest.raises(TooManyDeadLetters, match="8 of the last 12"):
        count.add(3, [0, 2], "x")


def test_old_refusals_are_forgiven() -> None:
    count = DeadLetterCount(DeadLetterLimit(0.5, 10, 100), "topic[0]")
    count.add(9, [0, 2, 4, 6, 8], "x")
    for _ in range(10):
        count.add(5, [], "x")
    count.add(5, [0, 1, 3], "x")


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
