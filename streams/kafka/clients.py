"""Configures and builds the clients of Kafka, by role; nothing else does.

What a role rests on stands behind the keys that an operator gave, so that none can undo it. A
reader of a compacted topic builds its own (`streams.kafka.compacted`), for it may load nothing of
a deployment.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any, Literal, TypeVar, assert_never

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from streams.errors import KafkaFailed
from streams.kafka import access
from streams.kafka.ports import REAL, Config, Ports
from streams.kafka.resent import SentRequests
from streams.logs import librdkafka
from streams.settings import Settings

#: The group's own member; all of a topic, in no group, twice; one that looks at a group from
#: outside; one that stands in for a group without members; one that copies in such a group's name;
#: one that looks at single records, committed or not.
ConsumerRole = Literal["worker", "restore", "standby", "group", "reset", "copied", "fetcher"]
#: A worker's transactions; many records, in order, on the Java client's partitions; a few, now
#: and then; who looked up whom; what time it is, now and then; a tombstone for every key; one
#: transaction in the name of a group; many of a copy; those of whoever speaks of audiences.
ProducerRole = Literal[
    "worker", "feed", "untagged", "lookups", "ticks", "tombstones", "reset", "copies", "audiences"
]
AdminRole = Literal["topics", "offsets", "group"]

_T = TypeVar("_T")
#: Of one transaction of a copy, a partition's whole state at most.
_COPY_MS = 600_000
MOST_BYTES = 16_777_216  # that a client's buffers are raised to, whatever a topic takes
_COPIED_AT_ONCE = 65_000  # bytes
#: Security and network: keys of consumers and producers make an admin client complain.
_CLIENT_KEYS = ("sasl.", "ssl.", "security.", "socket.", "client.")


def consumer(role: ConsumerRole, settings: Settings, ports: Ports = REAL, **own: Any) -> Consumer:
    """A consumer in a role; `own` are the arguments of the role's configuration."""
    return ports.consumer({**consumer_config(role, settings, **own), "logger": librdkafka()})


def producer(
    role: ProducerRole,
    settings: Settings,
    ports: Ports = REAL,
    name: str = "",
    sent: SentRequests | None = None,
) -> Producer:
    """A producer in a role; `name` is the transactional id of "copies", `sent` counts requests."""
    counted = {} if sent is None else sent.config
    config = {**producer_config(role, settings, name), **counted}
    return ports.producer({**config, "logger": librdkafka()})


def admin(settings: Settings, ports: Ports = REAL, role: AdminRole = "topics") -> AdminClient:
    """An admin client; keep a reference to it until its answers are there."""
    cluster = _cluster(settings)
    if role == "topics":
        mine = {key: value for key, value in settings.kafka.items() if key.startswith(_CLIENT_KEYS)}
        said = {"bootstrap.servers": settings.bootstrap_servers, "logger": librdkafka()}
        return ports.admin({**mine, **said})
    level = 3 if role == "offsets" else 0
    # Who asks again and again hears of brokers that are back within a second or so, not within ten.
    soon = {"reconnect.backoff.max.ms": 1_000}
    return ports.admin({**soon, **cluster, "log_level": level, "logger": librdkafka()})


def client_id(settings: Settings, instance: str | None = None) -> str:
    """Name a worker's consumer, so that the members of a group can be told apart."""
    named = settings.kafka.get("client.id", "interest-streams")
    return f"{named}/{settings.instance if instance is None else instance}"


def ask(what: str, future: Future[_T], seconds: float, kind: type[KafkaFailed] = KafkaFailed) -> _T:
    """Wait for the answer to an admin request, within a deadline.

    Parameters
    ----------
    what : str
        What was asked, of what; begins the error's text.
    future : Future
    seconds : float
        Longest wait.
    kind : type
        Of the error.

    Raises
    ------
    KafkaFailed
        Of the `kind` given, where the cluster refuses or does not answer in time.
    """
    try:
        return future.result(seconds)
    except (KafkaException, TimeoutError) as error:
        raise kind(what, error) from error


def consumer_config(
    role: ConsumerRole, settings: Settings, group: str = "", isolation: str = "read_committed"
) -> Config:
    """librdkafka's configuration of a consumer; `group` and `isolation` of the role "group"."""
    match role:
        case "worker":
            return _worker_consumer(settings)
        case "restore" | "standby":
            return _whole_topics(settings, role)
        case "group":
            return {
                **_cluster(settings),
                "log_level": 0,
                "group.id": group or settings.group,
                "enable.auto.commit": False,
                "isolation.level": isolation,
            }
        case "reset":
            return {**_cluster(settings), "group.id": settings.group}
        case "copied":
            return {
                **_cluster(settings),
                "log_level": 3,
                "group.id": group,
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
            }
        case "fetcher":
            return {
                **_cluster(settings),
                "log_level": 0,
                "group.id": f"{settings.group}-{role}",  # required by the client, never joined
                "isolation.level": "read_uncommitted",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "queued.min.messages": 1,
                "fetch.message.max.bytes": 65_536,
            }
    assert_never(role)


