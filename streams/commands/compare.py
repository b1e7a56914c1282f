"""Runs ``interest-streams compare``: tells a shadow deployment's profiles from the live ones.

The shadow was filled by ``interest-streams replay --from``. It knows events from then on, and the
live deployment older ones too: what the code on trial changes is told best by two shadows of the
same time, one with the workers of today (``--from-prefix``).
"""

from __future__ import annotations

import argparse
from contextlib import closing
from dataclasses import replace

from streams.contract.topics import PROFILES
from streams.errors import ExitCode, UsageError
from streams.evaluation.canary import ShadowComparison
from streams.kafka import clients
from streams.kafka.compacted import CompactedTopic
from streams.kafka.consumer_group import Group
from streams.kafka.topic_plan import fetch
from streams.settings import Settings
from streams.terminal import add_kafka_options, settings_of

NAME = "compare"
HELP = "compare a shadow deployment's profiles with the live ones"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "Example: interest-streams compare --to-prefix shadow- --most 0.01"
    parser.add_argument("--to-prefix", required=True, metavar="PREFIX", help="of the shadow")
    parser.add_argument(
        "--from-prefix",
        metavar="PREFIX",
        help="of what it is compared with (the setting topic_prefix)",
    )
    parser.add_argument(
        "--most",
        type=_share,
        default=0.01,
        metavar="SHARE",
        help="of subjects that may be acted on otherwise; more is a failure (0.01)",
    )
    parser.add_argument(
        "--show", type=int, default=5, metavar="N", help="the N largest changes, by subject (5)"
    )
    add_kafka_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Compare; FAILED where more subjects than allowed are acted on otherwise, or there is none."""
    settings = settings_of(args)
    prefix = settings.topic_prefix if args.from_prefix is None else args.from_prefix
    first, shadow = (replace(settings, topic_prefix=name) for name in (prefix, args.to_prefix))
    result = compare(first, shadow, args.show)
    for item in (first, shadow):
        with Group(item) as group:
            print(f"group {item.group}: {group.lag().behind:,} records behind")
    print("\n".join(_lines(result)))
    if not result.subjects:
        print("there are no profiles to compare")
        return ExitCode.FAILED
    print(f"acted on otherwise: {result.share_changed:.2%} of subjects, allowed {args.most:.2%}")
    return ExitCode.DONE if result.share_changed <= args.most else ExitCode.FAILED


def compare(one: Settings, other: Settings, shown: int = 5) -> ShadowComparison:
    """Compare what stands published of two deployments, a partition at a time.

    Raises
    ------
    UsageError
        Where they are one, or their profiles lie in another number of partitions.
    """
    names = [item.topic(PROFILES) for item in (one, other)]
    if names[0] == names[1]:
        raise UsageError(f"--to-prefix {other.topic_prefix!r}: that is what it is compared with")
    counts = []
    for item, name in zip((one, other), names, strict=True):
        found = fetch(clients.admin(item), item)
        if name not in found:
            raise UsageError(f"{name} does not exist")
        counts.append(found[name].partitions)
    if counts[0] != counts[1]:
        raise UsageError(
            f"{names[0]} has {counts[0]} partitions, {names[1]} {counts[1]}: a subject would be "
            "looked for where it is not"
        )
    result = ShadowComparison(shown)
    for partition in range(counts[0]):
        result.take(*(_published(one, name, partition) for name in names))
    return result


def _published(settings: Settings, name: str, partition: int) -> dict[bytes, bytes]:
    with closing(
        CompactedTopic(settings.bootstrap_servers, name, [partition], settings.kafka)
    ) as topic:
        found = topic.latest(lambda key: True)
    return {key: value for (key, _), value in found.items()}


def _lines(result: ShadowComparison) -> list[str]:
    total = max(1, result.subjects)
    counts = {
        "equal": result.equal,
        "other scores": result.rescored,
        "acted on otherwise": result.changed,
        "only in the first": result.alone[0],
        "only in the shadow": result.alone[1],
    }
    lines = [f"{count:>10,} {count / total:>7.2%} {words}" for words, count in counts.items()]
    for (was, now), count in result.stances.most_common():
        lines.append(f"{count:>10,} interests {was} -> {now}")
    for item in result.largest:
        was, now = item.stances
        lines.append(f"{item.amount:>10.3f} {item.subject} {item.interest}: {was} -> {now}")
    return lines


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise argparse.ArgumentTypeError(f"{text!r}: a share from 0 to 1")
    return share
