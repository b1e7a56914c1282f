"""Serves ``/livez``, ``/readyz`` and ``/metrics`` of a worker or an app.

Live means that the loop ticked lately; it never asks the broker, so a broker's trouble does not
restart anybody. Ready means that a broker answers and that the program does what it should: its
partitions are restored and polled, or there are none for it and it stands by. A partition that
was given up is named, and the others keep it ready.
"""

from __future__ import annotations

import platform
import time
from functools import cache
from http import HTTPStatus
from importlib import metadata

from confluent_kafka import libversion

from streams import metrics
from streams.worker.http_port import Answer, HttpPort


class Health:
    """Keeps the state that a loop reports, and serves it on a port.

    Parameters
    ----------
    host, port
        Where to listen; port 0 for nowhere.
    stale_s : float
        A loop that did not tick for so long is not live.
    program : str
        Whose loop it is, a label of the metric.
    tenant : str
        A label of every metric.

    Raises
    ------
    PortTaken
    """

    def __init__(
        self, host: str, port: int, stale_s: float, program: str = "worker", tenant: str = ""
    ) -> None:
        self._stale = stale_s
        self._reached = True
        self._gauge = metrics.READY.labels(program)
        self.starting("starting")
        self._program, self._tenant = program, tenant
        metrics.BUILD.labels(program, *versions()).set(1)
        pages = {"/livez": self._livez, "/readyz": self._readyz, "/metrics": self._metrics}
        self._port = HttpPort(host, port, pages) if port else None

    def tick(self, ready: bool, reason: str = "", said: str = "ready") -> None:
        """Called once per turn of the loop, with why it is not ready, or what it says if it is."""
        self._ticked = time.monotonic()
        self.ready, self.reason = ready, said if ready else reason
        self._gauge.set(1 if ready and self._reached else 0)

    def reached(self, there: bool) -> None:
        """Called about every second with whether a broker answers."""
        self._reached = there
        metrics.BROKER_REACHABLE.set(1 if there else 0)
        self._gauge.set(1 if self.ready and there else 0)

    def starting(self, what: str) -> None:
        """Called between the steps of a start that may each take long."""
        self.tick(False, what)

    def live(self) -> bool:
        """Whether the loop ticked lately."""
        return time.monotonic() - self._ticked < self._stale

    def close(self) -> None:
        """Stop listening."""
        if self._port is not None:
            self._port.close()

    def _livez(self) -> Answer:
        if self.live():
            return Answer(HTTPStatus.OK, b"live\n")
        return Answer(HTTPStatus.SERVICE_UNAVAILABLE, b"the loop does not tick\n")

    def _readyz(self) -> Answer:
        if not self._reached:
            why = "" if self.ready else f"{self.reason}\n"
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, f"no broker answers\n{why}".encode())
        status = HTTPStatus.OK if self.ready else HTTPStatus.SERVICE_UNAVAILABLE
        return Answer(status, f"{self.reason}\n".encode())

    def _metrics(self) -> Answer:
        body = metrics.exported(self._program, self._tenant)
        return Answer(HTTPStatus.OK, body, "text/plain; version=0.0.4; charset=utf-8")


def versions() -> tuple[str, ...]:
    """Versions of the package, Python, River, Numba and librdkafka, "" for what is not there."""
    found = [_version("interest-streams"), platform.python_version()]
    return (*found, _version("river"), _version("numba"), libversion()[0])


@cache
def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
