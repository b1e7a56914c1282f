"""The broker in memory does what the real one does: the same tests pass on both."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from streams.kafka.ports import REAL
from tests.broker.contract import CALL_S
from tests.broker.group_contract import BrokerContract
from tests.broker.memory_broker import MemoryBroker
from tests.broker.memory_clients import ports
from tests.conftest import Names
from tests.support.new_topics import create

CONSUMER = {
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "error",
    "isolation.level": "read_committed",
    "partition.assignment.strategy": "range",
    "session.timeout.ms": 6000,
    "heartbeat.interval.ms": 200,
    "fetch.wait.max.ms": 50,
    "log_level": 0,
}


#: A machine that stands still for a while ends no membership of those who did nothing wrong.
_PATIENT = {"session.timeout.ms": 30_000}


class MemoryWorld:
    """The broker in memory."""

    def __init__(self, seed: int) -> None:
        self.broker = MemoryBroker(seed)
        self._ports = ports(self.broker, "test")

    def topic(self, name: str, partitions: int = 1) -> str:
        self.broker.create(name, partitions)
        return name

    def put(self, topic: str, partition: int, *values: bytes) -> None:
        for value in values:
            self.broker.put(topic, partition, value)

    def consumer(self, group: str, **config: Any) -> Consumer:
        return self._ports.consumer({**CONSUMER, "group.id": group, **config})

    def producer(self, name: str, **config: Any) -> Producer:
        producer = self._ports.producer({"transactional.id": name, **config})
        producer.init_transactions(CALL_S)
        return producer

    def admin(self) -> AdminClient:
        return self._ports.admin({})

    def stall(self, seconds: float) -> None:
        self.broker.sleep(seconds)

    def now(self) -> float:
        return self.broker.now

    def delete_before(self, topic: str, partition: int, offset: int) -> None:
        self.broker.log(topic, partition).delete_before(offset)


class KafkaWorld:
    """The real broker."""

    def __init__(self, bootstrap: str, names: Names) -> None:
        self._names = names
        self._where = {"bootstrap.servers": bootstrap}
        self._admin = REAL.admin({**self._where})  # kept: answers go with their client

    def topic(self, name: str, partitions: int = 1) -> str:
        full = self._names.topic(name)
        create(self._admin, NewTopic(full, partitions, 1))
        return full

    def put(self, topic: str, partition: int, *values: bytes) -> None:
        producer = REAL.producer({**self._where})
        for value in values:
            producer.produce(topic, value, partition=partition)
        assert producer.flush(CALL_S) == 0

    def consumer(self, group: str, **config: Any) -> Consumer:
        return REAL.consumer(
            {**CONSUMER, **_PATIENT, **self._where, "group.id": self._names.topic(group), **config}
        )

    def producer(self, name: str, **config: Any) -> Producer:
        producer = REAL.producer(
            {**self._where, "transactional.id": self._names.topic(name), "log_level": 0, **config}
        )
        producer.init_transactions(CALL_S)
        return producer

    def admin(self) -> AdminClient:
        return self._admin

    def stall(self, seconds: float) -> None:
        time.sleep(seconds)

    def now(self) -> float:
        return time.monotonic()

    def delete_before(self, topic: str, partition: int, offset: int) -> None:
        for future in self._admin.delete_records(
            [TopicPartition(topic, partition, offset)]
        ).values():
            future.result(CALL_S)


class TestMemory(BrokerContract):
    """In memory."""

    @pytest.fixture
    def world(self, seed: int) -> MemoryWorld:
        return MemoryWorld(seed)


@pytest.mark.kafka
class TestKafka(BrokerContract):
    """On the real one."""

    @pytest.fixture
    def world(self, kafka: str, names: Names) -> KafkaWorld:
        return KafkaWorld(kafka, names)


class TestBeyondTheContract:
    """What only the one in memory can be asked, for it needs a stopped process or a cleaner."""

    def test_a_silent_member_is_dropped_after_its_session(self, seed: int) -> None:
        world = MemoryWorld(seed)
        topic = world.topic("a")
        consumer = world.consumer("g")
        consumer.subscribe([topic])
        consumer.consume(1, 0.1)
        world.broker.silence("test")
        world.stall(5.9)
        assert world.broker.group("g").members
        world.stall(0.2)
        assert not world.broker.group("g").members

    def test_compaction_keeps_offsets_and_newest_values(self, seed: int) -> None:
        world = MemoryWorld(seed)
        topic = world.topic("a")
        for key, value in ((b"a", b"1"), (b"b", b"2"), (b"a", b"3"), (b"b", None)):
            world.broker.put(topic, 0, value, key)
        log = world.broker.log(topic, 0)
        log.compact()
        assert [(offset, cast(Any, entry).value) for offset, entry in log.read(0, True)] == [
            (2, b"3")
        ]
        assert log.end == 4
