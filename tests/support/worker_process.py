"""A worker as a process that tests start, stall and kill, and a deployment for it to work in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from streams.commands.demo import publish_tags
from streams.contract.record import Record
from streams.contract.topics import INPUTS
from streams.errors import ExitCode
from streams.kafka import clients
from streams.kafka.consumer_group import Group, GroupError, Lag
from streams.kafka.producing import Produced, produce
from streams.kafka.topic_plan import create_topics
from streams.sandbox.demo_worker import environment
from streams.sandbox.simulator import Simulation, simulated
from streams.settings import Settings
from tests.support.open_transactions import undecided
from tests.support.processes import DIES_WITH_US, wait_until

WORKER = (sys.executable, "-m", "streams", "worker")
#: A cold start compiles every kernel, which takes a minute alone and longer beside a broker.
READY_S = 240.0
_PATIENCE_S = 60.0


def short_timings(bootstrap: str, prefix: str, **more: Any) -> Settings:
    """Settings of a small deployment whose time-outs make failures short.

    Parameters
    ----------
    more
        Any field of `Settings`, over the ones chosen here.
    """
    chosen: dict[str, Any] = {
        "bootstrap_servers": bootstrap,
        "group_id": prefix + "group",
        "topic_prefix": prefix,
        "partitions": 3,
        "replication": 1,
        "http_port": 0,
        "instance_id": "w1",
        "commit_interval_ms": 200,
        "call_deadline_ms": 7_000,
        "transaction_timeout_ms": 9_000,
        "revoke_deadline_ms": 8_000,
        "watchdog_ms": 20_000,
        "session_timeout_ms": 6_000,
        "max_poll_interval_ms": 30_000,
        "lateness_ms": 3 * 3_600_000,
        "tick_interval_ms": 0,  # where what was fed is counted, a worker must not add to it
        "publish_score_step": 0.0001,  # every change is material: profiles don't depend on cuts
    }
    often = {"catch_up_interval_ms": more.get("commit_interval_ms", chosen["commit_interval_ms"])}
    return Settings(**{**chosen, **often, **more})


def prepare(settings: Settings) -> None:
    """Create the topics and publish the bundled content tags."""
    create_topics(clients.admin(settings), settings)
    publish_tags(settings)


def deployed(bootstrap: str, prefix: str, **more: Any) -> Settings:
    """Settings of `short_timings`, their topics created and filled with content tags."""
    settings = short_timings(bootstrap, prefix, **more)
    prepare(settings)
    return settings


def simulated_events(households: int = 40, days: int = 9, seed: int = 3) -> Iterator[Record]:
    """A simulated operator's records of the joined topics."""
    simulation = Simulation(seed, households, days)
    return (record for record in simulated(simulation) if record.topic in INPUTS)


def feed(settings: Settings, records: Iterable[Record]) -> Produced:
    """Produce records and see them acknowledged."""
    produced = produce(records, settings, Produced())
    assert not produced.failed, produced.line()
    return produced


def lag(settings: Settings, group: str | None = None) -> Lag:
    """How far the group is behind; a coordinator that still loads is asked again."""
    deadline = time.monotonic() + _PATIENCE_S
    looked_at = _group(settings, group or settings.group)
    while True:
        try:
            return looked_at.lag()
        except GroupError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _group(settings: Settings, name: str) -> Group:
    return _group_at(settings.bootstrap_servers, settings.topic_prefix, name)


# Clients per look would be threads and connections ten times a second.
@lru_cache(maxsize=4)
def _group_at(bootstrap: str, prefix: str, name: str) -> Group:
    return Group(Settings(bootstrap_servers=bootstrap, topic_prefix=prefix), name)


def taken(settings: Settings) -> int:
    """Records that lie before the committed offsets."""
    return lag(settings, "nobody").behind - lag(settings).behind


def wait_for_end(settings: Settings, *workers: WorkerProcess, seconds: float = READY_S) -> None:
    """Wait until the group has committed every record, and readers see it, all workers alive."""

    def done() -> bool:
        for worker in workers:
            worker.check()
        return all_committed(settings)

    wait_until(done, seconds, lambda: "\n".join(worker.text()[-3000:] for worker in workers))


def all_committed(settings: Settings) -> bool:
    """Whether the group has committed every record, and readers see what came of it."""
    return lag(settings).done and not undecided(settings)


class WorkerProcess:
    """One worker process; killed on exit.

    Parameters
    ----------
    settings : Settings
    log : Path
        Where its output goes, appended.
    command : sequence of str
        What to run.
    """

    def __init__(self, settings: Settings, log: Path, command: Iterable[str] = WORKER) -> None:
        self.settings = settings
        self.log = log
        self._start = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*DIES_WITH_US, *command],
                env=environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def running(self) -> bool:
        """Whether the process is alive (a stopped one is)."""
        return self._process.poll() is None

    def check(self) -> None:
        """Fail where it ended by itself."""
        code = self._process.poll()
        assert code is None, f"worker ended with {code}:\n{self.text()[-3000:]}"

    def text(self) -> str:
        """What this process wrote."""
        return self.log.read_bytes()[self._start :].decode(errors="replace")

    def has_said(self, words: str) -> bool:
        """Whether it wrote these words."""
        return words in self.text()

    def signal(self, number: int) -> None:
        """Send a signal to it, if it is still there."""
        if self.running:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL, and wait for its end."""
        self.signal(signal.SIGKILL)
        self._process.wait(30)

    def terminate(self, seconds: float = 180.0) -> int:
        """SIGTERM; returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds: float) -> int:
        """Wait for its end; returns the exit code."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"worker still runs after {seconds:g} s:\n{self.text()[-3000:]}"
            ) from None

    def outlives(self, check: Callable[[], None]) -> bool:
        """Check it after a broker's restart; False where it ended for another to take over.

        The client can hang for good in the first commit after a restart (librdkafka#5456); then
        the process ends itself, and whoever supervises it starts it again.
        """
        try:
            check()
        except (AssertionError, OSError):
            if self.exit_code() != ExitCode.STUCK:
                raise
            return False
        return True

    def exit_code(self) -> int | None:
        """Exit code, None while it runs."""
        return self._process.poll()
