"""``python -m tests.bench``: contenders side by side, or ``scale``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from tests.bench import check, inputs, report
from tests.bench.broker import BenchServer, Topics, libs
from tests.bench.contenders import CACHE, CONTENDERS, Contender
from tests.bench.inputs import Shape
from tests.bench.results import Row
from tests.bench.run import Failed, Input, run_once
from tests.kafka_server import KafkaUnavailable

_EVENTS_PER_ACCOUNT = 50


def main(argv: Sequence[str] | None = None) -> int:
    """Run a measurement; 0 when everything asked for was measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", help="contenders, separated by commas: "
                        + ", ".join(CONTENDERS))
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--accounts", type=int, help="households; events / 50 unless given")
    parser.add_argument("--session", type=float, default=8.0, help="mean events of a session")
    parser.add_argument("--hours", type=float, default=30.0, help="event time spanned")
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--kafka-libs", help="folder of Kafka's jars; fetched unless given")
    parser.add_argument("--out", type=Path, default=CACHE / "result",
                        help="results go to OUT.json and OUT.png")
    args = parser.parse_args(argv)
    names = args.only.split(",") if args.only else list(CONTENDERS)
    unknown = [name for name in names if name not in CONTENDERS]
    if unknown:
        parser.error(f"--only: unknown {', '.join(unknown)}; there are {', '.join(CONTENDERS)}")
    shape = Shape(args.events, args.accounts or max(1, args.events // _EVENTS_PER_ACCOUNT),
                  args.session, args.hours, args.partitions)
    try:
        rows = side_by_side([CONTENDERS[name] for name in names], shape, args.repeats,
                            libs(args.kafka_libs))
    except KafkaUnavailable as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    report.show(rows)
    report.save(args.out.with_suffix(".json"), rows, asdict(shape))
    drawn = report.plot(args.out.with_suffix(".png"), rows)
    print(f"written: {args.out.with_suffix('.json')}"
          + (f", {args.out.with_suffix('.png')}" if drawn else "; no plot: pip install "
             "'interest-streams[bench]'"))
    return 1 if any(row.failed for row in rows) else 0


def side_by_side(contenders: Sequence[Contender], shape: Shape, repeats: int, jars: Path
                 ) -> list[Row]:
    """Run every contender `repeats` times, in turns, on one broker."""
    rows = {c.name: Row(c.label, c.note) for c in contenders}
    with tempfile.TemporaryDirectory(prefix="bench-kafka-") as folder:
        server = BenchServer(Path(folder), jars)
        server.start()
        try:
            given = {c.name: shaped(shape, c.most) for c in contenders}
            filled = {s: fill(server, s) for s in dict.fromkeys(given.values())}
            for number in range(repeats):
                floor = 0.0
                for c in contenders:
                    floor = _turn(c, filled[given[c.name]], server, number, rows[c.name], floor)
        finally:
            server.stop()
    return list(rows.values())


def shaped(shape: Shape, most: int) -> Shape:
    """The input of a contender that takes at most so many events, with as many per account."""
    if shape.events <= most:
        return shape
    return replace(shape, events=most, accounts=max(1, shape.accounts * most // shape.events))


def fill(server: BenchServer, shape: Shape) -> Input:
    """An input on the broker, and what its levels must be."""
    columns = inputs.generate(shape)
    topics = Topics(server.bootstrap, f"bench-{shape.events}.", shape.partitions)
    topics.create()
    topics.fill(inputs.records(columns))
    print(f"input: {shape.events:,} events of {shape.accounts:,} households", flush=True)
    return Input(columns, topics, check.exact(columns, inputs.tags(columns)))


def _turn(contender: Contender, given: Input, server: BenchServer, number: int, row: Row,
          floor: float) -> float:
    """One run into its row; returns the floor of this repeat."""
    if row.failed:
        return floor
    try:
        run = run_once(contender, given, server, number)
    except (Failed, ValueError) as error:
        row.failed = str(error)
        print(f"{contender.name}: {error}", file=sys.stderr, flush=True)
        return floor
    floor = run.rate if contender.name == "floor" else floor
    row.runs.append(replace(run, floor_rate=floor))
    print(f"{number + 1}. {contender.name}: {run.rate:,.0f} events/s, "
          f"{run.own_per_million:.2f} core-s/M (broker {run.broker_per_million:.2f}), "
          f"{run.out_per_event:.2f} out/event, levels {run.levels or 'not compared'}", flush=True)
    return floor


if __name__ == "__main__":
    sys.exit(main())
