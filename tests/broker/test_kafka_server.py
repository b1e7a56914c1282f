"""The test broker is real: transactions store, aborts hide, a kill -9 keeps what was committed."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.broker.kafka_server import KafkaServer
from tests.conftest import Names
from tests.support.new_topics import create
from tests.support.paths import ROOT
from tests.support.processes import wait_until

pytestmark = pytest.mark.kafka
CALL_S = 120.0


def _create(bootstrap: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    create(admin, NewTopic(topic, 1, 1))


def _producer(bootstrap: str, names: Names) -> Producer:
    producer = Producer(
        {"bootstrap.servers": bootstrap, "transactional.id": names.topic("producer")}
    )
    producer.init_transactions(CALL_S)
    return producer


def _read(bootstrap: str, names: Names, topic: str, count: int) -> list[bytes | None]:
    """Values of the first `count` committed records, from the start; fewer if none come."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": names.group,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    values: list[bytes | None] = []
    deadline = time.monotonic() + CALL_S
    while len(values) < count and time.monotonic() < deadline:
        values += [message.value() for message in consumer.consume(100, timeout=0.2)]
    # Nothing may follow what was expected.
    values += [message.value() for message in consumer.consume(100, timeout=0.5)]
    consumer.close()
    return values


def test_transaction_commits_and_abort_is_invisible(kafka: str, names: Names) -> None:
    topic = names.topic("out")
    _create(kafka, topic)
    producer = _producer(kafka, names)
    for value, commit in ((b"first", True), (b"aborted", False), (b"second", True)):
        producer.begin_transaction()
        producer.produce(topic, value, partition=0)
        producer.flush(CALL_S)
        if commit:
            producer.commit_transaction(CALL_S)
        else:
            producer.abort_transaction(CALL_S)
    assert _read(kafka, names, topic, 2) == [b"first", b"second"]


def test_offsets_are_part_of_the_transaction(kafka: str, names: Names) -> None:
    topic = names.topic("in")
    _create(kafka, topic)
    producer = _producer(kafka, names)
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": names.group})
    metadata = consumer.consumer_group_metadata()
    place = [TopicPartition(topic, 0, 5)]
    for offset, commit in ((5, True), (9, False)):
        place[0].offset = offset
        producer.begin_transaction()
        producer.send_offsets_to_transaction(place, metadata, CALL_S)
        if commit:
            producer.commit_transaction(CALL_S)
        else:
            producer.abort_transaction(CALL_S)
    assert consumer.committed([TopicPartition(topic, 0)], CALL_S)[0].offset == 5
    consumer.close()


def test_data_outlive_a_kill_on_the_same_port(own_kafka: KafkaServer, names: Names) -> None:
    topic = names.topic("out")
    _create(own_kafka.bootstrap, topic)
    producer = _producer(own_kafka.bootstrap, names)
    producer.begin_transaction()
    producer.produce(topic, b"kept", partition=0)
    producer.commit_transaction(CALL_S)
    port = own_kafka.port
    own_kafka.kill()
    assert not own_kafka.running
    own_kafka.start()
    assert own_kafka.port == port
    assert own_kafka.log_dir(topic, 0).is_dir()
    assert _read(own_kafka.bootstrap, names, topic, 1) == [b"kept"]


_ABANDON = """
import os, pathlib, sys
from tests.broker.kafka_server import KafkaServer
server = KafkaServer(pathlib.Path(sys.argv[1]))
server.start()
print(server.port, flush=True)
os._exit(1)
"""


@pytest.mark.usefixtures("kafka_jars")
def test_server_ends_with_a_test_run_that_was_killed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ABANDON, str(tmp_path / "kafka")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 1, done.stderr
    wait_until(lambda: not _listening(int(done.stdout)), 120)


def _listening(port: int) -> bool:
    with socket.socket() as sock:
        sock.settimeout(1)
        return sock.connect_ex(("127.0.0.1", port)) == 0
