"""Writes one micro-batch in one Kafka transaction.

A commit is, in this order:

1. begin the transaction;
2. produce profiles and their offers, changelog records, receipts, what was learned and dead
   letters, each to its input's partition, and misplaced facts that forbid to their own;
3. add the input offsets, with the consumer's group metadata, so that a worker that lost its
   partitions is fenced (KIP-447);
4. commit.

Any error or time-out leaves the fate of the transaction open: a delayed end of it can commit or
abort a later one, for librdkafka lacks KIP-890. So a producer that failed is never used again. Nor
is one that sent a request of a commit again without an answer: where a connection ends, the client
does so by itself and says nothing, and the first may be on its way still
(`streams.kafka.resent`). Its successor has another epoch, in which the broker refuses it.
Deliveries need no callback: a transaction with a record that was not delivered cannot commit.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import numpy as np
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from numpy.typing import NDArray

from features.changes import Changes, ProfileRecord
from features.records.dead_letter import DeadLetter
from features.records.position import Position
from streams.contract import headers as codecs
from streams.contract.headers import OFFERS_EVENT, PROFILE_EVENT, EventType
from streams.contract.topics import DEAD_LETTERS, MODELS, OFFERS, PROFILES, RECEIPTS, STATE
from streams.errors import Abandon, Stop
from streams.kafka import clients, limits
from streams.kafka.ports import REAL, Ports
from streams.kafka.resent import SentRequests
from streams.settings import Settings
from streams.worker.astray import Astray
from streams.worker.watchdog import Watchdog

log = logging.getLogger(__name__)
_KEY_AND_HEADERS = 1_024  # most bytes of a record beside its value, but of a dead letter
_QUEUE_WAIT = 0.05  # seconds to let a full queue drain before trying again


@dataclass
class Commit:
    """The content of one transaction.

    Attributes
    ----------
    changes : dict of int to Changes
        By partition.
    refused : list of DeadLetter
    astray : list of Astray
        Facts and answers to be written to the partitions that they belong to.
    offsets : list of TopicPartition
        Next offset per input partition.
    taken : Counter of str
        Records per input topic that it accounts for.
    outcomes : Counter of (str, str)
        The same records by input topic and what became of them.
    arrivals : list of ndarray of int64
        When those came that a profile can have, ms, -1 where that is unknown.
    """

    changes: dict[int, Changes] = field(default_factory=dict)
    refused: list[DeadLetter] = field(default_factory=list)
    astray: list[Astray] = field(default_factory=list)
    offsets: list[TopicPartition] = field(default_factory=list)
    taken: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    arrivals: list[NDArray[np.int64]] = field(default_factory=list)


class Outlet:
    """Commits transactions; its producer is discarded at the first doubt.

    Attributes
    ----------
    sizes : RecordLimits
        Of the topics it writes to, as they were when it was made.
    """

    def __init__(self, settings: Settings, watchdog: Watchdog, ports: Ports = REAL) -> None:
        self._ports = ports
        self._watchdog = watchdog
        self.sizes = limits.fetch_limits(settings, ports)
        self._profiles = settings.topic(PROFILES)
        self._offers = settings.topic(OFFERS)
        self._state = settings.topic(STATE)
        self._dead = settings.topic(DEAD_LETTERS)
        self._receipts = settings.topic(RECEIPTS)
        self._models = settings.topic(MODELS)
        self._settings = settings
        self._begin(settings.call_deadline_ms / 1000.0)

    def _begin(self, seconds: float) -> None:
        """Make a producer, and fence the former one of this name."""
        self._requests = SentRequests()
        fitted = self.sizes.fitted(self._settings)
        self._producer = clients.producer("worker", fitted, self._ports, sent=self._requests)
        with self._watchdog.guard("init_transactions"):
            try:
                self._producer.init_transactions(seconds)
            except KafkaException as error:
                raise _named("init_transactions", error) from error

    def commit(self, commit: Commit, member: Any, deadline: float) -> None:
        """Write everything or nothing.

        Parameters
        ----------
        member : object
            A consumer's `consumer_group_metadata`, of when the records were its own.
        deadline : float
            Monotonic seconds by which all calls must be done.

        Raises
        ------
        Abandon
            The fate is unknown or the worker was fenced; this outlet must not be used again.
        Stop
            An error that a new producer would get again.
        """
        with self._watchdog.guard("commit"):
            if self._is_doubtful(deadline):
                log.warning("a request of the last commit may be late: making a new producer")
                self.drop()
                self._begin(self._left(deadline))
            try:
                self._producer.begin_transaction()  # 1
                self._produce(commit, deadline)  # 2
                self._producer.send_offsets_to_transaction(  # 3
                    commit.offsets, member, self._left(deadline)
                )
                self._producer.commit_transaction(self._left(deadline))  # 4
            except KafkaException as error:
                raise _named("commit", error) from error
            self._producer.poll(0)  # what is read behind it was counted after the commit
            self._requests.committed()

    def _is_doubtful(self, deadline: float) -> bool:
        """Whether something of the former commits may be on its way still."""
        while not self._requests.known:
            if self._left(deadline) <= 0.001:
                raise Abandon("the client does not say what it sent")
            self._producer.poll(_QUEUE_WAIT)
        return self._requests.doubtful

    def listen(self) -> None:
        """Hear what the client has to say while nothing is committed, or it would pile up."""
        self._producer.poll(0)

    def drop(self) -> None:
        """Discard the producer; what it had in flight is aborted by its successor."""
        try:
            self._producer.purge()
        except KafkaException:
            pass  # a fenced producer refuses everything, which is what is wanted here

    def measure(self, partition: int, changes: Changes, positions: Mapping[str, Position]) -> None:
        """Refuse what the brokers would refuse; dead letters were cut to fit.

        Raises
        ------
        Stop
            Naming the topic, the place in the inputs, and the setting.
        """
        written: dict[str, list[tuple[bytes, bytes | None]]] = {
            self._state: list(changes.state.items()),
            self._profiles: [item[:2] for item in changes.profiles],
            self._offers: [item[:2] for item in changes.offers],
            self._receipts: list(changes.receipts),
            self._models: [(b"%d" % partition, changes.lesson)],
        }
        for topic, records in written.items():
            # Mapped C functions: there are a hundred thousand of them.
            largest = max(map(len, filter(None, map(itemgetter(1), records))), default=0)
            if largest > self.sizes.of(topic) - _KEY_AND_HEADERS:
                key = next(key for key, value in records if len(value or b"") == largest)
                ends = ", ".join(f"{name}@{at.offset}" for name, at in positions.items())
                raise Stop(
                    f"{topic}[{partition}]: a record of {largest} bytes (key {key[:2]!r}...), "
                    f"made of what lies before {ends}, is larger than "
                    f"{self.sizes.setting(topic)} allows: raise it, and the partition goes on"
                )

    def _produce(self, commit: Commit, deadline: float) -> None:
        for partition, changes in commit.changes.items():
            place = sum(spot.offset for spot in commit.offsets if spot.partition == partition)
            self._send_profiles(deadline, partition, changes.profiles, place, PROFILE_EVENT)
            self._send_profiles(deadline, partition, changes.offers, place, OFFERS_EVENT)
            self._send_many(deadline, partition, changes.state)
            for key, value in changes.receipts:
                self._send(
                    deadline, topic=self._receipts, key=key, value=value, partition=partition
                )
            if changes.lesson is not None:
                self._send(
                    deadline,
                    topic=self._models,
                    key=b"%d" % partition,
                    value=changes.lesson,
                    partition=partition,
                )
        for letter in commit.refused:
            self._send(
                deadline,
                topic=self._dead,
                key=letter.key,
                value=letter.value,
                partition=letter.partition,
                headers=codecs.dead_letter_headers(letter),
            )
        for fact in commit.astray:
            self._send(
                deadline, topic=fact.topic, key=fact.key, value=fact.value, partition=fact.home
            )

    def _send_profiles(
        self,
        deadline: float,
        partition: int,
        profiles: Sequence[ProfileRecord],
        place: int,
        event: EventType,
    ) -> None:
        # One by one, for the client's batches take no headers; so without a call in between.
        produce: Callable[..., None] = self._producer.produce
        topic = self._offers if event is OFFERS_EVENT else self._profiles
        times = codecs.times([item.as_of for item in profiles])
        for (key, value, version, _), time in zip(profiles, times, strict=True):
            headers = codecs.profile_headers(key, version, time, place, event)
            try:
                produce(topic, value, key, partition, headers=headers)
            except BufferError:
                self._send(
                    deadline,
                    topic=topic,
                    key=key,
                    value=value,
                    partition=partition,
                    headers=headers,
                )

    def _send(self, deadline: float, **record: Any) -> None:
        while True:
            try:
                self._producer.produce(**record)
                return
            except BufferError:
                self._drain(deadline)

    def _send_many(
        self, deadline: float, partition: int, state: Mapping[bytes, bytes | None]
    ) -> None:
        records: list[dict[str, Any]] = [
            {"key": key, "value": value} for key, value in state.items()
        ]
        while records:
            sent = self._producer.produce_batch(self._state, records, partition=partition)
            if sent == len(records):
                return
            records = [record for record in records if _unsent(record)]
            self._drain(deadline)

    def _drain(self, deadline: float) -> None:
        if self._left(deadline) <= 0.001:
            raise Abandon("the output queue stayed full until the deadline")
        self._producer.poll(_QUEUE_WAIT)

    def _left(self, deadline: float) -> float:
        return max(0.001, deadline - self._ports.monotonic())


def _unsent(record: dict[str, Any]) -> bool:
    """Whether the queue was too full for a record of a batch; other errors are raised."""
    error = record.pop("_error", None)
    if error is not None and error.code() != KafkaError._QUEUE_FULL:
        raise KafkaException(error)
    return error is not None


def _named(call: str, error: KafkaException) -> Exception:
    """The error by what the worker does next."""
    cause = error.args[0]
    if cause.name() in (
        "TOPIC_AUTHORIZATION_FAILED",
        "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
        "GROUP_AUTHORIZATION_FAILED",
        "CLUSTER_AUTHORIZATION_FAILED",
        "_UNSUPPORTED_FEATURE",
        "UNKNOWN_TOPIC_OR_PART",
        "_UNKNOWN_TOPIC",
        "INVALID_TRANSACTION_TIMEOUT",
    ):
        return Stop(f"{call}: {cause.str()}")
    return Abandon(f"{call}: {cause.name()}: {cause.str()}")
