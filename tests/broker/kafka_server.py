"""A real Apache Kafka for tests: a KRaft node from Maven artifacts, no container needed.

The server keeps its port and data directory over `KafkaServer.stop`, `KafkaServer.kill` and
`KafkaServer.start`, so that a test can take the broker away and give it back.
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.broker.jars import KafkaUnavailable, fetch_jars
from tests.support.processes import DIES_WITH_US, CommandFailed, run_command, wait_until

#: Start to first answer takes 4 s on an idle two-core machine; CI's may be busy.
START_TIMEOUT_S = 300.0
#: A clean stop flushes its logs; a transaction in flight doesn't delay it.
STOP_TIMEOUT_S = 60.0

_LOGGING = "org.slf4j.simpleLogger"
_PROPERTIES = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners={listeners},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners={advertised}
listener.security.protocol.map={protocols},CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
default.replication.factor={copies}
min.insync.replicas={least}
offsets.topic.replication.factor={copies}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={least}
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr={least}
# A follower that stands still is left behind as soon as a broker that does.
replica.lag.time.max.ms=4000
# What a node led before it left, it leads again soon after it is back.
leader.imbalance.check.interval.seconds=5
leader.imbalance.per.broker.percentage=0
group.initial.rebalance.delay.ms=0
# Short sessions are what makes kill tests short, the broker's own (9 s) included.
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=33554432
{more}
"""


@dataclass(frozen=True)
class Node:
    """Which node of which cluster a server is.

    Attributes
    ----------
    number : int
        From 1 on.
    cluster : str
        The cluster's id.
    ports : sequence of (int, int)
        Of each node, the broker's port and the controller's.
    """

    number: int
    cluster: str
    ports: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Options:
    """How a broker is run; by default it starts fast and takes little of two shared cores."""

    heap: str = "512m"
    #: Let Java compile in earnest, as it must where a broker is measured.
    optimised: bool = False
    #: More lines of ``server.properties``.
    properties: Mapping[str, str] = field(default_factory=dict)
    #: Further ports that it listens on, to those at which they are advertised. Their listeners
    #: are called W0, W1 and so on.
    listeners: Mapping[int, int] = field(default_factory=dict)
    #: What they speak, where that is not PLAINTEXT.
    protocols: Mapping[int, str] = field(default_factory=dict)
    #: Loggers of the server that write to its log, and from which level on.
    loggers: Mapping[str, str] = field(default_factory=dict)
    #: Its place among others; without, it is a cluster of its own.
    node: Node | None = None


@contextmanager
def started_kafka(root: Path, options: Options | None = None) -> Iterator[KafkaServer]:
    """A running broker, killed at the end.

    Raises
    ------
    KafkaUnavailable
        See `fetch_jars` and `KafkaServer.start`.
    """
    server = KafkaServer(root, options)
    try:
        server.start()
        yield server
    finally:
        server.kill()


