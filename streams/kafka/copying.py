"""Copies records between topics, exactly once, however often it is interrupted and run again.

A transaction holds copies and how far the copying has come, as offsets of a group that has no
members. So whoever goes on after a kill -9 finds both or neither.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import OffsetSpec

from streams.errors import KafkaFailed
from streams.kafka import clients
from streams.kafka.compacted import passes
from streams.kafka.offsets import Spot, list_offsets
from streams.settings import Settings

_TIMEOUT_S = 60.0
_BATCH = 5_000
_LOOK_S = 0.2
_LEADER_S = 15.0  # until partitions that were just made have their leaders
_NO_LEADER = frozenset(
    {"NOT_LEADER_FOR_PARTITION", "LEADER_NOT_AVAILABLE", "UNKNOWN_TOPIC_OR_PART"}
)
_SILENT_S = 30.0  # without a record or an end, the broker is gone

Headers = list[tuple[str, bytes]]


class Progress(NamedTuple):
    """Progress in a partition, and what was noted there."""

    offset: int
    note: str


class Outgoing(NamedTuple):
    """A record to write."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers = []  # noqa: RUF012  # never changed
    timestamp: int = 0  # ms; 0: now


class CopyFailed(KafkaFailed):
    """Records can't be read or written; what was not committed is not there."""


class Copier:
    """Writes copies in transactions of a name; another one of that name fences it.

    Parameters
    ----------
    settings : Settings
    name : str
        Of the work; begins with the group's, as the transactional id and the group do.
    """

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings = settings
        self.group = f"{settings.group}-{name}"
        self._member = clients.consumer("copied", settings, group=self.group)
        self._producer: Producer | None = None

    def __enter__(self) -> Copier:
        self._producer = self._new_producer()
        return self

    def __exit__(self, *_: object) -> None:
        if self._producer is not None:
            self._producer.purge()
        self._member.close()

    def done(self, spots: Iterable[Spot]) -> dict[Spot, Progress]:
        """Find how far partitions were copied, where anything was."""
        wanted = [TopicPartition(*spot) for spot in spots]
        try:
            found = self._member.committed(wanted, _TIMEOUT_S) if wanted else []
        except KafkaException as error:
            raise CopyFailed(self.group, error) from error
        return {
            (s.topic, s.partition): Progress(s.offset, s.metadata or "")
            for s in found
            if s.offset >= 0
        }

    def commit(
        self,
        copies: Iterable[Outgoing],
        done: Mapping[Spot, Progress],
        offsets: Mapping[str, Iterable[TopicPartition]] | None = None,
    ) -> None:
        """Write copies and how far they go, both or neither.

        Parameters
        ----------
        offsets : mapping, optional
            More to commit, by group.

        Raises
        ------
        CopyFailed
            Nothing was written, or all of it; running it again tells which.
        """
        # A request of the last commit that comes late would end this one in its midst, if it came
        # from the same epoch of the same producer (`streams.kafka.resent`).
        producer, self._producer = self._producer or self._new_producer(), None
        try:
            producer.begin_transaction()
            for copy in copies:
                _produce(producer, copy)
            marks = [TopicPartition(*spot, at.offset, at.note) for spot, at in done.items()]
            if marks:
                producer.send_offsets_to_transaction(
                    marks, self._member.consumer_group_metadata(), _TIMEOUT_S
                )
            for group, more in (offsets or {}).items():
                member = clients.consumer("copied", self._settings, group=group)
                producer.send_offsets_to_transaction(
                    list(more), member.consumer_group_metadata(), _TIMEOUT_S
                )
                member.close()
            producer.commit_transaction(_TIMEOUT_S)
        except KafkaException as error:
            raise CopyFailed(self.group, error) from error
        finally:
            producer.purge()

    def _new_producer(self) -> Producer:
        producer = clients.producer("copies", self._settings, name=self.group)
        try:
            producer.init_transactions(_TIMEOUT_S)
        except KafkaException as error:
            raise CopyFailed(self.group, error) from error
        return producer


def _produce(producer: Producer, copy: Outgoing) -> None:
    record: dict[str, Any] = {
        "topic": copy.topic, "key": copy.key, "value": copy.value,
        "partition": copy.partition, "headers": copy.headers, "timestamp": copy.timestamp,
    }  # fmt: skip
    while True:
        try:
            producer.produce(**record)
            return
        except BufferError:
            producer.poll(0.1)


def ends_of(settings: Settings, spots: Iterable[Spot]) -> dict[Spot, tuple[int, int]]:
    """First offset and end of partitions, what is not committed included.

    Raises
    ------
    CopyFailed
    """
    admin, wanted = clients.admin(settings, role="offsets"), list(spots)
    deadline = time.monotonic() + _LEADER_S
    while True:
        try:
            starts, ends = (
                list_offsets(admin, wanted, spec, _TIMEOUT_S, "list_offsets", CopyFailed)
                for spec in (OffsetSpec.earliest(), OffsetSpec.latest())
            )
        except CopyFailed as error:
            if error.name not in _NO_LEADER or time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_S)
        else:
            return {spot: (starts[spot], ends[spot]) for spot in wanted}


def committed_records(settings: Settings, spot: Spot, start: int, end: int) -> Iterator[Message]:
    """Committed records of a partition from an offset up to another, in order.

    Raises
    ------
    CopyFailed
        Where the broker is silent for long, as it is behind a transaction that hangs open.
    """
    if start >= end:
        return
    consumer = clients.consumer("copied", settings, group=f"{settings.group}-copying")
    try:
        consumer.assign([TopicPartition(*spot, start)])
        heard = time.monotonic()
        while True:
            first = consumer.poll(_LOOK_S)
            if first is not None:
                heard = time.monotonic()
            elif time.monotonic() > heard + _SILENT_S:
                raise CopyFailed(f"{spot[0]}[{spot[1]}]", TimeoutError())
            # Not by `consume` alone: it waits for all that it is to give, or for its time.
            for message in [first, *consumer.consume(_BATCH, 0.0)] if first else []:
                error, at = message.error(), message.offset() or 0
                if error is None and at < end:
                    yield message
                elif error is not None and error.code() != KafkaError._PARTITION_EOF:
                    if not passes(error):
                        raise CopyFailed(f"{spot[0]}[{spot[1]}]", error)
                elif at >= end:
                    return
    finally:
        consumer.close()


def filled(settings: Settings, spots: Iterable[Spot]) -> str | None:
    """Name the first topic of some partitions that has a record; None where all are empty.

    What is not committed is of a copying that was interrupted, and is none.
    """
    for spot, span in ends_of(settings, spots).items():
        if next(committed_records(settings, spot, *span), None) is not None:
            return spot[0]
    return None
