"""Runs ``worth``: which sources and fields are needed, by replaying a log without each of them.

The log is a folder as ``simulate --out`` and ``replay --source jsonl`` have it, with consents and
other facts among the records, and a ``catalogue.jsonl`` where programmes need one; or a simulation.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from features.tags import taxonomy
from features.tags.exact import TagEntry, exact_tags, tag_catalogue
from streams.contract import topics
from streams.contract.record import Record
from streams.datasets import SourceError
from streams.datasets.record_files import jsonl
from streams.errors import ExitCode, UsageError
from streams.evaluation import worth, worth_report
from streams.sandbox.simulator import Simulation, catalogue

NAME = "worth"
HELP = "which sources and fields are worth it: replay a log without each"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "Example: interest-streams worth --data made-up --out report"
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder with one JSON-lines file per topic; default: a simulation",
    )
    parser.add_argument("--households", type=int, default=60, help="of the simulation (60)")
    parser.add_argument("--days", type=int, default=28, help="of the simulation (28)")
    parser.add_argument("--seed", type=int, default=7, help="of the simulation (7)")
    parser.add_argument(
        "--without",
        action="append",
        choices=worth.EVERYTHING,
        metavar="NAME",
        help=f"try these alone; repeat it for several: {', '.join(worth.EVERYTHING)}",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="write worth.json and worth.html")


def run(args: argparse.Namespace) -> ExitCode:
    """Measure, print the report, and write it."""
    if args.data is None:
        simulation = Simulation(args.seed, args.households, args.days)
        records: Iterable[Record] = (
            Record(item.truth.at, item.topic, item.key, item.value) for item in simulation
        )
        entries: Iterable[dict[str, Any]] = (value for _, _, value in catalogue())
    else:
        records, entries = jsonl(args.data), _catalogue(args.data / f"{topics.CATALOGUE}.jsonl")
    try:
        study = worth.measure_worth(
            records,
            taxonomy.load(),
            {**exact_tags(), **_tagged(entries)},
            lambda what: print(f"worth: {what}", file=sys.stderr, flush=True),
            args.without or worth.EVERYTHING,
        )
    except SourceError:
        raise
    except ValueError as error:
        raise UsageError(f"{args.data or 'simulation'}: {error}") from None
    print(worth_report.worth_report(study))
    if args.out is not None:
        written = worth_report.write_worth(study, args.out)
        print("written: " + ", ".join(map(str, written)))
    return ExitCode.DONE


def _catalogue(file: Path) -> Iterator[dict[str, Any]]:
    if file.exists():
        yield from map(orjson.loads, file.read_bytes().splitlines())


def _tagged(entries: Iterable[dict[str, Any]]) -> dict[str, TagEntry]:
    found = ((value["key"], tag_catalogue(value)) for value in entries)
    return {key: entry for key, entry in found if entry is not None}
