"""How long a join, a leave and a death take under either group protocol.

``python -m tests.bench.protocols`` lets a worker own six partitions and another join, leave, and,
as a process of its own, be killed; once with the classic protocol and once with KIP-848, whose
heartbeats and sessions are the broker's to set: here those that the classic workers have.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from streams.settings import Settings
from streams.worker.wiring import warm_up
from streams.worker.worker import Worker
from tests.broker.kafka_server import Options, started_kafka
from tests.simulation.deployment import quiet
from tests.support.live_worker import consented, live
from tests.support.worker_process import WorkerProcess

PARTITIONS = 6
SESSION_MS, HEARTBEAT_MS = 6_000, 500
_WAIT_S = 120.0
_LOOK_S = 0.005
_SETTLED_S = 3.0
_BROKER = Options(
    properties={
        "group.consumer.session.timeout.ms": str(SESSION_MS),
        "group.consumer.min.session.timeout.ms": str(SESSION_MS),
        "group.consumer.heartbeat.interval.ms": str(HEARTBEAT_MS),
        "group.consumer.min.heartbeat.interval.ms": str(HEARTBEAT_MS),
    }
)


class Running:
    """A worker that steps in a thread of its own, and how long it had nothing to work on."""

    def __init__(self, settings: Settings) -> None:
        self.worker = Worker(settings)
        self.idle_s = 0.0  # longest time without an engine since `watch`
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Join the group."""
        self.worker.start()
        self._thread.start()

    @property
    def partitions(self) -> int:
        """Number of partitions that it works on."""
        return len(self.worker._membership.engines)

    def leave(self) -> None:
        """Commit and leave the group."""
        self._ended.set()
        self._thread.join()
        self.worker.leave()

    def _run(self) -> None:
        since = time.monotonic()
        while not self._ended.is_set():
            self.worker.step()
            now = time.monotonic()
            if self.partitions:
                since = now
            self.idle_s = max(self.idle_s, now - since)


def took(condition: Callable[[], bool]) -> float:
    """Seconds until a condition holds.

    Raises
    ------
    TimeoutError
    """
    begun = time.monotonic()
    while not condition():
        if time.monotonic() > begun + _WAIT_S:
            raise TimeoutError
        time.sleep(_LOOK_S)
    return time.monotonic() - begun


@contextmanager
def flowing(settings: Settings) -> Iterator[None]:
    """Let events come all the time."""
    ended = threading.Event()

    def flow() -> None:
        while not ended.wait(0.2):
            consented(settings, 24)

    thread = threading.Thread(target=flow, daemon=True)
    thread.start()
    yield
    ended.set()
    thread.join()


def measured(settings: Settings, root: Path, number: int) -> dict[str, float]:
    """Seconds of each change, and of standing still at a join."""
    found = {}
    one = Running(replace(settings, instance_id=f"one{number}"))
    two = Running(replace(settings, instance_id=f"two{number}"))
    with flowing(settings):
        one.start()
        took(lambda: one.partitions == PARTITIONS)
        time.sleep(_SETTLED_S)
        one.idle_s = 0.0
        two.start()
        found["join"] = took(lambda: (one.partitions, two.partitions) == (3, 3))
        found["standing still at it"] = one.idle_s
        time.sleep(_SETTLED_S)
        begun = time.monotonic()
        two.leave()
        took(lambda: one.partitions == PARTITIONS)
        found["leave"] = time.monotonic() - begun
        third = replace(settings, instance_id=f"three{number}")
        with WorkerProcess(third, root / f"{settings.topic_prefix}{number}.log") as other:
            took(lambda: one.partitions == PARTITIONS // 2)
            time.sleep(_SETTLED_S)
            other.kill()
            found["kill -9"] = took(lambda: one.partitions == PARTITIONS)
        one.leave()
    return found


def main() -> int:
    """Measure both, and print medians and the worst."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=3)
    args = parser.parse_args()
    warm_up()
    with (
        tempfile.TemporaryDirectory(prefix="protocols-") as name,
        started_kafka(Path(name) / "kafka", _BROKER) as broker,
        quiet(),
    ):
        for protocol in ("classic", "consumer"):
            settings = live(
                broker.bootstrap,
                f"{protocol}-",
                partitions=PARTITIONS,
                group_protocol=protocol,
                session_timeout_ms=SESSION_MS,
                strict_limits=False,
            )
            runs = [measured(settings, Path(name), n) for n in range(args.times)]
            for what in runs[0]:
                times = [run[what] for run in runs]
                print(
                    f"{protocol:>8} {what:>20}: {statistics.median(times):5.1f} s, worst "
                    f"{max(times):5.1f} s of {len(times)}",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
