"""Runs ``interest-streams simulate``: sends made-up households' records to files or Kafka."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import BinaryIO

import orjson

from streams.contract import topics
from streams.errors import ExitCode
from streams.kafka.producing import Produced, produce
from streams.sandbox.simulator import DEFAULT_START, Simulation, simulated
from streams.settings import Settings
from streams.terminal import add_kafka_options, settings_of

NAME = "simulate"
HELP = "write the records of made-up households to files or Kafka"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "Example: interest-streams simulate --households 100 --days 14 --out made-up"
    parser.add_argument("--households", type=int, default=100)
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0, help="how busy people are")
    parser.add_argument(
        "--start",
        type=date.fromisoformat,
        default=DEFAULT_START,
        metavar="YYYY-MM-DD",
        help="local date of the first day",
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=Path, metavar="DIR", help="one JSON-lines file per topic")
    where.add_argument(
        "--jsonl",
        type=Path,
        metavar="FILE",
        help='one file of {"topic","key","value"} lines; - is standard output',
    )
    add_kafka_options(parser, "produce to this Kafka", where)
    parser.add_argument(
        "--truth",
        type=Path,
        metavar="FILE",
        help="also write what is really the case, one household a line",
    )


def run(args: argparse.Namespace) -> ExitCode:
    """Write the simulated records."""
    simulation = Simulation(args.seed, args.households, args.days, args.start, args.scale)
    started = time.monotonic()
    if args.truth is not None:
        _write_truth(simulation, args.truth)
    if args.bootstrap is not None:
        return _to_kafka(simulation, settings_of(args))
    count = _to_files(simulation, args.out, args.jsonl)
    spent = time.monotonic() - started
    print(
        f"simulate: {count} records in {spent:.1f} s ({count / max(spent, 1e-9):,.0f}/s)",
        file=sys.stderr,
    )
    return ExitCode.DONE


def _to_kafka(simulation: Simulation, settings: Settings) -> ExitCode:
    produced = produce(simulated(simulation), settings, Produced())
    print(f"simulate: {produced.line()}", file=sys.stderr)
    return ExitCode.FAILED if produced.failed else ExitCode.DONE


def _write_truth(simulation: Simulation, path: Path) -> None:
    with path.open("wb") as file:
        for household in simulation.truth.values():
            file.write(orjson.dumps(household, option=orjson.OPT_APPEND_NEWLINE))


def _to_files(simulation: Simulation, out: Path | None, single: Path | None) -> int:
    count, dump, line = 0, orjson.dumps, orjson.OPT_APPEND_NEWLINE
    with ExitStack() as stack:
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            files: dict[str, BinaryIO] = {
                name: stack.enter_context((out / f"{name}.jsonl").open("wb", 1 << 20))
                for name in topics.INPUTS
            }
            for record in simulation:
                files[record.topic].write(dump(record.value, option=line))
                count += 1
            return count
        assert single is not None, "argparse demands one destination"
        sink = (
            sys.stdout.buffer
            if str(single) == "-"
            else stack.enter_context(single.open("wb", 1 << 20))
        )
        for record in simulation:
            sink.write(
                dump({"topic": record.topic, "key": record.key, "value": record.value}, option=line)
            )
            count += 1
        sink.flush()
    return count
