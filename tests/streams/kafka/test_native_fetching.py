"""Records taken straight from librdkafka's queue are those that the Python client hands over."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from importlib import metadata
from typing import NamedTuple

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from streams.kafka.fetching import Fetch, plain_fetch
from streams.kafka.native_fetching import NativeFetch, native_fetch
from tests.conftest import Names
from tests.support.new_topics import create
from tests.support.paths import ROOT

CLIENT = "native/1"
COUNT = 3_000
PARTITIONS = 2


class Taken(NamedTuple):
    """A record as it came."""

    stamp: int
    key: bytes | None
    value: bytes | None


def consumer(kafka: str, client: str = CLIENT, **more: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": kafka,
            "client.id": client,
            "group.id": f"g-{time.time_ns()}",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            **more,
        }
    )


def native(member: Consumer) -> NativeFetch:
    found = native_fetch(member, CLIENT)
    assert found is not None
    return found


@pytest.fixture
def spots(kafka: str, names: Names) -> list[TopicPartition]:
    """Partitions with every form of a record."""
    topics = [names.prefix + name for name in ("a", "b")]
    admin = AdminClient({"bootstrap.servers": kafka})
    create(admin, *(NewTopic(t, PARTITIONS, 1) for t in topics))
    rng = random.Random(5)
    producer = Producer({"bootstrap.servers": kafka})
    for n in range(COUNT):
        producer.produce(
            rng.choice(topics),
            rng.choice([None, b"", b"%d" % n, rng.randbytes(rng.randrange(2_000))]),
            rng.choice([None, b"", b"key-%d" % (n % 9)]),
            partition=rng.randrange(PARTITIONS),
            timestamp=1_700_000_000_000 + n,
        )
    assert producer.flush(120) == 0
    return [TopicPartition(t, p, 0) for t in topics for p in range(PARTITIONS)]


class Reader:
    """Reads partitions to their ends; every record must come at its turn."""

    def __init__(self, member: Consumer, take: Fetch, spots: list[TopicPartition]) -> None:
        self.member = member
        self.take = take
        self.next = {(s.topic, s.partition): 0 for s in spots}
        self.found: dict[tuple[str, int], dict[int, Taken]] = {spot: {} for spot in self.next}
        self.ended: dict[tuple[str, int], int] = {}
        member.assign(spots)
        member.pause(spots)
        for spot in spots:
            self.seek(spot.topic, spot.partition, 0)
        if isinstance(take, NativeFetch):
            take.forward(spots)
        member.resume(spots)

    def seek(self, topic: str, partition: int, offset: int) -> None:
        self.member.seek(TopicPartition(topic, partition, offset))
        self.next[topic, partition] = offset
        self.ended.pop((topic, partition), None)

    def turn(self, limit: int) -> None:
        fetched = self.take(self.member, limit, 0.1)
        if fetched is None:
            return
        assert len(fetched) <= limit
        for i, (value, key) in enumerate(zip(fetched.values, fetched.keys, strict=True)):
            spot = fetched.topics[fetched.kinds[i]], int(fetched.partitions[i])
            offset = int(fetched.offsets[i])
            assert offset == self.next[spot]
            self.next[spot] = offset + 1
            self.found[spot][offset] = Taken(int(fetched.stamps[i]), key, value)
        for notice in fetched.notices:
            assert notice.error.code() == KafkaError._PARTITION_EOF
            self.ended[notice.topic, notice.partition] = notice.offset

    def to_the_end(self, rng: random.Random, unrest: int) -> None:
        until = time.monotonic() + 300
        while self.ended != self.next:
            assert time.monotonic() < until, (self.ended, self.next)
            self.turn(rng.choice([1, 10, 500]))
            if unrest:
                unrest -= 1
                topic, partition = spot = rng.choice(list(self.next))
                where = [TopicPartition(topic, partition)]
                if rng.random() < 0.5:
                    self.seek(topic, partition, rng.randrange(self.next[spot] + 1))
                else:
                    self.member.pause(where)
                    self.turn(50)
                    self.member.resume(where)


@pytest.mark.kafka
def test_both_ways_take_the_same(kafka: str, spots: list[TopicPartition], seed: int) -> None:
    found = []
    for plainly in (True, False):
        member = consumer(kafka)
        take: Fetch = plain_fetch if plainly else native(member)
        reader = Reader(member, take, spots)
        reader.to_the_end(random.Random(seed), unrest=60)
        found.append(reader.found)
        if isinstance(take, NativeFetch):
            take.close()
        member.close()
    assert sum(map(len, found[0].values())) == COUNT
    assert found[0] == found[1]


@pytest.mark.kafka
def test_records_that_come_by_the_other_queue_are_taken_and_forwarded(
    kafka: str, spots: list[TopicPartition]
) -> None:
    member = consumer(kafka)
    take = native(member)
    reader = Reader(member, plain_fetch, spots)  # nothing is forwarded
    reader.take = take
    reader.to_the_end(random.Random(1), unrest=0)
    for topic, partition in reader.next:
        reader.seek(topic, partition, 0)
    reader.turn(1)
    assert plain_fetch(member, 100, 1.0) is None, "it still comes by the consumer's own queue"
    reader.to_the_end(random.Random(1), unrest=0)
    take.close()
    member.close()


_FORGOTTEN = """
import gc, sys
from confluent_kafka import TopicPartition
from tests.streams.kafka.test_native_fetching import consumer, native
kafka, topic = sys.argv[1:]
member = consumer(kafka)
take = native(member)
member.assign([TopicPartition(topic, 0, 0)])
take.forward([TopicPartition(topic, 0)])
while take(member, 10, 0.1) is None:
    pass
