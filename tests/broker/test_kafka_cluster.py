"""Three brokers are one cluster: what was acknowledged outlives its leader, however it goes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, OffsetSpec, ResourceType
from confluent_kafka.cimpl import NewTopic

from streams.kafka.offsets import offsets_at
from streams.settings import Settings
from tests.broker.kafka_cluster import KafkaCluster, started_cluster
from tests.broker.kafka_server import KafkaServer
from tests.support.processes import wait_until

#: Three brokers beside the tests of another process answer when they can: not in each test run.
pytestmark = [pytest.mark.kafka, pytest.mark.chaos]
_CALL_S = 30.0


@pytest.fixture(scope="module")
def cluster(kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    with started_cluster(tmp_path_factory.mktemp("cluster")) as found:
        admin = AdminClient({"bootstrap.servers": found.bootstrap})
        admin.create_topics([NewTopic("out", 1)])["out"].result(_CALL_S)
        yield found


def test_a_commit_outlives_its_leader(cluster: KafkaCluster) -> None:
    cluster.wait_in_sync()
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "transactional.id": "one"})
    producer.init_transactions(_CALL_S)
    leaders = set()
    for number in range(2):
        producer.begin_transaction()
        producer.produce("out", b"%d" % number, partition=0)
        producer.commit_transaction(_CALL_S)
        leader = cluster.leader("out")
        leaders.add(leader.port)
        leader.kill()
        wait_until(lambda: _leader_is_up(cluster), _CALL_S)
        # A record and, a moment later, a marker of each commit.
        wait_until(partial(_ends_at, cluster, 2 * (number + 1)), _CALL_S)
        leader.start()
        cluster.wait_in_sync()
    assert len(leaders) == 2


def test_leaders_come_back_with_their_node(cluster: KafkaCluster) -> None:
    cluster.wait_in_sync()
    first = cluster.servers[_replicas(cluster)[0] - 1]
    first.stop()
    wait_until(lambda: _leader_is_up(cluster), _CALL_S)
    assert cluster.leader("out") is not first
    first.start()
    wait_until(lambda: _leads(cluster, first), _CALL_S)


def test_a_topic_has_three_copies_and_needs_two(cluster: KafkaCluster) -> None:
    assert sorted(_replicas(cluster)) == [1, 2, 3]
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    for topic in ("out", "__transaction_state"):
        resource = ConfigResource(ResourceType.TOPIC, topic)
        config = admin.describe_configs([resource])[resource].result(_CALL_S)
        assert config["min.insync.replicas"].value == "2"


def _leader_is_up(cluster: KafkaCluster) -> bool:
    return any(_leads(cluster, server) for server in cluster.servers if server.running)


def _leads(cluster: KafkaCluster, server: KafkaServer) -> bool:
    try:
        return cluster.leader("out") is server
    except KafkaException:
        return False


def _ends_at(cluster: KafkaCluster, offset: int) -> bool:
    settings = Settings(bootstrap_servers=cluster.bootstrap)
    return offsets_at(settings, [("out", 0)], OffsetSpec.latest()) == {("out", 0): offset}


def _replicas(cluster: KafkaCluster) -> list[int]:
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    return list(admin.list_topics("out", timeout=_CALL_S).topics["out"].partitions[0].replicas)
