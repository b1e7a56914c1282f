"""Reads a compacted topic: all of its past, then what follows. Joins no consumer group.

Loads only the standard library and ``confluent_kafka``; `streams.client.reader` rests on it.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from streams.errors import KafkaFailed

_METADATA_S = 10.0  # one metadata request
_AGAIN_S = 0.1  # between looks at a partition without a leader
_NO_LEADER = frozenset({KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE})
_NEW_PARTITIONS_S = 60.0  # how often `poll` looks for added partitions
_BATCH = 5_000  # records taken by one call while reading the past
_BATCH_WAIT_S = 0.2

#: Errors of a message that the client library gets over by itself.
_PASSING = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
        KafkaError._RESOLVE,
        KafkaError._MAX_POLL_EXCEEDED,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
    }
)


#: Keys of a consumer that an admin client takes, too.
_CLIENT_KEYS = ("sasl.", "ssl.", "security.", "socket.", "client.", "broker.")


class ReaderError(KafkaFailed):
    """The topic cannot be read; the message names topic, partition and cause."""


class ReaderLag(NamedTuple):
    """Distance of a reader from the end of its topic.

    Attributes
    ----------
    records : int
        Committed and not read yet, as the brokers last said.
    silent_ms : int
        Since the partitions' leaders last answered, the longest of them: news may be as old.
    """

    records: int
    silent_ms: int


class CompactedTopic:
    """Reader of committed records, from the beginning.

    Parameters
    ----------
    bootstrap_servers, topic : str
    partitions : sequence of int, optional
        Only these; by default all, including those added later.
    kafka : mapping of str to str, optional
        More librdkafka keys, security above all.
    make : callable
        From a configuration to a consumer.
    watched : bool, default False
        Have the client library report every second how far it is, for `lag`.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topic: str,
        partitions: Sequence[int] | None = None,
        kafka: Mapping[str, str] | None = None,
        make: Callable[[dict[str, Any]], Consumer] = Consumer,
        watched: bool = False,
    ) -> None:
        self.topic = topic
        self._config = {**(kafka or {}), "bootstrap.servers": bootstrap_servers}
        self._begin: dict[int, int] = {}
        self._stopping = False
        self._told: tuple[float, int, float] | None = None
        watch = {"statistics.interval.ms": 1_000, "stats_cb": self._hear} if watched else {}
        self._wanted = None if partitions is None else frozenset(partitions)
        self._assigned: set[int] = set()
        self._looked = 0.0
        self._consumer = make(
            {
                "group.id": f"reader-{uuid.uuid4()}",  # asked for by the library, never joined
                "log_level": 2,  # a broker that is away is an error once, not a line each retry
                **watch,
                **self._config,
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
            }
        )

    def stop(self) -> None:
        """Let who reads the past in another thread end with an error."""
        self._stopping = True

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()

    def begin_at(self, offsets: Mapping[int, int]) -> bool:
        """Begin at these offsets, by partition, instead of at the beginning.

        Returns
        -------
        bool
            False where one of them lies outside of what its partition holds: records between are
            lost to this reader, or the topic is another. It then begins at the beginning.

        Raises
        ------
        ReaderError
            As `past`.
        """
        there = self._partitions()
        known = {p: self._bounds(p, time.monotonic() + _METADATA_S) for p in offsets if p in there}
        if any(not low <= offsets[p] <= high for p, (low, high) in known.items()) or (
            not offsets.keys() <= there
        ):
            return False
        self._begin = dict(offsets)
        return True

    def identity(self) -> str:
        """Id of the topic, another where it was deleted and made again; empty if none is told."""
        config = {k: v for k, v in self._config.items() if k.startswith((*_CLIENT_KEYS, "boot"))}
        admin = AdminClient(config | {"log_level": 0})  # kept until the answer is there
        topics = TopicCollection([self.topic])
        answers = admin.describe_topics(topics, request_timeout=_METADATA_S)
        try:
            return str(answers[self.topic].result(_METADATA_S).topic_id)
        except (KafkaException, TimeoutError):
            return ""

    def lag(self) -> ReaderLag | None:
        """Distance from the end, None before the brokers said anything."""
        told = self._told
        if told is None:
            return None
        heard, records, silent_ms = told
        return ReaderLag(records, int(silent_ms + (time.monotonic() - heard) * 1e3))

    def _hear(self, text: str) -> None:
        """Take in the client's figures, which come every second; `lag` is asked far oftener."""
        said = json.loads(text)
        parts = [
            part
            for name, part in said["topics"].get(self.topic, {}).get("partitions", {}).items()
            if int(name) in self._assigned
        ]
        behind = sum(
            max(0, p["ls_offset"] - p["next_offset"]) + p["fetchq_cnt"]
            if p["ls_offset"] >= 0
            else 0
            for p in parts
        )
        leaders = {p["leader"] for p in parts}
        idle = [b["rxidle"] for b in said["brokers"].values() if b["nodeid"] in leaders]
        told = time.monotonic(), behind, max(idle, default=0) / 1e3
        self._told = told if parts else None

    def past(self, timeout: float = 300.0) -> Iterator[Message]:
        """Yield everything committed up to now, in the order of each partition.

        A partition is read out when the broker says that it has no more, or the position
        reached the end seen at the start. (Transaction markers occupy offsets: the last
        record need not stand right before the end.)

        Parameters
        ----------
        timeout : float
            Seconds for all of it.

        Raises
        ------
        ReaderError
            The topic or a partition is absent, access is refused, or time ran out.
        """
        deadline = time.monotonic() + timeout
        # Asked before anything is fetched: an answer comes behind the fetches that a leader holds.
        new = self._partitions() - self._assigned
        ends = self._ends(new)
        self._assign(new)
        while ends:
            for message in self._consumer.consume(_BATCH, _BATCH_WAIT_S):
                if self._is_record(message):
                    yield message
                elif _is_end(message):
                    ends.pop(message.partition() or 0, None)
            places = [TopicPartition(self.topic, p) for p in ends]
            for place in self._consumer.position(places) if places else ():
                if place.offset >= ends[place.partition]:
                    del ends[place.partition]
            if ends and self._stopping:
                raise ReaderError(
                    f"{self.topic}: closed before partitions {sorted(ends)} were read out"
                )
            if ends and time.monotonic() > deadline:
                raise ReaderError(
                    f"{self.topic}: partitions {sorted(ends)} not read out within {timeout:g} s"
                )

    def latest(
        self, wants: Callable[[bytes], bool], timeout: float = 300.0
    ) -> dict[tuple[bytes, int], bytes]:
        """The latest value of each key that is wanted and not deleted, by key and partition.

        Raises
        ------
        ReaderError
            As `past`.
        """
        found: dict[tuple[bytes, int], bytes] = {}
        for message in self.past(timeout):
            key, value = message.key() or b"", message.value()
            if not wants(key):
                continue
            found.pop((key, message.partition() or 0), None)
            if value is not None:
                found[key, message.partition() or 0] = value
        return found

    def poll(self, seconds: float) -> Message | None:
        """The next committed record, or None if none arrived in time.

        Raises
        ------
        ReaderError
            As `past`.
        """
        deadline = time.monotonic() + seconds
        if not self._assigned or time.monotonic() - self._looked > _NEW_PARTITIONS_S:
            self._look()
        while True:
            message = self._consumer.poll(max(0.0, deadline - time.monotonic()))
            if message is None:
                return None
            if self._is_record(message):
                return message

    def _look(self) -> None:
        """Take up added partitions; where Kafka can't tell now, those that are known go on."""
        try:
            self._assign(self._partitions() - self._assigned)
        except ReaderError as error:
            if not (error.name and self._assigned):
                raise  # what is wrong with those, their records' answers tell
            self._looked = time.monotonic()

    def _partitions(self) -> set[int]:
        try:
            found = self._consumer.list_topics(self.topic, timeout=_METADATA_S).topics[self.topic]
        except KafkaException as error:
            raise ReaderError(self.topic, error) from None
        if found.error is not None:
            raise ReaderError(self.topic, found.error)
        there = set(found.partitions)
        wanted = there if self._wanted is None else set(self._wanted)
        if not wanted <= there:
            raise ReaderError(f"{self.topic}: no partitions {sorted(wanted - there)}")
        return wanted

    def _assign(self, new: set[int]) -> None:
        self._looked = time.monotonic()
        if new:
            self._consumer.incremental_assign(
                [
                    TopicPartition(self.topic, p, self._begin.get(p, OFFSET_BEGINNING))
                    for p in sorted(new)
                ]
            )
            self._assigned |= new

    def _ends(self, partitions: set[int]) -> dict[int, int]:
        deadline = time.monotonic() + _METADATA_S
        found = {p: self._bounds(p, deadline) for p in sorted(partitions)}
        return {
            p: high for p, (low, high) in found.items() if high > max(low, self._begin.get(p, low))
        }

    def _bounds(self, partition: int, deadline: float) -> tuple[int, int]:
        """First and next offset; a leader that is being chosen is waited for."""
        while True:
            try:
                return self._consumer.get_watermark_offsets(
                    TopicPartition(self.topic, partition), timeout=_METADATA_S
                )
            except KafkaException as error:
                late = time.monotonic() > deadline
                if late or error.args[0].code() not in _NO_LEADER:
                    raise ReaderError(f"{self.topic}[{partition}]", error) from None
                time.sleep(_AGAIN_S)

    def _is_record(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return True
        if passes(error) or _is_end(message):
            return False
        raise ReaderError(f"{self.topic}[{message.partition()}]", error)


def passes(error: KafkaError) -> bool:
    """Whether the client library gets over an error of a message by itself."""
    return error.retriable() or error.code() in _PASSING


def _is_end(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF
