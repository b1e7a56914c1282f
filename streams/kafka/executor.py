"""Runs jobs one after the other in a thread of its own, beside the loop that polls."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

Job = Callable[[], None]
#: A thread without a job for so long ends; the next job begins another.
_IDLE_S = 10.0


class SingleThreadExecutor:
    """Runs jobs in the order they were given.

    A job that fails ends the row: what waits behind it is dropped, and its error is raised by
    every call but :meth:`drop`, which alone makes the executor usable again.

    Parameters
    ----------
    depth : int
        Most jobs that wait; one more waits in :meth:`put`.
    """

    def __init__(self, depth: int = 2) -> None:
        self._depth = depth
        self._changed = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._running = False
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    def put(self, job: Job) -> None:
        """Submit a job; waits while too many others do."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._jobs) < self._depth or self._error)
            self._raise()
            self._jobs.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="executor", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def check(self) -> None:
        """Raise the error of a job that failed; never waits."""
        with self._changed:
            self._raise()

    def settle(self) -> None:
        """Wait until every job has been done."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._running or self._jobs))
            self._raise()

    def drop(self) -> None:
        """Discard waiting jobs and errors, and wait for the job that runs."""
        with self._changed:
            self._jobs.clear()
            self._changed.wait_for(lambda: not self._running)
            self._error = None

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while (job := self._next()) is not None:
            error: BaseException | None = None
            try:
                job()
            except BaseException as failure:  # whoever gave the job raises it
                error = failure
            # A thread that waits must not keep what the last job held, clients above all.
            del job
            with self._changed:
                self._running = False
                if error is not None:
                    self._error = error
                    self._jobs.clear()
                self._changed.notify_all()
            del error

    def _next(self) -> Job | None:
        """Wait for a job; None after a while without one, and the thread ends."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._jobs, _IDLE_S):
                self._thread = None
                return None
            self._running = True
            self._changed.notify_all()
            return self._jobs.popleft()
