"""Finds transactions that are neither committed nor aborted: readers stop in front of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from confluent_kafka import IsolationLevel
from confluent_kafka.admin import AdminClient, OffsetSpec

from streams.contract.topics import INPUTS, TOPICS
from streams.errors import KafkaFailed
from streams.kafka import clients
from streams.kafka.offsets import Spot, list_offsets
from streams.settings import Settings
from tests.support.processes import wait_until

_ANSWER_S = 60.0
_DECIDED_S = 240.0
OUTPUTS = tuple(topic.name for topic in TOPICS if topic.name not in INPUTS)


def open_transactions(admin: AdminClient, spots: Iterable[Spot]) -> dict[Spot, int]:
    """Offset of the first open transaction in each partition that has one.

    Raises
    ------
    KafkaFailed
        Where the cluster does not answer.
    """
    spots = list(spots)
    stable, ends = (
        list_offsets(
            admin, spots, OffsetSpec.latest(), _ANSWER_S, "ends", KafkaFailed, isolation=level
        )
        for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
    )
    return {spot: stable[spot] for spot in spots if stable[spot] != ends[spot]}


def undecided(settings: Settings, names: Collection[str] = OUTPUTS) -> bool:
    """Whether a transaction is open in topics of a deployment, by default in an output.

    The coordinator writes its markers partition by partition after it has answered, so a group's
    offsets can stand before the profiles that they go with.
    """
    admin = clients.admin(settings, role="offsets")
    there = admin.list_topics(timeout=_ANSWER_S).topics
    wanted = [name for name in map(settings.topic, names) if name in there]
    return bool(open_transactions(admin, [(name, p) for name in wanted
                                          for p in there[name].partitions]))  # fmt: skip


def await_markers(settings: Settings, names: Collection[str] = OUTPUTS) -> None:
    """Wait until readers see what was committed: they can be asked before its markers are there."""
    wait_until(lambda: not undecided(settings, names), _DECIDED_S, lambda: "a transaction hangs")
