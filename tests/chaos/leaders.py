"""Faults of a cluster of three: one broker leaves, stands still or comes back, leaders move.

What was committed is known to two (`min.insync.replicas`), so that none of these may lose a record;
each is over when all copies are in sync again, as an operator waits before the next node.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from streams.contract.topics import INPUTS, STATE
from tests.broker.kafka_server import KafkaServer
from tests.chaos.cluster import Cluster

THREE = 3
_SESSION_S = 3.0  # of a broker with its controller
_IN_SYNC_S = 60.0


def leader_killed(cluster: Cluster, rng: random.Random) -> None:
    """The leader of a partition is killed, and comes back when others lead."""
    server = _some_leader(cluster, rng)
    server.kill()
    _back(cluster, server, rng.uniform(0.0, 8.0))


def coordinator_killed(cluster: Cluster, rng: random.Random) -> None:
    """The coordinator of the workers' group is killed, and comes back."""
    server = cluster.broker.coordinator(cluster.settings.group)
    server.kill()
    _back(cluster, server, rng.uniform(0.0, 8.0))


def rolling_restart(cluster: Cluster, rng: random.Random) -> None:
    """Each broker in turn hands its leaders over, stops and comes back."""
    for server in rng.sample(cluster.broker.servers, THREE):
        server.stop()
        _back(cluster, server, 0.0)


def leader_stalled(cluster: Cluster, rng: random.Random) -> None:
    """A leader stands still until others lead, then goes on as if it led."""
    server = _some_leader(cluster, rng)
    server.pause()
    _tend(cluster, _SESSION_S + rng.uniform(2.0, 5.0))
    server.resume()
    _back(cluster, server, 0.0)


def too_few(cluster: Cluster, rng: random.Random) -> None:
    """Two of three stand still: nobody may commit until one of them is back."""
    for server in (two := rng.sample(cluster.broker.servers, 2)):
        server.pause()
    _tend(cluster, cluster.settings.transaction_timeout_ms / 1000.0 + rng.uniform(1.0, 4.0))
    for server in two:
        server.resume()
    _back(cluster, two[0], 0.0)


OF_THREE: dict[str, Callable[[Cluster, random.Random], None]] = {
    "leader kill -9": leader_killed,
    "coordinator kill -9": coordinator_killed,
    "rolling restart": rolling_restart,
    "leader stalled": leader_stalled,
    "too few in sync": too_few,
}


def _some_leader(cluster: Cluster, rng: random.Random) -> KafkaServer:
    topic = cluster.settings.topic(rng.choice((*INPUTS, STATE)))
    return cluster.broker.leader(topic, rng.randrange(cluster.settings.partitions))


def _back(cluster: Cluster, server: KafkaServer, seconds: float) -> None:
    """Start it after a while, and wait until it has all that it missed."""
    _tend(cluster, seconds)
    server.start()
    assert cluster.wait_for(lambda: not cluster.broker.behind(), _IN_SYNC_S), "copies stay behind"


def _tend(cluster: Cluster, seconds: float) -> None:
    cluster.wait_for(lambda: False, seconds)
