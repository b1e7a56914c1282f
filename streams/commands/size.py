"""Runs ``size``: partitions, workers, memory, traffic and restore time for a given load.

Reckoned from figures measured on one machine (``data/measured.json``), which are printed along
with the answer: other processors are faster or slower, so measure with ``make bench`` before
you buy. Everything that is assumed rather than measured is an argument.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
from dataclasses import dataclass
from importlib import resources

from streams.errors import ExitCode, UsageError

NAME = "size"
HELP = "partitions, workers, memory and traffic for a number of subjects and a rate"

_GB = 1e9
_MB = 1e6
#: A table of event ids is between a quarter and half full, and an entry has 12 bytes; its log
#: of one commit is small beside it.
_ID_BYTES = 12 * 3
#: Arrays grow by doubling: what is allocated in reserve lies between nothing and once the size.
_RESERVE = 1.5
#: Numba, Python and librdkafka's queues of one worker before the first subject.
_PROCESS_BYTES = 600 * _MB


@dataclass(frozen=True)
class Measurements:
    """Measured on one machine.

    Attributes
    ----------
    date, machine : str
        When and where.
    core_s_per_million, broker_core_s_per_million : float
        Processor seconds per million events, of worker and broker.
    state_bytes_per_event, profile_bytes_per_event : float or None
        Keys and values before compression; None where they were not measured.
    input_bytes_per_event : float
        Values before compression.
    bytes_per_row, bytes_per_subject_head : float
        In memory; a subject's head is all but its rows.
    record_bytes_per_row : float
        Of the folded changelog, heads and keys included.
    load_rows_per_s, read_records_per_s : float
        One worker takes up so many rows, and reads so many records from the broker.
    slope : float
        Core-seconds per event at the most subjects measured over those at the fewest; a
        deployment is planned as if each of its workers had the most.
    """

    date: str
    machine: str
    core_s_per_million: float
    broker_core_s_per_million: float
    state_bytes_per_event: float | None
    profile_bytes_per_event: float | None
    input_bytes_per_event: float
    bytes_per_row: float
    bytes_per_subject_head: float
    record_bytes_per_row: float
    load_rows_per_s: float
    read_records_per_s: float
    slope: float


@dataclass(frozen=True)
class Demand:
    """The load to plan for.

    Attributes
    ----------
    subjects, rate : float
        Subjects in live state, events per second at the busiest.
    rows : float
        Interests per subject.
    load : float
        Share of its core that a worker is planned to be busy; the rest is for catching up.
    lost : int
        Workers that may be away at once without falling behind.
    replication : int
        Of every topic.
    dedup_s, dedup_ids : float
        ``dedup_horizon_ms`` in seconds, and ``dedup_max_ids`` per partition.
    """

    subjects: float
    rate: float
    rows: float = 30.0
    load: float = 0.5
    lost: int = 1
    replication: int = 3
    dedup_s: float = 3_600.0
    dedup_ids: float = 5e6

    def __post_init__(self) -> None:
        for name, low in (("subjects", 1.0), ("rate", 1.0), ("rows", 1.0), ("replication", 1)):
            if not low <= getattr(self, name) < math.inf:  # NaN is neither
                raise UsageError(f"{name} = {getattr(self, name):g}: at least {low:g}")
        if not 0 < self.load <= 1:
            raise UsageError(f"load = {self.load:g}: above 0, at most 1")
        if self.lost < 0:
            raise UsageError(f"lost = {self.lost}: at least 0")


@dataclass(frozen=True)
class Plan:
    """Resources for a load; bytes and seconds are of one worker unless the name has "total".

    Attributes
    ----------
    workers, partitions : int
    cores : float
        Of all workers together, busy at the demanded rate.
    broker_cores : float
        Of all brokers, first copies only.
    memory_bytes : float
        Live state, ids and the process.
    ids_bytes, ids_seconds : float
        Memory of remembered event ids, and the time they reach back at the demanded rate.
    state_total_bytes : float
        Live state of everybody.
    changelog_bytes_s, profile_bytes_s, input_bytes_s : float
        Total, before compression and replication; None where it was not measured.
    changelog_disk_bytes : float
        Folded changelog of everybody, with its replicas.
    restore_s : float
        A worker that takes up its whole share.
    """

    workers: int
    partitions: int
    cores: float
    broker_cores: float
    memory_bytes: float
    ids_bytes: float
    ids_seconds: float
    state_total_bytes: float
    changelog_bytes_s: float | None
    profile_bytes_s: float | None
    input_bytes_s: float
    changelog_disk_bytes: float
    restore_s: float


def load_figures() -> Measurements:
    """The figures that come with the package."""
    text = (resources.files("streams") / "data" / "measured.json").read_text()
    return Measurements(**json.loads(text))


def plan(demand: Demand, figures: Measurements) -> Plan:
    """Compute the resources for a load.

    A worker is one process on one core: its loop is one thread, and what its Kafka client's
    threads take beside it is in the core-seconds.

    Partitions are twice the workers, to the next multiple of twelve: workers can double without
    moving a key, and twelve divides evenly among two, three, four and six.
    """
    each = per_worker(demand, figures)
    workers = math.ceil(demand.rate / each) + demand.lost
    partitions = max(12, 12 * math.ceil(2 * workers / 12))
    share = demand.subjects / workers
    subject = figures.bytes_per_subject_head + demand.rows * figures.bytes_per_row
    per_partition = demand.rate / partitions
    ids = min(per_partition * demand.dedup_s, demand.dedup_ids)
    ids_bytes = ids * _ID_BYTES * partitions / workers
    rows = share * demand.rows
    return Plan(
        workers=workers,
        partitions=partitions,
        cores=demand.rate * figures.core_s_per_million * figures.slope / 1e6,
        broker_cores=demand.rate * figures.broker_core_s_per_million / 1e6,
        memory_bytes=share * subject * _RESERVE + ids_bytes + _PROCESS_BYTES,
        ids_bytes=ids_bytes,
        ids_seconds=ids / per_partition,
        state_total_bytes=demand.subjects * subject,
        changelog_bytes_s=_times(demand.rate, figures.state_bytes_per_event),
        profile_bytes_s=_times(demand.rate, figures.profile_bytes_per_event),
        input_bytes_s=demand.rate * figures.input_bytes_per_event,
        changelog_disk_bytes=(
            demand.subjects * demand.rows * figures.record_bytes_per_row * demand.replication
        ),
        restore_s=rows / figures.load_rows_per_s + share / figures.read_records_per_s,
    )


def per_worker(demand: Demand, figures: Measurements) -> float:
    """Events per second that one worker is planned for."""
    return 1e6 / (figures.core_s_per_million * figures.slope) * demand.load


def _times(rate: float, size: float | None) -> float | None:
    return None if size is None else rate * size


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "Example: interest-streams size --subjects 30e6 --rate 2e6"
    parser.add_argument("--subjects", type=float, required=True, metavar="N", help="e.g. 30e6")
    parser.add_argument(
        "--rate",
        type=float,
        required=True,
        metavar="PER_S",
        help="events per second at the busiest, e.g. 2e6",
    )
    parser.add_argument("--rows", type=float, default=30.0, help="interests per subject (30)")
    parser.add_argument(
        "--load",
        type=float,
        default=0.5,
        metavar="SHARE",
        help="share of its core a worker is planned to be busy (0.5)",
    )
    parser.add_argument(
        "--lost", type=int, default=1, help="workers that may be away without falling behind (1)"
    )
    parser.add_argument("--json", action="store_true", help="for machines")


def run(args: argparse.Namespace) -> ExitCode:
    """Print the plan."""
    demand = Demand(args.subjects, args.rate, args.rows, args.load, args.lost)
    figures = load_figures()
    found = plan(demand, figures)
    if args.json:
        print(
            json.dumps(
                {
                    name: dataclasses.asdict(item)
                    for name, item in (("demand", demand), ("plan", found), ("measured", figures))
                },
                indent=2,
            )
        )
        return ExitCode.DONE
    for name, value in _lines(demand, found, figures):
        print(f"{name:24} {value}")
    print(f"\nreckoned from what was measured on {figures.date}: {figures.machine}")
    return ExitCode.DONE


def _lines(demand: Demand, p: Plan, figures: Measurements) -> list[tuple[str, str]]:
    ids = f"{_time(p.ids_seconds)} back at this rate"
    if p.ids_seconds < demand.dedup_s:
        ids += f", not the {_time(demand.dedup_s)} of dedup_horizon_ms: raise dedup_max_ids"
    return [
        (
            "workers",
            f"{p.workers} ({per_worker(demand, figures):,.0f} events/s each, "
            f"{demand.lost} may be away)",
        ),
        ("partitions", f"{p.partitions}"),
        ("cores, workers", f"{p.cores:,.1f} busy"),
        (
            "cores, brokers",
            f"{p.broker_cores:,.1f} busy, and as much per replica of what is written",
        ),
        (
            "memory of a worker",
            f"{p.memory_bytes / _GB:,.1f} GB ({p.ids_bytes / _GB:,.1f} GB of it event ids)",
        ),
        ("event ids", ids),
        ("live state in all", f"{p.state_total_bytes / _GB:,.1f} GB"),
        ("input", _traffic(p.input_bytes_s)),
        ("changelog", _traffic(p.changelog_bytes_s)),
        (
            "changelog on disk",
            f"{p.changelog_disk_bytes / _GB:,.0f} GB once compacted, {demand.replication} copies",
        ),
        ("profiles", _traffic(p.profile_bytes_s)),
        ("restore of a worker", _time(p.restore_s)),
    ]


def _traffic(size: float | None) -> str:
    return "not measured yet" if size is None else f"{size / _MB:,.0f} MB/s before compression"


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:,.1f} s"
    return f"{seconds / 60:,.1f} min" if seconds < 7_200 else f"{seconds / 3_600:,.1f} h"
