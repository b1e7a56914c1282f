"""Looks up offsets of partitions at a point in time: a log's start, its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

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
    settings: Settings,
    spots: Iterable[Spot],
    spec: OffsetSpec,
    ports: Ports = REAL,
    admin: AdminClient | None = None,
) -> dict[Spot, int]:
    """Offsets of partitions; the latest is the log's end, open transactions and markers included.

    Parameters
    ----------
    admin : AdminClient, optional
        One that was used before, for who can't wait: of sixty new ones one takes three seconds
        (librdkafka 2.16).

    Raises
    ------
    Abandon
        Where the broker does not answer within ``call_deadline_ms``.
    """
    renew: Callable[[], AdminClient] | None = partial(clients.admin, settings, ports, "offsets")
    seconds = settings.call_deadline_ms / 1000.0
    if admin is None:
        admin, renew = clients.admin(settings, ports, "offsets"), None
    return list_offsets(admin, spots, spec, seconds, "list_offsets", Abandon, ports, renew=renew)


def list_offsets(
    admin: AdminClient,
    spots: Iterable[Spot],
    spec: OffsetSpec,
    seconds: float,
    what: str,
    kind: type[KafkaFailed],
    ports: Ports = REAL,
    isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
    renew: Callable[[], AdminClient] | None = None,
) -> dict[Spot, int]:
    """Look up offsets with a given admin client and class of error, through changes of leaders.

    The latest is the log's end or, read committed, where the first open transaction begins. What
    `renew` gives goes on where a leader changed: one that was kept may ask the former for minutes.
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
            if renew is not None:
                admin, renew = renew(), None
    return found
