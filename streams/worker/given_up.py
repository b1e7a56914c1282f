"""Remembers partitions that can't go on, so that the others do."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from streams import metrics
from streams.errors import Stop
from streams.kafka.ports import Ports
from streams.settings import Settings

log = logging.getLogger(__name__)


class GivenUp:
    """Partitions that are assigned to this worker and given up, until tried again."""

    def __init__(self, settings: Settings, ports: Ports) -> None:
        self._settings = settings
        self._ports = ports
        self._until: dict[int, tuple[float, str]] = {}

    def __contains__(self, partition: object) -> bool:
        return partition in self._until

    def add(self, partition: int, why: Stop, *, at_once: bool = False) -> None:
        """Give a partition up; `at_once`, until it can be restored.

        Raises
        ------
        Stop
            The reason, where ``strict_limits`` is set.
        """
        if self._settings.strict_limits:
            raise why
        if not at_once:
            log.error("partition %d is given up, the others go on: %s", partition, why)
        retry_s = 0.0 if at_once else self._settings.input_retry_ms / 1000.0
        self._until[partition] = self._ports.monotonic() + retry_s, str(why)
        metrics.PARTITION_GIVEN_UP.labels(str(partition)).set(1)

    def take_due(self) -> list[int]:
        """Take out those that are to be tried again now."""
        now = self._ports.monotonic()
        return self._take([p for p, (until, _) in self._until.items() if until <= now])

    def take_all(self) -> list[int]:
        """Take out all of them."""
        return self._take(list(self._until))

    def sentences(self) -> Iterator[str]:
        """One line for people about each."""
        for partition, (_, why) in self._until.items():
            yield f"partition {partition} is given up: {why}"

    def _take(self, partitions: list[int]) -> list[int]:
        for partition in partitions:
            del self._until[partition]
            metrics.PARTITION_GIVEN_UP.remove(str(partition))
        return partitions
