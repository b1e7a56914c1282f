"""What happens to workers, by plan and without one."""

from __future__ import annotations

import random
from collections.abc import Iterator

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from streams.contract.topics import NETWORK, PROFILES
from streams.kafka import access
from tests.chaos import faults
from tests.gameday.stage import Stage
from tests.gameday.traffic import producer

_PATIENCE_S = 240.0
_MOST_DOUBLES = 60


def scale(stage: Stage) -> Iterator[None]:
    """Workers from 3 to 1, to 4, to 2 and back to 3, while records come in."""
    for slots in ((0,), (0, 1, 2, 3), (0, 3), (0, 1, 2)):
        stage.have(slots)
        stage.settle(_PATIENCE_S)
    yield


def roll(stage: Stage) -> Iterator[None]:
    """Each worker in turn is asked to stop, and its successor started."""
    for slot in stage.up():
        stage.stop(slot)
        stage.start(slot)
        stage.settle(_PATIENCE_S)
    yield


def kill(stage: Stage) -> Iterator[None]:
    """One worker that owns partitions is killed, and started again."""
    faults.kill(stage, random.Random(1))
    yield


def crash_loop(stage: Stage) -> Iterator[None]:
    """All workers are killed at once, as where each runs out of memory."""
    faults.cold_start(stage, random.Random(1))
    yield


def zombie(stage: Stage) -> Iterator[None]:
    """A worker stands still beyond its session, then goes on as if nothing was."""
    faults.zombie(stage, random.Random(1))
    yield


def wrong_acl(stage: Stage) -> Iterator[None]:
    """Somebody takes from one worker's user the right to write profiles."""
    acls = access.BY_NAME["worker"].acls(stage.settings)
    lost = [acl for acl in acls if acl.name == stage.settings.topic(PROFILES)]
    stage.users.revoke("w0", lost)
    yield
    stage.users.allow("w0", lost)


def fenced(stage: Stage) -> Iterator[None]:
    """Somebody's producer takes a worker's transactional id, again and again."""
    name = f"{stage.settings.group}-w0"
    mark = len(stage.timeline.moments)
    for _ in range(_MOST_DOUBLES):  # how often a worker begins anew in a minute is the machine's
        double = producer(stage.settings, transactional_id=name, message_timeout_ms=10_000)
        double.init_transactions(_PATIENCE_S)
        stage.wait_for(lambda: False, 1.5)
        if "InterestStreamsAborting" in stage.timeline.fired(mark):
            break
    yield


def offsets_by_hand(stage: Stage) -> Iterator[None]:
    """Somebody sets the group's offsets of one partition to 0 while no worker runs."""
    slots = sorted(stage.wanted)
    stage.have(())
    spot = TopicPartition(stage.settings.topic(NETWORK), 0, 0)
    moved = ConsumerGroupTopicPartitions(stage.settings.group, [spot])
    admin = stage.users.admin()
    for answer in admin.alter_consumer_group_offsets([moved]).values():
        answer.result(_PATIENCE_S)
    stage.have(slots)
    yield
    stage.have(())
    stage.command("admin", "offsets", "repair", "--yes")
    stage.have(slots)
