"""A partition that can't go on is given up alone, and tried again."""

from __future__ import annotations

from typing import Any

import pytest

from features.engine import Engine
from features.records.batch import parse
from streams import metrics
from streams.contract.topics import STATE
from streams.errors import LostOffsets
from tests.broker.memory_broker import MemoryBroker
from tests.broker.memory_consumer import MemoryConsumer
from tests.simulation import inputs
from tests.support.small_worker import (
    FACTS_TOPIC,
    NETWORK_TOPIC,
    committed,
    consent,
    engines,
    event,
    new_broker,
    put,
    start,
    steps,
)

pytestmark = pytest.mark.usefixtures("calm")

MINUTE = 60_000


def two_partitions() -> MemoryBroker:
    broker = new_broker(2)
    for partition, account in enumerate(("a", "b")):
        put(broker, FACTS_TOPIC, account, consent(account), partition)
        visit(broker, account, partition, 1)
    return broker


def visit(broker: MemoryBroker, account: str, partition: int, minute: int) -> None:
    value = event(account, inputs.START_MS + MINUTE * minute)
    put(broker, NETWORK_TOPIC, account, value, partition)


def damage(broker: MemoryBroker, partition: int) -> bytes | None:
    """Break the partition's meta record; returns what it was."""
    broker.put(STATE, partition, b"{", b"p/meta")
    metas = [e for _, e in broker.log(STATE, partition).read(0, True) if e.key == b"p/meta"]
    return metas[-2].value


def test_damaged_state_gives_up_its_partition_alone_and_is_tried_again() -> None:
    broker = two_partitions()
    first = start(broker)
    steps(10, first)
    first.leave()
    good = damage(broker, 0)
    worker = start(broker, input_retry_ms=5_000)
    steps(10, worker)
    assert list(engines(worker)) == [1]
    ready, said = worker._membership.state
    assert ready and "partition 0 is given up: interest-state[0]" in said
    assert metrics.REGISTRY.get_sample_value(
        "interest_streams_partition_given_up", {"partition": "0"}
    )
    visit(broker, "a", 0, 2)
    visit(broker, "b", 1, 2)
    steps(10, worker)
    assert (committed(broker, NETWORK_TOPIC, 0), committed(broker, NETWORK_TOPIC, 1)) == (1, 2)
    broker.put(STATE, 0, good, b"p/meta")  # brought back
    running = engines(worker)[1]
    broker.sleep(5.0)
    steps(20, worker)
    assert committed(broker, NETWORK_TOPIC, 0) == 2
    assert engines(worker)[1] is running, "the other was not restored for its sake"
    assert worker._membership.state == (True, "ready")


def test_lost_offsets_give_up_their_partition_alone() -> None:
    broker = two_partitions()
    first = start(broker)
    steps(10, first)
    first.leave()
    broker.group("sim").offsets[NETWORK_TOPIC, 1] = 0
    worker = start(broker)
    steps(10, worker)
    assert list(engines(worker)) == [0]
    assert "Offsets were moved by hand" in worker._membership.state[1]
    worker.leave()  # or chance would tell which of both it is given
    with pytest.raises(LostOffsets):
        steps(10, start(broker, "w1", strict_limits=True))


def test_records_deleted_under_a_running_worker_give_up_their_partition_alone() -> None:
    broker = two_partitions()
    worker = start(broker)
    steps(10, worker)
    for minute in range(2, 9):
        visit(broker, "a", 0, minute)
    broker.log(NETWORK_TOPIC, 0).delete_before(5)
    visit(broker, "b", 1, 2)
    steps(20, worker)
    assert committed(broker, NETWORK_TOPIC, 1) == 2
    assert list(engines(worker)) == [1]
    assert "deleted by retention" in worker._membership.state[1]


