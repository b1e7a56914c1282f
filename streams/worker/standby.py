"""Keeps warm copies of partitions that other workers own, so that taking over needs no restore.

The changelog of every partition not owned here is followed and folded. A copy costs the memory
of that partition's state; which partition a worker inherits is known only when it happens, so
with this setting every worker holds a copy of all of them.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, field

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, Message, TopicPartition

from features.state.folded_changelog import FoldedChangelog
from streams import metrics
from streams.contract.topics import STATE
from streams.kafka import clients
from streams.kafka.compacted import passes
from streams.kafka.ports import REAL, Ports
from streams.settings import Settings

log = logging.getLogger(__name__)
_PER_TURN = 5_000  # records followed in one turn of the loop, a few milliseconds
#: Tombstones stay for a day; a copy that did not see the log's end for so long may have missed
#: some, and would bring back what was erased.
_STALE_S = 3_600.0


@dataclass
class Copy:
    """A partition's changelog as folded so far, and the offset to read on from."""

    folded: FoldedChangelog = field(default_factory=FoldedChangelog)
    position: int = OFFSET_BEGINNING
    fresh_at: float = 0.0


class Standby:
    """Keeps warm copies of the partitions that are not owned."""

    def __init__(self, settings: Settings, ports: Ports = REAL) -> None:
        self._ports = ports
        self._topic = settings.topic(STATE)
        self._consumer = clients.consumer("standby", settings, ports)
        self._all: frozenset[int] = frozenset()
        self._copies: dict[int, Copy] = {}

    def follow(self, owned: Collection[int]) -> None:
        """Fold a little of what was written; never waits."""
        if not self._all:
            self._all = frozenset(
                self._consumer.list_topics(self._topic, 10.0).topics[self._topic].partitions
            )
        wanted = self._all - set(owned)
        if wanted != self._copies.keys():
            self._assign(wanted)
        if not wanted:
            return
        self._drop_stale()
        for message in self._consumer.consume(_PER_TURN, 0.0):
            self._take(message)

    def take(self, partitions: Collection[int]) -> dict[int, Copy]:
        """Hand over the copies of these partitions."""
        found = {p: self._copies.pop(p) for p in partitions if p in self._copies}
        self._assign(frozenset(self._copies))
        return found

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()

    def _assign(self, wanted: Collection[int]) -> None:
        now = self._ports.monotonic()
        self._copies = {p: self._copies.get(p) or Copy(fresh_at=now) for p in sorted(wanted)}
        self._consumer.assign(
            [TopicPartition(self._topic, p, copy.position) for p, copy in self._copies.items()]
        )

    def _drop_stale(self) -> None:
        """Begin anew where too long went by: before reading on, for then nobody could tell."""
        now = self._ports.monotonic()
        for partition, copy in self._copies.items():
            if now - copy.fresh_at > _STALE_S:
                log.warning("the copy of %s[%d] is stale: reading it anew", self._topic, partition)
                self._copies[partition] = Copy(fresh_at=now)
                self._consumer.seek(TopicPartition(self._topic, partition, OFFSET_BEGINNING))

    def _take(self, message: Message) -> None:
        error, partition = message.error(), message.partition() or 0
        copy = self._copies.get(partition)
        if copy is None:
            return  # was under way when the partition was taken over
        if error is None:
            copy.folded.put(message.key() or b"", message.value())
            copy.position = (message.offset() or 0) + 1
            metrics.STANDBY_RECORDS.inc()
        elif error.code() == KafkaError._PARTITION_EOF:
            copy.position = message.offset() or 0
            copy.fresh_at = self._ports.monotonic()
        elif not passes(error):
            raise KafkaException(error)
