"""What a process has of `tests.broker.memory_broker`: its ports, producer and administrator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from functools import partial
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import orjson
from confluent_kafka import (
    Consumer,
    ConsumerGroupState,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ConfigResource, OffsetSpec

from streams.kafka.executor import Job, SingleThreadExecutor
from streams.kafka.partitioners import PARTITIONERS
from streams.kafka.ports import Ports
from tests.broker.memory_broker import Coordinator, MemoryBroker, Transaction, failure
from tests.broker.memory_consumer import Client, GroupMetadata, MemoryConsumer


class MemoryExecutor(SingleThreadExecutor):
    """Jobs are done when they are given or, with `later`, by chance at any call after that."""

    def __init__(self, later: Random | None = None) -> None:
        super().__init__()
        self._later = later

    def put(self, job: Job) -> None:
        self._raise()
        self._jobs.append(job)
        self._work_off(self._depth)

    def check(self) -> None:
        self._work_off(self._depth)
        self._raise()

    def settle(self) -> None:
        self._work_off(0)
        self._raise()

    def _work_off(self, most: int) -> None:
        """Until at most so many wait, and perhaps more."""
        while (
            self._jobs
            and not self._running
            and (len(self._jobs) > most or self._later is None or self._later.random() < 0.5)
        ):
            job = self._jobs.popleft()
            self._running = True
            try:
                job()
            except Exception as error:
                self._error = error
                self._jobs.clear()
            finally:
                self._running = False


def ports(broker: MemoryBroker, owner: str, later: Random | None = None) -> Ports:
    """Ports of one process: its clients, the broker's time, an executor without a thread."""
    return Ports(
        consumer=lambda config: cast(Consumer, MemoryConsumer(broker, owner, config)),
        producer=lambda config: cast(Producer, MemoryProducer(broker, owner, config)),
        admin=lambda config: cast(AdminClient, MemoryAdmin(broker, owner)),
        monotonic=lambda: broker.now,
        wall=broker.wall,
        sleep=broker.sleep,
        executor=lambda: MemoryExecutor(later),
    )