def test_a_partition_whose_engine_fails_twice_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = two_partitions()
    advance, failures = Engine.advance, list[Any]()

    def breaks(self: Engine, batch: Any, *rest: Any) -> int:
        if batch.records["partition"][0] == 1:
            failures.append(self)
            raise ZeroDivisionError("by zero")
        return advance(self, batch, *rest)

    worker = start(broker)
    steps(10, worker)
    running = engines(worker)[0]
    monkeypatch.setattr(Engine, "advance", breaks)
    for minute in range(2, 6):
        visit(broker, "a", 0, minute)
        visit(broker, "b", 1, minute)
        steps(10, worker)
    assert (committed(broker, NETWORK_TOPIC, 0), committed(broker, NETWORK_TOPIC, 1)) == (5, 1)
    assert len(failures) == 2 and failures[0] is not failures[1]
    assert engines(worker) == {0: running}, "the other was not restored for its sake"
    assert "partition 1 is given up: ZeroDivisionError: by zero" in worker._membership.state[1]
    with pytest.raises(ZeroDivisionError):
        steps(10, start(two_partitions(), strict_limits=True))


def test_a_record_that_the_decoder_breaks_at_gives_up_its_partition_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker = two_partitions()
    worker = start(broker)
    steps(10, worker)
    running = engines(worker)[0]
    visit(broker, "a", 0, 2)
    broker.put(NETWORK_TOPIC, 1, b"boom", b"b")
    visit(broker, "b", 1, 2)

    def breaks(raws: Any, *rest: Any, **more: Any) -> Any:
        if b"boom" in raws:
            raise RecursionError("too deep")
        return parse(raws, *rest, **more)

    monkeypatch.setattr("streams.worker.inlet.parse", breaks)
    steps(30, worker)
    assert (committed(broker, NETWORK_TOPIC, 0), committed(broker, NETWORK_TOPIC, 1)) == (2, 1)
    assert engines(worker) == {0: running}
    assert "partition 1 is given up: RecursionError: too deep" in worker._membership.state[1]


def test_a_halted_input_is_named_and_leaves_its_worker_ready() -> None:
    broker = two_partitions()
    for n in range(9):
        broker.put(NETWORK_TOPIC, 1, b"{", b"k%d" % n)
    worker = start(broker, dead_letter_max_run=3)
    steps(20, worker)
    ready, said = worker._membership.state
    assert ready and "halted: network-usage[1]: 4 records in a row were refused" in said
    assert committed(broker, NETWORK_TOPIC, 1) == 4
    visit(broker, "a", 0, 2)
    put(broker, FACTS_TOPIC, "b", consent("b", inputs.START_MS + MINUTE, "withdrawn"), 1)
    steps(20, worker)
    assert (committed(broker, NETWORK_TOPIC, 0), committed(broker, FACTS_TOPIC, 1)) == (2, 2)


def test_a_stranger_that_took_an_input_is_told_of_and_gone_when_it_leaves() -> None:
    broker = two_partitions()
    worker = start(broker)
    steps(10, worker)
    stranger = MemoryConsumer(broker, "x", {"group.id": "sim"})
    stranger.subscribe([NETWORK_TOPIC])
    for _ in range(10):
        stranger.consume(1, 0.1)
        worker.step()
    ready, said = worker._membership.state
    taken = len(stranger.assignment())
    assert taken and said.count("rdkafka at x takes part in group sim") == taken
    assert ready == (taken < 2)
    stranger.close()
    visit(broker, "a", 0, 2)
    visit(broker, "b", 1, 2)
    steps(30, worker)
    assert (committed(broker, NETWORK_TOPIC, 0), committed(broker, NETWORK_TOPIC, 1)) == (2, 2)


def test_a_worker_without_partitions_stands_by() -> None:
    broker = two_partitions()
    workers = [start(broker, f"w{n}") for n in range(3)]
    assert workers[0]._membership.state == (False, "joining the group")
    steps(30, *workers)
    states = sorted(worker._membership.state for worker in workers)
    assert [ready for ready, _ in states] == [True, True, True]
    assert states[-1] == (True, "standby: no partition is assigned to this worker")
