"""Compares `streams.contract.topics` with a cluster: plan, apply.

plan prints what differs, apply creates and updates. Nothing is ever deleted, and the partitions of
a topic that exists are never changed: keys would move to other partitions, away from their state.
What a worker refuses to start with is in `streams.kafka.topic_check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ClusterMetadata,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from streams.contract.topics import TOPICS
from streams.errors import KafkaFailed
from streams.kafka import clients
from streams.settings import PREFIX, Settings

_TIMEOUT_S = 10.0


class TopicError(KafkaFailed):
    """The cluster cannot be asked or refuses a change; names the topic."""


@dataclass(frozen=True)
class Found:
    """A topic as the cluster has it."""

    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)
    replicas: int = 0  # of its first partition


@dataclass(frozen=True)
class Change:
    """One difference between table and cluster.

    Attributes
    ----------
    action : {"create", "configure", "refuse"}
        "refuse" is a difference that is not ours to mend.
    topic : str
        Full name, with the deployment's prefix.
    about : str
        For people.
    config : mapping
        What to set, for "create" and "configure".
    """

    action: str
    topic: str
    about: str
    config: Mapping[str, str] = field(default_factory=dict)


def create_topics(admin: AdminClient, settings: Settings) -> list[Change]:
    """Create missing topics and update configurations; returns what was done.

    Raises
    ------
    TopicError
        When the cluster refuses, or a topic that exists is not co-partitioned.
    """
    found = fetch(admin, settings)
    changes = plan(found, settings)
    for change in changes:
        if change.action == "refuse":
            raise TopicError(f"{change.topic}: {change.about}")
    new = [
        NewTopic(
            c.topic,
            num_partitions=settings.partitions,
            replication_factor=settings.replication,
            config=dict(c.config),
        )
        for c in changes
        if c.action == "create"
    ]
    if new:
        for name, created in admin.create_topics(new, operation_timeout=_TIMEOUT_S).items():
            try:
                clients.ask(name, created, _TIMEOUT_S, TopicError)
            except TopicError as error:
                if error.name == "INVALID_REPLICATION_FACTOR":
                    raise TopicError(f"{name}: {_too_few(admin, settings)}") from None
                if error.name != "TOPIC_ALREADY_EXISTS":
                    raise
    altered = [
        ConfigResource(
            ResourceType.TOPIC,
            c.topic,
            incremental_configs=[
                ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
                for key, value in c.config.items()
            ],
        )
        for c in changes
        if c.action == "configure"
    ]
    if altered:
        done = admin.incremental_alter_configs(altered, request_timeout=_TIMEOUT_S)
        for resource, answer in done.items():
            clients.ask(resource.name, answer, _TIMEOUT_S, TopicError)
    return changes


def fetch(admin: AdminClient, settings: Settings) -> dict[str, Found]:
    """Read the table's topics from the cluster: full name -> partitions and configuration.

    Raises
    ------
    TopicError
        When the cluster does not answer.
    """
    names = [settings.topic(topic.name) for topic in TOPICS]
    try:
        metadata = admin.list_topics(timeout=_TIMEOUT_S)
        here = {
            name: Found(
                len(metadata.topics[name].partitions), replicas=_replicas_of(metadata, name)
            )
            for name in names
            if name in metadata.topics
        }
        if here:
            resources = [ConfigResource(ResourceType.TOPIC, name) for name in here]
            answers = admin.describe_configs(resources, request_timeout=_TIMEOUT_S)
            for resource, answer in answers.items():
                here[resource.name] = replace(
                    here[resource.name],
                    config={
                        key: str(entry.value)
                        for key, entry in clients.ask(
                            resource.name, answer, _TIMEOUT_S, TopicError
                        ).items()
                        if entry.value is not None
                    },
                )
    except KafkaException as error:
        raise TopicError("the cluster does not answer", error) from None
    return here


def plan(found: Mapping[str, Found], settings: Settings) -> list[Change]:
    """Differences between the table and what was found, in the order of the table."""
    counts = joined_counts(found, settings)
    expected = settings.partitions
    changes: list[Change] = []
    for topic in TOPICS:
        name = settings.topic(topic.name)
        have = found.get(name)
        if have is None:
            if topic.copartitioned and counts and set(counts.values()) != {expected}:
                changes.append(Change("refuse", name, mismatch(counts, {name: expected})))
            else:
                changes.append(
                    Change(
                        "create",
                        name,
                        f"{expected} partitions, {_words(topic.config)}",
                        topic.config,
                    )
                )
            continue
        if topic.copartitioned and have.partitions != expected:
            changes.append(
                Change(
                    "refuse",
                    name,
                    (
                        f"has {have.partitions} partitions, the setting partitions is {expected}: "
                        "keys would move away from their state; move to a new topic_prefix with "
                        "`interest-streams repartition` instead"
                    ),
                )
            )
        wrong = {
            key: value
            for key, value in topic.config.items()
            if not _same(have.config.get(key), value)
        }
        if wrong:
            changes.append(
                Change(
                    "configure",
                    name,
                    ", ".join(
                        f"{key} {have.config.get(key, 'unset')} -> {value}"
                        for key, value in wrong.items()
                    ),
                    wrong,
                )
            )
    return changes


def _too_few(admin: AdminClient, settings: Settings) -> str:
    """Say what to set where the cluster has fewer brokers than copies are wanted."""
    brokers = len(admin.list_topics(timeout=_TIMEOUT_S).brokers)
    return (
        f"replication = {settings.replication}, and the cluster has {brokers} broker"
        f"{'' if brokers == 1 else 's'}: add brokers, or set replication = {brokers} "
        f"({PREFIX}REPLICATION={brokers}), where what is lost with a broker may be lost for good"
    )


def _replicas_of(metadata: ClusterMetadata, name: str) -> int:
    return max((len(p.replicas) for p in metadata.topics[name].partitions.values()), default=0)


def joined_counts(found: Mapping[str, Found], settings: Settings) -> dict[str, int]:
    """Partitions of the topics that must have equally many."""
    return {
        settings.topic(t.name): found[settings.topic(t.name)].partitions
        for t in TOPICS
        if t.copartitioned and settings.topic(t.name) in found
    }


def mismatch(counts: Mapping[str, int], more: Mapping[str, int] | None = None) -> str:
    """Say who has how many: 'a, b have 12 partitions, c has 6'."""
    by_count: dict[int, list[str]] = {}
    for name, count in {**counts, **(more or {})}.items():
        by_count.setdefault(count, []).append(name)
    return ", ".join(
        f"{', '.join(names)} {'has' if len(names) == 1 else 'have'} {count} partitions"
        for count, names in sorted(by_count.items(), key=lambda item: -len(item[1]))
    )


def _same(have: str | None, want: str) -> bool:
    if have is None:
        return False
    if have == want:
        return True
    try:  # brokers print 0.1 as 0.1 or 0.10
        return float(have) == float(want)
    except ValueError:
        return sorted(have.split(",")) == sorted(want.split(","))


def _words(config: Mapping[str, str]) -> str:
    return " ".join(f"{key}={value}" for key, value in config.items())
