"""Long simulated runs: ``python -m tests.simulation --schedules 10000 --jobs 2``.

Prints how many schedules ran a second, which faults struck, and for a broken promise the seed
that repeats it (``--seed``), with the fewest faults that still break it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Sequence

from streams.worker.wiring import warm_up
from tests.simulation import inputs
from tests.simulation.deployment import quiet

# Not from here: a spawned process does not find what a package's `__main__` defines.
from tests.simulation.schedules import Tally, attempt, run, smallest

_CHUNK = 25


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
        f"{total.calls:,} Kafka calls, {total.commits:,} commits; {total.void} void, "
        f"{total.adopted} merged models taken"
    )
    hours = (total.schedules - total.void) * inputs.DAYS * 24
    print(
        f"under fault: {hours:,} hours of event time, in {total.clock_s / 3600:,.1f} hours of the "
        "workers' clocks"
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
