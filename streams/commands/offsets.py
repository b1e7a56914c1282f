"""Runs ``interest-streams offsets reset``: goes on after records were deleted unread.

Where retention has deleted records before they were read, the worker stops instead of leaving
them out silently. This command moves the offsets to the start of what the log still has, in the
group and in the state they belong to, in one transaction. Everything learned stays.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from confluent_kafka import ConsumerGroupState, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from features.state.changelog_keys import META, Meta
from streams.contract.topics import STATE
from streams.errors import ExitCode
from streams.kafka import clients
from streams.kafka.offsets import offsets_at
from streams.settings import Settings
from streams.terminal import add_kafka_options, settings_of
from streams.worker.metas import read_metas

NAME = "offsets"
HELP = "go on after records were deleted before they were read"

_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Lost:
    """Records of an input partition that were deleted before they were read."""

    topic: str
    partition: int
    committed: int
    start: int

    def __str__(self) -> str:
        return (
            f"{self.topic}[{self.partition}]: {self.start - self.committed} records from "
            f"{self.committed} to {self.start - 1} are gone"
        )


class GroupAlive(RuntimeError):
    """The group still has members; the message tells what to do."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("action", choices=["reset"])
    parser.add_argument("--yes", action="store_true", help="really do it")
    add_kafka_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Move the offsets, or list those that would be moved."""
    settings = settings_of(args)
    lost, metas = find(settings)
    for item in lost:
        print(item)
    if not lost:
        print(f"nothing was deleted before group {settings.group_id} had read it")
    elif not args.yes:
        print("stop every worker, then repeat with --yes to go on without them")
    else:
        reset(settings, lost, metas)
        print(f"group {settings.group_id} goes on with what the logs still have")
    return ExitCode.DONE


def find(settings: Settings) -> tuple[list[Lost], dict[int, Meta]]:
    """Records deleted unread, and the meta record of each partition of the changelog.

    Raises
    ------
    ReaderError, Abandon, IncompatibleState
        Where the broker does not answer, or the changelog is absent or of another format.
    """
    metas = read_metas(settings)
    committed = {
        (name, p): at.offset for p, meta in metas.items() for name, at in meta.offsets.items()
    }
    starts = offsets_at(settings, list(committed), OffsetSpec.earliest()) if committed else {}
    return [
        Lost(name, p, offset, starts[name, p])
        for (name, p), offset in committed.items()
        if starts[name, p] > offset
    ], metas


def reset(settings: Settings, lost: list[Lost], metas: dict[int, Meta]) -> None:
    """Move offsets and state to the logs' start in one transaction.

    Raises
    ------
    GroupAlive
        Where a worker still runs.
    KafkaException
        Where the broker refuses; nothing was moved then.
    """
    _refuse_members(clients.admin(settings, role="offsets"), settings.group_id)
    consumer = clients.consumer("reset", settings)
    producer = clients.producer("reset", settings)
    try:
        producer.init_transactions(_TIMEOUT_S)
        producer.begin_transaction()
        for item in lost:
            metas[item.partition] = metas[item.partition].moved(item.topic, item.start)
        for partition in {item.partition for item in lost}:
            value = metas[partition].to_bytes()
            producer.produce(settings.topic(STATE), key=META, value=value, partition=partition)
        producer.send_offsets_to_transaction(
            [TopicPartition(item.topic, item.partition, item.start) for item in lost],
            consumer.consumer_group_metadata(),
            _TIMEOUT_S,
        )
        producer.commit_transaction(_TIMEOUT_S)
    finally:
        consumer.close()


def _refuse_members(admin: AdminClient, group: str) -> None:
    found = admin.describe_consumer_groups([group], request_timeout=_TIMEOUT_S)[group]
    answer = clients.ask(f"group {group}", found, _TIMEOUT_S)
    if answer.members and answer.state != ConsumerGroupState.DEAD:
        raise GroupAlive(
            f"group {group} still has {len(answer.members)} members: stop every worker first"
        )
