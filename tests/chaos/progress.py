"""How far the group has come, looked at a few times a second."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import TopicPartition
from confluent_kafka.admin import OffsetSpec

from streams.contract.topics import joined_topics
from streams.kafka.consumer_group import Group, GroupError
from streams.kafka.offsets import offsets_at
from streams.settings import Settings
from tests.support.processes import FairClock

_LOOK_S = 0.2


class Progress:
    """Looks at the committed offsets a few times a second, through a network that never fails.

    Parameters
    ----------
    endless : bool
        Whether more input is to come than there is now.
    """

    def __init__(self, settings: Settings, *, endless: bool = False) -> None:
        self._settings = settings
        self._group = Group(settings)
        self._spots = [
            TopicPartition(settings.topic(name), p)
            for name in joined_topics(settings)
            for p in range(settings.partitions)
        ]
        self._more = endless * 2**40
        self.look_anew()
        self.total = sum(self._ends.values())
        self.behind = dict.fromkeys(range(settings.partitions), 1)
        self.left = self.total
        #: The longest that a partition with records to commit committed none while that was timed,
        #: in seconds of a `FairClock`: the time for which nobody looked, or the machine had others
        #: to serve, is no fault of the worker's.
        self.standstill = 0.0
        self._timed = False
        self._clock = FairClock()
        self._passed = 0.0
        self._moved = dict.fromkeys(self.behind, 0.0)
        self._advanced: dict[int, list[float]] = {p: [] for p in range(settings.partitions)}
        self._stopped = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def look_anew(self) -> None:
        """See how long the inputs are now, some of which may be others than before."""
        spots = [(spot.topic, spot.partition) for spot in self._spots]
        ends = offsets_at(self._settings, spots, OffsetSpec.latest())
        self._ends = {spot: end + self._more for spot, end in ends.items()}
        self._before = Counter[int]()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()

    @contextmanager
    def timing(self) -> Iterator[None]:
        """Time in the block for how long partitions stand still; the longest of all stays."""
        self._moved, self._timed = dict.fromkeys(self.behind, self._passed), True
        try:
            yield
        finally:
            self._timed = False

    def recovered(self, since: float) -> float | None:
        """When every partition had committed something after `since`; None if not yet.

        A partition that has nothing left to commit counts as recovered.
        """
        latest = since
        for partition, times in self._advanced.items():
            after = [at for at in times[-400:] if at > since]
            if after:
                latest = max(latest, after[0])
            elif self.behind[partition]:
                return None
        return latest

    def has_recovered(self, since: float) -> bool:
        """Whether every partition has."""
        return self.recovered(since) is not None

    def _watch(self) -> None:
        while not self._stopped.wait(_LOOK_S):
            asked, self._passed = time.monotonic(), self._clock.passed()
            try:
                found = self._group.committed(self._spots)
            except GroupError:
                # The broker is away; a client that lost its coordinator may never find it again.
                self._group.close()
                self._group = Group(self._settings)
                continue
            sums: Counter[int] = Counter()
            behind: Counter[int] = Counter()
            for (topic, partition), end in self._ends.items():
                offset = found.get((topic, partition), 0)
                sums[partition] += offset
                behind[partition] += max(0, end - offset)  # faults add records of their own
            for partition in self.behind:
                moved = sums[partition] > self._before[partition]
                if moved:
                    self._advanced[partition].append(asked)
                    self._before[partition] = sums[partition]
                if moved or not self.behind[partition]:
                    self._moved[partition] = self._passed
                still = self._passed - self._moved[partition]
                if self._timed:
                    self.standstill = max(self.standstill, still)
                self.behind[partition] = behind[partition]
            self.left = sum(behind.values())
