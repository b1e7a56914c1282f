"""``/livez``, ``/readyz`` and ``/metrics`` on one port.

Live means that the loop ticked lately; it never asks the broker, so a broker's trouble does not
restart workers. Ready means assigned, restored and polling: a pod that consumes nothing is not.
"""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import generate_latest

from streams import metrics


class Health:
    """What the loop says of itself, and the server that repeats it.

    Parameters
    ----------
    host, port
        Where to listen; port 0 for nowhere.
    stale_s : float
        A loop that did not tick for so long is not live.
    """

    def __init__(self, host: str, port: int, stale_s: float) -> None:
        self._stale = stale_s
        self._ticked = time.monotonic()
        self.ready = False
        self.reason = "starting"
        self._server: ThreadingHTTPServer | None = None
        if port:
            self._server = ThreadingHTTPServer((host, port), _handler(self))
            self._server.daemon_threads = True
            threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def tick(self, ready: bool, reason: str = "") -> None:
        """Called once per turn of the loop."""
        self._ticked = time.monotonic()
        self.ready, self.reason = ready, reason
        metrics.READY.set(1 if ready else 0)

    def starting(self, what: str) -> None:
        """Called between the steps of a start that may each take long."""
        self.tick(False, what)

    def live(self) -> bool:
        """Whether the loop ticked lately."""
        return time.monotonic() - self._ticked < self._stale

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def _handler(health: Health) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802  # the name is http.server's
            if self.path == "/livez":
                self._answer(health.live(), b"live\n", b"the loop does not tick\n")
            elif self.path == "/readyz":
                self._answer(health.ready, b"ready\n", f"{health.reason}\n".encode())
            elif self.path == "/metrics":
                self._send(
                    200,
                    generate_latest(metrics.REGISTRY),
                    "text/plain; version=0.0.4; charset=utf-8",
                )
            else:
                self._send(404, b"try /livez, /readyz or /metrics\n", "text/plain")

        def _answer(self, good: bool, yes: bytes, no: bytes) -> None:
            self._send(200 if good else 503, yes if good else no, "text/plain")

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Probes every few seconds are not news."""

    return Handler