class MemoryProducer(Client):
    """Producer; it sends at once, as one without linger would.

    Its queue counts all the same: it empties in `poll` and `flush`.
    """

    def __init__(self, broker: MemoryBroker, owner: str, config: Mapping[str, Any]) -> None:
        super().__init__(broker, owner)
        self._tid = str(config.get("transactional.id", ""))
        self._room = self._most = int(config.get("queue.buffering.max.messages", 100_000))
        self._timeout = float(config.get("transaction.timeout.ms", 60_000)) / 1000.0
        self._epoch = -1
        self._state = "new"  # ready, open, failed (must abort), fenced
        self._error: KafkaException | None = None
        self._ends_sent = self._commits = 0
        self._tell: Callable[[str], None] | None = config.get("stats_cb")

    def init_transactions(self, timeout: float = -1) -> None:
        def effect() -> None:
            self._epoch = self.broker.fence(self._tid)
            self._state = "ready"

        self.call("init_transactions", effect)

    def begin_transaction(self) -> None:
        def effect() -> None:
            self._need("ready")
            self._state = "open"

        self.call("begin_transaction", effect)

    def produce(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int = -1,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None:
        self.call(
            "produce" if self._tid else "produce_plainly",
            lambda: self._send(topic, value, key, partition, headers),
        )

    def produce_batch(self, topic: str, messages: list[dict[str, Any]], partition: int = -1) -> int:
        def effect() -> int:
            sent = 0
            for message in messages:
                try:
                    self._send(topic, message["value"], message["key"], partition)
                    sent += 1
                except BufferError:
                    message["_error"] = KafkaError(KafkaError._QUEUE_FULL)
            return sent

        return self.call("produce_batch", effect)

    def _send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        partition: int,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None:
        if self._room == 0:
            raise BufferError("Local: Queue full")
        self._room -= 1
        if partition < 0 and (count := len(self.broker.topics.get(topic, []))):
            partition = PARTITIONERS["murmur2"](key or b"", count)
        if not self._tid:
            self.broker.put(topic, partition, value, key, None, headers)
            return
        self._need("open")
        size = len(value or b"") + len(key or b"") + sum(len(n) + len(v) for n, v in headers or ())
        if size > self.broker.max_message_bytes.get(topic, 1_048_588):
            raise failure(KafkaError.MSG_SIZE_TOO_LARGE)
        self.broker.log(topic, partition)
        txn = self._transaction()
        if txn is not None:
            self.broker.put(topic, partition, value, key, txn, headers)

    def send_offsets_to_transaction(
        self, offsets: Iterable[TopicPartition], metadata: GroupMetadata, timeout: float = -1
    ) -> None:
        def effect() -> None:
            self._need("open")
            txn = self._transaction()
            if txn is None:
                raise self._fenced()
            try:
                self.broker.check_member(
                    self.broker.group(metadata.group), metadata.member, metadata.generation
                )
            except KafkaException as error:
                self._state, self._error = "failed", error
                raise
            txn.member = metadata.generation, metadata.member
            txn.offsets.setdefault(metadata.group, {}).update(
                {(o.topic, o.partition): o.offset for o in offsets}
            )

        self.call("send_offsets_to_transaction", effect)

    def commit_transaction(self, timeout: float = -1) -> None:
        self.call("commit_transaction", lambda: self._end("committed"))

    def abort_transaction(self, timeout: float = -1) -> None:
        def effect() -> None:
            if self._state == "failed":
                self._state, self._error = "open", None
            self._end("aborted")

        self.call("abort_transaction", effect)

    def flush(self, timeout: float = -1) -> int:
        self._room = self._most
        if self._state == "fenced":
            raise self._fenced()
        return 0

    def poll(self, timeout: float = 0) -> int:
        self.broker.sleep(timeout)
        self._room = self._most
        if self._tell is not None:
            once = dict.fromkeys(("AddOffsetsToTxn", "TxnOffsetCommit"), self._commits)
            lost = self._ends_sent - self._commits
            told = {**once, "EndTxn": self._ends_sent, "disconnects": lost}
            self._tell(orjson.dumps(told).decode())
        return 0

    def purge(self) -> None:
        """Nothing waits here."""

    def _end(self, state: str) -> None:
        self._need("open")
        self._room = self._most
        if self._coordinator().epoch != self._epoch:
            raise self._fenced()
        self._ends_sent += 1
        self._commits += 1
        late = self.broker.resend.pop(self.owner, None)
        if late is not None:
            self._ends_sent += 1
            late.append(partial(self._end_late, state, self._epoch))
        self.broker.end(self._coordinator(), state)
        self._state = "ready"

    def _end_late(self, state: str, epoch: int) -> None:
        """A request that was sent twice comes in once more: it ends what is open by then."""
        if self._coordinator().epoch == epoch:
            self.broker.end(self._coordinator(), state)

    def _need(self, state: str) -> None:
        if self._state == "fenced":
            raise self._fenced()
        if self._state == "failed" and state == "open" and self._error is not None:
            raise self._error
        if self._state != state:
            raise failure(KafkaError._STATE)

    def _coordinator(self) -> Coordinator:
        return self.broker.coordinators[self._tid]

    def _transaction(self) -> Transaction | None:
        """The transaction under way; None, and fenced from now on, where the id was taken."""
        coordinator = self._coordinator()
        if coordinator.epoch != self._epoch:
            self._state = "fenced"
            return None
        if coordinator.txn is None:
            coordinator.txn = Transaction(self.broker.now, self._timeout)
        return coordinator.txn

    def _fenced(self) -> KafkaException:
        self._state = "fenced"
        return failure(KafkaError._FENCED, fatal=True)


class MemoryAdmin(Client):
    """The questions that a worker has for an administrator."""

    def describe_topics(
        self, topics: TopicCollection, request_timeout: float = -1
    ) -> dict[str, Future[Any]]:
        answers: dict[str, Future[Any]] = {name: Future() for name in topics.topic_names}

        def effect() -> None:
            for name, answer in answers.items():
                logs = self.broker.topics.get(name)
                if logs is None:
                    answer.set_exception(failure(KafkaError.UNKNOWN_TOPIC_OR_PART))
                else:
                    topic_id = self.broker.topic_ids[name]
                    answer.set_result(SimpleNamespace(topic_id=topic_id, partitions=logs))

        self.call("describe_topics", effect)
        return answers

    def describe_consumer_groups(
        self, groups: list[str], request_timeout: float = -1
    ) -> dict[str, Future[Any]]:
        answers: dict[str, Future[Any]] = {name: Future() for name in groups}

        def effect() -> None:
            for name, answer in answers.items():
                members = self.broker.group(name).members.values()
                found = [SimpleNamespace(client_id=m.client_id, host=m.owner) for m in members]
                state = ConsumerGroupState.STABLE
                answer.set_result(SimpleNamespace(members=found, state=state))

        self.call("describe_consumer_groups", effect)
        return answers

    def describe_configs(
        self, resources: list[ConfigResource], request_timeout: float = -1
    ) -> dict[ConfigResource, Future[Any]]:
        answers: dict[ConfigResource, Future[Any]] = {item: Future() for item in resources}

        def effect() -> None:
            for resource, answer in answers.items():
                most = self.broker.max_message_bytes.get(resource.name, 1_048_588)
                answer.set_result({"max.message.bytes": SimpleNamespace(value=str(most))})

        try:
            self.call("describe_configs", effect)
        except KafkaException as error:
            for answer in answers.values():
                answer.set_exception(error)
        return answers

    def list_offsets(
        self,
        spots: Mapping[TopicPartition, OffsetSpec],
        isolation_level: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
        request_timeout: float = -1,
    ) -> dict[TopicPartition, Future[Any]]:
        answers: dict[TopicPartition, Future[Any]] = {spot: Future() for spot in spots}

        def effect() -> None:
            for spot, spec in spots.items():
                answers[spot].set_result(self._answer(spot, spec, isolation_level))

        try:
            self.call("list_offsets", effect)
        except KafkaException as error:  # a broker's refusal comes with the answer
            for spot in spots:
                answers[spot] = Future()
                answers[spot].set_exception(error)
        return answers

    def _answer(self, spot: TopicPartition, spec: OffsetSpec, level: IsolationLevel) -> Any:
        log = self.broker.log(spot.topic, spot.partition)
        end = log.end if level == IsolationLevel.READ_UNCOMMITTED else log.stable_end
        return SimpleNamespace(
            offset=log.first if isinstance(spec, type(OffsetSpec.earliest())) else end
        )
