"""Runs and checks schedules of faults, and finds the fewest faults that break a promise."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.simulation.checks import check
from tests.simulation.deployment import Fault, Simulation, Violation, quiet


@dataclass
class Tally:
    """What some schedules came to.

    Attributes
    ----------
    faults : Counter of str
        Faults that struck, by kind; and where they did, as ``kind at call``.
    clock_s : float
        Virtual time that passed for the workers under faults, in seconds.
    void : int
        Schedules that had ended before any fault struck.
    adopted : int
        Merged models that partitions took.
    broken : list of (int, str)
        Seed and broken promise.
    """

    schedules: int = 0
    calls: int = 0
    commits: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)
    clock_s: float = 0.0
    void: int = 0
    adopted: int = 0
    broken: list[tuple[int, str]] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.schedules += other.schedules
        self.calls += other.calls
        self.commits += other.commits
        self.faults += other.faults
        self.places += other.places
        self.clock_s += other.clock_s
        self.void += other.void
        self.adopted += other.adopted
        self.broken += other.broken


def run(seeds: Sequence[int]) -> Tally:
    """Run and check one schedule per seed."""
    tally = Tally()
    with quiet(), _apart():
        for seed in seeds:
            simulation, broken = attempt(seed)
            tally.schedules += 1
            tally.calls += simulation.trace.calls
            tally.commits += len(simulation.broker.commits)
            tally.adopted += simulation.adopted
            if simulation.trace.fired:
                tally.clock_s += simulation.broker.now
            else:
                tally.void += 1
            for fired in simulation.trace.fired:
                place = fired.partition(" of ")[0]
                tally.faults[place.partition(" ")[0]] += 1
                tally.places[place] += 1
            if broken is not None:
                tally.broken.append((seed, broken))
            del simulation
            gc.collect()  # workers and their callbacks refer to each other, and are large
    return tally


@contextmanager
def _apart() -> Iterator[None]:
    """Keep the cycle collector off what was there before."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


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
