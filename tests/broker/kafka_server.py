"""A real Apache Kafka for tests: one KRaft node from Maven artifacts, no container needed.

The server keeps its port and data directory over `KafkaServer.stop`, `KafkaServer.kill` and
`KafkaServer.start`, so that a test can take the broker away and give it back.
Run as a module, it only fetches the jars: ``python -m tests.broker.kafka_server``.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Collection
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.support.paths import CACHE, TESTS

POM = TESTS / "broker" / "pom.xml"
LIBS = CACHE / "kafka"

#: Start to first answer takes 4 s on an idle two-core machine; CI's may be busy.
START_TIMEOUT_S = 90.0
#: A clean stop flushes its logs; a transaction in flight doesn't delay it.
STOP_TIMEOUT_S = 60.0
#: 54 MB of jars from the configured Maven repository.
FETCH_TIMEOUT_S = 600.0

#: However the tests end (a time-out of pytest-timeout runs no exit handlers), the server goes too.
_DIES_WITH_US = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# Short sessions are what makes kill tests short, the broker's own (9 s) included.
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=33554432
{extra}
"""


class KafkaUnavailable(RuntimeError):
    """The server cannot be had here; the text says what to install or where its log is."""


def fetch_jars(libs: Path = LIBS) -> Path:
    """Return the folder with the broker's jars, fetched through Maven once.

    Raises
    ------
    KafkaUnavailable
        When Java or Maven is missing (naming the Debian package) or the fetch fails.
    """
    if shutil.which("java") is None:
        raise KafkaUnavailable("no java: apt-get install openjdk-17-jre-headless")
    done = libs / ".complete"
    if done.exists() and done.read_text() == POM.read_text():
        return libs
    if shutil.which("mvn") is None:
        raise KafkaUnavailable("no mvn: apt-get install maven")
    libs.parent.mkdir(parents=True, exist_ok=True)
    # Into a fresh folder, then renamed: an interrupted fetch leaves nothing half done.
    fresh = Path(tempfile.mkdtemp(prefix="kafka-", dir=libs.parent))
    try:
        subprocess.run(
            [
                "mvn",
                "-q",
                "-B",
                "-f",
                str(POM),
                "dependency:copy-dependencies",
                f"-DoutputDirectory={fresh}",
            ],
            check=True,
            timeout=FETCH_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise KafkaUnavailable(f"mvn could not fetch Kafka: {error}\n{error.stdout!s}") from None
    (fresh / ".complete").write_text(POM.read_text())
    shutil.rmtree(libs, ignore_errors=True)
    fresh.rename(libs)
    return libs


class KafkaServer:
    """One broker (and controller) with its own data directory and port.

    Parameters
    ----------
    root : Path
        Empty or new directory; holds ``data/``, ``server.properties`` and ``server.log``.
    libs : Path
        Folder of jars, see `fetch_jars`.
    extra : str
        Further lines of ``server.properties``.
    """

    def __init__(self, root: Path, libs: Path, extra: str = "") -> None:
        self.root = root
        self.libs = libs
        self.data = root / "data"
        self.log = root / "server.log"
        self.port, self._controller_port = free_ports(2)
        self._properties = root / "server.properties"
        self._process: subprocess.Popen[bytes] | None = None
        root.mkdir(parents=True, exist_ok=True)
        self._properties.write_text(
            _PROPERTIES.format(
                port=self.port, controller_port=self._controller_port, data=self.data, extra=extra
            )
        )
        self._format()

    @property
    def bootstrap(self) -> str:
        """Bootstrap servers, ``host:port``; the same for the server's whole life."""
        return f"127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    def log_dir(self, topic: str, partition: int) -> Path:
        """Folder with the segments of a partition, to look at (or damage) what is on disk."""
        return self.data / f"{topic}-{partition}"

    def start(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Start the process and wait until it answers a client.

        Raises
        ------
        KafkaUnavailable
            With the end of the server's log, when it ends or doesn't answer in time.
        """
        if self.running:
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*_DIES_WITH_US, *self._java("-Xmx512m", "kafka.Kafka", str(self._properties))],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.root,
                start_new_session=True,  # Ctrl-C goes to pytest, which stops the server in order
            )
        atexit.register(self.kill)
        wait_for(self._answers, timeout_s, self._describe)

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
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused process go on (SIGCONT)."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def _java(self, heap: str, main: str, *args: str) -> list[str]:
        # Serial collector and first-tier compiler only: the server shares two cores with tests.
        return [
            "java",
            heap,
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            f"{self.libs}/*",
            main,
            *args,
        ]

    def _format(self) -> None:
        done = subprocess.run(
            self._java(
                "-Xmx128m",
                "kafka.tools.StorageTool",
                "format",
                "--cluster-id",
                uuid.uuid4().hex[:22],
                "--config",
                str(self._properties),
            ),
            timeout=START_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise KafkaUnavailable(f"formatting failed:\n{done.stdout}{done.stderr}")

    def _answers(self) -> bool:
        if not self.running:
            raise KafkaUnavailable(self._describe())
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                pass
            admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
            return len(admin.list_topics(timeout=2).brokers) == 1
        except (OSError, KafkaException):
            return False

    def _describe(self) -> str:
        tail = self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""
        return f"Kafka at {self.bootstrap} does not answer; end of {self.log}:\n{tail}"


def wait_for(
    condition: Callable[[], bool],
    timeout_s: float,
    describe: Callable[[], str] = lambda: "condition not met",
) -> None:
    """Poll a condition five times a second until it holds.

    Raises
    ------
    KafkaUnavailable
        With the description, when the time is up.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise KafkaUnavailable(f"after {timeout_s:g} s: {describe()}")
        time.sleep(0.2)


def free_ports(count: int, beside: Collection[int] = ()) -> list[int]:
    """Ports that nobody listens on, all held until all are chosen; none of those in `beside`.

    From below the ephemeral range: a restart must find its port not lent to a client.
    """
    held: list[socket.socket] = []
    start = 20_000 + os.getpid() * 7 % 10_000
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


if __name__ == "__main__":
    try:
        print(f"Kafka is in {fetch_jars()}")
    except KafkaUnavailable as unavailable:
        raise SystemExit(f"Kafka: {unavailable}") from None
