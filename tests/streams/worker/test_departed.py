"""What a worker left open that is gone is ended by whoever takes its partitions over."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from streams.contract.topics import INPUTS, STATE
from streams.kafka import clients
from streams.settings import Settings
from streams.worker.departed import Departed
from streams.worker.worker import Worker
from tests.broker.memory_broker import Member, MemoryBroker
from tests.broker.memory_clients import ports
from tests.conftest import Names
from tests.simulation import inputs
from tests.support.live_worker import live, settled, step_until
from tests.support.small_worker import committed, engines, fed, start, steps

pytestmark = pytest.mark.usefixtures("calm")
#: Of the worker that is gone: in virtual seconds, longer than any test has.
LONG_MS = 60_000


def left_open(broker: MemoryBroker, name: str, *, offsets: bool = True) -> None:
    """Be killed amid a commit: before or after the offsets were sent."""
    theirs = ports(broker, name)
    config = {"transactional.id": f"sim-{name}", "transaction.timeout.ms": LONG_MS}
    producer = theirs.producer(config)
    producer.init_transactions(5.0)
    producer.begin_transaction()
    producer.produce(STATE, b"{}", b"c/a", partition=0)
    if offsets:
        reader = theirs.consumer({"group.id": "sim"})
        spots = [TopicPartition(INPUTS[0], 0, 1)]
        producer.send_offsets_to_transaction(spots, reader.consumer_group_metadata(), 5.0)


@pytest.mark.parametrize("offsets", [True, False])
def test_what_a_known_worker_left_open_is_ended(offsets: bool) -> None:
    broker = fed(3)
    left_open(broker, "w9", offsets=offsets)
    worker = start(broker, "w1")
    worker._membership.departed.note(["interest-streams/w9", "interest-streams/w1", "stranger"])
    began = broker.now
    while not committed(broker, INPUTS[0]):
        steps(1, worker)
        assert broker.now - began < 3.0
    assert engines(worker) and worker._abandoned == 0
    assert not broker.pending("sim", [(INPUTS[0], 0)])


def test_a_member_is_left_alone_and_so_is_who_is_not_known() -> None:
    broker = fed(1)
    for name in ("here", "unknown"):
        left_open(broker, name)
    group = broker.group("sim")
    for name in ("here", "other"):
        member = Member(name, name, [], 9.0, 9.0, broker.now, client_id=f"interest-streams/{name}")
        broker.join(group, member)
    departed = Departed(replace(inputs.settings(), instance_id="w1"), ports(broker, "w1"))
    departed.note(["interest-streams/here", "interest-streams/other"])
    departed.end()
    assert [broker.coordinators[f"sim-{name}"].epoch for name in ("here", "unknown")] == [1, 1]
    assert "sim-other" not in broker.coordinators
    group.members.pop("other")
    departed.end()  # within a second the group is not looked at again
    assert "sim-other" not in broker.coordinators
    broker.sleep(1.1)
    departed.end()
    departed.end()
    assert broker.coordinators["sim-other"].epoch == 1


@pytest.mark.kafka
def test_a_broker_ends_it_for_the_one_who_takes_over(kafka: str, names: Names) -> None:
    settings = live(kafka, names.prefix, call_deadline_ms=7_000, instance_id="heir")
    _abandoned_commit(replace(settings, instance_id="gone", transaction_timeout_ms=LONG_MS))
    worker = Worker(settings)
    worker._membership.departed.note([clients.client_id(settings, "gone")])
    worker.start()
    began = time.monotonic()
    step_until(worker, lambda: worker._pipeline.succeeded > 0)
    assert time.monotonic() - began < LONG_MS / 1000
    assert worker._abandoned == 0
    settled(worker, settings)


def _abandoned_commit(settings: Settings) -> None:
    """A transaction with offsets of the group, which nobody ends."""
    config: dict[str, Any] = clients.producer_config("worker", settings)
    producer = Producer(config)
    producer.init_transactions(60)
    producer.begin_transaction()
    producer.produce(settings.topic(STATE), b"{}", b"c/a", partition=0)
    assert producer.flush(60) == 0
    reader = Consumer({"bootstrap.servers": settings.bootstrap_servers, "group.id": settings.group})
    spots = [TopicPartition(settings.topic(INPUTS[0]), 0, 1)]
    producer.send_offsets_to_transaction(spots, reader.consumer_group_metadata(), 60)
    reader.close()
