"""``python -m tests.bench``: contenders side by side, how the engine scales, what workers cost."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from tests.bench.venvs import CACHE

# Before numba is imported: this process and the workers share what is compiled.
os.environ.setdefault("NUMBA_CACHE_DIR", str(CACHE / "numba"))

from tests.bench import attribution, figures, lookups, report, scale, side, workers  # noqa: E402
from tests.bench import outcomes as contacting  # noqa: E402
from tests.bench import profiles as publishing  # noqa: E402
from tests.bench.contenders import CONTENDERS, earlier  # noqa: E402
from tests.bench.inputs import Shape  # noqa: E402
from tests.broker.jars import KafkaUnavailable  # noqa: E402
from tests.broker.kafka_server import KafkaServer, Options, started_kafka  # noqa: E402

_EVENTS_PER_ACCOUNT = 50
_WHAT = {
    "side": "contenders side by side on one broker (the default)",
    "scale": "the engine in process, by number of subjects",
    "workers": "core-seconds of groups of several workers",
    "restore": "how fast a worker takes up its state over the wire",
    "attribution": "what attributing shared screens adds, in process",
    "outcomes": "what contacts and their answers add, in process",
    "profiles": "size and number of what simulated households get, and with --out 20 to be judged",
    "lookups": "the reader and the look-up service over a topic of profiles",
    "figures": "write streams/data/measured.json from what was measured",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a measurement; 0 when everything asked for was measured."""
    args = _parser().parse_args(argv)
    shape = Shape(
        args.events,
        args.accounts or max(1, args.events // _EVENTS_PER_ACCOUNT),
        args.session,
        args.hours,
        args.partitions,
    )
    try:
        if args.what == "side":
            return _side(args, shape)
        if args.what == "figures":
            print(f"written: {figures.write(CACHE)}")
            return 0
        if args.what == "scale":
            _save(
                "scale", scale.run([int(float(n)) for n in args.subjects.split(",")], args.events)
            )
            return 0
        if args.what == "attribution":
            cost = attribution.measure(turns=args.repeats)
            _save("attribution", asdict(cost))
            print(attribution.show(cost))
            return 0
        if args.what == "outcomes":
            told = contacting.measure(turns=args.repeats)
            _save("outcomes", asdict(told))
            print(contacting.show(told))
            return 0
        if args.what == "profiles":
            like, made = publishing.measure()
            _save("profiles", asdict(like))
            print(publishing.show(like))
            if args.out is not None:
                publishing.write_sample(made, args.out)
            return 0
        with broker() as server:
            if args.what == "lookups":
                found = lookups.run(server, int(args.profiles), args.latency or 20.0)
                _save("lookups", asdict(found))
                print(json.dumps(asdict(found), indent=1))
            elif args.what == "workers":
                counts = [int(n) for n in args.counts.split(",")]
                _save("workers", workers.group(server, shape, counts))
            else:
                _save("restore", workers.restore(server, shape))
        return 0
    except (KafkaUnavailable, TimeoutError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1


@contextmanager
def broker() -> Iterator[KafkaServer]:
    """A fresh broker with the compiler and the heap it has in earnest; its data go at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-kafka-") as folder,
        started_kafka(Path(folder), Options(heap="1g", optimised=True)) as server,
    ):
        yield server


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        epilog="; ".join(f"{name}: {about}" for name, about in _WHAT.items()),
    )
    parser.add_argument("what", nargs="?", choices=list(_WHAT), default="side")
    parser.add_argument("--only", help=f"side: of {', '.join(CONTENDERS)}; all unless given")
    parser.add_argument(
        "--against",
        type=Path,
        metavar="FOLDER",
        help="side: another checkout of this project, whose worker is the contender `before`",
    )
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--accounts", type=int, help="households; events / 50 unless given")
    parser.add_argument("--session", type=float, default=8.0, help="mean events of a session")
    parser.add_argument("--hours", type=float, default=30.0, help="event time spanned")
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--most", type=int, help="side: most events for the peers, for a trial")
    parser.add_argument(
        "--latency",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="side: measure latency at half of the measured rate for so long",
    )
    parser.add_argument("--subjects", default="1e4,1e5,1e6,2e6", help="scale: numbers of them")
    parser.add_argument("--counts", default="1,2,4", help="workers: sizes of the group")
    parser.add_argument("--profiles", type=float, default=1e6, help="lookups: subjects")
    parser.add_argument(
        "--out",
        type=Path,
        help="side: results go to OUT.json and OUT.png; profiles: 20 go to this folder",
    )
    return parser


def _side(args: argparse.Namespace, shape: Shape) -> int:
    there = CONTENDERS | ({"before": earlier(args.against)} if args.against else {})
    names = args.only.split(",") if args.only else list(there)
    unknown = [name for name in names if name not in there]
    if unknown:
        print(
            f"--only: unknown {', '.join(unknown)}; there are {', '.join(there)}", file=sys.stderr
        )
        return 2
    with broker() as server:
        rows = side.by_side(
            [there[name] for name in names], shape, args.repeats, server, args.most, args.latency
        )
    report.show(rows)
    print(report.least(rows))
    out = args.out or CACHE / "result"
    report.save(out.with_suffix(".json"), rows, asdict(shape))
    drawn = report.plot(out.with_suffix(".png"), rows)
    print(
        f"written: {out.with_suffix('.json')}"
        + (
            f", {out.with_suffix('.png')}"
            if drawn
            else "; no plot without matplotlib: pip install 'interest-streams[quality]'"
        )
    )
    return 1 if any(row.failed for row in rows) else 0


def _save(name: str, found: object) -> None:
    path = CACHE / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": report.machine(), name: found}, indent=1) + "\n")
    print(f"written: {path}")


if __name__ == "__main__":
    sys.exit(main())
