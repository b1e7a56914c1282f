"""Faults that take records away unread: an input is emptied, outlived by retention or made anew.

What is lost is lost; that it was must be said by name, and `offsets reset` must let the group go on
with what there is. The verifier recomputes from what the group had read before, kept here.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from streams.commands.offsets import find_lost
from streams.contract.topics import APP, BY_NAME, DEAD_LETTERS, NETWORK, STATE, TV
from streams.kafka.offsets import Spot, offsets_at
from streams.sandbox.demo_worker import environment
from streams.settings import Settings
from streams.worker import binding
from streams.worker.metas import read_metas
from tests.chaos import masses
from tests.chaos.cluster import SMALL_FETCHES, Cluster
from tests.support.processes import wait_until
from tests.support.reference import read

_RUNNING_S = 20.0
_WAIT_S = 60.0
_RESET_S = 600.0  # it reads all of the state
_HINT = "offsets reset"  # in the sentence of a worker that knows


def emptied(cluster: Cluster, rng: random.Random) -> None:
    """All records of an input are deleted, read or not."""
    masses.visits(cluster, rng)  # there is something to lose
    _lose(cluster, rng.choice((NETWORK, TV, APP)), partial(_delete, cluster))


def transactional_emptied(cluster: Cluster, rng: random.Random) -> None:
    """An input that ends with transactions, some aborted, is emptied."""
    masses.aborted_input(cluster, rng)
    _lose(cluster, NETWORK, partial(_delete, cluster))


def outlived(cluster: Cluster, rng: random.Random) -> None:
    """Retention takes an input before it was read."""
    masses.visits(cluster, rng)
    _lose(cluster, rng.choice((NETWORK, TV, APP)), partial(_retain_nothing, cluster))


def created_anew(cluster: Cluster, rng: random.Random) -> None:
    """An input is deleted, created again, and written to."""
    _lose(cluster, NETWORK, partial(_create_anew, cluster, rng))


LOSSES: dict[str, Callable[[Cluster, random.Random], None]] = {
    "input emptied": emptied,
    "transactional emptied": transactional_emptied,
    "retention": outlived,
    "input created anew": created_anew,
}


def _lose(cluster: Cluster, name: str, strike: Callable[[str], None]) -> None:
    settings = _unhindered(cluster.settings)
    slots, cluster.wanted = cluster.wanted, set()  # an operator is there, and no supervisor
    topic = settings.topic(name)
    for partition in range(settings.partitions):
        cluster.history.keep(topic, partition, read(settings, name, partition))
    strike(topic)
    named = _named(cluster, _RUNNING_S)  # those at work may have all of it in their buffers
    cluster.halt()
    if find_lost(settings, read_metas(settings), binding.owner_now(settings)):
        if not named:
            _start(cluster, slots)
            cluster.wanted = set()
            if not _named(cluster, _WAIT_S):
                cluster.fatal.append(f"nobody named what was lost of {topic}")
            cluster.halt()
        _reset(cluster)
    _start(cluster, slots)


def _unhindered(settings: Settings) -> Settings:
    """For who reads a whole changelog: by the small fetches of the workers it takes minutes."""
    kafka = {key: value for key, value in settings.kafka.items() if key != SMALL_FETCHES}
    return replace(settings, kafka=kafka)


def _named(cluster: Cluster, seconds: float) -> bool:
    """Whether a worker says in time what is to be done."""
    workers = cluster.workers.values()
    try:
        wait_until(lambda: any(worker.has_said(_HINT) for worker in workers), seconds)
    except TimeoutError:
        return False
    return True


def _start(cluster: Cluster, slots: set[int]) -> None:
    for slot in slots:
        cluster.start(slot)


def _reset(cluster: Cluster) -> None:
    """Do what the sentence says, and note it in the history."""
    settings = _unhindered(cluster.settings)
    moves = find_lost(settings, read_metas(settings), binding.owner_now(settings))
    logs = (STATE, DEAD_LETTERS)
    spots = [(settings.topic(log), move.partition) for log in logs for move in moves]
    ends = offsets_at(settings, spots, OffsetSpec.latest())
    command = [sys.executable, "-m", "streams", "offsets", "reset", "--yes"]
    done = subprocess.run(
        command, env=environment(settings), capture_output=True, text=True, timeout=_RESET_S
    )
    if done.returncode:
        cluster.fatal.append(f"offsets reset ended with {done.returncode}: {done.stderr[-300:]}")
        return
    for move in moves:
        since = {log: ends[settings.topic(log), move.partition] for log in logs}
        cluster.history.move(move.topic, move.partition, move.was, move.to, since)


def _delete(cluster: Cluster, topic: str) -> None:
    asked = [TopicPartition(topic, p, end) for (_, p), end in _ends(cluster, topic).items()]
    admin = _admin(cluster)  # kept until the answers are there
    for answer in admin.delete_records(asked).values():
        answer.result(_WAIT_S)


def _retain_nothing(cluster: Cluster, topic: str) -> None:
    name = topic.removeprefix(cluster.settings.topic_prefix)
    cluster.configure([name], {"retention.ms": "1"})
    spots = list(ends := _ends(cluster, topic))
    wait_until(lambda: offsets_at(cluster.settings, spots, OffsetSpec.earliest()) == ends, _WAIT_S)
    cluster.configure([name], {"retention.ms": None})


def _create_anew(cluster: Cluster, rng: random.Random, topic: str) -> None:
    admin = _admin(cluster)
    admin.delete_topics([topic])[topic].result(_WAIT_S)
    wait_until(lambda: topic not in admin.list_topics(timeout=10).topics, _WAIT_S)
    settings = cluster.settings
    config = dict(BY_NAME[NETWORK].config)
    new = NewTopic(topic, settings.partitions, settings.replication, config=config)
    admin.create_topics([new])[topic].result(_WAIT_S)
    time.sleep(1.0)  # workers see it: without topic ids their clients would read on in it
    masses.visits(cluster, rng)
    assert cluster.progress is not None
    cluster.progress.look_anew()


def _ends(cluster: Cluster, topic: str) -> dict[Spot, int]:
    spots = [(topic, p) for p in range(cluster.settings.partitions)]
    return offsets_at(cluster.settings, spots, OffsetSpec.latest())


def _admin(cluster: Cluster) -> AdminClient:
    return AdminClient({"bootstrap.servers": cluster.settings.bootstrap_servers, "log_level": 0})
