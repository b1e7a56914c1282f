"""Failures of other Kafka stream processors, each a test of this one.

One section per failure, named after it; the places where others met it are in the docstrings.
What concerns restoring stands in `tests.system.test_peer_recovery`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, Message

from features.records.decoder import FACTS, NETWORK
from features.records.position import Position
from streams import metrics
from streams.contract.topics import INPUTS, STATE
from streams.errors import LostOffsets, Stop
from streams.worker.inlet import Inlet
from streams.worker.reporting import Report
from tests.simulation import inputs
from tests.simulation.deployment import Fault
from tests.simulation.schedules import attempt
from tests.support.small_worker import (
    NETWORK_TOPIC,
    committed,
    consent,
    engine_with,
    engines,
    event,
    fed,
    fold,
    new_broker,
    put,
    start,
    steps,
)

DAY_MS = inputs.DAY_MS


pytestmark = pytest.mark.usefixtures("calm")


# -- exactly-once duplicates or loses after kill -9 or restart ----------------------------------


@pytest.mark.parametrize("after", range(0, 60, 6))
@pytest.mark.parametrize("took_effect", [True, False])
def test_killed_at_any_call_it_counts_once(after: int, took_effect: bool) -> None:
    """faust#517, #323, #177; robinhood/faust#340, #658."""
    crash = Fault("CRASH", after, 0.0 if took_effect else 0.9)
    simulation, broken = attempt(5, [crash, replace(crash, after=3)])
    assert broken is None
    assert simulation.trace.fired


# -- N workers start cold at once ----------------------------------------------------------------


def test_three_workers_start_cold_at_once_on_a_full_changelog() -> None:
    """quix-streams PR#1146, #1125."""
    broker = new_broker(3)
    for p in range(3):
        put(broker, INPUTS[FACTS], f"a-{p}", consent(f"a-{p}"), p)
        put(broker, NETWORK_TOPIC, f"a-{p}", event(f"a-{p}", inputs.START_MS + 60_000), p)
    first = start(broker, "w0")
    steps(10, first)
    first.leave()
    for p in range(3):
        put(broker, NETWORK_TOPIC, f"a-{p}", event(f"a-{p}", inputs.START_MS + 120_000), p)
    commits = len(broker.commits)
    workers = [start(broker, f"w{n}") for n in range(3)]
    steps(30, *workers)
    assert [len(engines(worker)) for worker in workers] == [1, 1, 1]
    assert [committed(broker, NETWORK_TOPIC, p) for p in range(3)] == [2, 2, 2]
    assert len(broker.commits) == commits + 3
    assert not any(worker._abandoned for worker in workers)


# -- a partition silently not fetched, ready but idle --------------------------------------------


def test_ready_only_with_partitions_restored() -> None:
    """faust#175, #640; quix-streams#1124; PostHog#65809, #17476."""
    broker = new_broker()
    workers = [start(broker, "w0"), start(broker, "w1")]
    assert not any(worker._health.ready for worker in workers)
    steps(20, *workers)
    busy, idle = sorted(workers, key=lambda worker: not engines(worker))
    assert (busy._health.reason, idle._health.reason) == (
        "ready",
        "standby: no partition is assigned to this worker",
    )
    owner = cast(Any, busy._membership.consumer)
    assert not any(place.paused for place in owner._places.values())


def test_an_unknown_error_of_one_partition_ends_the_worker() -> None:
    """A consumer that goes on without a partition would look healthy."""
    inlet = Inlet(inputs.settings())
    error = Message(
        topic=NETWORK_TOPIC, partition=0, error=KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    )
    with pytest.raises(Stop, match="authorization"):
        inlet.poll(_handing_over([error]), 10, 0.0)


def _handing_over(messages: Sequence[Message]) -> Consumer:
    class Once:
        def consume(self, limit: int, timeout: float) -> Sequence[Message]:
            return messages

    return cast(Consumer, Once())


# -- commits past a message in flight, or never again --------------------------------------------


