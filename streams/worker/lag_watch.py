"""Exports how far this worker's partitions are behind, once a second, beside the loop.

It looks from outside, as `interest-streams lag` does: while the loop restores, rebalances, waits
behind a transaction that hangs open or stands still altogether, the lag goes on growing here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection

from streams import metrics
from streams.contract.topics import joined_topics
from streams.errors import KafkaFailed
from streams.kafka.lag import Behind, LagMeter
from streams.kafka.offsets import Spot
from streams.settings import Settings

_LOG = logging.getLogger(__name__)
_EVERY_S = 1.0


class LagWatch:
    """Measures on a thread of its own; partitions are shown until others are assigned."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._owned: frozenset[int] = frozenset()
        self._shown: dict[Spot, Behind] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lag", daemon=True)

    def start(self) -> None:
        """Begin to measure."""
        self._thread.start()

    def stop(self) -> None:
        """Measure no more."""
        self._ended.set()

    def follow(self, partitions: Collection[int]) -> None:
        """Measure these from now on."""
        self._owned = frozenset(partitions)

    def look(self, meter: LagMeter) -> None:
        """Measure once, and show it; what can't be measured grows older."""
        names = [self._settings.topic(name) for name in joined_topics(self._settings)]
        spots = [(name, p) for name in names for p in sorted(self._owned)]
        for spot in self._shown.keys() - set(spots):
            metrics.LAG_SECONDS.remove(*map(str, spot))
            metrics.LAG_RECORDS.remove(*map(str, spot))
        self._shown = {spot: item for spot, item in self._shown.items() if spot in spots}
        try:
            self._shown |= {(item.topic, item.partition): item for item in meter.measure(spots)}
        except KafkaFailed as error:
            _LOG.debug("%s", error)
        now_ms = time.time() * 1000
        for (topic, partition), item in self._shown.items():
            metrics.LAG_SECONDS.labels(topic, str(partition)).set(item.seconds(now_ms))
            metrics.LAG_RECORDS.labels(topic, str(partition)).set(item.records)

    def _run(self) -> None:
        meter = LagMeter(self._settings)
        while not self._ended.wait(_EVERY_S):
            self.look(meter)
        meter.close()
