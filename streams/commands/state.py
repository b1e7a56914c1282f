"""Runs ``interest-streams state reset``: DELETES all state and offsets of the group.

Without the records of the changelog and the group's committed offsets workers read the inputs
from their start. Profiles stay published until they are written anew.
"""

from __future__ import annotations

import argparse

from streams.contract.topics import STATE
from streams.errors import ExitCode, KafkaFailed
from streams.kafka import clients
from streams.kafka.compacted import CompactedTopic
from streams.settings import Settings
from streams.terminal import add_kafka_options, settings_of

NAME = "state"
HELP = "reset: DELETES all state and offsets of the group"

_TIMEOUT_S = 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("action", choices=["reset"])
    parser.add_argument("--yes", action="store_true", help="really do it")
    add_kafka_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Reset, or list what would be reset."""
    settings = settings_of(args)
    topic = settings.topic(STATE)
    if not args.yes:
        print(
            f"would delete all records of {topic} and the offsets of group "
            f"{settings.group}; stop every worker, then repeat with --yes"
        )
        return ExitCode.DONE
    reset(settings)
    print(f"{topic} is empty and group {settings.group} has no offsets")
    return ExitCode.DONE


def reset(settings: Settings) -> None:
    """Delete the changelog's keys and the group; the group must have no members.

    A compacted topic refuses the deletion of records, so every key gets a tombstone.

    Raises
    ------
    KafkaFailed
        Where the broker refuses or does not answer.
    """
    group, admin = settings.group, clients.admin(settings, role="offsets")
    try:
        clients.ask(f"group {group}", admin.delete_consumer_groups([group])[group], _TIMEOUT_S)
    except KafkaFailed as error:
        if error.name != "GROUP_ID_NOT_FOUND":
            raise
    producer = clients.producer("tombstones", settings)
    for partition, key in _keys(settings):
        producer.produce(settings.topic(STATE), key=key, value=None, partition=partition)
        producer.poll(0)
    if producer.flush(_TIMEOUT_S):
        raise KafkaFailed(f"{settings.topic(STATE)}: not every tombstone was delivered")


def _keys(settings: Settings) -> set[tuple[int, bytes]]:
    topic = CompactedTopic(settings.bootstrap_servers, settings.topic(STATE), kafka=settings.kafka)
    live: set[tuple[int, bytes]] = set()
    try:
        for message in topic.past():
            spot = (message.partition() or 0, message.key() or b"")
            if message.value() is None:
                live.discard(spot)
            else:
                live.add(spot)
    finally:
        topic.close()
    return live
