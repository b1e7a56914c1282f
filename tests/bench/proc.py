"""What a process and its children used: processor seconds and peak memory, from ``/proc``."""

from __future__ import annotations

import bisect
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.processes import peak_memory

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Sample:
    """One look: wall-clock seconds, processor seconds of contender and broker, events done."""

    at: float
    own_s: float
    broker_s: float
    done: int


@dataclass
class Sampler:
    """Looks at a contender and the broker from a thread until told to stop.

    Attributes
    ----------
    pid, broker_pid : int
        Root of the contender's process tree, and the broker.
    done : callable or None
        Events done so far, asked at each look.
    period_s : float
    """

    pid: int
    broker_pid: int
    done: Callable[[], int] | None = None
    period_s: float = 0.05
    samples: list[Sample] = field(default_factory=list)
    peak_bytes: int = 0

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin looking."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join(10)

    def used(self, begin: float, end: float) -> tuple[float, float]:
        """Processor seconds of contender and broker between two moments, interpolated."""
        own = [s.own_s for s in self.samples]
        broker = [s.broker_s for s in self.samples]
        at = [s.at for s in self.samples]
        return _at(at, own, end) - _at(at, own, begin), (
            _at(at, broker, end) - _at(at, broker, begin)
        )

    def _run(self) -> None:
        turn = 0
        while not self._stop.is_set():
            done = self.done() if self.done is not None else 0
            tree = _tree(self.pid) if turn % 20 == 0 else self._pids
            self._pids = tree
            now = time.time()
            self.samples.append(
                Sample(now, sum(map(cpu_seconds, tree)), cpu_seconds(self.broker_pid), done)
            )
            if turn % 5 == 0:
                self.peak_bytes = max(self.peak_bytes, sum(map(peak_memory, tree)))
            turn += 1
            self._stop.wait(self.period_s)

    _pids: list[int] = field(default_factory=list)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK


def _tree(pid: int) -> list[int]:
    found, queue = [], [pid]
    while queue:
        one = queue.pop()
        found.append(one)
        for tasks in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                queue += [int(child) for child in tasks.read_text().split()]
            except OSError:
                continue
    return found


def _at(times: list[float], values: list[float], when: float) -> float:
    if not times:
        return 0.0
    k = bisect.bisect_left(times, when)
    if k == 0:
        return values[0]
    if k == len(times):
        return values[-1]
    share = (when - times[k - 1]) / max(1e-9, times[k] - times[k - 1])
    return values[k - 1] + share * (values[k] - values[k - 1])
