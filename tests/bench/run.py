"""One run of one contender on a filled broker: start it, watch it, stop it, check its levels."""

from __future__ import annotations

import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from streams.contract.topics import DEAD_LETTERS
from tests.bench import check, inputs
from tests.bench.broker import Committed, Topics
from tests.bench.contenders import Contender, Job, environment
from tests.bench.proc import Sampler
from tests.bench.results import Run, best_window
from tests.bench.venvs import CACHE
from tests.broker.kafka_server import KafkaServer
from tests.support.paths import ROOT
from tests.support.processes import DIES_WITH_US

TIMEOUT_S = 900.0
_STOP_S = 40.0
_STUCK_S = 60.0  # no progress for so long: none will come
_START_S = 400.0  # a first compilation, on a busy machine
_DONE = re.compile(r"^done ([\d.]+) (\d+)$")


class Failed(RuntimeError):
    """A contender ended early or got stuck; the text ends with what it said last."""


@dataclass
class Input:
    """An input on the broker: its columns, topics, and what its levels must be."""

    columns: inputs.Columns
    topics: Topics
    tags: dict[str, list[tuple[int, float]]]
    exact: check.Levels


@dataclass
class Process:
    """A running contender and what it printed."""

    popen: subprocess.Popen[str]
    begins: str
    log: Path
    began: float = 0.0
    marks: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reader = threading.Thread(target=self.follow, daemon=True)
        self.reader.start()

    def follow(self) -> None:
        """Read its output until it ends; runs in a thread."""
        assert self.popen.stdout is not None
        with self.log.open("w") as log:
            for line in self.popen.stdout:
                now = time.time()
                log.write(line)
                log.flush()
                mark = _DONE.match(line)
                if mark:
                    self.marks.append((float(mark[1]), int(mark[2])))
                elif not self.began and self.begins in line:
                    said = line.split()
                    self.began = float(said[1]) if said[0] == "start" else now

    def tail(self) -> str:
        """The end of what it said."""
        return self.log.read_text(errors="replace")[-1500:] if self.log.exists() else ""


@contextmanager
def started(contender: Contender, job: Job) -> Iterator[Process]:
    """A contender's process, stopped in order at the end."""
    logs = CACHE / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    popen = subprocess.Popen(
        [*DIES_WITH_US, *contender.command(job)],
        env=environment(contender, job),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    process = Process(popen, contender.begins, logs / f"{contender.name}.log")
    try:
        yield process
    finally:
        if popen.poll() is None:
            popen.send_signal(signal.SIGTERM)
            try:
                popen.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                popen.kill()
                popen.wait()
        process.reader.join(10)


def run_once(contender: Contender, given: Input, server: KafkaServer) -> Run:
    """One run over the whole input.

    Raises
    ------
    Failed
        Where the contender did not get to the end.
    """
    with tempfile.TemporaryDirectory(prefix="bench-state-") as scratch:
        job = prepare(contender, given, Path(scratch))
        with (
            started(contender, job) as process,
            watched(contender, job, process, server) as sampler,
        ):
            run_to_end(process, sampler, job.events, contender)
        marks = [(s.at, s.done) for s in sampler.samples] if contender.commits else process.marks
        seconds, counted = best_window(marks, process.began, job.events)
        own, broker = sampler.used(process.began, process.began + seconds)
        written = read_outputs(contender, job, given)
        job.topics.delete([name for name in job.topics.names() if job.group in name])
    return Run(
        contender.name, job.events, seconds, counted, own, broker, sampler.peak_bytes, **written
    )


def prepare(contender: Contender, given: Input, scratch: Path) -> Job:
    """Empty output topics, and a group that never read."""
    topics = given.topics
    topics.renew()
    if contender.is_peer:
        topics.make(contender.profiles.format(prefix=topics.prefix))
    tags = scratch / "tags.json"
    tags.write_bytes(orjson.dumps(given.tags))
    state = scratch / "state"
    state.mkdir()
    return Job(
        topics,
        # A worker's group begins with the prefix of its topics, whatever it is called.
        f"{topics.prefix}{contender.name}-{time.time_ns()}",
        given.columns.shape.events,
        tags,
        state,
    )


@contextmanager
def watched(
    contender: Contender, job: Job, process: Process, server: KafkaServer
) -> Iterator[Sampler]:
    """A sampler of a contender that was started."""
    progress = (
        Committed(job.topics.bootstrap, job.group, job.topics.inputs, job.topics.partitions)
        if contender.commits
        else None
    )
    sampler = Sampler(
        process.popen.pid, server.pid, progress.total if progress is not None else None
    )
    sampler.start()
    try:
        yield sampler
    finally:
        sampler.stop()
        if progress is not None:
            progress.close()


def run_to_end(process: Process, sampler: Sampler, events: int, contender: Contender) -> None:
    """Wait until a contender has done all events.

    Raises
    ------
    Failed
        Where it ends before, or makes no progress for long.
    """
    deadline = time.monotonic() + TIMEOUT_S
    best, moved = 0, time.monotonic()
    while True:
        marks = process.marks
        done = (
            sampler.samples[-1].done
            if contender.commits and sampler.samples
            else marks[-1][1]
            if marks
            else 0
        )
        if done >= events and process.began and not contender.ends:
            return
        if process.popen.poll() is not None:
            process.reader.join(10)
            if not contender.commits and marks and marks[-1][1] >= events:
                return
            raise Failed(f"{contender.name} ended early: {process.tail()}")
        now = time.monotonic()
        if done > best or (process.began and not best):
            best, moved = max(done, 1), now
        patience = _STUCK_S if process.began else _START_S
        if now > deadline or now - moved > patience:
            raise Failed(f"{contender.name} got stuck at {done} of {events}: {process.tail()}")
        time.sleep(0.05)


def read_outputs(contender: Contender, job: Job, given: Input) -> dict[str, Any]:
    """What was written, as fields of `Run`, and what the check of the levels says."""
    topics, settings = given.topics, given.topics.settings
    at, refused = check.moment(given.columns), ""
    found: dict[str, Any] = dict.fromkeys(
        ("profiles", "profile_bytes", "state_bytes", "out"), 0
    ) | {"levels": ""}
    for pattern in contender.outputs:
        start = job.name(pattern)
        for name in [start] if start[-1] != "*" else topics.names(start[:-1]):
            records = topics.read(name)
            size = sum(len(key) + len(value or b"") for _, key, value in records)
            found["out"] += len(records)
            if pattern == contender.profiles:
                found |= {"profiles": len(records), "profile_bytes": size}
                if contender.checks == "profiles":
                    found["levels"] = check.compare(given.exact, check.published(records, at))
            elif name == settings.topic(DEAD_LETTERS):
                refused = f"; {len(records)} dead letters" if records else ""
            else:
                found["state_bytes"] += size
                if contender.checks == "state":
                    found["levels"] = check.compare(
                        given.exact, check.ours(settings, records, at, given.exact)
                    )
    found["levels"] += refused
    return found
