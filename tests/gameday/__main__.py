"""``python -m tests.gameday``: hold it; exit code 0 when each step went as it must."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.gameday.handover import measure
from tests.gameday.run import run
from tests.gameday.stage import Stage
from tests.gameday.table import BY_NAME, STEPS
from tests.support.verifier import violated

_OUTAGE_S, _LONG_S = 120.0, 3_600.0
_ARCHIVE_MS = 6 * 3_600_000  # with the lateness, above what WatermarkStalled takes for stalled


def main() -> int:
    """Hold the day, with all steps or some."""
    parser = argparse.ArgumentParser(prog="python -m tests.gameday", description=__doc__)
    parser.add_argument(
        "what", nargs="?", choices=["handover"], help="measure take-overs and starts instead"
    )
    parser.add_argument("--times", type=int, default=10, help="of a handover")
    parser.add_argument("--step", action="append", choices=list(BY_NAME), help="only these")
    parser.add_argument("--long", action="store_true", help="an outage lasts an hour")
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=3, help="of the cluster")
    parser.add_argument("--list", action="store_true", help="say what the steps are")
    parser.add_argument("--keep", type=Path, help="working directory, kept, with every log")
    args = parser.parse_args()
    chosen = [BY_NAME[name] for name in args.step] if args.step else STEPS
    if args.list:
        for step in chosen:
            print(f"{step.name:24} {step.about}\n{'':24} fires {', '.join(step.fires) or 'none'}")
        return 0
    if args.what == "handover":
        with tempfile.TemporaryDirectory(prefix="handover-") as passing:
            measure(args.keep or Path(passing), args.times)
        return 0
    outage_s = _LONG_S if args.long else _OUTAGE_S
    behind_ms = _ARCHIVE_MS if chosen[0] is STEPS[0] else 0
    with tempfile.TemporaryDirectory(prefix="gameday-") as passing:
        root = args.keep or Path(passing)
        with Stage(root, brokers=args.brokers, outage_s=outage_s, behind_ms=behind_ms) as stage:
            verdicts = run(stage, chosen)
    print("\n".join(map(str, verdicts)))
    return 1 if violated(verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
