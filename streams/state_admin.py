"""``interest-streams state reset``: begin anew, explicitly.

Deletes the records of the changelog and the group's committed offsets, so that workers read the
inputs from their start. Profiles stay published until they are written anew.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from streams.errors import Abandon
from streams.restore import offsets_at
from streams.settings import Settings, load
from streams.topics import STATE

_TIMEOUT_S = 30.0


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("state", help="reset the state of the workers")
    parser.add_argument("action", choices=["reset"])
    parser.add_argument("--config", help="TOML file with settings")
    parser.add_argument("--bootstrap", help="bootstrap servers, instead of the settings'")
    parser.add_argument("--yes", action="store_true", help="really do it")


def run(args: argparse.Namespace) -> int:
    """Reset, or say what would be reset."""
    settings = load(args.config)
    if args.bootstrap:
        settings = dataclasses.replace(settings, bootstrap_servers=args.bootstrap)
    topic = settings.topic(STATE)
    if not args.yes:
        print(f"would delete all records of {topic} and the offsets of group "
              f"{settings.group_id}; stop every worker, then repeat with --yes")
        return 0
    try:
        reset(settings)
    except (KafkaException, Abandon) as error:
        print(f"state reset: {error}", file=sys.stderr)
        return 1
    print(f"{topic} is empty and group {settings.group_id} has no offsets")
    return 0


def reset(settings: Settings) -> None:
    """Delete the changelog's records and the group; the group must have no members.

    Raises
    ------
    KafkaException, Abandon
        Where the broker refuses or does not answer.
    """
    admin = AdminClient({**settings.kafka, "bootstrap.servers": settings.bootstrap_servers})
    topic = settings.topic(STATE)
    numbers = admin.list_topics(topic, _TIMEOUT_S).topics[topic].partitions
    ends = offsets_at(settings, [(topic, p) for p in numbers], OffsetSpec.latest())
    for future in admin.delete_consumer_groups([settings.group_id]).values():
        future.result(_TIMEOUT_S)
    spots = [TopicPartition(topic, p, end) for (_, p), end in ends.items()]
    for future in admin.delete_records(spots).values():
        future.result(_TIMEOUT_S)
