"""One run of one contender on a filled broker: start it, watch it, stop it, check its levels."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from streams.topics import DEAD_LETTERS
from tests.bench import check, inputs
from tests.bench.broker import BenchServer, Committed, Topics
from tests.bench.contenders import CACHE, ROOT, Contender, Job, environment
from tests.bench.proc import Sampler
from tests.bench.results import Run, best_window

TIMEOUT_S = 900.0
_STOP_S = 40.0
_STUCK_S = 120.0  # no progress for so long, after the start: it will never come
_DIES_WITH_US = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
_DONE = re.compile(r"^done ([\d.]+) (\d+)$")


class Failed(RuntimeError):
    """A contender ended early or got stuck; the text ends with what it said last."""


@dataclass
class Input:
    """An input on the broker: its columns, topics, and what its levels must be."""

    columns: inputs.Columns
    topics: Topics
    exact: check.Levels = field(default_factory=dict)


@dataclass
class Process:
    """A running contender and what it printed."""

    popen: subprocess.Popen[str]
    begins: str
    log: Path
    began: float = 0.0
    marks: list[tuple[float, int]] = field(default_factory=list)

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
        [*_DIES_WITH_US, *contender.command(job)], env=environment(contender, job), cwd=ROOT,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace")
    process = Process(popen, contender.begins, logs / f"{contender.name}.log")
    reader = threading.Thread(target=process.follow, daemon=True)
    reader.start()
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
        reader.join(10)


def run_once(contender: Contender, given: Input, server: BenchServer, number: int) -> Run:
    """One run over the whole input.

    Raises
    ------
    Failed
        Where the contender did not get to the end.
    """
    topics, events = given.topics, given.columns.shape.events
    topics.renew()
    for name in contender.creates:
        topics.make(name)
    job = Job(topics, f"bench-{contender.name}-{number}-{time.time_ns()}", events)
    progress = Committed(topics.bootstrap, job.group, topics.inputs, topics.partitions) \
        if contender.commits else None
    with started(contender, job) as process:
        sampler = Sampler(process.popen.pid, server.pid,
                          progress.total if progress is not None else None)
        sampler.start()
        try:
            _wait(process, sampler, events, contender)
        finally:
            sampler.stop()
            if progress is not None:
                progress.close()
    marks = [(s.at, s.done) for s in sampler.samples] if contender.commits else process.marks
    seconds, counted = best_window(marks, process.began, events)
    own, broker = sampler.used(process.began, process.began + seconds)
    profiles, out, levels = _written(contender, given)
    return Run(contender.name, events, seconds, counted, own, broker, sampler.peak_bytes,
               profiles, out, levels)


def _wait(process: Process, sampler: Sampler, events: int, contender: Contender) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    best, moved = 0, time.monotonic()
    while True:
        marks = process.marks
        done = (sampler.samples[-1].done if contender.commits and sampler.samples
                else marks[-1][1] if marks else 0)
        if done >= events and process.began:
            return
        if process.popen.poll() is not None:
            time.sleep(0.2)  # the reader has the rest of its output by then
            if not contender.commits and marks and marks[-1][1] >= events:
                return
            raise Failed(f"{contender.name} ended early: {process.tail()}")
        now = time.monotonic()
        if done > best or not process.began:
            best, moved = done, now
        if now > deadline or now - moved > _STUCK_S:
            raise Failed(f"{contender.name} got stuck at {done} of {events}: {process.tail()}")
        time.sleep(0.05)


def _written(contender: Contender, given: Input) -> tuple[int, int, str]:
    """Profiles and records written, and what the check of the levels says."""
    topics, out, profiles, levels, refused = given.topics, 0, 0, "", ""
    at = check.moment(given.columns)
    for pattern in contender.outputs:
        names = [pattern] if not pattern.endswith("*") else [
            name[len(topics.prefix):]
            for name in topics.beginning_with(topics.prefix + pattern[:-1])]
        for name in names:
            found = topics.read(name)
            out += len(found)
            if name == contender.profiles:
                profiles = len(found)
            if name == DEAD_LETTERS and found:
                refused = f"; {len(found)} dead letters"
            if contender.checks == "state" and name == "interest-state":
                levels = check.compare(given.exact, check.ours(
                    topics.settings, found, at, given.exact))
            elif contender.checks == "profiles" and name == contender.profiles:
                levels = check.compare(given.exact, check.published(found, at))
    return profiles, out, levels + refused
