"""Runs ``interest-streams state reset|export|import``.

export   writes all state of a stopped group to a file, with its offsets, and what stood published.
import   puts such a file where there is no state, once, and the group's offsets with it.
reset    DELETES all state, profiles and offsets of the group.

After a reset, without the records of the changelog and the group's committed offsets, workers read
the inputs from their start. Profiles are taken back first: what retention took of the inputs nobody
could rebuild, and a profile that no state answers for would outlive consent and erasure. With
``--keep-profiles`` they stand until a worker has caught up, which takes back those that it did not
make anew.

Erasures, refusals and children are in the state as well, and come back from the log of facts alone:
where that has lost its beginning, or is compacted, a reset is refused but with ``--forget-facts``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from confluent_kafka.admin import OffsetSpec

from streams.contract.headers import OFFERS_EVENT, PROFILE_EVENT, profile_headers, times
from streams.contract.topics import FACTS, OFFERS, PROFILES, STATE
from streams.errors import ExitCode, KafkaFailed, UsageError
from streams.kafka import clients
from streams.kafka.compacted import CompactedTopic
from streams.kafka.consumer_group import NEVER_S
from streams.kafka.offsets import offsets_at
from streams.kafka.topic_plan import fetch
from streams.settings import Settings
from streams.terminal import add_kafka_options, settings_of

NAME = "state"
HELP = "export and import state; reset: DELETES all state, profiles and offsets of the group"

_TIMEOUT_S = 30.0
_EVENTS = {PROFILES: PROFILE_EVENT, OFFERS: OFFERS_EVENT}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "Example: interest-streams state export --file state.bin --key key.txt"
    parser.add_argument("action", choices=["reset", "export", "import"])
    parser.add_argument("--yes", action="store_true", help="reset: really do it")
    parser.add_argument("--file", type=Path, help="export, import: of the state")
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help="64 hexadecimal digits to encrypt --file with"
    )
    parser.add_argument(
        "--anew",
        action="store_true",
        help="import: go on at the start of inputs that are not those of the export",
    )
    parser.add_argument(
        "--profiles", action="store_true", help="import: publish what stood published, too"
    )
    parser.add_argument(
        "--keep-profiles",
        action="store_true",
        help="reset: leave what is published until a worker has caught up, and made it anew or not",
    )
    parser.add_argument(
        "--forget-facts",
        action="store_true",
        help="reset: though facts are gone from their log, and erasures and refusals among them",
    )
    add_kafka_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Export, import, reset, or list what would be reset."""
    settings = settings_of(args)
    if args.action != "reset":
        return _transfer(args, settings)
    names = [STATE] if args.keep_profiles else [PROFILES, OFFERS, STATE]
    topics = " and ".join(settings.topic(name) for name in names)
    if not args.yes:
        print(
            f"would delete all records of {topics} and the offsets of group "
            f"{settings.group}; stop every worker, then repeat with --yes"
        )
        return ExitCode.DONE
    if gone := "" if args.forget_facts else facts_gone(settings):
        raise UsageError(
            f"state reset: {gone}: erasures, refusals and children that were told there are known "
            "to the state alone; have the consent tool send all of them again, then repeat with "
            "--forget-facts"
        )
    reset(settings, names)
    print(f"{topics}: empty now, and group {settings.group} has no offsets")
    return ExitCode.DONE


def _transfer(args: argparse.Namespace, settings: Settings) -> ExitCode:
    # A reset needs no compiler, and is there where only the reader is installed.
    from streams.worker.state_file import read_key
    from streams.worker.state_transfer import Import, export_state

    if args.file is None:
        raise UsageError(f"state {args.action}: give a --file")
    key = None if args.key is None else read_key(args.key)
    if args.action == "export":
        records = export_state(settings, args.file, key)
        print(f"{args.file}: {records:,} records; personal data, erased by deleting the file")
        return ExitCode.DONE
    state = Import(settings, args.file, key, anew=args.anew, profiles=args.profiles)
    counts = list(state.run())
    print(
        f"group {settings.group}: {sum(counts):,} records in {len(counts)} partitions, as of "
        f"{state.created}"
    )
    return ExitCode.DONE


def facts_gone(settings: Settings) -> str:
    """Tell why the log of facts may have lost some; empty where all of it is there.

    Raises
    ------
    KafkaFailed or streams.errors.Abandon
        The cluster does not answer.
    """
    admin, topic = clients.admin(settings), settings.topic(FACTS)
    found = fetch(admin, settings).get(topic)
    if found is None:
        return f"{topic} is not there"
    if "compact" in found.config.get("cleanup.policy", ""):
        return f"{topic} is compacted"
    spots = [(topic, number) for number in range(found.partitions)]
    starts = offsets_at(settings, spots, OffsetSpec.earliest())
    cut = [f"{spot[1]} begins at {start}" for spot, start in sorted(starts.items()) if start > 0]
    return f"{topic} has lost its beginning (partition {', '.join(cut)})" if cut else ""


def reset(settings: Settings, names: Sequence[str] = (PROFILES, OFFERS, STATE)) -> None:
    """Delete the keys of topics and the group, which must have no members.

    A compacted topic refuses the deletion of records, so every key gets a tombstone: of a
    profile before its state, so that what was interrupted is found again.

    Raises
    ------
    KafkaFailed
        Where the broker refuses or does not answer.
    """
    group, admin = settings.group, clients.admin(settings, role="offsets")
    try:
        deleted = admin.delete_consumer_groups([group], request_timeout=NEVER_S)[group]
        clients.ask(f"group {group}", deleted, _TIMEOUT_S)
    except KafkaFailed as error:
        if error.name != "GROUP_ID_NOT_FOUND":
            raise
    producer = clients.producer("tombstones", settings)
    now_ms = int(time.time() * 1000)
    for name in names:
        topic = settings.topic(name)
        for partition, key in _keys(settings, topic):
            headers: Any = []
            if name in _EVENTS:
                headers = profile_headers(key, 0, times([now_ms])[0], now_ms, _EVENTS[name])
            producer.produce(topic, None, key, partition, headers=headers)
            producer.poll(0)
        if producer.flush(_TIMEOUT_S):
            raise KafkaFailed(f"{topic}: not every tombstone was delivered")


def _keys(settings: Settings, name: str) -> set[tuple[int, bytes]]:
    topic = CompactedTopic(settings.bootstrap_servers, name, kafka=settings.kafka)
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
