"""Reads what the group has committed, and tells where partitions start whose state goes with it.

A `read_committed` consumer is answered only when no transaction with offsets of its partitions is
pending. One that a living worker is about to end is decided soon; one that was left open by a
worker that is gone is ended from here (`streams.worker.departed`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from features.records.position import Position
from streams.contract.topics import joined_topics
from streams.errors import Abandon, LostOffsets
from streams.kafka.offsets import offsets_at
from streams.kafka.ports import REAL, Ports
from streams.settings import Settings
from streams.worker.departed import Departed
from streams.worker.watchdog import Watchdog

Start = dict[str, Position]  # per input topic the next offset and the running time there
#: Seconds within which a commit is decided that a living worker is about to end.
_PATIENCE_S = 0.1
_AGAIN_S = 1.0  # until it is asked once more, and those are looked for who are gone
_NONE = -1001  # "no offset" in librdkafka


class Committed:
    """Offsets that the group has committed, as they were when they were read.

    Parameters
    ----------
    consumer : Consumer
        The group's member.
    admin : AdminClient
    departed : Departed
        Asked to end what is pending for longer than it should.
    """

    def __init__(
        self,
        settings: Settings,
        consumer: Consumer,
        admin: AdminClient,
        watchdog: Watchdog,
        departed: Departed,
        ports: Ports = REAL,
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._admin = admin
        self._watchdog = watchdog
        self._departed = departed
        self._ports = ports
        self._names = [settings.topic(name) for name in joined_topics(settings)]
        self._offsets: dict[tuple[str, int], int] = {}
        self._never: set[tuple[str, int]] = set()  # partitions without a committed offset

    def spots(self, partitions: Iterable[int]) -> list[TopicPartition]:
        """List these partitions of all joined inputs."""
        return [TopicPartition(name, p) for p in partitions for name in self._names]

    def place(self, topic: str, partition: int) -> int:
        """Next offset of a partition; 0 where none was read."""
        return self._offsets.get((topic, partition), 0)

    def read(self, spots: Sequence[TopicPartition]) -> None:
        """Read committed offsets; the start of the log where a partition never had one.

        Raises
        ------
        Abandon
        """
        found = self._stable(spots)
        for spot in found:
            if spot.error is not None:
                raise Abandon("committed offsets", spot.error)
        offsets = {(s.topic, s.partition): s.offset for s in found}
        fresh = [spot for spot, offset in offsets.items() if offset == _NONE]
        self._never = (self._never - offsets.keys()) | set(fresh)
        if fresh:
            with self._watchdog.guard("committed offsets"):
                offsets |= offsets_at(
                    self._settings, fresh, OffsetSpec.earliest(), self._ports, self._admin
                )
        self._offsets |= offsets

    def unmoved(self, partition: int, start: Start) -> bool:
        """Whether nothing was committed of a partition since it stood there."""
        return all(
            self._offsets[name, partition] == start[name][0]
            and (name, partition) not in self._never
            for name in self._names
        )

    def starts(
        self, states: Mapping[int, Start]
    ) -> tuple[dict[int, Start], dict[int, LostOffsets]]:
        """Find where partitions start, and those that can't.

        Raises
        ------
        Abandon
            Where another worker went on meanwhile.
        """
        starts: dict[int, Start] = {}
        lost: dict[int, LostOffsets] = {}
        for partition, state in states.items():
            try:
                starts[partition] = self._start(partition, state)
            except LostOffsets as error:
                lost[partition] = error
        if lost:
            # A worker that stood still while it restored may own nothing any more.
            before = dict(self._offsets)
            self.read(self.spots(lost))
            if self._offsets != before:
                raise Abandon("another worker went on while the state was restored")
        return starts, lost

    def _stable(self, spots: Sequence[TopicPartition]) -> list[TopicPartition]:
        """Committed offsets, once none is in a transaction that is not decided."""
        deadline = self._ports.monotonic() + self._settings.call_deadline_ms / 1000.0
        wait = _PATIENCE_S
        while True:
            left = deadline - self._ports.monotonic()
            wanted = [TopicPartition(s.topic, s.partition) for s in spots]
            try:
                with self._watchdog.guard("committed offsets"):
                    return self._consumer.committed(wanted, max(_PATIENCE_S, min(wait, left)))
            except KafkaException as error:
                if left <= wait or error.args[0].code() != KafkaError._TIMED_OUT:
                    raise Abandon("committed offsets", error) from error
            with self._watchdog.guard("ending what others left open"):
                self._departed.end()
            wait = _AGAIN_S

    def _start(self, partition: int, state: Start) -> Start:
        """Where to start; offsets and state were committed together, so they must agree."""
        start = {}
        for name in self._names:
            committed = self._offsets[name, partition]
            never = (name, partition) in self._never
            if name not in state:
                if not never:
                    raise LostOffsets(
                        f"{name}[{partition}]: the group has committed offset {committed} but "
                        "the changelog holds no state for it. State was lost: bring the "
                        "changelog back, or begin anew with `interest-streams state reset`"
                    )
                start[name] = Position(committed, -1)
                continue
            offset = state[name].offset
            if not never and offset != committed:
                raise LostOffsets(
                    f"{name}[{partition}]: the group has committed offset {committed}, the state "
                    f"belongs to offset {offset}. Offsets were moved by hand: stop every "
                    "worker and run `interest-streams offsets repair`, which puts them back"
                )
            start[name] = state[name]
        return start
