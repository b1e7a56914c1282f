"""Ends the process when a Kafka call outlives its deadline.

`send_offsets_to_transaction` can hang past its own time-out (librdkafka#5456, #5511); a worker
that hangs holds its partitions, a worker that is gone does not.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from streams.errors import ExitCode


def _end(message: str) -> None:
    sys.stderr.write(message + "\n")
    sys.stderr.flush()
    os._exit(ExitCode.STUCK)


class Watchdog:
    """One thread that looks at the age of the calls that run, one in each other thread.

    Parameters
    ----------
    limit_ms : int
        Longest time a guarded call may take.
    end : callable
        Called then; ends the process unless a test replaces it.
    """

    def __init__(self, limit_ms: int, end: Callable[[str], None] = _end) -> None:
        self._limit = limit_ms / 1000.0
        self._end = end
        self._calls: dict[int, tuple[str, float]] = {}  # by thread
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to watch; until then `guard` only takes notes."""
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    @contextmanager
    def guard(self, name: str) -> Iterator[None]:
        """Watch the calls made inside."""
        thread = threading.get_ident()
        before = self._calls.get(thread)
        self._calls[thread] = name, time.monotonic()
        try:
            yield
        finally:
            if before is None:
                del self._calls[thread]
            else:
                self._calls[thread] = before

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(min(0.25, self._limit / 4)):
            for name, begun in list(self._calls.values()):
                if time.monotonic() - begun > self._limit:
                    self._end(
                        f"watchdog: {name} did not return within {self._limit:g} s; "
                        "ending the process, another worker takes over"
                    )
                    return
