"""Several real Kafka brokers as one cluster: leaders, copies in sync, and nodes to take away.

With three nodes every topic has three copies, of which two must know a record before it counts
as written (`min.insync.replicas`), the brokers' own topics included. A node that came back leads
again what it led before, a few seconds after it has all copies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from streams.kafka.consumer_group import describe
from tests.broker.kafka_server import KafkaServer, Node, Options, free_ports, new_cluster_id
from tests.support.processes import wait_until

_ADMIN_S = 10.0
_IN_SYNC_S = 240.0


@contextmanager
def started_cluster(
    root: Path, nodes: int = 3, options: Sequence[Options] | None = None
) -> Iterator[KafkaCluster]:
    """A running cluster, killed at the end.

    Raises
    ------
    KafkaUnavailable
        See `fetch_jars` and `KafkaServer.wait`.
    """
    cluster = KafkaCluster(root, options or [Options()] * nodes)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.kill()


class KafkaCluster:
    """Brokers (and controllers) that form one cluster, each in a folder of its own.

    Parameters
    ----------
    root : Path
        Empty or new directory; holds a folder per node, ``1``, ``2`` and so on.
    options : sequence of Options
        One per node.

    Attributes
    ----------
    servers : list of KafkaServer
        By number of node, from 1 on; to kill, pause and start each.

    Raises
    ------
    KafkaUnavailable
        See `fetch_jars`.
    """

    def __init__(self, root: Path, options: Sequence[Options]) -> None:
        self.root = root
        lent = [port for one in options for port in one.listeners]
        free = free_ports(2 * len(options), lent)
        ports = list(zip(free[::2], free[1::2], strict=True))
        cluster = new_cluster_id()

        def made(number: int) -> KafkaServer:
            node = Node(number, cluster, ports)
            return KafkaServer(root / str(number), replace(options[number - 1], node=node))

        with ThreadPoolExecutor() as threads:  # each formats its folder, in a process
            self.servers = list(threads.map(made, range(1, len(options) + 1)))

    @property
    def bootstrap(self) -> str:
        """Bootstrap servers: all nodes."""
        return ",".join(server.bootstrap for server in self.servers)

    def start(self) -> None:
        """Start the nodes that do not run, and wait until each answers."""
        self._all(KafkaServer.launch)
        self._all(KafkaServer.wait)

    def stop(self) -> None:
        """Stop all nodes in order."""
        with ThreadPoolExecutor() as threads:  # the last controller waits for nobody's vote
            list(threads.map(KafkaServer.stop, self.servers))

    def kill(self) -> None:
        """End all nodes at once (SIGKILL)."""
        self._all(KafkaServer.kill)

    def pause(self) -> None:
        """Freeze all nodes."""
        self._all(KafkaServer.pause)

    def resume(self) -> None:
        """Let all go on."""
        self._all(KafkaServer.resume)

    def leader(self, topic: str, partition: int = 0) -> KafkaServer:
        """The node that leads a partition.

        Raises
        ------
        KafkaException
            When no node answers, or nobody leads the partition now.
        """
        found = self._admin().list_topics(topic, timeout=_ADMIN_S).topics[topic]
        leader: int = found.partitions[partition].leader
        if leader < 0:
            raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))
        return self.servers[leader - 1]

    def coordinator(self, group: str) -> KafkaServer:
        """The node that coordinates a consumer group.

        Raises
        ------
        KafkaFailed
            When there is none for a while.
        """
        number: int = describe(self._admin(), group, _IN_SYNC_S).coordinator.id
        return self.servers[number - 1]

    def wait_in_sync(self, seconds: float = _IN_SYNC_S) -> None:
        """Wait until every node has every copy that it must have.

        Raises
        ------
        TimeoutError
        """
        wait_until(lambda: not self.behind(), seconds, lambda: f"not in sync: {self.behind()}")

    def behind(self) -> list[str]:
        """What is not in sync, in words; empty when every node has every copy it must have."""
        try:
            topics = self._admin().list_topics(timeout=_ADMIN_S).topics
        except KafkaException as error:
            return [str(error)]
        return [
            f"{name}[{number}] {spot.isrs} of {spot.replicas}"
            for name, topic in topics.items()
            for number, spot in topic.partitions.items()
            if len(spot.isrs) < len(spot.replicas)
        ]

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})

    def _all(self, act: Callable[[KafkaServer], None]) -> None:
        for server in self.servers:
            act(server)
