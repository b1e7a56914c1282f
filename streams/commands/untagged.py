"""``interest-streams untagged``: the heaviest contents without tags, over all workers."""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from streams.contract import topics
from streams.contract.untagged import Heavy
from streams.kafka.compacted import CompactedTopic, ReaderError
from streams.settings import Settings, SettingsError, load

NAME = "untagged"
HELP = "heaviest contents that nobody has given tags"

_STALE_MS = 2 * 86_400_000  # records of workers that are gone


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--config", type=Path, help="settings file")
    parser.add_argument("--bootstrap", metavar="SERVERS", help="instead of bootstrap_servers")
    parser.add_argument("--top", type=int, default=20, metavar="N")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(args: argparse.Namespace) -> int:
    """Print them; 0 done, 1 Kafka failed, 2 wrong settings."""
    try:
        settings = load(args.config)
        if args.bootstrap:
            settings = replace(settings, bootstrap_servers=args.bootstrap)
        found = read(settings, int(time.time() * 1000))[: max(0, args.top)]
    except SettingsError as error:
        print(f"untagged: {error}", file=sys.stderr)
        return 2
    except (ReaderError, OSError) as error:
        print(f"untagged: {error}", file=sys.stderr)
        return 1
    for item in found:
        if args.json:
            print(
                json.dumps(
                    {
                        "key": item.key,
                        "source": item.source,
                        "seconds": round(item.seconds, 1),
                        "as_of": item.as_of,
                    },
                    ensure_ascii=False,
                )
            )
        else:
            print(f"{item.seconds:12,.0f} s  {item.source:8} {item.key}")
    if not found:
        print("untagged: nothing published yet (workers do it once a minute)", file=sys.stderr)
    return 0


def read(settings: Settings, now_ms: int) -> list[Heavy]:
    """Heaviest contents over all workers that published lately, heaviest first.

    Raises
    ------
    ReaderError
    """
    with closing(
        CompactedTopic(
            settings.bootstrap_servers, settings.topic(topics.UNTAGGED), kafka=settings.kafka
        )
    ) as topic:
        records = topic.latest(lambda key: True, settings.restore_timeout_ms / 1000)
    found: dict[tuple[str, str], Heavy] = {}
    for value in records.values():
        item = Heavy.from_value(value)
        if item is None or item.as_of < now_ms - _STALE_MS:
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
