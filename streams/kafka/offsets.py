"""Looks up offsets of partitions at a point in time: a log's start, its end."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from streams.errors import Abandon, KafkaFailed
from streams.kafka import clients
from streams.kafka.ports import REAL, Ports
from streams.settings import Settings

#: Topic and partition.
Spot = tuple[str, int]
#: Names of what a partition's brokers say while its leader changes: asked again, they know.
_LEADER_CHANGES = frozenset(
    {
        "LEADER_NOT_AVAILABLE",
        "NOT_LEADER_FOR_PARTITION",
        "OFFSET_NOT_AVAILABLE",  # a new leader that does not know yet what its followers have
        "FENCED_LEADER_EPOCH",
        "UNKNOWN_LEADER_EPOCH",
        "KAFKA_STORAGE_ERROR",
    }
)
_PAUSE_S = 0.1


def offsets_at(
    settings: Settings, spots: Iterable[Spot], spec: OffsetSpec, ports: Ports = REAL
) -> dict[Spot, int]:
    """Offsets of partitions; the latest is the log's end, open transactions and markers included.

    Raises
    ------
    Abandon
        Where the broker does not answer within ``call_deadline_ms``.
    """
    admin = clients.admin(settings, ports, "offsets")
    return list_offsets(
        admin, spots, spec, settings.call_deadline_ms / 1000.0, "list_offsets", Abandon, ports
    )


def list_offsets(
    admin: AdminClient,
    spots: Iterable[Spot],
    spec: OffsetSpec,
    seconds: float,
    what: str,
    kind: type[KafkaFailed],
    ports: Ports = REAL,
    isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
) -> dict[Spot, int]:
    """Look up offsets with a given admin client and class of error, through changes of leaders.

    The latest is the log's end or, read committed, where the first open transaction begins.
    """
    deadline = ports.monotonic() + seconds
    found: dict[Spot, int] = {}
    asked = [TopicPartition(topic, partition) for topic, partition in spots]
    while asked:
        left = deadline - ports.monotonic()
        answers = admin.list_offsets(
            dict.fromkeys(asked, spec),
            isolation_level=isolation,
            request_timeout=max(_PAUSE_S, left),
        )
        asked = []
        for spot, future in answers.items():
            try:
                answer = clients.ask(what, future, max(_PAUSE_S, left), kind)
            except KafkaFailed as error:
                if error.name not in _LEADER_CHANGES or left <= 0:
                    raise
                asked.append(spot)
            else:
                found[spot.topic, spot.partition] = answer.offset
        if asked:
            ports.sleep(_PAUSE_S)
    return found