def test_what_is_held_back_is_not_committed_and_is_later() -> None:
    """faust#606, #312, #378, #596."""
    broker = fed(4)
    put(
        broker,
        INPUTS[2],
        "a",
        json.dumps(
            {
                "event_id": "t",
                "account_id": "a",
                "ts": inputs.START_MS + 90_000,
                "content_id": "match",
                "watched_ms": 60_000,
                "mode": "live",
            }
        ).encode(),
    )
    # TV shows its first record and no end: behind it nothing of the network may go.
    worker = start(broker, merge_wait_ms=1_000)
    cast(Any, worker._membership.consumer)._ends = False
    steps(8, worker)
    assert committed(broker, NETWORK_TOPIC) < 4
    steps(60, worker)
    assert committed(broker, NETWORK_TOPIC) == 4
    put(broker, NETWORK_TOPIC, "a", event("a", inputs.START_MS + 600_000))
    steps(60, worker)
    assert committed(broker, NETWORK_TOPIC) == 5


# -- prefetched records of a lost assignment are processed ---------------------------------------


def test_records_of_a_lost_assignment_are_dropped() -> None:
    """faust#216, #221."""
    inlet = Inlet(inputs.settings())
    inlet.open(1, {name: Position(0, -1) for name in INPUTS})
    records = [
        Message(
            topic=NETWORK_TOPIC,
            partition=p,
            offset=0,
            key=b"a",
            value=event("a", inputs.START_MS),
            timestamp=(1, 0),
        )
        for p in (0, 1)
    ]
    inlet.poll(_handing_over(records), 10, 0.0)
    assert inlet.partitions.keys() == {1}
    assert inlet.partitions[1].merge.inputs[NETWORK_TOPIC].count == 1


# -- a sweep deletes a key refreshed in the same flush; a prefix deletes another key -------------


def test_who_comes_back_in_the_batch_that_ends_its_retention_stays() -> None:
    """quix-streams#1129."""
    engine = engine_with(retention_days=5)
    day = inputs.START_MS + DAY_MS
    fold(
        engine,
        (FACTS, consent("a")),
        (FACTS, consent("b")),
        (NETWORK, event("a", day)),
        (NETWORK, event("b", day)),
    )
    late = day + 20 * DAY_MS
    changes = fold(engine, (NETWORK, event("b", late)), (NETWORK, event("a", late + 1)))
    found = {key: value is not None for key, value in changes.state.items() if key[:2] == b"s/"}
    assert found[b"s/a"] and found[b"s/b"]
    assert [value is not None for key, value, _, _ in changes.profiles if key == b"a"][-1]


def test_forgetting_one_account_leaves_those_its_name_begins() -> None:
    """quix-streams#1122."""
    engine = engine_with()
    day = inputs.START_MS + DAY_MS
    accounts = ("acc-1", "acc-10", "acc-1.x")
    fold(
        engine,
        *((FACTS, consent(a)) for a in accounts),
        *((NETWORK, event(a, day)) for a in accounts),
    )
    changes = fold(engine, (FACTS, consent("acc-1", day + 1_000, "withdrawn")))
    assert {key for key, value in changes.state.items() if value is None} == {b"s/acc-1"}
    assert {key for key, value, _, _ in changes.profiles if value is None} == {b"acc-1"}


# -- hand-over -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_partitions_change_hands_without_loss(seed: int) -> None:
    """quix-streams#1131, #1132: lock contention, slow flush, duplicates."""
    faults = [Fault(kind, 9, v / 10) for v, kind in enumerate(("JOIN", "LEAVE", "PAUSE") * 3)]
    assert attempt(seed, faults)[1] is None


def test_what_was_folded_is_committed_before_partitions_go() -> None:
    broker = fed()
    worker = start(broker)
    worker._settings = replace(
        worker._settings, commit_interval_ms=4_900, catch_up_interval_ms=4_900
    )
    steps(6, worker)
    assert committed(broker, NETWORK_TOPIC) == 0
    worker.leave()
    assert committed(broker, NETWORK_TOPIC) == 1
    assert not broker.group("sim").members


# -- committed offset below the low watermark ----------------------------------------------------


def test_records_deleted_unread_stop_a_strict_worker_with_the_place() -> None:
    """quix-streams#1114, #1115: idle for ever, or state silently deleted."""
    broker = fed()
    worker = start(broker)
    steps(10, worker)
    worker.leave()
    for n in range(3):
        put(broker, NETWORK_TOPIC, "a", event("a", inputs.START_MS + 120_000 + n))
    broker.log(NETWORK_TOPIC, 0).delete_before(3)
    before = list(broker.log(STATE, 0).read(0, True))
    worker = start(broker, strict_limits=True)
    with pytest.raises(LostOffsets) as stopped:
        steps(20, worker)
    assert stopped.value.code == 4
    assert f"{NETWORK_TOPIC}[0]" in str(stopped.value)
    assert "interest-streams state reset" in str(stopped.value)
    assert list(broker.log(STATE, 0).read(0, True)) == before
    assert committed(broker, NETWORK_TOPIC) == 1


