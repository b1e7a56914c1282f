"""One run: load, faults, recovery, and the verdict."""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from tests.chaos.cluster import Cluster
from tests.chaos.faults import DISK_FULL, FAULTS, FROM_STRIKE
from tests.chaos.leaders import OF_THREE, THREE
from tests.chaos.load import records
from tests.chaos.losses import LOSSES
from tests.chaos.progress import Progress
from tests.support.evidence import collect
from tests.support.open_transactions import await_markers
from tests.support.reference import restored
from tests.support.verifier import Verdict, contents_of, verify
from tests.support.worker_process import feed, prepare

_WORKERS = 3
_FACT_DAYS = 2  # where models are shared through the facts
_TRICKLE = 2.0  # records a second while the group forms
_LEAST_RATE = 20.0  # and of each worker while faults last
_START_S = 600.0  # cold kernels are compiled by every worker at once
_RECOVERY_S = 180.0
_END_S = 900.0
_FIRST_GUESS_S = 40.0  # a fault and its recovery, before any was measured
_LEAST_GUESS_S = 20.0  # the first may overlap, and say too little of those to come
_RESERVE = 0.6  # of the input is spent while faults last, the rest while time runs over
_UNREAD = 0.05  # of the input is left when the first fault strikes that takes away what is unread
_OVERLAP = 0.2  # faults that strike while the one before is not got over
_MOST_STANDSTILL_S = 5.0
_MOST_BYTES = 2_000_000_000  # of one worker, numba and all


@dataclass
class Plan:
    """What to do.

    Attributes
    ----------
    seed, events, faults : int
    kinds : tuple of str
        Names in `faults.FAULTS`.
    bug : str or None
        Planted in the workers.
    minutes : float
        Faults stop after this long, 0 for no limit.
    brokers : int
        1, or 3 of which two must have what was committed.
    shared : bool
        All partitions have one model.
    """

    seed: int
    events: int
    faults: int
    kinds: tuple[str, ...] = tuple(FAULTS)
    bug: str | None = None
    minutes: float = 0.0
    storms: int = 0
    jumps: int = 0
    brokers: int = 1
    shared: bool = False


@dataclass
class Outcome:
    """What came out of a run."""

    plan: Plan
    verdicts: list[Verdict] = field(default_factory=list)
    recoveries: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    struck: int = 0
    void: str = ""

    @property
    def broken(self) -> list[str]:
        """The invariants that were violated."""
        return [str(verdict) for verdict in self.verdicts if not verdict.ok]

    @property
    def ok(self) -> bool:
        """Whether it counts and everything held."""
        return not self.void and not self.broken


def run(plan: Plan, root: Path) -> Outcome:
    """Run it, printing as it goes."""
    outcome = Outcome(plan)
    _say(
        f"seed {plan.seed}: {plan.events:,} events, {plan.faults} faults"
        + (", one model" if plan.shared else "")
        + (f", bug {plan.bug}" if plan.bug else "")
    )
    with Cluster(root, bug=plan.bug, brokers=plan.brokers, shared=plan.shared) as cluster:
        prepare(cluster.settings)
        started = time.monotonic()
        # In small batches, which a fetch can't split: a paced worker must meet every input soon.
        fed = feed(
            replace(cluster.settings, kafka={"batch.size": "16384"}),
            records(plan.seed, plan.events, plan.storms, plan.jumps, *[_FACT_DAYS] * plan.shared),
        )
        _say(f"{fed.total:,} records produced in {time.monotonic() - started:.0f} s")
        progress = cluster.watch()
        cluster.pace(rate=_TRICKLE)
        for slot in range(_WORKERS):
            cluster.start(slot)
        cluster.settle(_START_S)
        since = time.monotonic()
        cluster.pace(
            rate=max(
                _LEAST_RATE,
                progress.left / max(1, plan.faults) / _FIRST_GUESS_S / _WORKERS * _RESERVE,
            )
        )
        if not cluster.wait_for(partial(progress.has_recovered, since), _START_S):
            raise RuntimeError("workers did not start:\n" + cluster.workers[0].text()[-3000:])
        _strike(plan, cluster, progress, outcome)
        _finish(cluster, progress, outcome)
    return outcome


