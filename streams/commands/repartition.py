"""Runs ``interest-streams repartition``: moves a deployment to topics of more partitions.

Keys would leave their state if partitions were raised in place, so everything goes to topics of
another prefix, which have a group and transactional ids of their own:

1. close: the old changelog says where it goes, and its workers refuse from then on;
2. create the topics;
3. copy the content tags, the audiences that were said with the account of their privacy budget, and
   the facts that the state has taken up;
4. divide the state: for each old partition one transaction with changelog, profiles, offsets;
5. copy what was not read yet, from every input;
6. verify: the new changelog and profiles are the old ones, record by record;
7. with ``--retract``: tombstones for all that the old topics publish and all old state.

The command is given again after any interruption, and once more when the last producer has moved.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from streams.errors import ExitCode
from streams.kafka import clients
from streams.kafka.copying import Copier
from streams.kafka.topic_plan import create_topics
from streams.terminal import add_kafka_options, settings_of
from streams.worker.repartitioning import Migration

NAME = "repartition"
HELP = "move a deployment to topics of more partitions"

_EXAMPLES = """example, from 4 to 12:
  (stop the workers; producers may go on for now)
  interest-streams repartition --to-prefix v2- --partitions 12 --yes
  (start workers with topic_prefix = "v2-", then let producers and readers follow)
  interest-streams repartition --to-prefix v2- --partitions 12 --yes --retract"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EXAMPLES
    parser.add_argument("--to-prefix", required=True, metavar="PREFIX", help="of the new topics")
    parser.add_argument(
        "--partitions", required=True, type=int, metavar="N", help="a multiple of what there is"
    )
    parser.add_argument(
        "--retract", action="store_true", help="then delete what the old topics publish, and state"
    )
    parser.add_argument(
        "--abandon", action="store_true", help="let the old workers start again instead"
    )
    parser.add_argument("--yes", action="store_true", help="really do it")
    add_kafka_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Move everything, or say what would be moved; FAILED where it is not the same there."""
    old = settings_of(args)
    move = Migration(old, replace(old, topic_prefix=args.to_prefix, partitions=args.partitions))
    print(
        f"group {old.group}, {move.was} partitions -> group {move.new.group}, "
        f"{args.partitions} partitions of topics {args.to_prefix}*"
    )
    if not args.yes:
        print("stop every worker, then repeat with --yes")
        return ExitCode.DONE
    move.close("" if args.abandon else args.to_prefix)
    if args.abandon:
        print(f"workers of group {old.group} may start again")
        return ExitCode.DONE
    create_topics(clients.admin(move.new), move.new)
    with Copier(old, f"repartition-{args.to_prefix}") as copier:
        for title, steps in move.steps(copier):
            print(f"{title}: {sum(steps):,} records")
        differing = move.differences()
        for line in differing:
            print(f"NOT THE SAME: {line}")
        if differing:
            return ExitCode.FAILED
        print(f"verified; start workers with topic_prefix = {args.to_prefix!r}")
        if args.retract:
            print(f"retracted: {sum(move.retract(copier)):,} records")
    return ExitCode.DONE
