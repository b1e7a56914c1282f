"""Runs ``replay``: sends files of real data to topics, in event time, at a chosen speed."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import orjson

from streams.contract import topics
from streams.contract.record import Record
from streams.datasets import ADAPTORS, Skipped, SourceError
from streams.datasets.pseudonyms import Pseudonymiser
from streams.errors import ExitCode, UsageError
from streams.kafka.consumer_group import Group
from streams.kafka.producing import Produced, each_catalogue_once, merged, produce, with_consent
from streams.settings import Settings
from streams.terminal import Meter, add_kafka_options, instant, settings_of

NAME = "replay"
HELP = "replay files into the topics, in event time"

JSONL = "jsonl"


def source(name: str, path: Path, skipped: Skipped) -> Iterator[Record]:
    """Records of one source, in order.

    Raises
    ------
    SourceError
        On the first `next`, naming file and place.
    """
    return jsonl(path) if name == JSONL else ADAPTORS[name](path, skipped)


def jsonl(path: Path) -> Iterator[Record]:
    """Records of ``simulate``: a file of {"topic","key","value"}, or a folder of <topic>.jsonl.

    The order of a file is kept, late records included; the files of a folder are merged by the
    greatest event time each has reached.
    """
    if not path.is_dir():
        return _lines(path, path.stem if path.stem in topics.INPUTS else None)
    files = [path / f"{name}.jsonl" for name in topics.INPUTS]
    present = [file for file in files if file.exists()]
    if not present:
        raise SourceError(f"{path}: none of {', '.join(file.name for file in files)}")
    return merged([_lines(file, file.stem) for file in present])


def pseudonymised(stream: Iterable[Record], names: Pseudonymiser) -> Iterator[Record]:
    """The same records with identifiers replaced, keys too; the catalogue has none."""
    for record in stream:
        if record.topic not in topics.INPUTS:
            yield record
            continue
        value = record.value if isinstance(record.value, dict) else orjson.loads(record.value)
        yield record._replace(key=names.of("account", record.key), value=names.fields(value))


def _lines(path: Path, topic: str | None) -> Iterator[Record]:
    reached = 0
    try:
        file = path.open("rb")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from None
    with file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            record = _record(line, topic, f"{path}: line {number}")
            reached = max(reached, record.at)
            yield record._replace(at=reached)


def _record(line: bytes, topic: str | None, place: str) -> Record:
    try:
        item = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise SourceError(f"{place}: not JSON: {error}") from None
    value = item if topic is not None else item.get("value") if isinstance(item, dict) else None
    name = topic if topic is not None else item.get("topic") if isinstance(item, dict) else None
    if not isinstance(value, dict) or name not in topics.BY_NAME:
        raise SourceError(f'{place}: expected {{"topic", "key", "value"}} with a known topic')
    key = value.get("account_id") if topic is not None else item.get("key")
    ts = value.get("ts", 0)
    if not isinstance(key, str) or not isinstance(ts, int):
        raise SourceError(f"{place}: key (account_id) must be text and ts a whole number")
    return Record(ts, name, key, value)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--source",
        action="append",
        required=True,
        choices=[*ADAPTORS, JSONL],
        help="kind of file; repeat it for several, merged by event time",
    )
    parser.add_argument("path", nargs="+", type=Path, help="one per --source")
    parser.add_argument(
        "--speed",
        type=_speed,
        default=0.0,
        metavar="N|max",
        help="N times faster than life, or as fast as possible (default)",
    )
    parser.add_argument(
        "--consent",
        choices=("granted", "none"),
        help="a consent before each account's first event; default granted, "
        "but none for jsonl, which brings its own",
    )
    parser.add_argument(
        "--pseudonym-key",
        type=Path,
        metavar="FILE",
        help="replace account, member and device ids by keyed hashes",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="at most N records")
    parser.add_argument("--group", help="show the lag of this consumer group")
    parser.add_argument(
        "--wait-group", metavar="GROUP", help="then wait until this group has committed everything"
    )
    parser.add_argument(
        "--wait-limit", type=float, default=600.0, metavar="S", help="seconds to wait at most (600)"
    )
    add_kafka_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Replay; DONE when all was acknowledged (and waited for)."""
    if len(args.source) != len(args.path):
        raise UsageError(f"{len(args.source)} --source for {len(args.path)} paths")
    settings = settings_of(args)
    skipped: Skipped = Counter()
    produced = Produced()
    try:
        _replay(args, settings, skipped, produced)
        finished = args.wait_group is None or _wait(args, settings)
    finally:
        print(f"replay: {produced.line()}{_left_out(skipped)}")
    return ExitCode.DONE if finished and not produced.failed else ExitCode.FAILED


def _replay(
    args: argparse.Namespace, settings: Settings, skipped: Skipped, produced: Produced
) -> None:
    streams = []
    key = args.pseudonym_key
    names = None if key is None else Pseudonymiser.from_file(key)
    for name, path in zip(args.source, args.path, strict=True):
        stream = each_catalogue_once(source(name, path, skipped))
        if names is not None:
            stream = pseudonymised(stream, names)
        consent = args.consent or ("none" if name == JSONL else "granted")
        streams.append(with_consent(stream) if consent == "granted" else stream)
    group = args.group or args.wait_group
    with ExitStack() as stack:
        meter = stack.enter_context(Meter("replay", args.limit))
        watched = stack.enter_context(Group(settings, group)) if group else None

        def tick(account: Produced, at: int) -> None:
            if meter.due():
                note = f"event time {instant(at)}"
                if watched is not None:
                    note += f", {group} {watched.lag().behind} behind"
                meter.show(account.total, note)

        produce(
            islice(merged(streams), args.limit), settings, produced, speed=args.speed, tick=tick
        )
        meter.show(produced.total, "all acknowledged")


def _wait(args: argparse.Namespace, settings: Settings) -> bool:
    with Meter(f"lag of {args.wait_group}") as meter, Group(settings, args.wait_group) as group:
        done = group.wait(
            args.wait_limit,
            lambda lag: meter.show_level(lag.behind) if meter.due() or lag.done else None,
        )
    if not done:
        print(
            f"replay: {args.wait_group} is not at the end after {args.wait_limit:g} s",
            file=sys.stderr,
        )
    return done


def _left_out(skipped: Skipped) -> str:
    return "".join(f"; left out {count}: {reason}" for reason, count in sorted(skipped.items()))


def _speed(text: str) -> float:
    if text == "max":
        return 0.0
    try:
        speed = float(text)
    except ValueError:
        speed = -1.0
    if not 0.0 < speed < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r}: a number above 0, or max")
    return speed
