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
        admin, spots, spec, settings.call_deadline_ms / 1000.0, "list_offsets", Abandon
    )


def list_offsets(
    admin: AdminClient,
    spots: Iterable[Spot],
    spec: OffsetSpec,
    seconds: float,
    what: str,
    kind: type[KafkaFailed],
) -> dict[Spot, int]:
    """Look up offsets with a given admin client and class of error."""
    answers = admin.list_offsets(
        {TopicPartition(topic, partition): spec for topic, partition in spots},
        isolation_level=IsolationLevel.READ_UNCOMMITTED,
        request_timeout=seconds,
    )
    return {
        (spot.topic, spot.partition): clients.ask(what, future, seconds, kind).offset
        for spot, future in answers.items()
    }
