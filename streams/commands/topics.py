"""``interest-streams topics plan|apply|check``: the table of topics against a cluster.

plan prints what differs, apply creates and updates, check exits 1 with the exact reason when the
joined topics are not co-partitioned. Nothing is ever deleted (`streams.kafka.topic_plan`).
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from confluent_kafka import KafkaException

from streams.kafka.topic_plan import (
    Change,
    TopicError,
    admin_client,
    check,
    create_topics,
    fetch,
    plan,
)
from streams.settings import SettingsError, load

NAME = "topics"
HELP = "compare, create and check the topics"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("what", choices=("plan", "apply", "check"))
    parser.add_argument("--config", type=Path, help="settings file")
    parser.add_argument("--bootstrap", metavar="SERVERS", help="instead of bootstrap_servers")


def run(args: argparse.Namespace) -> int:
    """Run ``topics``; 0 fine, 1 not co-partitioned or refused, 2 wrong settings."""
    try:
        settings = load(args.config)
        if args.bootstrap:
            settings = replace(settings, bootstrap_servers=args.bootstrap)
    except SettingsError as error:
        print(f"topics: {error}", file=sys.stderr)
        return 2
    try:
        admin = admin_client(settings)
        if args.what == "apply":
            return _print(create_topics(admin, settings), "done")
        found = fetch(admin, settings)
    except (TopicError, KafkaException) as error:
        print(f"topics {args.what}: {error}", file=sys.stderr)
        return 1
    if args.what == "plan":
        return _print(plan(found, settings), "to do")
    reasons = check(found, settings)
    for reason in reasons:
        print(f"topics check: {reason}", file=sys.stderr)
    if not reasons:
        print(f"topics check: {len(found)} topics, co-partitioned")
    return 1 if reasons else 0


def _print(changes: list[Change], tense: str) -> int:
    for change in changes:
        print(f"{change.action:9} {change.topic}: {change.about}")
    print(f"{len(changes)} changes {tense}" if changes else "no differences")
    return 1 if any(change.action == "refuse" for change in changes) else 0
