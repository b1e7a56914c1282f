"""Who runs: how each contender is started, and how far it has come.

A contender is a process. Its clock starts with a line of its output that has `Contender.begins`
in it; its progress is either printed (``done <time> <events>``) or read from its group's
committed offsets.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench import venvs
from tests.bench.broker import Topics
from tests.bench.venvs import CACHE, PEERS

HERE = Path(__file__).resolve().parent
_PEER_PROFILES = "{prefix}peer-profiles"
_SETTING = "INTEREST_STREAMS_"
_SAME_RIVER = "River's FTRL on 7 signals"
#: Java 17 closes what Flink looks into; its own start script opens the same.
_FLINK_FLAGS = ("--add-opens=java.base/java.util=ALL-UNNAMED",)


@dataclass(frozen=True)
class Job:
    """One run's parameters.

    Attributes
    ----------
    topics : Topics
        With the input.
    group : str
    events : int
    tags : Path
        JSON file: content key to interests and weights, for who doesn't bring its own tagger.
    scratch : Path
        An empty folder for local state.
    """

    topics: Topics
    group: str
    events: int
    tags: Path
    scratch: Path

    def name(self, pattern: str) -> str:
        """A topic's full name from a pattern with ``{prefix}`` and ``{group}``."""
        return pattern.format(prefix=self.topics.prefix, group=self.group)


@dataclass(frozen=True)
class Contender:
    """One row of the table.

    Attributes
    ----------
    name, label, note : str
        For the command line, the table, and what a reader must know.
    command : callable
        Command line of a job; may make the environment it runs in.
    env : callable
        Environment variables of a job, added to this process's.
    begins : str
        A line of output with this text starts the clock.
    commits : bool
        Whether progress is its group's committed offsets; else it prints it.
    profiles : str
        Pattern of its profile topic; "" for none.
    outputs : tuple of str
        Patterns of all topics it writes; one that ends with ``*`` is the beginning of names.
    checks : {"state", "profiles", ""}
        Where its levels are read from.
    most : int
        Most events given to it, for the slow ones.
    ends : bool
        Whether it ends by itself at the end of the input, and must be let.
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
    checks: str = ""
    most: int = 1 << 62
    ends: bool = False

    @property
    def is_peer(self) -> bool:
        """Whether its profile topic is its own rather than one of the project's table."""
        return self.profiles == _PEER_PROFILES


