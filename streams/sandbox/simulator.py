"""Made-up customers with known tastes: `Simulation` for tests, ``simulate`` for files and Kafka."""

from __future__ import annotations

import argparse
import heapq
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson
from numpy.typing import NDArray

from features.vocabulary import FactKind, Purpose
from streams.contract import topics
from streams.contract.record import Record
from streams.kafka.producing import Produced, ProduceError, produce
from streams.sandbox import days as plan
from streams.sandbox.contents import INTERESTS, PROGRAMMES_PER_INTEREST, programme
from streams.sandbox.people import HouseholdTruth, Population
from streams.sandbox.records import EventTruth, Simulated, Writer
from streams.settings import Settings, load

__all__ = [
    "EventTruth",
    "Simulated",
    "Simulation",
    "Truth",
    "add_parser",
    "catalogue",
    "run",
    "simulated",
]

DEFAULT_START = date(2019, 3, 4)  # a Monday


class Truth(Mapping[str, HouseholdTruth]):
    """account_id -> what is really the case; computed when asked for."""

    def __init__(self, people: Population) -> None:
        self._people = people
        self._index = {people.account(h): h for h in range(people.households)}

    def __getitem__(self, account_id: str) -> HouseholdTruth:
        return self._people.truth(self._index[account_id])

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)


class Simulation:
    """Households that live for some days; iterating yields their records.

    Records come in the order in which they reach the operator: by event time, but for those that
    are late (about 1 %, by up to 2 hours; 0.03 % by 9 to 10) and those that come twice (0.5 %).
    The same arguments give the same records. Memory holds the households and about two of
    their days, whatever `days` is.

    Parameters
    ----------
    seed : int
    households : int
        Of 1 to 5 members; about 60 records a day each at `scale` 1.
    days : int
    start_day : datetime.date
        Local date of the first day.
    scale : float
        Multiplies how often things are done.
    story_days : int or None
        Days over which interests come and go and facts happen; None is all `days`. All but
        the last day of a shorter simulation are the first days of a longer one with its story.

    Attributes
    ----------
    truth : Truth
        account_id -> `HouseholdTruth`.
    """

    def __init__(
        self,
        seed: int = 7,
        households: int = 100,
        days: int = 28,
        start_day: date = DEFAULT_START,
        scale: float = 1.0,
        story_days: int | None = None,
    ) -> None:
        if not (0 < households <= 1_000_000 and 0 < days <= 3_660 and 0 < scale <= 100):
            raise ValueError("households 1..1000000, days 1..3660 and scale above 0, at most 100")
        self.seed, self.households, self.days, self.scale = seed, households, days, scale
        self.start_day = start_day
        self.people = Population(seed, households, story_days or days)
        self.truth = Truth(self.people)
        midnight = datetime(start_day.year, start_day.month, start_day.day, tzinfo=UTC)
        self.start_ms = int(midnight.timestamp() * 1000)

    def __iter__(self) -> Iterator[Simulated]:
        writer = Writer(self.people, self.seed)
        facts = self._facts(writer)
        events = self._events(writer)
        # Stable: at equal times what is known comes before what is done.
        return heapq.merge(facts, events, key=lambda record: record.truth.at)

    def _facts(self, writer: Writer) -> Iterator[Simulated]:
        people, number = self.people, 0
        before = self.start_ms - plan.EARLIEST_MS - plan.HOUR_MS
        for h in range(self.households):
            status = "denied" if people.consent[h] == "denied" else "granted"
            number += 1
            yield writer.fact(
                before,
                h,
                number,
                FactKind.CONSENT,
                {"purpose": Purpose.PROFILING, "status": status},
            )
            for k in range(int(people.size[h])):
                number += 1
                member, account = f"m{k + 1}", people.account(h)
                yield writer.fact(
                    before,
                    h,
                    number,
                    FactKind.REGISTRY,
                    {
                        "device_id": f"ph-{account}-{member}",
                        "owner_member_id": member,
                        "adult": bool(people.adult[people.first[h] + k]),
                    },
                )
            for device in ("rt-", "tv-"):
                number += 1
                yield writer.fact(
                    before, h, number, FactKind.REGISTRY, {"device_id": device + people.account(h)}
                )
        for day, h, kind, data in people.fates:
            number += 1
            noon = self.start_ms + day * plan.DAY_MS + 12 * plan.HOUR_MS
            yield writer.fact(noon + h % 3_600_000, h, number, kind, data)

    def _events(self, writer: Writer) -> Iterator[Simulated]:
        trips = plan.Trips(len(self.people.household))
        held: NDArray[np.void] = np.zeros(0, plan.ROW)
        number = 0
        for day in range(self.days):
            rng = np.random.default_rng([self.seed, 2, day])
            midnight = self.start_ms + day * plan.DAY_MS
            weekday = (self.start_day.weekday() + day) % 7
            rows = plan.plan_day(rng, self.people, trips, day, weekday, midnight, self.scale)
            rows["n"] = np.arange(number, number + len(rows))
            number += len(rows)
            held = np.concatenate((held, plan.with_duplicates(rng, rows)))
            held = held[np.argsort(held["at"], kind="stable")]
            ready = np.searchsorted(held["at"], midnight + plan.DAY_MS - plan.EARLIEST_MS)
            yield from writer.records(held[:ready])
            held = held[ready:]
        yield from writer.records(held)


def catalogue() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Records of the topic `catalogue` for the invented programmes: (topic, key, value)."""
    for interest in INTERESTS:
        if interest.channels:
            for number in range(PROGRAMMES_PER_INTEREST):
                content_id, title = programme(interest, number)
                key = f"programme:{content_id}"
                yield (
                    topics.CATALOGUE,
                    key,
                    {
                        "key": key,
                        "title": title,
                        "text": "",
                        "genres": [interest.genre],
                        "language": "en",
                    },
                )


def simulated(simulation: Simulation) -> Iterator[Record]:
    """Records of a simulation, its catalogue first."""
    for topic, key, value in catalogue():
        yield Record(simulation.start_ms - 86_400_000, topic, key, value)
    for record in simulation:
        yield Record(record.truth.at, record.topic, record.key, record.value)


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Add ``simulate`` to the command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "simulate", help="write the records of made-up households to files or Kafka"
    )
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
    where.add_argument("--bootstrap", metavar="SERVERS", help="produce to this Kafka")
    parser.add_argument(
        "--truth",
        type=Path,
        metavar="FILE",
        help="also write what is really the case, one household a line",
    )
    parser.add_argument("--config", type=Path, help="settings file")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Run ``simulate``; returns the exit code."""
    try:
        simulation = Simulation(args.seed, args.households, args.days, args.start, args.scale)
    except ValueError as error:
        print(f"simulate: {error}", file=sys.stderr)
        return 2
    started = time.monotonic()
    try:
        if args.truth is not None:
            _write_truth(simulation, args.truth)
        if args.bootstrap is not None:
            return _to_kafka(simulation, args.bootstrap, load(args.config))
        count = _to_files(simulation, args.out, args.jsonl)
    except (OSError, ValueError, ProduceError) as error:
        print(f"simulate: {error}", file=sys.stderr)
        return 1
    spent = time.monotonic() - started
    print(
        f"simulate: {count} records in {spent:.1f} s ({count / max(spent, 1e-9):,.0f}/s)",
        file=sys.stderr,
    )
    return 0


def _to_kafka(simulation: Simulation, bootstrap: str, settings: Settings) -> int:
    produced = produce(simulated(simulation), bootstrap, settings, Produced())
    print(f"simulate: {produced.line()}", file=sys.stderr)
    return 1 if produced.failed else 0


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