def producer_config(role: ProducerRole, settings: Settings, name: str = "") -> Config:
    """librdkafka's configuration of a producer."""
    match role:
        case "worker":
            return _worker_producer(settings)
        case "feed":
            return _feed(settings)
        case "untagged":
            # Four times what a worker publishes at once: it never waits for this producer.
            return {**_cluster(settings), "queue.buffering.max.messages": 400}
        case "lookups":
            return {
                "linger.ms": 20,
                "compression.type": "lz4",
                **_cluster(settings),
                "log_level": 3,
            }
        case "ticks" | "tombstones":
            return {**_cluster(settings), "enable.idempotence": True}
        case "reset":
            return {**_cluster(settings), "transactional.id": access.reset_id(settings)}
        case "audiences":
            return {
                **_cluster(settings),
                "transactional.id": access.audiences_id(settings),
                "message.max.bytes": MOST_BYTES,
            }
        case "copies":
            return {
                "linger.ms": 20,
                "compression.type": "lz4",
                **_cluster(settings),
                "log_level": 3,
                "transactional.id": name,
                "transaction.timeout.ms": _COPY_MS,
                # What is there is copied, compressed giants too, in batches that any topic takes.
                "message.max.bytes": MOST_BYTES,
                "batch.size": _COPIED_AT_ONCE,
            }
    assert_never(role)


#: Heartbeats of a session, and the longest interval between two.
_BEATS, _LONGEST_BEAT_MS = 12, 3_000


def heartbeat_ms(settings: Settings) -> int:
    """Tell how often a member of a group gives a sign of life, ms.

    The others hear of a member that joins, leaves or is lost with their next heartbeat only, and
    all wait for the last of them: of the client's own 3 s a hand-over was made.
    """
    return min(_LONGEST_BEAT_MS, max(1, settings.session_timeout_ms // _BEATS))


def _cluster(settings: Settings) -> Config:
    return {**settings.kafka, "bootstrap.servers": settings.bootstrap_servers}


#: Either gives a member the same partitions of every input.
_GROUP_PROTOCOLS: dict[str, Config] = {
    "classic": {"partition.assignment.strategy": "range"},
    "consumer": {"group.protocol": "consumer", "group.remote.assignor": "range"},
}


def _worker_consumer(settings: Settings) -> Config:
    classic = settings.group_protocol == "classic"  # else the brokers decide on sessions
    beats: Config = {"heartbeat.interval.ms": heartbeat_ms(settings)}
    session: Config = {"session.timeout.ms": settings.session_timeout_ms}
    return {
        **(beats if classic else {}),
        "queued.min.messages": 200_000,
        "queued.max.messages.kbytes": 131_072,
        "fetch.max.bytes": 16_777_216,
        "max.partition.fetch.bytes": 4_194_304,
        "fetch.wait.max.ms": 50,
        "fetch.queue.backoff.ms": 20,  # of a full queue; it is read empty within a second
        **_cluster(settings),
        "client.id": client_id(settings),
        "group.id": settings.group,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        **_GROUP_PROTOCOLS[settings.group_protocol],
        **(session if classic else {}),
        "auto.offset.reset": "error",
        "max.poll.interval.ms": settings.max_poll_interval_ms,
        "log_level": 3,
    }


def _whole_topics(settings: Settings, role: str) -> Config:
    return {
        **_cluster(settings),
        "group.id": f"{settings.group}-{role}",  # required by the client, never joined
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
        "fetch.max.bytes": 67_108_864,
        "max.partition.fetch.bytes": 8_388_608,
        "queued.max.messages.kbytes": 131_072,
        # By default an end is told of after half a second, and a queue that was full is looked
        # at again after a whole one.
        "fetch.wait.max.ms": 50,
        "fetch.queue.backoff.ms": 20,
        "log_level": 3,
    }


def _worker_producer(settings: Settings) -> Config:
    return {
        "linger.ms": 5,
        "batch.size": 1_000_000,
        "compression.type": "lz4",
        "queue.buffering.max.messages": 1_000_000,
        "queue.buffering.max.kbytes": 524_288,
        # A call that hangs because its coordinator left for a while (librdkafka#5511) looks again
        # when any connection changes; one that is cut for being idle does.
        "connections.max.idle.ms": settings.call_deadline_ms // 3,
        **_cluster(settings),
        "transactional.id": f"{settings.group}-{settings.instance}",
        "transaction.timeout.ms": settings.transaction_timeout_ms,
        "enable.idempotence": True,
        "acks": "all",
        "log_level": 3,
    }


def _feed(settings: Settings) -> Config:
    keys = (*_CLIENT_KEYS, "batch.")
    return {
        "linger.ms": 20,
        "compression.type": "lz4",
        "batch.size": 1_000_000,
        "queue.buffering.max.messages": 200_000,
        "queue.buffering.max.kbytes": 262_144,
        "message.timeout.ms": 60_000,
        **{key: value for key, value in settings.kafka.items() if key.startswith(keys)},
        "bootstrap.servers": settings.bootstrap_servers,
        # murmur2 of the key, as the Java client computes it: every producer of the joined topics
        # must agree on that, and librdkafka's own default (CRC32) does not.
        "partitioner": "murmur2_random",
        # In order and once, whatever is retried; only failures are reported, one call each.
        "enable.idempotence": True,
        "delivery.report.only.error": True,
    }
