"""Runs ``interest-streams untagged``: lists the heaviest contents without tags, of all workers."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace

from streams.contract import topics
from streams.contract.untagged import STALE_MS, Heavy
from streams.errors import ExitCode
from streams.kafka.latest import read_latest
from streams.logs import visible
from streams.settings import Settings
from streams.terminal import add_kafka_options, bar, settings_of

NAME = "untagged"
HELP = "heaviest contents that nobody has given tags"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--top", type=int, default=20, metavar="N", help="so many of them (20)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.epilog = "Example: interest-streams untagged --top 50 --bootstrap kafka:9092"
    add_kafka_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Print the heaviest contents without tags."""
    found = read(settings_of(args), int(time.time() * 1000))[: max(0, args.top)]
    for_people = not args.json and sys.stdout.isatty()
    if found and for_people:
        print(f"{'':12} {'attention':>14}  {'source':8} content without tags")
    most = max((item.seconds for item in found), default=1.0)
    for item in found:
        if not for_people:
            told = {
                "key": item.key,
                "source": item.source,
                "seconds": round(item.seconds, 1),
                "as_of": item.as_of,
            }
            print(visible(json.dumps(told, ensure_ascii=False)))
        else:
            share = bar(item.seconds / max(most, 1e-9))
            source, key = visible(item.source), visible(item.key)
            print(f"{share} {item.seconds:12,.0f} s  {source:8} {key}")
    if not found:
        print("untagged: nothing published yet (workers do it once a minute)", file=sys.stderr)
    return ExitCode.DONE


def read(settings: Settings, now_ms: int) -> list[Heavy]:
    """Heaviest contents over all workers that published lately, heaviest first.

    Raises
    ------
    ReaderError
    """
    timeout = settings.restore_timeout_ms / 1000
    records = read_latest(settings, topics.UNTAGGED, lambda key: True, timeout)
    found: dict[tuple[str, str], Heavy] = {}
    for value in records.values():
        item = Heavy.from_value(value)
        if item is None or item.as_of < now_ms - STALE_MS:
            continue
        name = item.key, item.source
        held = found.get(name)
        found[name] = (
            item
            if held is None
            else replace(
                held, seconds=held.seconds + item.seconds, as_of=max(held.as_of, item.as_of)
            )
        )
    return sorted(found.values(), key=lambda item: (-item.seconds, item.key))
