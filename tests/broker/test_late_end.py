"""An EndTxn that comes in when its client has begun the next transaction.

A broker can't tell it from one of that next transaction, for librdkafka's producer keeps its epoch
from one to the other (KIP-890 would raise it). Seen on Kafka 4.1 with ``transaction.version`` 2.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from features.records.dead_letter import DeadLetter
from features.vocabulary import Refusal
from streams.contract.topics import DEAD_LETTERS, NETWORK
from streams.errors import Abandon
from streams.kafka import clients
from streams.kafka.topic_plan import create_topics
from streams.settings import Settings
from streams.worker.outlet import Commit, Outlet
from streams.worker.watchdog import Watchdog
from tests.broker.kafka_server import Options, free_ports, started_kafka
from tests.chaos.proxy import Proxy
from tests.support.processes import wait_until
from tests.support.worker_process import short_timings

pytestmark = [pytest.mark.kafka]
_LATE_S = 1.0  # for the broker to act on it
_COMMIT_S = 60.0  # beyond what the client waits for an answer before it asks again


@dataclass
class Stage:
    """A deployment whose worker reaches its broker through a proxy."""

    settings: Settings
    way: Proxy
    direct: str

    def visible(self) -> list[bytes | None]:
        """The committed dead letters."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.direct,
                "group.id": "looks",
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
            }
        )
        consumer.assign([TopicPartition(self.settings.topic(DEAD_LETTERS), 0, 0)])
        found = []
        while (message := consumer.poll(60)) is not None and message.error() is None:
            found.append(message.value())
        consumer.close()
        return found

    def shows(self, *values: bytes) -> None:
        """Wait for these and no others; a commit is visible a little after it is answered."""
        wait_until(lambda: self.visible() == [*values], 120, lambda: str(self.visible()))


@pytest.fixture(scope="module")
def broker(
    tmp_path_factory: pytest.TempPathFactory, kafka_jars: object
) -> Iterator[tuple[Proxy, str]]:
    [port] = free_ports(1)
    way = Proxy(port)
    folder: Path = tmp_path_factory.mktemp("kafka")
    with started_kafka(folder, Options(listeners={port: way.port})) as server:
        yield way, server.bootstrap
    way.close()


@pytest.fixture
def stage(broker: tuple[Proxy, str], request: pytest.FixtureRequest) -> Stage:
    way, direct = broker
    prefix = f"late{abs(hash(request.node.name)) % 10**6}-"
    settings = short_timings(f"127.0.0.1:{way.port}", prefix, partitions=1)
    create_topics(clients.admin(settings), settings)
    return Stage(settings, way, direct)


class Sender:
    """Commits dead letters as a worker does, and can be stopped in the midst of it."""

    def __init__(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        self._settings = stage.settings
        self._group = clients.consumer("worker", stage.settings)
        self._amid: Any = None
        produce = Outlet._produce

        def produced(outlet: Outlet, commit: Commit, deadline: float) -> None:
            produce(outlet, commit, deadline)
            if self._amid is not None:
                outlet._producer.flush(60)
                self._amid()

        monkeypatch.setattr(Outlet, "_produce", produced)
        self.renew()

    def renew(self) -> None:
        self.outlet = Outlet(self._settings, Watchdog(60_000))

    def commit(self, value: bytes, amid: Any = None) -> None:
        letter = DeadLetter(Refusal.EMPTY, "", "", self._settings.topic(NETWORK), 0, 0, b"", value)
        offsets = [TopicPartition(self._settings.topic(NETWORK), 0, 0)]
        commit, self._amid = Commit(refused=[letter], offsets=offsets), amid
        member = self._group.consumer_group_metadata()
        self.outlet.commit(commit, member, time.monotonic() + _COMMIT_S)


@pytest.fixture
def sender(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Sender:
    return Sender(stage, monkeypatch)


@pytest.mark.parametrize("hang_up", [True, False], ids=["connection ends", "no answer"])
def test_it_ends_the_next_transaction_of_a_client_that_keeps_its_producer(
    stage: Stage, hang_up: bool
) -> None:
    """What it does to others: the client hears that its commit held, and is right."""
    topic = stage.settings.topic(DEAD_LETTERS)
    producer = Producer({**clients.producer_config("worker", stage.settings)})
    producer.init_transactions(60)
    stage.way.keep_next_end(hang_up=hang_up)
    producer.begin_transaction()
    producer.produce(topic, b"one", partition=0)
    producer.commit_transaction(_COMMIT_S)
    stage.shows(b"one")
    producer.begin_transaction()
    producer.produce(topic, b"two", partition=0)
    assert producer.flush(60) == 0
    assert stage.visible() == [b"one"]
    stage.way.deliver_end()
    stage.shows(b"one", b"two")  # half of a transaction
    with pytest.raises(KafkaException, match="invalid state"):
        producer.abort_transaction(60)


@pytest.mark.parametrize("hang_up", [True, False], ids=["connection ends", "no answer"])
def test_it_does_nothing_to_a_worker(stage: Stage, sender: Sender, hang_up: bool) -> None:
    """Its client sent it again by itself; the next transaction has another epoch."""
    stage.way.keep_next_end(hang_up=hang_up)
    sender.commit(b"one")
    first = sender.outlet._producer
    stage.shows(b"one")

    def late() -> None:
        stage.way.deliver_end()
        time.sleep(_LATE_S)
        assert stage.visible() == [b"one"], "the second is under way"

    sender.commit(b"two", late)
    stage.shows(b"one", b"two")
    assert sender.outlet._producer is not first
    second = sender.outlet._producer
    sender.commit(b"three")
    assert sender.outlet._producer is second, "no doubt, no new producer"


def test_it_does_nothing_to_a_worker_that_gave_up(
    stage: Stage, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held across the `init_transactions` of the producer that comes after a time-out."""
    stage.way.keep_next_end()
    before = stage.way.ends_held
    with monkeypatch.context() as patch:

        def impatient() -> None:
            # Time for the offsets; what is too late must be the end, before it is asked for again.
            left = iter([_COMMIT_S])
            patch.setattr(Outlet, "_left", lambda self, deadline: next(left, 1.0))

        with pytest.raises(Abandon):
            sender.commit(b"one", impatient)
    wait_until(lambda: stage.way.ends_held > before, 60)
    sender.renew()

    def late() -> None:
        stage.way.deliver_end()
        time.sleep(_LATE_S)
        assert stage.visible() == []

    sender.commit(b"two", late)
    stage.shows(b"two")
