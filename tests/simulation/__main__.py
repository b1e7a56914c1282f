"""Long simulated runs: ``python -m tests.simulation --schedules 10000 --jobs 2``.

Prints how many schedules ran a second, which faults struck, and for a broken promise the seed
that repeats it (``--seed``), with the fewest faults that still break it.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from streams.worker.wiring import warm_up
from tests.simulation.checks import check
from tests.simulation.deployment import Fault, Simulation, Violation, quiet

_CHUNK = 25


@dataclass
class Tally:
    """What some schedules came to.

    Attributes
    ----------
    faults : Counter of str
        Faults that struck, by kind; and where they did, as ``kind at call``.
    void : int
        Schedules that had ended before any fault struck.
    broken : list of (int, str)
        Seed and broken promise.
    """

    schedules: int = 0
    calls: int = 0
    commits: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)
    void: int = 0
    broken: list[tuple[int, str]] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.schedules += other.schedules
        self.calls += other.calls
        self.commits += other.commits
        self.faults += other.faults
        self.places += other.places
        self.void += other.void
        self.broken += other.broken


def run(seeds: Sequence[int]) -> Tally:
    """Run and check one schedule per seed."""
    tally = Tally()
    with quiet():
        for seed in seeds:
            simulation, broken = attempt(seed)
            tally.schedules += 1
            tally.calls += simulation.trace.calls
            tally.commits += len(simulation.broker.commits)
            tally.void += not simulation.trace.fired
            for fired in simulation.trace.fired:
                place = fired.partition(" of ")[0]
                tally.faults[place.partition(" ")[0]] += 1
                tally.places[place] += 1
            if broken is not None:
                tally.broken.append((seed, broken))
            if tally.schedules % _CHUNK == 0:
                gc.collect()  # workers and their callbacks refer to each other, and are large
    return tally


def attempt(seed: int, faults: Sequence[Fault] | None = None) -> tuple[Simulation, str | None]:
    """One schedule, and the promise it broke."""
    simulation = Simulation(seed, faults)
    try:
        simulation.run()
        check(simulation)
    except Violation as violation:
        return simulation, str(violation)
    return simulation, None


def smallest(seed: int) -> list[Fault]:
    """The fewest faults of a seed's schedule that still break a promise, one by one left out."""
    faults = list(Simulation(seed).faults)
    for fault in list(faults):
        fewer = [other for other in faults if other is not fault]
        if attempt(seed, fewer)[1] is not None:
            faults = fewer
    return faults


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 1 where a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--schedules", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="seed of the first schedule")
    parser.add_argument("--seed", type=int, help="run this one only, and tell what happened")
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args(argv)
    warm_up()
    if args.seed is not None:
        return _explain(args.seed)
    started = time.monotonic()
    seeds = range(args.first, args.first + args.schedules)
    chunks = [seeds[i : i + _CHUNK] for i in range(0, len(seeds), _CHUNK)]
    total = Tally()
    with multiprocessing.get_context("spawn").Pool(args.jobs) as pool:
        for tally in pool.imap_unordered(run, chunks):
            total.add(tally)
            for seed, broken in tally.broken:
                print(f"seed {seed}: {broken}", flush=True)
    seconds = time.monotonic() - started
    print(
        f"{total.schedules:,} schedules in {seconds:.0f} s, "
        f"{total.schedules / seconds:.1f} a second with {args.jobs} processes; "
        f"{total.calls:,} Kafka calls, {total.commits:,} commits; {total.void} void"
    )
    print("faults: " + ", ".join(f"{n:,} {kind}" for kind, n in total.faults.most_common()))
    print(f"struck at {len(total.places)} kinds of place; {len(total.broken)} broken promises")
    return 1 if total.broken else 0


def _explain(seed: int) -> int:
    with quiet():
        simulation, broken = attempt(seed)
        print(f"seed {seed}, records of seed {simulation.input_seed}")
        print("\n".join([*simulation.trace.fired, *simulation.trace.ended]))
        if broken is None:
            print("every promise held")
            return 0
        print(broken)
        print("fewest faults: " + ", ".join(map(str, smallest(seed))))
    return 1


if __name__ == "__main__":
    sys.exit(main())