# -- a window never closes on an idle partition --------------------------------------------------


def test_days_of_an_idle_partition_close_with_its_next_record() -> None:
    """quix-streams#790. No clock closes a day: what a day was is said when time passed there."""
    idle, busy = engine_with(), engine_with()
    day = inputs.START_MS + DAY_MS
    for engine in (idle, busy):
        fold(engine, (FACTS, consent("a")), (NETWORK, event("a", day)))
    for n in range(1, 11):  # the same days, one by one, by another account's facts and events
        fold(busy, (NETWORK, event("nobody", day + n * DAY_MS)))
    fold(idle, (NETWORK, event("nobody", day + 10 * DAY_MS)))
    assert idle.days_closed == busy.days_closed > 8
    assert idle.profile(b"a") == busy.profile(b"a")
    assert idle.learner.snapshot().keys() == busy.learner.snapshot().keys()
    assert all(idle.learner.snapshot()[k] == v for k, v in busy.learner.snapshot().items())


def test_an_idle_input_holds_no_other_back() -> None:
    broker = fed()
    worker = start(broker)  # nothing was ever watched or opened
    steps(10, worker)
    assert committed(broker, NETWORK_TOPIC) == 1


# -- windows restored from the changelog never expire --------------------------------------------


def test_restored_subjects_are_forgotten_in_time() -> None:
    """robinhood/faust#44."""
    engine = engine_with(retention_days=5)
    day = inputs.START_MS + DAY_MS
    changes = fold(engine, (FACTS, consent("a")), (FACTS, consent("b")), (NETWORK, event("a", day)))
    restored = engine_with(retention_days=5)
    restored.load([(k, v) for k, v in changes.state.items() if v is not None])
    later = fold(restored, (NETWORK, event("b", day + 20 * DAY_MS)))
    assert later.profiles[0][:2] == (b"a", None)
    assert restored.profile(b"a") is None
    left = int(restored.store.subjects["used"][restored.store.find(b"b")])
    assert int(restored.store.counters["rows_live"]) == left


# -- metrics off by 1,000 ------------------------------------------------------------------------


def test_times_are_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """faust PR#693."""
    broker = new_broker()
    put(broker, INPUTS[FACTS], "a", consent("a"))
    ts = inputs.START_MS + 60_000
    put(broker, NETWORK_TOPIC, "a", event("a", ts))
    worker = start(broker)
    steps(10, worker)
    part = worker._inlet.partitions[0]
    part.merge.inputs[NETWORK_TOPIC].drained = False
    part.arrival_ms = {NETWORK_TOPIC: int(broker.wall() * 1000) - 5_000}
    assert worker._inlet.lag_seconds(0, int(broker.wall() * 1000)) == 5.0
    Report().watermarks(engines(worker))
    watermark = metrics.WATERMARK.labels("0")._value.get()
    assert watermark == (ts - inputs.LATENESS_MS) / 1000.0
    count, total = _histogram(metrics.COMMIT_SECONDS)
    assert count > 0
    assert total < 60.0


def _histogram(histogram: Any) -> tuple[float, float]:
    samples = {
        s.name.rpartition("_")[2]: s.value
        for s in histogram.collect()[0].samples
        if s.name.endswith(("_count", "_sum"))
    }
    return samples["count"], samples["sum"]


def test_a_worker_that_was_away_too_long_joins_again() -> None:
    """Beyond max.poll.interval.ms the partitions are lost; idling on without them is no way."""
    broker = new_broker()
    put(broker, INPUTS[FACTS], "a", consent("a"))
    worker = start(broker)
    steps(10, worker)
    assert engines(worker)
    broker.sleep(61.0)
    assert not broker.group("sim").members
    put(broker, NETWORK_TOPIC, "a", event("a", inputs.START_MS + 60_000))
    steps(20, worker)
    assert committed(broker, NETWORK_TOPIC) == 1
