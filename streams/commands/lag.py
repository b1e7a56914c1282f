"""Runs ``interest-streams lag``: how old the oldest record is that is not committed yet.

Counted against the high watermark, so records behind a transaction that hangs open show, and by the
record's own time stamp; the group is looked at from outside, whether a worker runs or not.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import closing
from dataclasses import asdict

from streams.errors import ExitCode
from streams.kafka.lag import LagMeter, worst_of
from streams.terminal import add_kafka_options, instant, settings_of

NAME = "lag"
HELP = "how far the group is behind, by input and partition"

_EXAMPLES = """examples:
  interest-streams lag --bootstrap kafka:9092   partitions that are behind
  interest-streams lag --json --most 60         for a script: exit code 1 beyond a minute"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EXAMPLES
    parser.add_argument("--group", default="", help="another group than the deployment's own")
    parser.add_argument("--all", action="store_true", help="partitions that are not behind, too")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument(
        "--most", type=float, default=0.0, metavar="S", help="more seconds are a failure (any)"
    )
    add_kafka_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Print the lag; FAILED where it is more than allowed."""
    settings = settings_of(args)
    group = args.group or settings.group
    with closing(LagMeter(settings, group)) as meter:
        measured = meter.measure(meter.partitions())
    now_ms = time.time() * 1000
    worst = worst_of(measured, now_ms)
    shown = [item for item in measured if args.all or item.records]
    if args.json:
        rows = [{**asdict(item), "seconds": round(item.seconds(now_ms), 3)} for item in shown]
        print(json.dumps({"seconds": round(worst, 3), "partitions": rows}))
    else:
        if shown:
            print(f"{'input':28} {'part':>4} {'behind':>20} {'oldest':>12}")
        for item in sorted(shown, key=lambda item: -item.seconds(now_ms)):
            since = f"since {instant(item.since_ms)}" if item.since_ms else ""
            print(
                f"{item.topic:28} {item.partition:>4} {item.records:>12,} records "
                f"{item.seconds(now_ms):>10,.1f} s {since}"
            )
        total = sum(item.records for item in measured)
        print(f"{total:,} records behind, the oldest for {worst:,.1f} s (group {group})")
        if total and all(item.committed < 0 for item in measured):
            print(f"{group} has committed nothing: --group names another", file=sys.stderr)
    return ExitCode.FAILED if args.most and worst > args.most else ExitCode.DONE
