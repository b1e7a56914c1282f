"""Hears SIGTERM and SIGINT at any moment, while the main thread is inside a compiler or Kafka.

Python runs a handler when the main thread is back from C, which can be a minute later. The number
of the signal, though, is written to a pipe at once, and a thread reads it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable

from streams.errors import ExitCode


def _end(code: int, said: str) -> None:
    sys.stderr.write(said + "\n")
    sys.stderr.flush()
    os._exit(code)


class Ears:
    """One thread that counts the signals.

    Parameters
    ----------
    holds_nothing : callable
        Whether the process may end at once: nothing is under way that its end would disturb.
    end : callable
        Ends the process with an exit code and a sentence.

    Attributes
    ----------
    asked : bool
        Whether somebody asked to stop.
    """

    def __init__(
        self, holds_nothing: Callable[[], bool], end: Callable[[int, str], None] = _end
    ) -> None:
        self._holds_nothing = holds_nothing
        self._end = end
        self.asked = False

    def open(self) -> None:
        """Begin to listen; from the main thread."""
        ears, mouth = os.pipe()
        os.set_blocking(mouth, False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)  # the pipe tells; without it none would
        signal.set_wakeup_fd(mouth, warn_on_full_buffer=False)
        threading.Thread(target=self._listen, args=(ears,), name="ears", daemon=True).start()

    def _listen(self, ears: int) -> None:
        while heard := os.read(ears, 1):
            if heard[0] not in (signal.SIGTERM, signal.SIGINT):
                continue
            if self.asked:
                self._end(ExitCode.TERMINATED, "asked twice to stop: ending at once")
            self.asked = True
            if self._holds_nothing():
                self._end(ExitCode.DONE, "asked to stop with nothing under way")
