"""Runs ``replay``: sends files to topics, in event time, or a live log to a shadow deployment.

``--source`` reads files of real or made-up data. ``--from`` copies what a live deployment read from
that time on to topics of another prefix, where workers of the version or settings on trial make
profiles of it; ``interest-streams compare`` then tells those from the live ones.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from pathlib import Path

import orjson

from streams.contract import topics
from streams.contract.record import Record
from streams.datasets import ADAPTORS, Skipped
from streams.datasets.pseudonyms import Pseudonymiser
from streams.datasets.record_files import jsonl
from streams.errors import ExitCode, UsageError
from streams.kafka import clients
from streams.kafka.consumer_group import Group
from streams.kafka.copying import Copier
from streams.kafka.producing import Produced, each_catalogue_once, merged, produce, with_consent
from streams.kafka.shadow import Shadow
from streams.kafka.topic_plan import create_topics
from streams.settings import Settings
from streams.terminal import Meter, add_kafka_options, instant, parse_instant, settings_of

NAME = "replay"
HELP = "replay files into the topics, or a live log into a shadow deployment"

JSONL = "jsonl"
_FOLLOW_S = 1.0
_EXAMPLES = """examples:
  interest-streams replay --source jsonl events.jsonl --speed 60
  interest-streams replay --from 2026-03-01T00:00 --to-prefix canary-
  (start workers of the version on trial with topic_prefix = "canary-")
  interest-streams compare --to-prefix canary-"""


def source(name: str, path: Path, skipped: Skipped) -> Iterator[Record]:
    """Records of one source, in order.

    Raises
    ------
    SourceError
        On the first `next`, naming file and place.
    """
    return jsonl(path) if name == JSONL else ADAPTORS[name](path, skipped)


def pseudonymised(stream: Iterable[Record], names: Pseudonymiser) -> Iterator[Record]:
    """The same records with identifiers replaced, keys too; the catalogue has none."""
    for record in stream:
        if record.topic not in topics.JOINABLE:
            yield record
            continue
        value = record.value if isinstance(record.value, dict) else orjson.loads(record.value)
        yield record._replace(key=names.of("account", record.key), value=names.fields(value))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "--source",
        action="append",
        default=[],
        choices=[*ADAPTORS, JSONL],
        help="kind of file; repeat it for several, merged by event time",
    )
    parser.add_argument("path", nargs="*", type=Path, help="one per --source")
    parser.add_argument(
        "--from",
        dest="since",
        type=parse_instant,
        metavar="TIME",
        help="copy the inputs from this Kafka time on, ISO 8601, UTC; facts and content tags whole",
    )
    parser.add_argument("--to-prefix", metavar="PREFIX", help="of the shadow's topics and group")
    parser.add_argument(
        "--follow", action="store_true", help="go on copying what comes, until interrupted"
    )
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
    if (args.since is None) != (args.to_prefix is None):
        raise UsageError("--from and --to-prefix are given together")
    if (args.since is None) == (not args.source):
        raise UsageError("give either --source, or --from and --to-prefix")
    if args.since is not None:
        return _into_shadow(args)
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


def _into_shadow(args: argparse.Namespace) -> ExitCode:
    """Copy a live deployment's inputs to its shadow; again and again with ``--follow``."""
    live = settings_of(args)
    shadow = replace(live, topic_prefix=args.to_prefix)
    copied = Shadow(live, shadow, args.since)
    shadow = replace(shadow, partitions=copied.partitions)
    create_topics(clients.admin(shadow), shadow)
    with Meter("replay") as meter, Copier(live, f"replay-{args.to_prefix}") as copier:
        total = 0
        while True:
            for name, counts in copied.passes(copier):
                for count in counts:
                    total += count
                    if meter.due():
                        meter.show(total, name)
            if not args.follow:
                break
            time.sleep(_FOLLOW_S)
    print(
        f"replay: {total:,} records copied to {args.to_prefix}*; start workers with "
        f"topic_prefix = {args.to_prefix!r}, then interest-streams compare"
    )
    return ExitCode.DONE


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
