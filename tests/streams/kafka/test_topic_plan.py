"""Topics: what differs is said exactly, what can be mended is, what can't is refused."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from streams.__main__ import main
from streams.contract import topics
from streams.contract.topics import MODELS, OUTCOMES, TOPICS
from streams.errors import ExitCode
from streams.kafka import topic_plan
from streams.kafka.topic_check import advice, check
from streams.kafka.topic_plan import Found, TopicError, create_topics, fetch, plan
from streams.sandbox.embedded_broker import EmbeddedBroker
from streams.settings import Settings

SETTINGS = Settings(partitions=4, replication=1)


def cluster(settings: Settings = SETTINGS, **partitions: int) -> dict[str, Found]:
    """The table as a cluster would have it; partitions by topic name (dashes as underscores)."""
    return {
        settings.topic(t.name): Found(
            partitions.get(t.name.replace("-", "_"), settings.partitions), dict(t.config)
        )
        for t in TOPICS
    }


def test_an_equal_cluster_needs_nothing() -> None:
    assert plan(cluster(), SETTINGS) == []
    assert check(cluster(), SETTINGS) == []


def test_an_empty_cluster_needs_everything() -> None:
    changes = plan({}, SETTINGS)
    assert [(c.action, c.topic) for c in changes] == [("create", t.name) for t in TOPICS]
    # Which only some deployments need.
    needed = [t.name for t in TOPICS if t.name not in (OUTCOMES, MODELS)]
    assert check({}, SETTINGS) == ["missing: " + ", ".join(needed)]
    everything = ["missing: " + ", ".join(t.name for t in TOPICS)]
    assert check({}, replace(SETTINGS, outcomes=True, shared_model=True)) == everything


def test_the_prefix_is_part_of_the_name() -> None:
    prefixed = replace(SETTINGS, topic_prefix="eu-")
    assert {c.topic for c in plan(cluster(), prefixed)} == {"eu-" + t.name for t in TOPICS}


def test_broken_copartitioning_is_named_exactly() -> None:
    found = cluster(tv_viewing=6)
    joined = [t.name for t in TOPICS if t.copartitioned and t.name != topics.TV]
    assert check(found, SETTINGS) == [
        f"not co-partitioned: {', '.join(joined)} have 4 partitions, tv-viewing has 6 partitions"
    ]
    (change,) = plan(found, SETTINGS)
    assert (change.action, change.topic) == ("refuse", topics.TV)
    assert "6 partitions" in change.about and "is 4" in change.about


def test_topics_that_are_not_joined_may_differ() -> None:
    assert check(cluster(content_tags=1, catalogue=9), SETTINGS) == []
    assert plan(cluster(content_tags=1), SETTINGS) == []


def test_a_missing_topic_is_not_created_beside_others_of_another_count() -> None:
    found = cluster()
    del found[topics.APP]
    changes = plan(found, replace(SETTINGS, partitions=8))
    assert {c.action for c in changes} == {"refuse"}
    assert any(c.topic == topics.APP and "app-events has 8" in c.about for c in changes)


def test_other_configuration_is_updated() -> None:
    found = cluster()
    found[topics.NETWORK] = Found(4, {**found[topics.NETWORK].config, "retention.ms": "5"})
    (change,) = plan(found, SETTINGS)
    assert change.action == "configure"
    assert change.config == {"retention.ms": topics.BY_NAME[topics.NETWORK].config["retention.ms"]}
    assert change.about.startswith("retention.ms 5 -> ")


def test_the_same_number_in_other_digits_is_no_difference() -> None:
    found = cluster()
    found[topics.STATE] = Found(
        4, {**found[topics.STATE].config, "min.cleanable.dirty.ratio": "0.10"}
    )
    assert plan(found, SETTINGS) == []


def test_a_changelog_that_is_deleted_is_refused_at_start() -> None:
    found = cluster()
    found[topics.STATE] = Found(4, {**found[topics.STATE].config, "cleanup.policy": "delete"})
    assert check(found, SETTINGS) == [
        "interest-state: cleanup.policy is delete, state would be lost; it must be compact alone"
    ]


@pytest.mark.parametrize(
    ("name", "config", "says"),
    [
        (topics.STATE, {"cleanup.policy": "compact,delete"}, "cleanup.policy is compact,delete, s"),
        (topics.PROFILES, {"cleanup.policy": "delete,compact"}, "must be compact alone"),
        (topics.FACTS, {"cleanup.policy": "compact"}, "withdrawals of consent among them"),
        (topics.TV, {"cleanup.policy": "compact,delete"}, "must be delete alone"),
        (topics.STATE, {"min.insync.replicas": "4"}, "is 4 of 3 replicas: nobody can write"),
        (topics.DEAD_LETTERS, {"max.message.bytes": "70000"}, "max.message.bytes is 70000, but"),
        (topics.STATE, {"max.message.bytes": "10000"}, "max.message.bytes is 10000, but"),
    ],
)
def test_what_would_lose_or_stop_is_refused_in_both_directions(
    name: str, config: dict[str, str], says: str
) -> None:
    found = cluster()
    found[name] = Found(4, {**found[name].config, **config}, replicas=3)
    (reason,) = check(found, SETTINGS)
    assert reason.startswith(f"{name}: ") and says in reason


def test_what_is_careless_is_a_note() -> None:
    assert advice(cluster(), SETTINGS) == []
    found = cluster()
    found[topics.FACTS] = Found(4, {"cleanup.policy": "delete", "retention.ms": "5"}, replicas=3)
    assert check(found, SETTINGS) == []
    one, other = advice(found, SETTINGS)
    assert one.startswith("subscriber-facts: min.insync.replicas is 1")
    assert "retention.ms is 5" in other


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as running:
        yield running


@pytest.fixture(scope="module")
def admin(broker: EmbeddedBroker) -> AdminClient:
    return AdminClient({"bootstrap.servers": broker.bootstrap_servers})


def test_create_then_nothing_to_do(broker: EmbeddedBroker, admin: AdminClient) -> None:
    settings = replace(SETTINGS, bootstrap_servers=broker.bootstrap_servers, topic_prefix="a-")
    assert len(create_topics(admin, settings)) == len(TOPICS)
    found = fetch(admin, settings)
    assert {name: have.partitions for name, have in found.items()} == {
        settings.topic(t.name): 4 for t in TOPICS
    }
    assert create_topics(admin, settings) == []


def test_a_changed_configuration_is_set_back(broker: EmbeddedBroker, admin: AdminClient) -> None:
    settings = replace(SETTINGS, bootstrap_servers=broker.bootstrap_servers, topic_prefix="b-")
    create_topics(admin, settings)
    entry = ConfigEntry("retention.ms", "1000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, "b-tv-viewing", incremental_configs=[entry])
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(60)
    (change,) = create_topics(admin, settings)
    assert (change.action, change.topic) == ("configure", "b-tv-viewing")
    assert plan(fetch(admin, settings), settings) == []


def _main(*argv: str) -> int:
    return main(["topics", *argv])


def test_check_exits_1_with_the_exact_reason(
    broker: EmbeddedBroker,
    admin: AdminClient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("INTEREST_STREAMS_TOPIC_PREFIX", "c-")
    monkeypatch.setenv("INTEREST_STREAMS_PARTITIONS", "4")
    monkeypatch.setenv("INTEREST_STREAMS_REPLICATION", "1")
    for future in admin.create_topics([NewTopic("c-tv-viewing", 3, 1)]).values():
        future.result(60)
    where = ("--bootstrap", broker.bootstrap_servers)
    assert _main("plan", *where) == 1
    assert "c-tv-viewing: has 3 partitions" in capsys.readouterr().out
    assert _main("apply", *where) == 1
    assert "has 3 partitions" in capsys.readouterr().err
    assert _main("check", *where) == 1
    assert "missing: c-subscriber-facts" in capsys.readouterr().err

    monkeypatch.setenv("INTEREST_STREAMS_TOPIC_PREFIX", "d-")
    assert _main("apply", *where) == 0
    assert _main("plan", *where) == 0
    assert _main("check", *where) == 0
    assert f"{len(TOPICS)} topics, co-partitioned, as" in capsys.readouterr().out


def test_a_refused_creation_names_the_topic() -> None:
    class Refusing(AdminClient):
        """Answers like a cluster without topics that creates none."""

        def __init__(self) -> None:
            """No connection."""

        def list_topics(self, *args: Any, **kwargs: Any) -> Any:
            return argparse.Namespace(topics={})

        def create_topics(self, *args: Any, **kwargs: Any) -> Any:
            new: list[NewTopic] = args[0]
            futures: dict[str, Future[None]] = {topic.topic: Future() for topic in new}
            for name, future in futures.items():
                if name == topics.TAGS:
                    future.set_exception(
                        KafkaException(
                            KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "no right to create")
                        )
                    )
                else:
                    future.set_result(None)
            return futures

    with pytest.raises(TopicError, match="content-tags: no right to create"):
        create_topics(Refusing(), SETTINGS)


def test_an_absent_cluster_is_said_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(topic_plan, "_TIMEOUT_S", 0.3)
    assert _main("check", "--bootstrap", "127.0.0.1:1") == ExitCode.UNREACHABLE
    assert "does not answer" in capsys.readouterr().err


def test_too_few_brokers_are_said_with_what_to_set() -> None:
    class One(AdminClient):
        """Answers like a cluster of one broker."""

        def __init__(self) -> None:
            """No connection."""

        def list_topics(self, *args: Any, **kwargs: Any) -> Any:
            return argparse.Namespace(topics={}, brokers={1: "the one"})

        def create_topics(self, *args: Any, **kwargs: Any) -> Any:
            refused: Future[None] = Future()
            error = KafkaError(KafkaError.INVALID_REPLICATION_FACTOR, "3 time(s)")
            refused.set_exception(KafkaException(error))
            return {args[0][0].topic: refused}

    with pytest.raises(TopicError) as caught:
        create_topics(One(), replace(SETTINGS, replication=3))
    assert str(caught.value) == (
        "subscriber-facts: replication = 3, and the cluster has 1 broker: add brokers, or set "
        "replication = 1 (INTEREST_STREAMS_REPLICATION=1), where what is lost with a broker may be "
        "lost for good"
    )
