"""A real Kafka for measuring, its input topics filled once, its output topics renewed per run."""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import islice

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from streams.contract import topics
from streams.kafka import clients
from streams.kafka.topic_plan import create_topics
from streams.settings import Settings
from tests.bench import inputs
from tests.support.processes import wait_until

_TIMEOUT_S = 60.0
_CHUNK = 50_000
_OUTPUTS = (topics.PROFILES, topics.OFFERS, topics.STATE, topics.DEAD_LETTERS)


class Topics:
    """The topics of one input on a broker.

    Parameters
    ----------
    bootstrap : str
    prefix : str
        Topic prefix; one per input.
    partitions : int
    """

    def __init__(self, bootstrap: str, prefix: str, partitions: int) -> None:
        self.bootstrap, self.prefix, self.partitions = bootstrap, prefix, partitions
        self.settings = Settings(
            bootstrap_servers=bootstrap,
            topic_prefix=prefix,
            partitions=partitions,
            replication=1,
            consent_default="grant",
            partitioner="consistent",  # see `inputs.partition_of`
        )
        self._admin: AdminClient = clients.admin(self.settings)

    @property
    def inputs(self) -> list[str]:
        """Full names of the three event topics, by `inputs.SOURCES`."""
        return [self.settings.topic(name) for name in inputs.SOURCES]

    def create(self) -> None:
        """Create every topic of the table."""
        create_topics(self._admin, self.settings)

    def fill(self, records: Iterable[tuple[int, int, bytes, bytes]]) -> int:
        """Produce the input, as fast as it goes; returns the number of records."""
        producer = Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "acks": "1",
                "linger.ms": 20,
                "batch.size": 1_000_000,
                "compression.type": "lz4",
                "log_level": 3,
                "queue.buffering.max.messages": 2_000_000,
                "queue.buffering.max.kbytes": 1_048_576,
            }
        )
        names, total, feed = self.inputs, 0, iter(records)
        while chunk := list(islice(feed, _CHUNK)):
            spots: dict[tuple[int, int], list[dict[str, object]]] = {}
            for source, partition, key, value in chunk:
                spots.setdefault((source, partition), []).append({"key": key, "value": value})
            for (source, partition), batch in spots.items():
                sent = producer.produce_batch(names[source], batch, partition=partition)
                if sent != len(batch):
                    raise RuntimeError(f"only {sent} of {len(batch)} records were taken")
            total += len(chunk)
            while len(producer) > 1_000_000:
                producer.poll(0.05)
        if producer.flush(_TIMEOUT_S):
            raise RuntimeError("the input was not delivered")
        return total

    def renew(self) -> None:
        """Empty the output topics by making them anew."""
        self._replace([self.settings.topic(name) for name in _OUTPUTS])
        create_topics(self._admin, self.settings)

    def make(self, name: str) -> None:
        """Make a peer's topic anew, by its full name."""
        self._replace([name])
        new = NewTopic(name, num_partitions=self.partitions, replication_factor=1)
        for future in self._admin.create_topics([new]).values():
            future.result(_TIMEOUT_S)

    def delete(self, names: Iterable[str]) -> None:
        """Delete topics by their full names."""
        self._replace(list(names))

    def names(self, start: str = "") -> list[str]:
        """Full names of the topics that begin so."""
        return [
            name for name in self._admin.list_topics(timeout=10).topics if name.startswith(start)
        ]

    def read(self, name: str) -> list[tuple[int, bytes, bytes | None]]:
        """All committed records of a topic (full name): partition, key, value."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": "bench-reader",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "log_level": 3,
            }
        )
        consumer.assign([TopicPartition(name, p, 0) for p in range(self.partitions)])
        open_ = set(range(self.partitions))
        found: list[tuple[int, bytes, bytes | None]] = []
        deadline = time.monotonic() + _TIMEOUT_S
        while open_ and time.monotonic() < deadline:
            for message in consumer.consume(20_000, 0.2):
                error, partition = message.error(), message.partition() or 0
                if error is None:
                    found.append((partition, message.key() or b"", message.value()))
                elif error.code() == KafkaError._PARTITION_EOF:
                    open_.discard(partition)
        consumer.close()
        if open_:
            raise RuntimeError(f"{name} could not be read to its end")
        return found

    def _replace(self, names: list[str]) -> None:
        here = set(self._admin.list_topics(timeout=10).topics)
        gone = [name for name in names if name in here]
        if gone:
            for future in self._admin.delete_topics(gone).values():
                future.result(_TIMEOUT_S)
        wait_until(
            lambda: not set(gone) & set(self._admin.list_topics(timeout=10).topics),
            _TIMEOUT_S,
            lambda: f"{gone} would not go",
        )


class Committed:
    """How far a group has committed, asked from outside."""

    def __init__(self, bootstrap: str, group: str, names: list[str], partitions: int) -> None:
        self._spots = [TopicPartition(name, p) for name in names for p in range(partitions)]
        # Never joins the group: only its committed offsets are asked for.
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": group,
                "enable.auto.commit": False,
                "log_level": 2,
            }
        )

    def total(self) -> int:
        """Sum of the committed offsets; events done, for inputs that begin at offset 0."""
        try:
            found = self._consumer.committed(self._spots, 5.0)
        except KafkaException:
            return 0
        return sum(max(0, spot.offset) for spot in found if spot.error is None)

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()
