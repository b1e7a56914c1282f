"""Restores live state from the changelog, a slice of time at a time, polling the group between.

The end is the log's end as a `read_uncommitted` reader sees it at the start, and it is reached
when the *position* (of an end-of-partition event) gets there: transaction markers occupy
offsets, so the last record's offset may never come near. The reader itself is `read_committed`:
behind a transaction that hangs open it waits until the broker has ended it, for what another
worker committed behind that transaction must not be missed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from confluent_kafka import KafkaError, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from features.engine import Engine
from features.records.position import Position
from features.state.changelog_keys import IncompatibleState
from features.state.folded_changelog import FoldedChangelog
from streams import metrics
from streams.contract.topics import STATE
from streams.errors import Abandon, Stop
from streams.kafka import clients
from streams.kafka.compacted import passes
from streams.kafka.offsets import offsets_at
from streams.kafka.ports import REAL, Ports
from streams.settings import Settings

log = logging.getLogger(__name__)
_POLL = 10_000
_WAIT_S = 0.02  # of one call, which waits for all of its records and not for the last
_SAY_EVERY_S = 5.0


class Warm(Protocol):
    """A part of a changelog that was folded before, and where it ends."""

    folded: FoldedChangelog
    position: int


class Restore:
    """Reads the changelog of some partitions and makes their engines.

    Parameters
    ----------
    partitions : sequence of int
    make_engine : callable
        Gives an empty engine.
    warm : mapping of int to Warm
        What is there of some of the partitions already.
    admin : AdminClient, optional
        See `offsets_at`.

    Attributes
    ----------
    failed : dict of int to Stop
        Partitions that have no engine, and why.
    silent_s : float
        Seconds for which nothing came, though the end is not reached.
    """

    def __init__(
        self,
        settings: Settings,
        partitions: Sequence[int],
        make_engine: Callable[[], Engine],
        ports: Ports = REAL,
        warm: Mapping[int, Warm] | None = None,
        admin: AdminClient | None = None,
    ) -> None:
        warm = warm or {}
        self._settings = settings
        self._ports = ports
        self._make = make_engine
        self._topic = settings.topic(STATE)
        self._folded = {p: warm[p].folded if p in warm else FoldedChangelog() for p in partitions}
        self._open: set[int] = set()
        self.failed: dict[int, Stop] = {}
        self._started = self._said = self._heard = self._ports.monotonic()
        self.silent_s = 0.0
        self._read = 0
        self._consumer: Any = None
        if not partitions:
            return
        spots = [(self._topic, p) for p in partitions]
        self._ends = offsets_at(settings, spots, OffsetSpec.latest(), ports, admin)
        starts = offsets_at(settings, spots, OffsetSpec.earliest(), ports, admin)
        self._at = {
            p: max(starts[self._topic, p], warm[p].position if p in warm else 0) for p in partitions
        }
        self._open = {p for p in partitions if self._at[p] < self._ends[self._topic, p]}
        if self._open:
            self._consumer = clients.consumer("restore", settings, ports)
            self._consumer.assign([TopicPartition(self._topic, p, self._at[p]) for p in self._open])

    def step(self, seconds: float) -> bool:
        """Read for about so long; returns whether nothing is left to read.

        What takes longer than ``restore_timeout_ms`` has failed.
        """
        until = self._ports.monotonic() + seconds
        while self._open and self._ports.monotonic() < until:
            left = until - self._ports.monotonic()
            self._take(self._consumer.consume(_POLL, max(0.0, min(left, _WAIT_S))))
        now = self._ports.monotonic()
        self.silent_s = now - self._heard
        if self._open and now - self._started > self._settings.restore_timeout_ms / 1000.0:
            for partition in self._open:
                self.failed[partition] = Stop(
                    f"restoring {self._topic}[{partition}] took longer than "
                    f"restore_timeout_ms = {self._settings.restore_timeout_ms}"
                )
                del self._folded[partition]
            self._open.clear()
        self._say(now)
        return not self._open

    def engines(self) -> dict[int, tuple[Engine, dict[str, Position]]]:
        """Per partition an engine with its state, and the offsets the state belongs to.

        What can't be read by this release or under these settings has failed.
        """
        made = {}
        for partition, records in self._folded.items():
            engine = self._make()
            try:
                offsets = engine.load(records)
            except IncompatibleState as error:
                self.failed[partition] = Stop(f"{self._topic}[{partition}]: {error}")
                continue
            made[partition] = engine, offsets
        seconds = self._ports.monotonic() - self._started
        metrics.RESTORE_SECONDS.set(seconds)
        log.info("restored %d partitions: %d records in %.2f s", len(made), self._read, seconds)
        self._folded = {}
        return made

    def close(self) -> None:
        """Close the consumer."""
        metrics.RESTORE_LEFT.set(0)
        if self._consumer is not None:
            self._consumer.close()

    def _take(self, messages: list[Message]) -> None:
        read = 0
        for message in messages:
            error = message.error()
            if error is None:
                partition = message.partition() or 0
                self._folded[partition].put(message.key() or b"", message.value())
                self._at[partition] = (message.offset() or 0) + 1
                read += 1
            elif error.code() == KafkaError._PARTITION_EOF:
                partition = message.partition() or 0
                if (message.offset() or 0) >= self._ends[self._topic, partition]:
                    self._open.discard(partition)
            elif not passes(error):
                raise Abandon(f"restoring {self._topic}", error)
        if read:
            self._heard = self._ports.monotonic()
        self._read += read
        metrics.RESTORED.inc(read)

    def _say(self, now: float) -> None:
        left = sum(max(0, self._ends[self._topic, p] - self._at[p]) for p in self._open)
        metrics.RESTORE_LEFT.set(left)
        if self._open and now - self._said > _SAY_EVERY_S:
            self._said = now
            log.info(
                "restoring %s: %d records in %.0f s, at most %d left",
                sorted(self._open),
                self._read,
                now - self._started,
                left,
            )