ring = [take, member]
ring.append(ring)
del take, member, ring
gc.collect()
print("gone")
"""


@pytest.mark.kafka
def test_one_that_nobody_closed_lets_its_client_go(kafka: str, spots: list[TopicPartition]) -> None:
    """With records waiting; a process of its own, for what waits there can't be interrupted."""
    done = subprocess.run(
        [sys.executable, "-c", _FORGOTTEN, kafka, spots[0].topic],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.stdout == "gone\n", done.stderr


_DELETED = """
import sys, time
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from tests.streams.kafka.test_native_fetching import consumer, native
kafka, topic, stays = sys.argv[1:]
member = consumer(kafka, **{"topic.metadata.propagation.max.ms": "1"})  # believed at once
take = native(member)
spots = [TopicPartition(name, 0, 0) for name in (topic, stays)]
member.assign(spots)
take.forward(spots)
admin = AdminClient({"bootstrap.servers": kafka})
admin.delete_topics([topic])[topic].result(60)
until = time.monotonic() + 5.0
while time.monotonic() < until:
    member.list_topics(topic, timeout=10)  # and what it tells is told to the partitions
    take(member, 10, 0.1)
member.seek(TopicPartition(stays, 0, 0))
while take(member, 10, 0.1) is None:
    pass
take.close()
member.close()
print("alive")
"""


@pytest.mark.kafka
def test_a_topic_that_is_deleted_ends_no_process(kafka: str, spots: list[TopicPartition]) -> None:
    """In a process of its own: the client told it to a thread that it knew in no call, and died."""
    done = subprocess.run(
        [sys.executable, "-c", _DELETED, kafka, spots[0].topic, spots[-1].topic],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr


@pytest.mark.parametrize("release", ["2.15.9", "2.17.0", "3.0.0"])
def test_a_release_that_is_not_known_is_left_alone(
    release: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("streams.kafka.native_fetching.version", lambda name: release)
    assert native_fetch(consumer("127.0.0.1:1"), CLIENT) is None
    assert f"confluent-kafka {release.rpartition('.')[0]} is not known" in caplog.text
    assert len(caplog.records) == 1


def _raises(*_: object) -> str:
    raise metadata.PackageNotFoundError("confluent-kafka")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("version", lambda name: "2.16rc1"),
        ("version", lambda name: "2"),
        ("version", _raises),
        ("libversion", lambda: ("2.15.0", 0x020F00FF)),
        ("libversion", lambda: None),
    ],
)
def test_a_client_that_says_strange_things_is_read_the_plain_way(
    name: str, found: object, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    member = consumer("127.0.0.1:1")
    monkeypatch.setattr(f"streams.kafka.native_fetching.{name}", found)
    assert native_fetch(member, CLIENT) is None
    assert [r.levelname for r in caplog.records] == ["WARNING"]
    assert "taking the plain way" in caplog.text
    member.close()


def test_a_consumer_of_another_make_is_read_the_plain_way(caplog: pytest.LogCaptureFixture) -> None:
    class Own(Consumer):
        pass

    assert native_fetch(Own({"group.id": "g", "client.id": CLIENT}), CLIENT) is None
    assert "of another make" in caplog.text


def test_a_handle_of_another_client_is_not_used(caplog: pytest.LogCaptureFixture) -> None:
    assert native_fetch(consumer("127.0.0.1:1", "another"), CLIENT) is None
    assert "of another client" in caplog.text
    member = consumer("127.0.0.1:1")
    native(member).close()
    member.close()
    assert metadata.version("confluent-kafka").startswith("2.16.")


def test_who_is_in_a_hurry_waits_for_nothing_once(kafka: str) -> None:
    member = consumer(kafka)
    take = native(member)
    take.hurried = True
    began = time.monotonic()
    assert take(member, 10, 30.0) is None
    assert time.monotonic() - began < 15.0 and not take.hurried
    take.close()
    member.close()
