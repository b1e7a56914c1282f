"""Runs ``interest-streams topics plan|apply|check``: compares the table of topics with a cluster.

plan prints what differs, apply creates and updates, check exits 1 with the exact reason when the
joined topics are not co-partitioned. Nothing is ever deleted (`streams.kafka.topic_plan`).
"""

from __future__ import annotations

import argparse
import sys

from streams.errors import ExitCode
from streams.kafka import clients
from streams.kafka.topic_check import advice, check
from streams.kafka.topic_plan import Change, create_topics, fetch, plan
from streams.terminal import add_kafka_options, settings_of
from streams.worker import binding

NAME = "topics"
HELP = "compare, create and check the topics"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "Example: interest-streams topics check --bootstrap kafka:9092"
    parser.add_argument("what", choices=("plan", "apply", "check"))
    add_kafka_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Plan, apply or check the topics; FAILED if not co-partitioned or refused."""
    settings = settings_of(args)
    admin = clients.admin(settings)
    if args.what == "apply":
        return _print(create_topics(admin, settings), "done")
    found = fetch(admin, settings)
    if args.what == "plan":
        return _print(plan(found, settings), "to do")
    reasons = check(found, settings)
    if not reasons:
        reasons = binding.committed_reasons(settings, binding.owner_now(settings))
    for reason in reasons:
        print(f"topics check: {reason}", file=sys.stderr)
    for note in advice(found, settings):
        print(f"topics check: note: {note}", file=sys.stderr)
    if not reasons:
        print(f"topics check: {len(found)} topics, co-partitioned, as the state knows them")
    return ExitCode.FAILED if reasons else ExitCode.DONE


def _print(changes: list[Change], tense: str) -> ExitCode:
    for change in changes:
        print(f"{change.action:9} {change.topic}: {change.about}")
    print(f"{len(changes)} changes {tense}" if changes else "no differences")
    refused = any(change.action == "refuse" for change in changes)
    return ExitCode.FAILED if refused else ExitCode.DONE
