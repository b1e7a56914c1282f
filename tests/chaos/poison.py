"""Faults that come with the input or from beside it: bad records, small limits, strangers."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable

from confluent_kafka import Consumer, Producer

from streams.contract.topics import APP, DEAD_LETTERS, NETWORK, STATE, TV
from tests.chaos.cluster import Cluster

_Bad = tuple[str, bytes, bytes]  # topic, key, value
_LITTLE = 90_000  # bytes; a worker refuses to start with less than 73,728
_STRANGE_S = 8.0


def poison(cluster: Cluster, rng: random.Random) -> None:
    """A record as large as the broker takes one, and no dead letter."""
    _send(cluster, rng, [(NETWORK, b"poison", rng.randbytes(1_048_300))])


def giants(cluster: Cluster, rng: random.Random) -> None:
    """Some records of 4 MB that their producer compressed to kilobytes."""
    _send(cluster, rng, [(TV, b"giant", b"A" * 4_000_000)] * rng.randint(1, 5))


def bad_account(cluster: Cluster, rng: random.Random) -> None:
    """More bad records of one account than may be refused in a row."""
    _send(cluster, rng, [(APP, b"bad", b"{}")] * 6_000)


def small_limit(cluster: Cluster, rng: random.Random) -> None:
    """The brokers take less from now on, while records that they took lie there; then more."""
    _send(cluster, rng, [(NETWORK, b"small", rng.randbytes(400_000))])
    cluster.configure([STATE, DEAD_LETTERS], {"max.message.bytes": str(_LITTLE)})
    cluster.wait_for(lambda: False, rng.uniform(4.0, 8.0))
    cluster.configure([STATE, DEAD_LETTERS], {"max.message.bytes": None})


def stranger(cluster: Cluster, rng: random.Random) -> None:
    """Somebody's consumer joins the group, takes partitions of one input, and leaves."""
    consumer = Consumer(
        {
            "bootstrap.servers": cluster.settings.bootstrap_servers,
            "group.id": cluster.settings.group,
            "partition.assignment.strategy": "range",
            "session.timeout.ms": 6_000,
            "enable.auto.commit": False,
            "log_level": 0,
        }
    )
    consumer.subscribe([cluster.settings.topic(NETWORK)])
    until = time.monotonic() + _STRANGE_S
    while time.monotonic() < until:
        consumer.poll(0.2)
        cluster.tend()
    consumer.close()


def _send(cluster: Cluster, rng: random.Random, records: Iterable[_Bad]) -> None:
    producer = Producer(
        {
            "bootstrap.servers": cluster.settings.bootstrap_servers,
            "message.max.bytes": 100_000_000,
            "compression.type": "gzip",
        }
    )
    partition = rng.randrange(cluster.settings.partitions)
    for topic, key, value in records:
        producer.produce(cluster.settings.topic(topic), value, key, partition)
    producer.flush(30.0)
