"""Who runs: how each contender is started, and how far it has come.

A contender is a process. Its clock starts with a line that `Contender.begins` recognises; its
progress is either printed (``done <time> <events>``) or read from its group's committed offsets.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.broker import Topics

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = ROOT / ".cache" / "bench"
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Job:
    """One run's parameters: the topics, the group, the number of events in them."""

    topics: Topics
    group: str
    events: int


@dataclass(frozen=True)
class Contender:
    """One row of the table.

    Attributes
    ----------
    name, label, note : str
        For the command line, the table, and what a reader must know.
    command : callable
        Command line of a job.
    env : callable
        Environment of a job, added to this process's.
    begins : str
        A line of output with this text starts the clock.
    commits : bool
        Whether progress is its group's committed offsets; else it prints it.
    profiles : str
        Topic of its profiles, without the prefix; "" for none.
    outputs : tuple of str
        Every topic it writes, without the prefix; or beginnings of names, with a ``*``.
    most : int
        Most events given to it, for the slow ones.
    checks : {"state", "profiles", ""}
        Where its levels are read from.
    venv : str
        Name of its requirements file under ``peers``; "" for this environment.
    """

    name: str
    label: str
    note: str
    command: Callable[[Job], list[str]]
    env: Callable[[Job], Mapping[str, str]] = lambda job: {}
    begins: str = "start "
    commits: bool = False
    profiles: str = ""
    outputs: tuple[str, ...] = ()
    most: int = 1 << 62
    checks: str = ""
    venv: str = ""
    creates: tuple[str, ...] = field(default=())


def _floor(job: Job) -> list[str]:
    return [sys.executable, str(HERE / "floor.py"), job.topics.bootstrap, job.group,
            ",".join(job.topics.inputs), str(job.events)]


def _ours(job: Job) -> list[str]:
    return [sys.executable, "-m", "streams", "worker"]


def worker_env(job: Job) -> dict[str, str]:
    """Environment of our worker for a job; compiled kernels are kept per state of the code."""
    return {
        "INTEREST_STREAMS_BOOTSTRAP_SERVERS": job.topics.bootstrap,
        "INTEREST_STREAMS_TOPIC_PREFIX": job.topics.prefix,
        "INTEREST_STREAMS_GROUP_ID": job.group,
        "INTEREST_STREAMS_INSTANCE_ID": "bench-0",
        "INTEREST_STREAMS_CONSENT_DEFAULT": "grant",
        "INTEREST_STREAMS_HTTP_PORT": "0",
        "NUMBA_CACHE_DIR": str(CACHE / f"numba-{kernels_digest()}"),
    }


def kernels_digest() -> str:
    """Names the compiled code: Numba itself looks at no other file than a function's own."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "features" / "kernels").glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


FLOOR = Contender("floor", "floor: consume() + orjson.loads", "decodes and drops; no state, "
                  "no output, commits nothing", _floor)
OURS = Contender("ours", "interest-streams", "exactly once; publishes per commit", _ours,
                 worker_env, begins="streams.restore restored", commits=True,
                 profiles="interest-profiles",
                 outputs=("interest-profiles", "interest-state", "dead-letters"), checks="state")

CONTENDERS: dict[str, Contender] = {c.name: c for c in (FLOOR, OURS)}


def environment(contender: Contender, job: Job) -> dict[str, str]:
    """The whole environment: this process's without any deployment's settings, and its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("INTEREST_STREAMS_")}
    return {**kept, "PYTHONUNBUFFERED": "1", **contender.env(job)}