def _strike(plan: Plan, cluster: Cluster, progress: Progress, outcome: Outcome) -> None:
    rng = random.Random(plan.seed)
    lacking = {} if cluster.disk.there else {DISK_FULL: "its file system takes root's rights"}
    if plan.brokers < THREE:
        lacking |= dict.fromkeys(OF_THREE, f"takes {THREE} brokers")
    for kind in lacking.keys() & set(plan.kinds):
        _say(f"{kind}: left out, {lacking[kind]}")
    kinds = [kind for kind in plan.kinds if kind not in lacking]
    names = [kind for _ in range(-(-plan.faults // len(kinds))) for kind in kinds]
    names = names[: plan.faults]
    rng.shuffle(names)
    names.sort(key=LOSSES.__contains__)  # last, or they would take most of the input from others
    started = time.monotonic()
    for number, name in enumerate(names):
        if name in LOSSES:
            _drain(plan, cluster, progress)
        spent = time.monotonic() - started
        if cluster.fatal or (plan.minutes and spent > 60 * plan.minutes):
            break
        if progress.left == 0 and name not in LOSSES:
            outcome.void = f"the input had ended before fault {number + 1}"
            break
        if number:
            left_s = max(_LEAST_GUESS_S, spent / number) * (len(names) - number)
            cluster.pace(rate=max(_LEAST_RATE, progress.left * _RESERVE / left_s / _WORKERS))
        cluster.wait_for(lambda: bool(cluster.up()), _RECOVERY_S)
        struck = time.monotonic()
        FAULTS[name](cluster, rng)
        ended = time.monotonic()
        outcome.struck += 1
        since = (struck if name in FROM_STRIKE else ended) + 0.3  # what was under way is no proof
        text = ""
        if rng.random() > _OVERLAP or number == len(names) - 1:
            if not cluster.wait_for(partial(progress.has_recovered, since), _RECOVERY_S):
                cluster.fatal.append(f"no recovery from {name} within {_RECOVERY_S:g} s")
            else:
                took = (progress.recovered(since) or since) - since + 0.3
                outcome.recoveries[name].append(took)
                text = f"recovered in {took:.1f} s"
        _say(
            f"{number + 1:3}/{len(names)} {name:20} lasted {ended - struck:4.1f} s, "
            f"{progress.left:,} records left {text}"
        )
        time.sleep(rng.uniform(0.0, 1.5))


def _drain(plan: Plan, cluster: Cluster, progress: Progress) -> None:
    """Have nearly all of the input read, what faults put into it as well, and time it."""
    cluster.pace(rate=0.0)
    cluster.wait_for(partial(progress.has_recovered, time.monotonic()), _RECOVERY_S)
    nearly = _UNREAD * plan.events
    with progress.timing():
        cluster.wait_for(lambda: progress.left <= nearly or bool(cluster.fatal), _END_S)
    cluster.pace(rate=_LEAST_RATE)


def _finish(cluster: Cluster, progress: Progress, outcome: Outcome) -> None:
    cluster.weather()
    cluster.pace(rate=0.0, clock_off_s=0.0)
    live = None
    with progress.timing():  # what faults added lies at the end of the inputs
        ended = cluster.wait_for(lambda: cluster.done() or bool(cluster.fatal), _END_S)
    if ended and not cluster.fatal:
        live = cluster.digests()
        await_markers(cluster.settings)
    ends = ", ".join(f"{name} {count}" for name, count in sorted(cluster.ends.items()))
    held = sum(network.ends_held for network in cluster.networks)
    _say(f"workers that ended by themselves or by SIGTERM: {ends or 'none'}; EndTxn held: {held}")
    outcome.verdicts = [
        *verify(cluster.settings, live, files=cluster.broker.root, history=cluster.history),
        Verdict(
            "I10 memory is bounded",
            cluster.peak_bytes < _MOST_BYTES,
            f"{cluster.peak_bytes / 1e6:.0f} MB at the most",
        ),
        Verdict(
            "I14 no record holds up a partition",
            progress.standstill <= _MOST_STANDSTILL_S,
            f"with records to commit one stood still for {progress.standstill:.1f} s at the most",
        ),
        Verdict(
            "workers go on or end as promised",
            not cluster.fatal,
            "; ".join(cluster.fatal[:3]) or "no unexpected end",
        ),
        *([_shared(cluster)] if outcome.plan.shared else []),
    ]


def _shared(cluster: Cluster) -> Verdict:
    """Every partition took merged models: where nothing was shared nothing was tried."""
    settings, contents, days = cluster.settings, contents_of(cluster.settings), []
    for partition in range(settings.partitions):
        folded = collect(settings, partition, cluster.history).folded
        pool = restored(settings, contents, folded).learner.pool
        days.append(-1 if pool is None else pool.base)
    return Verdict(
        "one model for all partitions", min(days) >= 0, f"taken up to {min(days)}-{max(days)}"
    )


def report(outcome: Outcome) -> None:
    """Print the verdicts and the times to recover."""
    for verdict in outcome.verdicts:
        _say(str(verdict))
    for name, times in sorted(outcome.recoveries.items()):
        _say(
            f"time to recover, {name:20} n {len(times):3}  median "
            f"{statistics.median(times):5.1f} s  worst {max(times):5.1f} s"
        )
    plan = outcome.plan
    _say(
        f"seed {plan.seed}: {outcome.struck} faults struck, {plan.events:,} events: "
        + (
            f"VOID, {outcome.void}"
            if outcome.void
            else "every invariant holds"
            if outcome.ok
            else f"{len(outcome.broken)} VIOLATED"
        )
    )


def _say(text: str) -> None:
    print(text, flush=True)
    sys.stdout.flush()