def environment(contender: Contender, job: Job) -> dict[str, str]:
    """The whole environment: this process's without any deployment's settings, and its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_SETTING)}
    return {**kept, "PYTHONUNBUFFERED": "1", **contender.env(job)}


def worker_env(job: Job, instance: str = "bench-0") -> dict[str, str]:
    """Environment of our worker for a job; compiled kernels are kept."""
    return {
        "INTEREST_STREAMS_BOOTSTRAP_SERVERS": job.topics.bootstrap,
        "INTEREST_STREAMS_TOPIC_PREFIX": job.topics.prefix,
        "INTEREST_STREAMS_GROUP_ID": job.group,
        "INTEREST_STREAMS_INSTANCE_ID": instance,
        "INTEREST_STREAMS_CONSENT_DEFAULT": job.topics.settings.consent_default,
        "INTEREST_STREAMS_HTTP_PORT": "0",
        "INTEREST_STREAMS_PARTITIONER": job.topics.settings.partitioner,
        "NUMBA_CACHE_DIR": str(CACHE / "numba"),
    }


def _floor(manner: str) -> Callable[[Job], list[str]]:
    return lambda job: [
        sys.executable,
        str(HERE / "floor.py"),
        job.topics.bootstrap,
        job.group,
        ",".join(job.topics.inputs),
        str(job.events),
        manner,
    ]


def _native(mode: str) -> Callable[[Job], list[str]]:
    def command(job: Job) -> list[str]:
        words = [mode, job.topics.bootstrap, job.group, ",".join(job.topics.inputs)]
        of_fold = [str(job.tags), job.name(_PEER_PROFILES)] if mode == "fold" else []
        return [str(venvs.program("native")), *words, str(job.events), *of_fold]

    return command


def _ours(job: Job) -> list[str]:
    return [sys.executable, "-m", "streams", "worker"]


def _python_peer(name: str, job: Job, *words: str) -> list[str]:
    app = PEERS / f"{name}_app.py"
    return [str(venvs.python(name)), str(app), job.topics.bootstrap, *words]


def _shared_words(job: Job) -> list[str]:
    """All peers read the same inputs by the same tags."""
    return [",".join(job.topics.inputs), str(job.tags), job.name(_PEER_PROFILES)]


def _faust(job: Job) -> list[str]:
    words = [job.group, *_shared_words(job), str(job.topics.partitions)]
    return _python_peer("faust", job, *words)


def _quix(guarantee: str) -> Callable[[Job], list[str]]:
    return lambda job: _python_peer(
        "quix", job, job.group, *_shared_words(job), guarantee, str(job.scratch)
    )


def _bytewax(job: Job) -> list[str]:
    return _python_peer("bytewax", job, *_shared_words(job), str(job.scratch))


def _pathway(job: Job) -> list[str]:
    return _python_peer("pathway", job, job.group, *_shared_words(job), str(job.scratch))


def _java(name: str, main: str, flags: Sequence[str], *more: str) -> Callable[[Job], list[str]]:
    def command(job: Job) -> list[str]:
        start = ["java", "-Xmx2g", *flags, "-cp", venvs.classes(name), main]
        words = [job.topics.bootstrap, job.group, *_shared_words(job), str(job.scratch)]
        return [*start, *words, *more]

    return command


def _kstreams(name: str, said: str, *more: str) -> Contender:
    return Contender(
        name,
        f"Kafka Streams (Java), exactly once{said}",
        "no River: FTRL written out in Java; "
        "two threads; profiles coalesced by a timer, so after a crash one may be published late",
        _java("kstreams", "KafkaStreamsPeer", (), *more),
        commits=True,
        profiles=_PEER_PROFILES,
        outputs=(_PEER_PROFILES, "{group}-subjects-changelog"),
        checks="profiles",
    )


def _flink(name: str, backend: str, said: str) -> Contender:
    return Contender(
        name,
        f"Flink (Java), exactly once, {said}",
        "no River: FTRL written out in Java; two tasks in a cluster inside one process, a "
        "checkpoint to files each second; profiles coalesced by a timer",
        _java("flink", "FlinkPeer", _FLINK_FLAGS, backend),
        commits=True,
        profiles=_PEER_PROFILES,
        outputs=(_PEER_PROFILES,),
        checks="profiles",
    )


def _quix_streams(name: str, said: str, guarantee: str) -> Contender:
    return Contender(
        name,
        f"Quix Streams + River, {said}",
        f"RocksDB, changelog, {_SAME_RIVER}; a profile per event",
        _quix(guarantee),
        commits=True,
        profiles=_PEER_PROFILES,
        outputs=(_PEER_PROFILES, "changelog__{group}*"),
        checks="profiles",
        most=200_000,
    )


def _worker(name: str, label: str, more: Mapping[str, str]) -> Contender:
    return Contender(
        name,
        label,
        "exactly once; River's FTRL and AdPredictor on 20 signals; publishes per commit",
        _ours,
        lambda job: {**worker_env(job), **more},
        begins="streams.worker.restore restored",
        commits=True,
        profiles="{prefix}interest-profiles",
        checks="state",
        outputs=("{prefix}interest-profiles", "{prefix}interest-state", "{prefix}dead-letters"),
    )


def earlier(folder: Path) -> Contender:
    """The worker of another checkout of this project, to be compared with in one run.

    Its levels are not checked, for its state may be of another format; settings that it does not
    know yet are left out.
    """
    known = (folder / "streams" / "settings.py").read_text()

    def env(job: Job) -> dict[str, str]:
        wanted = worker_env(job).items()
        kept = {
            name: value
            for name, value in wanted
            if f"    {name.removeprefix(_SETTING).lower()}: " in known
        }
        own = {"NUMBA_CACHE_DIR": str(folder / ".cache" / "numba"), "PYTHONPATH": str(folder)}
        return {**kept, **own, "PYTHONSAFEPATH": "1"}

    worker = _worker("before", f"interest-streams of {folder}", {})
    return replace(worker, env=env, begins="restore restored", checks="")


_ALL = (
    Contender(
        "floor",
        "floor: consume, orjson.loads",
        "decodes and drops; keeps no state, writes "
        "nothing, commits nothing; librdkafka's own settings",
        _floor("plain"),
        ends=True,
    ),
    Contender(
        "floor-tuned",
        "floor, tuned",
        "the same with our worker's consumer settings",
        _floor("tuned"),
        ends=True,
    ),
    Contender(
        "native-floor",
        "native floor: rdkafka, simd-json",
        "in Rust: decodes and drops, as the floor does",
        _native("parse"),
        ends=True,
    ),
    Contender(
        "native",
        "native: rdkafka, simd-json, the whole fold",
        "in Rust: a peer's work, FTRL on 7 signals; state in memory alone, nothing committed; "
        "profiles that changed every half second",
        _native("fold"),
        profiles=_PEER_PROFILES,
        outputs=(_PEER_PROFILES,),
        checks="profiles",
        ends=True,
    ),
    _worker("ours", "interest-streams", {}),
    _worker(
        "ours-plain",
        "interest-streams, without native_fetch",
        {"INTEREST_STREAMS_NATIVE_FETCH": "false"},
    ),
    _quix_streams("quix-eo", "exactly once", "exactly-once"),
    _quix_streams("quix", "at least once", "at-least-once"),
    Contender(
        "bytewax",
        "Bytewax + River",
        f"recovery to SQLite every 10 s, {_SAME_RIVER}; a profile "
        "per event; duplicates around a resume",
        _bytewax,
        profiles=_PEER_PROFILES,
        outputs=(_PEER_PROFILES,),
        checks="profiles",
        most=100_000,
        ends=True,
    ),
    Contender(
        "pathway",
        "Pathway + River, at least once",
        f"without a licence key: keeps its inputs in files, {_SAME_RIVER}; a profile per batch "
        "of half a second",
        _pathway,
        profiles=_PEER_PROFILES,
        outputs=(_PEER_PROFILES,),
        checks="profiles",
        most=100_000,
    ),
    Contender(
        "faust",
        "Faust + River, at least once",
        f"table in memory with changelog, {_SAME_RIVER}; a profile per event",
        _faust,
        profiles=_PEER_PROFILES,
        outputs=(_PEER_PROFILES, "{group}-subjects-changelog"),
        checks="profiles",
        most=50_000,
    ),
    _kstreams("kstreams", ""),
    _kstreams("kstreams-tx", ", transactional stores", "enable.transactional.statestores=true"),
    _flink("flink", "hashmap", "state on the heap"),
    _flink("flink-rocksdb", "rocksdb", "state in RocksDB"),
)
CONTENDERS: dict[str, Contender] = {c.name: c for c in _ALL}