class KafkaServer:
    """One broker (and controller) with its own data directory and port.

    Parameters
    ----------
    root : Path
        Empty or new directory; holds ``data/``, ``server.properties`` and ``server.log``.
    options : Options

    Raises
    ------
    KafkaUnavailable
        See `fetch_jars`.
    """

    def __init__(self, root: Path, options: Options | None = None) -> None:
        self.root = root
        self.options = options or Options()
        self.libs = fetch_jars()
        self.data = root / "data"
        self.log = root / "server.log"
        self.node = self.options.node or alone(self.options.listeners)
        self.port = self.node.ports[self.node.number - 1][0]
        self._properties = root / "server.properties"
        self._process: subprocess.Popen[bytes] | None = None
        root.mkdir(parents=True, exist_ok=True)
        self._properties.write_text(_properties(self))
        self._format()

    @property
    def bootstrap(self) -> str:
        """Bootstrap servers, ``host:port``; the same for the server's whole life."""
        return f"127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Process id of the running broker."""
        assert self._process is not None
        return self._process.pid

    def log_dir(self, topic: str, partition: int) -> Path:
        """Folder with the segments of a partition, to look at (or damage) what is on disk."""
        return self.data / f"{topic}-{partition}"

    def start(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Start the process and wait until it answers a client.

        Raises
        ------
        KafkaUnavailable
            See `wait`.
        """
        self.launch()
        self.wait(timeout_s)

    def launch(self) -> None:
        """Start the process; most of a cluster's nodes must run before one answers."""
        if self.running:
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*DIES_WITH_US, *self._java("kafka.Kafka", str(self._properties))],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.root,
                start_new_session=True,  # Ctrl-C goes to pytest, which stops the server in order
            )
        atexit.register(self.kill)

    def wait(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until it answers a client.

        Raises
        ------
        KafkaUnavailable
            With the end of the server's log, when it ends or doesn't answer in time.
        """
        try:
            wait_until(self._answers, timeout_s, self._describe)
        except TimeoutError as error:
            raise KafkaUnavailable(str(error)) from None

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Stop in order (SIGTERM), or kill when that takes too long."""
        if self._process is None:
            return
        if self.running:
            self._process.terminate()
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def kill(self) -> None:
        """End the process at once (SIGKILL); a stopped or paused server too."""
        process, self._process = self._process, None
        atexit.unregister(self.kill)
        if process is not None:
            process.kill()
            process.wait(STOP_TIMEOUT_S)

    def restart(self) -> None:
        """Stop in order and start again on the same port and data."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze the process (SIGSTOP): connections stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused process go on (SIGCONT)."""
        os.kill(self.pid, signal.SIGCONT)

    def _java(self, main: str, *args: str) -> list[str]:
        fast = [] if self.options.optimised else ["-XX:TieredStopAtLevel=1"]
        heap, path = f"-Xmx{self.options.heap}", f"{self.libs}/*"
        levels = {"defaultLogLevel": "error"}
        levels |= {f"log.{name}": level for name, level in self.options.loggers.items()}
        logged = [f"-D{_LOGGING}.{name}={level}" for name, level in levels.items()]
        return ["java", heap, "-XX:+UseSerialGC", *fast, *logged, "-cp", path, main, *args]

    def _format(self) -> None:
        words = ["format", "--cluster-id", self.node.cluster, "--config"]
        try:
            run_command(
                self._java("kafka.tools.StorageTool", *words, str(self._properties)),
                START_TIMEOUT_S,
            )
        except CommandFailed as error:
            raise KafkaUnavailable(f"formatting failed: {error}") from None

    def _answers(self) -> bool:
        if not self.running:
            raise KafkaUnavailable(self._describe())
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                pass
            admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
            known = admin.list_topics(timeout=10).brokers.values()
            return self.port in {broker.port for broker in known}
        except (OSError, KafkaException):
            return False

    def _describe(self) -> str:
        tail = self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""
        return f"Kafka at {self.bootstrap} does not answer; end of {self.log}:\n{tail}"


def _properties(server: KafkaServer) -> str:
    """The file, with a listener of its own for each way to the broker."""
    node = server.node
    controllers = [port for _, port in node.ports]
    ways = {"PLAINTEXT": (server.port, server.port)}
    for number, (port, advertised) in enumerate(server.options.listeners.items()):
        ways[f"W{number}"] = port, advertised
    speaks = server.options.protocols
    return _PROPERTIES.format(
        listeners=",".join(f"{name}://127.0.0.1:{port}" for name, (port, _) in ways.items()),
        advertised=",".join(f"{name}://127.0.0.1:{port}" for name, (_, port) in ways.items()),
        protocols=",".join(
            f"{name}:{speaks.get(port, 'PLAINTEXT')}" for name, (port, _) in ways.items()
        ),
        node=node.number,
        voters=",".join(f"{n}@127.0.0.1:{port}" for n, port in enumerate(controllers, 1)),
        controller_port=controllers[node.number - 1],
        copies=min(3, len(controllers)),
        least=min(2, len(controllers)),
        data=server.data,
        more="\n".join(f"{name}={value}" for name, value in server.options.properties.items()),
    )


def alone(beside: Collection[int] = ()) -> Node:
    """The only node of a new cluster, at ports that nobody has."""
    broker, controller = free_ports(2, beside)
    return Node(1, new_cluster_id(), [(broker, controller)])


def new_cluster_id() -> str:
    """An id that no cluster has."""
    return uuid.uuid4().hex[:22]


def free_ports(count: int, beside: Collection[int] = ()) -> list[int]:
    """Ports that nobody listens on, all held until all are chosen; none of those in `beside`.

    From below the ephemeral range: a restart must find its port not lent to a client. Processes
    that were started one after the other look far from each other: what one of them chose, its
    server does not listen on yet.
    """
    held: list[socket.socket] = []
    start = 20_000 + os.getpid() * 6_181 % 10_000  # the golden section of it
    for port in range(start, start + 2_000):
        if port in beside:
            continue
        candidate = socket.socket()
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            candidate.close()
            continue
        held.append(candidate)
        if len(held) == count:
            break
    ports = [sock.getsockname()[1] for sock in held]
    for sock in held:
        sock.close()
    if len(ports) < count:
        raise KafkaUnavailable("no free port between 20000 and 32000")
    return ports
