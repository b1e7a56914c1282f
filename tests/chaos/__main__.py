"""``python -m tests.chaos``: run it; exit code 0 when every invariant held."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.bugs import BUGS, FAULTS_FOR
from tests.chaos.faults import FAULTS
from tests.chaos.run import Outcome, Plan, report, run


def main() -> int:
    """Run every seed; with ``--bug``, 0 means that the bug was caught."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--events", type=int, default=200_000, help="per seed")
    parser.add_argument("--faults", type=int, default=len(FAULTS), help="per seed")
    parser.add_argument(
        "--minutes",
        type=float,
        default=0.0,
        help="no more faults after so long, per seed (0: no limit)",
    )
    parser.add_argument("--seed", type=int, action="append", help="repeat it for several")
    parser.add_argument("--kind", action="append", choices=list(FAULTS), help="only these")
    parser.add_argument("--storms", type=int, help="bursts of malformed records in the input")
    parser.add_argument("--jumps", type=int, help="stretches of wrong clocks in the input")
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1)
    parser.add_argument(
        "--shared-model",
        action="store_true",
        help="one model for all partitions; facts are of the first days alone",
    )
    parser.add_argument(
        "--bug",
        choices=[*BUGS, "all"],
        help="plant it and see it caught; a zombie hits in one of ten faults",
    )
    parser.add_argument("--keep", type=Path, help="working directory, kept")
    args = parser.parse_args()
    seeds = args.seed or [random.SystemRandom().randrange(2**31)]
    bugs = list(BUGS) if args.bug == "all" else [args.bug]
    good = True
    for seed in seeds:
        for bug in bugs:
            kinds = tuple(args.kind or (FAULTS_FOR[bug] if bug else FAULTS))
            some = max(1, args.faults // 5)
            plan = Plan(
                seed,
                args.events,
                args.faults,
                kinds,
                bug,
                args.minutes,
                some if args.storms is None else args.storms,
                some if args.jumps is None else args.jumps,
                args.brokers,
                args.shared_model,
            )
            good &= _judge(_run(plan, args.keep))
    return 0 if good else 1


def _run(plan: Plan, keep: Path | None) -> Outcome:
    if keep is not None:
        return run(plan, keep / f"{plan.bug or 'chaos'}-{plan.seed}")
    with tempfile.TemporaryDirectory(prefix="chaos-") as root:
        return run(plan, Path(root))


def _judge(outcome: Outcome) -> bool:
    report(outcome)
    if outcome.plan.bug is None:
        return outcome.ok
    caught = not outcome.void and bool(outcome.broken)
    print(f"bug {outcome.plan.bug}: {'caught' if caught else 'NOT CAUGHT'}", flush=True)
    return caught


if __name__ == "__main__":
    sys.exit(main())
