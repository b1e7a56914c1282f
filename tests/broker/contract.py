"""What a worker relies on in a broker and its clients: one suite for the fake and the real one.

A test class mixes `BrokerContract` in and gives a `World`. Nothing here may depend on how long
something takes, only on what follows what.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import pytest
from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

CALL_S = 60.0
NEVER = -1001


class World(Protocol):
    """A broker to test, fresh topics and groups for each test."""

    def topic(self, name: str, partitions: int = 1) -> str: ...
    def put(self, topic: str, partition: int, *values: bytes) -> None: ...
    def consumer(self, group: str, **config: Any) -> Consumer: ...
    def producer(self, name: str, **config: Any) -> Producer: ...
    def admin(self) -> AdminClient: ...
    def stall(self, seconds: float) -> None: ...
    def now(self) -> float: ...
    def delete_before(self, topic: str, partition: int, offset: int) -> None: ...


class Seen:
    """What a consumer handed over so far, in words: values, and where it met an end."""

    def __init__(self, world: World, *consumers: Consumer) -> None:
        self._world = world
        self._consumers = consumers
        self.values: list[bytes | None] = []
        self.ends: list[int] = []
        self.errors: list[str] = []
        self.messages: list[Message] = []

    def until(self, condition: Callable[[], bool], seconds: float = 120.0) -> Seen:
        """Consume until the condition holds."""
        deadline = self._world.now() + seconds
        while not condition():
            assert self._world.now() < deadline, (self.values, self.ends, self.errors)
            self.once()
        return self

    def quiet(self, seconds: float = 0.7) -> Seen:
        """Consume for a while; asserts that nothing comes."""
        before = len(self.values) + len(self.ends)
        deadline = self._world.now() + seconds
        while self._world.now() < deadline:
            self.once()
        assert len(self.values) + len(self.ends) == before, (self.values, self.ends)
        return self

    def once(self) -> None:
        for consumer in self._consumers:
            for message in consumer.consume(100, 0.05):
                error = message.error()
                if error is None:
                    self.values.append(message.value())
                    self.messages.append(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    self.ends.append(message.offset() or 0)
                else:
                    self.errors.append(error.name())


def name_of(call: Callable[[], object]) -> str:
    """Name of the error that a call raises."""
    with pytest.raises(KafkaException) as caught:
        call()
    return str(caught.value.args[0].name())


def at(topic: str, offset: int = 0, partition: int = 0) -> list[TopicPartition]:
    return [TopicPartition(topic, partition, offset)]


class LogContract:
    """Logs and transactions."""

    def test_an_end_is_told_once_and_again_after_a_seek_or_a_pause(self, world: World) -> None:
        topic = world.topic("a")
        world.put(topic, 0, b"0", b"1", b"2")
        consumer = world.consumer("g")
        consumer.assign(at(topic))
        seen = Seen(world, consumer)
        seen.until(lambda: seen.ends == [3])
        assert seen.values == [b"0", b"1", b"2"]
        seen.quiet()
        consumer.seek(TopicPartition(topic, 0, 3))
        seen.until(lambda: seen.ends == [3, 3])
        consumer.pause(at(topic))
        seen.quiet()
        consumer.resume(at(topic))
        seen.until(lambda: seen.ends == [3, 3, 3])
        world.put(topic, 0, b"3")
        seen.until(lambda: seen.ends == [3, 3, 3, 4])

    def test_a_paused_partition_waits_and_goes_on_where_it_was_put(self, world: World) -> None:
        topic = world.topic("a")
        world.put(topic, 0, b"0", b"1", b"2")
        consumer = world.consumer("g")
        consumer.assign(at(topic))
        consumer.pause(at(topic))
        seen = Seen(world, consumer).quiet()
        consumer.seek(TopicPartition(topic, 0, 1))
        seen.quiet()
        consumer.resume(at(topic))
        seen.until(lambda: seen.ends == [3])
        assert seen.values == [b"1", b"2"]

    def test_nothing_behind_an_open_transaction_is_seen(self, world: World) -> None:
        topic = world.topic("a")
        world.put(topic, 0, b"0")
        producer = world.producer("t")
        producer.begin_transaction()
        producer.produce(topic, b"1", partition=0)
        producer.flush(CALL_S)
        world.put(topic, 0, b"2")
        committed, dirty = (
            world.consumer("g"),
            world.consumer("g2", **{"isolation.level": "read_uncommitted"}),
        )
        committed.assign(at(topic))
        dirty.assign(at(topic))
        seen = Seen(world, committed)
        seen.until(lambda: seen.ends == [1])
        all_of_it = Seen(world, dirty)
        all_of_it.until(lambda: all_of_it.ends == [3])
        assert (seen.values, all_of_it.values) == ([b"0"], [b"0", b"1", b"2"])
        assert (ends(world, topic), ends(world, topic, stable=True)) == (3, 1)
        producer.commit_transaction(CALL_S)
        seen.until(lambda: seen.ends[-1] == 4)
        assert seen.values == [b"0", b"1", b"2"]

    def test_aborted_records_occupy_offsets_and_are_not_seen(self, world: World) -> None:
        topic = world.topic("a")
        producer = world.producer("t")
        producer.begin_transaction()
        producer.produce(topic, b"no", partition=0)
        producer.flush(CALL_S)
        producer.abort_transaction(CALL_S)
        producer.begin_transaction()
        producer.produce(topic, b"yes", key=b"k", partition=0, headers=[("h", b"x")])
        producer.produce_batch(topic, [{"key": b"gone", "value": None}], partition=0)
        producer.commit_transaction(CALL_S)
        consumer = world.consumer("g")
        consumer.assign(at(topic))
        seen = Seen(world, consumer)
        seen.until(lambda: seen.ends[-1:] == [5])  # the last marker may come after its answer
        assert seen.values == [b"yes", None]
        first = seen.messages[0]
        assert (first.offset(), first.key(), first.headers()) == (2, b"k", [("h", b"x")])

    def test_a_transactional_id_fences_its_former_user(self, world: World) -> None:
        topic = world.topic("a")
        old = world.producer("t")
        old.begin_transaction()
        old.produce(topic, b"old", partition=0)
        old.flush(CALL_S)
        reader = world.consumer("g")
        old.send_offsets_to_transaction(at(topic, 1), reader.consumer_group_metadata(), CALL_S)
        new = world.producer("t")
        reader.assign(at(topic))
        seen = Seen(world, reader)
        seen.until(lambda: seen.ends == [2])
        assert seen.values == []
        assert name_of(lambda: old.commit_transaction(CALL_S)) == "_FENCED"
        assert name_of(old.begin_transaction) == "_FENCED"
        old.purge()
        new.begin_transaction()
        new.produce(topic, b"new", partition=0)
        new.commit_transaction(CALL_S)
        seen.until(lambda: seen.values == [b"new"])
        assert [p.offset for p in reader.committed(at(topic), CALL_S)] == [NEVER]

    def test_a_transaction_that_takes_too_long_is_ended(self, world: World) -> None:
        topic = world.topic("a")
        producer = world.producer("t", **{"transaction.timeout.ms": 6000})
        producer.begin_transaction()
        producer.produce(topic, b"slow", partition=0)
        producer.flush(CALL_S)
        reader = world.consumer("g")
        reader.assign(at(topic))
        seen = Seen(world, reader)
        seen.until(lambda: bool(seen.ends) and seen.ends[-1] == 2)
        assert seen.values == []
        metadata = reader.consumer_group_metadata()
        assert (
            name_of(lambda: producer.send_offsets_to_transaction(at(topic, 1), metadata, CALL_S))
            == "_FENCED"
        )
        assert name_of(lambda: producer.commit_transaction(CALL_S)) == "_FENCED"

    def test_offsets_wait_for_the_transaction_that_holds_them(self, world: World) -> None:
        topic = world.topic("a")
        reader = world.consumer("g")
        for state, before, after in (("commit", NEVER, 7), ("abort", 7, 7)):
            producer = world.producer("t")
            assert [p.offset for p in reader.committed(at(topic), CALL_S)] == [before]
            producer.begin_transaction()
            producer.send_offsets_to_transaction(
                at(topic, 7 if state == "commit" else 9), reader.consumer_group_metadata(), CALL_S
            )
            assert name_of(lambda: reader.committed(at(topic), 1.0)) == "_TIMED_OUT"
            getattr(producer, f"{state}_transaction")(CALL_S)
            assert [p.offset for p in reader.committed(at(topic), CALL_S)] == [after]

    def test_calls_out_of_order_are_refused(self, world: World) -> None:
        topic = world.topic("a")
        producer = world.producer("t")
        assert name_of(lambda: producer.commit_transaction(CALL_S)) == "_STATE"
        assert name_of(lambda: producer.produce(topic, b"x", partition=0)) == "_STATE"
        producer.begin_transaction()
        assert name_of(producer.begin_transaction) == "_STATE"
        producer.commit_transaction(CALL_S)

    def test_a_full_queue_takes_a_part_of_a_batch_and_says_which(self, world: World) -> None:
        topic = world.topic("a")
        producer = world.producer("t", **{"queue.buffering.max.messages": 3, "linger.ms": 2000})
        producer.begin_transaction()
        batch: list[dict[str, Any]] = [{"key": b"k", "value": b"%d" % i} for i in range(5)]
        assert producer.produce_batch(topic, batch, partition=0) == 3
        assert [record["_error"].code() for record in batch if "_error" in record] == [
            KafkaError._QUEUE_FULL
        ] * 2
        with pytest.raises(BufferError):
            producer.produce(topic, b"more", partition=0)
        producer.flush(CALL_S)
        producer.produce(topic, b"more", partition=0)
        producer.commit_transaction(CALL_S)
        consumer = world.consumer("g")
        consumer.assign(at(topic))
        seen = Seen(world, consumer)
        seen.until(lambda: seen.ends[-1:] == [5])
        assert seen.values == [b"0", b"1", b"2", b"more"]

    def test_an_offset_that_is_gone_is_an_error_once(self, world: World) -> None:
        topic = world.topic("a")
        world.put(topic, 0, b"0", b"1", b"2")
        world.delete_before(topic, 0, 2)
        consumer = world.consumer("g")
        seen = Seen(world, consumer)
        for errors, offset in enumerate((0, 99), 1):
            consumer.assign(at(topic, offset))
            seen.until(partial(_as_many, seen.errors, errors)).quiet()
        assert (seen.values, set(seen.errors)) == ([], {"_AUTO_OFFSET_RESET"})
        with pytest.raises(KafkaException, match="Erroneous state|_STATE"):
            consumer.seek(TopicPartition(topic, 0, 2))
        consumer.assign(at(topic, 2))
        seen.until(lambda: seen.ends == [3])
        assert seen.values == [b"2"]

    def test_a_seek_elsewhere_is_refused(self, world: World) -> None:
        topic = world.topic("a", 2)
        consumer = world.consumer("g")
        consumer.assign(at(topic))
        with pytest.raises(KafkaException):
            consumer.seek(TopicPartition(topic, 1, 0))


def _as_many(found: list[str], count: int) -> bool:
    return len(found) == count


def ends(world: World, topic: str, *, stable: bool = False) -> int:
    """End of the log, or of what `read_committed` readers may see."""
    level = IsolationLevel.READ_COMMITTED if stable else IsolationLevel.READ_UNCOMMITTED
    spot = TopicPartition(topic, 0)
    admin = world.admin()  # answers go with their client
    answers = admin.list_offsets({spot: OffsetSpec.latest()}, isolation_level=level)
    return int(answers[spot].result(CALL_S).offset)
