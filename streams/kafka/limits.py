"""Knows how large a record may be that is written to a topic: as its brokers say, and the client.

Both refuse what is larger, and whoever then tries again is refused for ever; so nothing is
written that was not measured before. Asked for with every new producer: a limit that was lowered
since fails a transaction, and the next producer knows it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from confluent_kafka import KafkaException
from confluent_kafka.admin import ConfigResource, ResourceType

from streams.contract.topics import (
    DEAD_LETTERS,
    FACTS,
    OFFERS,
    PROFILES,
    RECEIPTS,
    STATE,
    shared_topics,
)
from streams.errors import Abandon, KafkaFailed
from streams.kafka import clients
from streams.kafka.ports import REAL, Ports
from streams.settings import Settings

log = logging.getLogger(__name__)
#: Topics that a worker's transactions write to.
WRITTEN = (PROFILES, OFFERS, STATE, RECEIPTS, DEAD_LETTERS, FACTS)
#: Of a batch and of its only record, beyond key, value and headers.
FRAME = 512
TOPIC_KEY = "max.message.bytes"
CLIENT_KEY = "message.max.bytes"
_UNASKED = 1_000_000  # of librdkafka; a broker's own default is a little larger
_BATCH = 1_000_000
_HEADER = 16  # of one header, beyond its name and value
_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class RecordLimits:
    """Most bytes of a batch by full topic name; of a record, `of` says.

    Attributes
    ----------
    topics : mapping of str to int
        ``max.message.bytes`` as in force, the broker's own where a topic has none.
    client : int
        ``message.max.bytes`` of the producer.
    """

    topics: Mapping[str, int] = field(default_factory=dict)
    client: int = _UNASKED

    def of(self, topic: str) -> int:
        """Most bytes of a record's key, value and headers."""
        return min(self.topics.get(topic, _UNASKED), self.client) - FRAME

    def setting(self, topic: str) -> str:
        """The setting that bounds a topic's records, for people."""
        taken = self.topics.get(topic, _UNASKED)
        if taken <= self.client:
            return f"{TOPIC_KEY} = {taken} of {topic}"
        return f"{CLIENT_KEY} = {self.client} of the table [kafka]"

    def fitted(self, settings: Settings) -> Settings:
        """The same settings, for a producer whose batches every topic takes."""
        least = min([self.client, *self.topics.values()])
        batch = min(int(settings.kafka.get("batch.size", _BATCH)), least - FRAME)
        own = {CLIENT_KEY: str(self.client), "batch.size": str(batch)}
        return replace(settings, kafka={**settings.kafka, **own})


def fetch_limits(
    settings: Settings, ports: Ports = REAL, names: Iterable[str] | None = None
) -> RecordLimits:
    """Ask the brokers about topics, named without the deployment's prefix; by default a worker's.

    A cluster that does not tell, for want of a permission, is taken for one of defaults.

    Raises
    ------
    Abandon
        Where no broker answers in time.
    """
    admin = clients.admin(settings, ports)
    names = (*WRITTEN, *shared_topics(settings)) if names is None else names
    found: dict[str, str] = {}
    try:
        resources = [ConfigResource(ResourceType.TOPIC, settings.topic(name)) for name in names]
        answers = admin.describe_configs(resources, request_timeout=_TIMEOUT_S)
        for resource, answer in answers.items():
            told = clients.ask(resource.name, answer, _TIMEOUT_S, Abandon)
            if (entry := told.get(TOPIC_KEY)) is not None and entry.value is not None:
                found[resource.name] = str(entry.value)
    except KafkaException as error:
        raise Abandon(f"{TOPIC_KEY} of the output topics", error) from None
    except KafkaFailed as error:
        if error.away:
            raise
        log.warning("%s is not known, taken for the default: %s", TOPIC_KEY, error)
    return limits_of(found, settings)


def limits_of(told: Mapping[str, str], settings: Settings) -> RecordLimits:
    """RecordLimits from ``max.message.bytes`` by full topic name, and the producer's own."""
    topics = {name: int(most) for name, most in told.items()}
    largest = max(topics.values(), default=_UNASKED)
    most = settings.kafka.get(CLIENT_KEY, min(clients.MOST_BYTES, largest))
    return RecordLimits(topics, int(most))


def size(key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes]] = ()) -> int:
    """Bytes of a record by which `RecordLimits.of` is meant, never too few."""
    return (
        len(key or b"")
        + len(value or b"")
        + sum(len(name) + len(text) + _HEADER for name, text in headers)
    )
