"""Runs ``interest-streams offsets reset|repair``: puts a group's offsets where its state can go on.

reset    the log is not what the state has read: records deleted before they were read, a log cut
         short, a topic created anew. Moves group *and* state to what the log still has.
repair   the group's offsets are not the state's: moved by hand, expired, or another group's.
         Moves the group to where the state stands, which is then this group's.

Both in one transaction, with every worker stopped. Everything learned stays.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace

from confluent_kafka import ConsumerGroupState, TopicPartition
from confluent_kafka.admin import OffsetSpec

from features.state.changelog_keys import META, Meta, Owner
from streams.contract.topics import STATE
from streams.errors import ExitCode, UsageError
from streams.kafka import clients
from streams.kafka.consumer_group import Group, describe
from streams.kafka.offsets import Spot, offsets_at
from streams.settings import Settings
from streams.terminal import add_kafka_options, settings_of
from streams.worker import binding
from streams.worker.metas import read_metas

NAME = "offsets"
HELP = "go on where the log or the group's offsets are not what the state has read"

_TIMEOUT_S = 30.0
_EXAMPLES = """examples:
  interest-streams offsets reset          what was lost, and where it would go on
  interest-streams offsets repair --yes   back to where the state stands"""


@dataclass(frozen=True)
class Move:
    """An input partition of which the next offset is moved, and why."""

    topic: str
    partition: int
    was: int
    to: int
    why: str

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]: {self.why}: goes on at {self.to}, not {self.was}"


class GroupAlive(RuntimeError):
    """A group still has members; the message tells what to do."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "action", choices=["reset", "repair"], help="to the log's, or to the state's"
    )
    parser.add_argument("--yes", action="store_true", help="really do it")
    add_kafka_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Move the offsets, or list those that would be moved."""
    settings = settings_of(args)
    now = binding.owner_now(settings)
    metas = read_metas(settings)
    moves = (find_lost if args.action == "reset" else find_moved)(settings, metas, now)
    bound = {p: bound_to(now, meta) for p, meta in metas.items()}
    for move in moves:
        print(move)
    if not moves and bound == metas:
        print(f"nothing to do: group {settings.group}, its state and the logs agree")
    elif not args.yes:
        print("stop every worker, then repeat with --yes")
    else:
        move_offsets(settings, moves, metas, now)
        print(f"group {settings.group} goes on from there")
    return ExitCode.DONE


def find_lost(settings: Settings, metas: Mapping[int, Meta], now: Owner) -> list[Move]:
    """Offsets of the state that mean nothing in the logs as they are.

    Raises
    ------
    UsageError
        Where moving offsets is no help; the message says what is.
    Abandon
    """
    _refuse(metas, now, adopt=False)
    spots = [(name, p) for p, meta in metas.items() for name in meta.offsets]
    starts = offsets_at(settings, spots, OffsetSpec.earliest()) if spots else {}
    ends = offsets_at(settings, spots, OffsetSpec.latest()) if spots else {}
    found = []
    for p, meta in metas.items():
        for name, at in meta.offsets.items():
            anew = name in _created_anew(meta.owner, now)
            to, why = _where(at.offset, starts[name, p], ends[name, p], anew)
            if to != at.offset or anew:
                found.append(Move(name, p, at.offset, to, why))
    return found


def _where(offset: int, start: int, end: int, anew: bool) -> tuple[int, str]:
    if anew:
        return start, "the topic was created anew"
    if offset < start:
        return start, f"{start - offset} records from {offset} to {start - 1} are gone unread"
    if offset > end:
        return end, f"the log was cut short: {offset - end} records that were counted are gone"
    return offset, ""


def find_moved(settings: Settings, metas: Mapping[int, Meta], now: Owner) -> list[Move]:
    """Offsets of the group that are not those of the state.

    Raises
    ------
    UsageError
        Where moving offsets is no help; the message says what is.
    GroupError
    """
    if any(_created_anew(meta.owner, now) for meta in metas.values()):
        raise UsageError("an input was created anew: run `interest-streams offsets reset` instead")
    _refuse(metas, now, adopt=True)
    with Group(settings, stable=True) as group:
        spots = [TopicPartition(name, p) for p, meta in metas.items() for name in meta.offsets]
        committed = group.committed(spots, _TIMEOUT_S) if spots else {}
    return [
        Move(name, p, committed.get((name, p), -1), at.offset, "where the state stands")
        for p, meta in metas.items()
        for name, at in meta.offsets.items()
        if committed.get((name, p)) != at.offset
    ]


def bound_to(now: Owner, meta: Meta) -> Meta:
    """Bind a partition record to what is there now."""
    began = {} if meta.owner is None else meta.owner.began
    kept = {name: at for name, at in began.items() if name not in _created_anew(meta.owner, now)}
    return replace(meta, owner=replace(now, began=kept))


def _created_anew(owner: Owner | None, now: Owner) -> set[str]:
    known = {} if owner is None else owner.topic_ids
    return {name for name, told in known.items() if now.topic_ids.get(name, told) != told}


def _refuse(metas: Mapping[int, Meta], now: Owner, *, adopt: bool) -> None:
    """Refuse what no offset mends, and another group's state unless that is to be taken over."""
    for owner in [meta.owner for meta in metas.values() if meta.owner is not None]:
        taken = replace(owner, group=now.group) if adopt else owner
        verdict = binding.judge_owner(
            taken, replace(now, topic_ids={})
        )  # renewed topics are mended
        if isinstance(verdict, binding.Refuse):
            raise UsageError(verdict.sentence)


def move_offsets(
    settings: Settings, moves: list[Move], metas: Mapping[int, Meta], now: Owner
) -> None:
    """Move offsets of the group and the state, and bind the state to the group, at once.

    Raises
    ------
    GroupAlive
        Where a worker still runs, of this group or of the one that the state was bound to.
    KafkaException
        Where the broker refuses; nothing was moved then.
    """
    bound = {meta.owner.group for meta in metas.values() if meta.owner is not None}
    for group in {settings.group, settings.group_id, *bound}:
        _refuse_members(settings, group)
    written = {p: bound_to(now, meta) for p, meta in metas.items()}
    for move in moves:
        written[move.partition] = written[move.partition].moved(move.topic, move.to)
    consumer = clients.consumer("reset", settings)
    producer = clients.producer("reset", settings)
    try:
        producer.init_transactions(_TIMEOUT_S)
        producer.begin_transaction()
        for partition, meta in written.items():
            value = meta.to_bytes()
            producer.produce(settings.topic(STATE), key=META, value=value, partition=partition)
        offsets: dict[Spot, int] = {(m.topic, m.partition): m.to for m in moves}
        producer.send_offsets_to_transaction(
            [
                TopicPartition(name, p, offset, binding.committed_note(now, name))
                for (name, p), offset in offsets.items()
            ],
            consumer.consumer_group_metadata(),
            _TIMEOUT_S,
        )
        producer.commit_transaction(_TIMEOUT_S)
    finally:
        consumer.close()


def _refuse_members(settings: Settings, group: str) -> None:
    admin = clients.admin(settings, role="offsets")
    answer = describe(admin, group, _TIMEOUT_S)
    if answer.members and answer.state != ConsumerGroupState.DEAD:
        raise GroupAlive(
            f"group {group} still has {len(answer.members)} members: stop every worker first"
        )
