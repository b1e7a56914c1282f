"""Runs ``interest-streams upgrade check``: whether this release can go on with what there is.

It loads the state of every partition as a worker would, under these settings, and writes nothing;
so it may run beside the workers of the former release, from the image of the new one.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter

from features.state.changelog_keys import FORMAT
from streams.contract.topics import STATE
from streams.errors import ExitCode
from streams.kafka import clients
from streams.kafka.topic_plan import fetch, plan
from streams.settings import Settings
from streams.terminal import Meter, add_kafka_options, settings_of
from streams.worker.metas import stored_metas

NAME = "upgrade"
HELP = "check: whether this release can go on with the state and the topics"

_SLICE_S = 1.0
_EXAMPLES = """examples:
  interest-streams upgrade check  from the image of the new release, beside the former's workers"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EXAMPLES
    parser.add_argument("action", choices=["check"])
    add_kafka_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Load all state and throw it away; FAILED where a worker of this release would refuse it."""
    settings = settings_of(args)
    found = fetch(clients.admin(settings), settings)
    changes = plan(found, settings)
    for change in changes:
        print(f"topics: {change.topic}: {change.action}: {change.about}")
    formats = read_formats(settings) if settings.topic(STATE) in found else {}
    for number, count in sorted(Counter(formats.values()).items()):
        print(f"state: {count} partitions of format {number}{_meaning(number)}")
    reasons = refusals(settings, sorted(formats))
    for reason in reasons:
        print(f"state: {reason}")
    if not reasons:
        print(f"state: {len(formats)} partitions can be loaded")
    refused = any(change.action == "refuse" for change in changes)
    return ExitCode.FAILED if reasons or refused else ExitCode.DONE


def read_formats(settings: Settings) -> dict[int, int]:
    """Number of the format of each partition's state, -1 where it says none."""
    return {partition: _format(value) for partition, value in stored_metas(settings).items()}


def refusals(settings: Settings, partitions: list[int]) -> list[str]:
    """List why a worker of this release would not go on with partitions; loads one at a time."""
    # The compiler: not for whoever asks for help.
    from features.engine import Engine
    from features.state.contents import Contents
    from features.tags import taxonomy
    from features.tags.exact import exact_tags
    from streams.worker.restore import Restore
    from streams.worker.wiring import engine_config

    tree = taxonomy.load()
    config, contents = engine_config(settings), Contents(tree, exact_tags())
    reasons: list[str] = []
    with Meter("upgrade", len(partitions)) as meter:
        for count, partition in enumerate(partitions):
            restore = Restore(settings, [partition], lambda: Engine(config, tree, contents))
            try:
                while not restore.step(_SLICE_S):
                    if meter.due():
                        meter.show(count, f"partition {partition}")
                restore.engines()
            finally:
                restore.close()
            reasons += map(str, restore.failed.values())
    return reasons


def _format(value: bytes) -> int:
    try:
        return int(json.loads(value)["format"])
    except (ValueError, KeyError, TypeError):
        return -1


def _meaning(number: int) -> str:
    if number == FORMAT:
        return ", which this release writes"
    return (
        f": the first commit of a worker of this release writes {FORMAT}, and no release that "
        f"knows only {number} can go on with it then"
    )
