"""Lets something happen for each partition at most once in a while."""

from __future__ import annotations

from streams.kafka.ports import Ports


class Throttle:
    """Remembers when it happened last.

    Parameters
    ----------
    interval_ms : int
        That has to pass between two times.
    """

    def __init__(self, interval_ms: int, ports: Ports) -> None:
        self._interval_s = interval_ms / 1000.0
        self._ports = ports
        self._last: dict[int, float] = {}  # monotonic seconds by partition

    def may(self, partition: int) -> bool:
        """Whether it may happen now."""
        last = self._last.get(partition)
        return last is None or self._ports.monotonic() - last >= self._interval_s

    def happens(self, partition: int) -> None:
        """Note that it happens now."""
        self._last[partition] = self._ports.monotonic()
