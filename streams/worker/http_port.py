"""Serves a few small pages on one port from one thread, whatever comes in.

The askers are probes and scrapers, so everything an asker can hold is bounded: connections,
bytes of a request, time. Where all connections are taken the oldest makes room for a new one, and
whoever has asked by then is answered first: silent connections never keep a probe out. A
descriptor is kept in reserve, so that a process that has used up its file limit still says so.
"""

from __future__ import annotations

import errno
import logging
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, NamedTuple

from streams.errors import PortTaken

MOST_CONNECTIONS: Final = 64  # far above what probes and scrapers need, far below any file limit
_REQUEST_BYTES: Final = 4096  # request line and headers; a body is never read
_PATIENCE_S: Final = 5.0  # with whoever asks, and again with whoever reads the answer
_TICK_S: Final = 0.25  # how often patience is looked at
_BACKLOG: Final = 1024  # a burst waits in the kernel instead of losing a probe's first packet

log = logging.getLogger(__name__)


class Answer(NamedTuple):
    """The answer of a page: status, type and body."""

    status: HTTPStatus
    body: bytes
    kind: str = "text/plain; charset=utf-8"


Page = Callable[[], Answer]


@dataclass
class _Exchange:
    """One connection: first its request comes, then `left` of the answer goes out."""

    deadline: float
    request: bytearray = field(default_factory=bytearray)
    left: memoryview | None = None  # None: no answer yet; empty: the peer may close now


class HttpPort:
    """Answers GET and HEAD for these pages until closed.

    Parameters
    ----------
    host, port
        Where to listen; port 0 for any that is free, see `port`.
    pages : mapping of str to callable
        By path. They are called by the port's own thread and must not wait.

    Raises
    ------
    PortTaken
        Naming the port and why it can't be had.
    """

    def __init__(self, host: str, port: int, pages: Mapping[str, Page]) -> None:
        self._pages = pages
        self._open: dict[socket.socket, _Exchange] = {}  # oldest first
        self._listening = _listen(host, port)
        self.port: int = self._listening.getsockname()[1]
        self._reserve: int | None = os.open(os.devnull, os.O_RDONLY)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="http", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and drop every connection."""
        self._stopping.set()
        self._thread.join()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            ready = {key.fileobj for key, _ in self._selector.select(_TICK_S)}
            for sock in [sock for sock in self._open if sock in ready]:
                self._go_on(sock)
            if self._listening in ready:
                self._admit()
            now = time.monotonic()
            for sock in [sock for sock, it in self._open.items() if it.deadline < now]:
                self._drop(sock)
        for sock in list(self._open):
            self._drop(sock)
        self._selector.close()
        self._listening.close()
        if self._reserve is not None:
            os.close(self._reserve)

    def _admit(self) -> None:
        # One at a time: asked once too often, the kernel wants a free descriptor before it looks
        # whether anybody waits, and somebody would have to go for nobody.
        try:
            sock, _ = self._listening.accept()
        except OSError as error:  # without one, else the peer went before it was taken
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._free_descriptor()
            return
        if len(self._open) == MOST_CONNECTIONS:
            self._drop(next(iter(self._open)))
        sock.setblocking(False)
        self._open[sock] = _Exchange(time.monotonic() + _PATIENCE_S)
        self._selector.register(sock, selectors.EVENT_READ)
        self._go_on(sock)  # has mostly asked already, and is not in the way then

    def _free_descriptor(self) -> None:
        if self._reserve is not None:
            os.close(self._reserve)
            self._reserve = None
        elif self._open:
            self._drop(next(iter(self._open)))
        else:
            time.sleep(_TICK_S)  # another thread was quicker; don't ask in a tight loop

    def _drop(self, sock: socket.socket) -> None:
        del self._open[sock]
        self._selector.unregister(sock)
        sock.close()
        if self._reserve is None:
            try:
                self._reserve = os.open(os.devnull, os.O_RDONLY)
            except OSError:
                pass  # at the next one that goes

    def _go_on(self, sock: socket.socket) -> None:
        exchange = self._open[sock]
        try:
            if exchange.left is None:
                self._read(sock, exchange)
            elif exchange.left:
                self._write(sock, exchange)
            elif not sock.recv(_REQUEST_BYTES):
                self._drop(sock)
        except BlockingIOError:
            pass
        except OSError:
            self._drop(sock)

    def _read(self, sock: socket.socket, exchange: _Exchange) -> None:
        chunk = sock.recv(_REQUEST_BYTES)
        exchange.request += chunk
        if b"\r\n\r\n" in exchange.request:
            answer = self._answer(bytes(exchange.request))
        elif len(exchange.request) >= _REQUEST_BYTES:
            answer = _bytes(Answer(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, b""))
        elif chunk:
            return
        else:
            self._drop(sock)
            return
        exchange.left = memoryview(answer)
        exchange.deadline = time.monotonic() + _PATIENCE_S
        self._selector.modify(sock, selectors.EVENT_WRITE)
        self._write(sock, exchange)

    def _write(self, sock: socket.socket, exchange: _Exchange) -> None:
        assert exchange.left is not None
        exchange.left = exchange.left[sock.send(exchange.left) :]
        if not exchange.left:
            # Closed by the peer first: a close over bytes that nobody read would take the
            # answer away from it.
            sock.shutdown(socket.SHUT_WR)
            self._selector.modify(sock, selectors.EVENT_READ)

    def _answer(self, request: bytes) -> bytes:
        words = request.partition(b"\r\n")[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return _bytes(Answer(HTTPStatus.BAD_REQUEST, b""))
        if words[0] not in (b"GET", b"HEAD"):
            return _bytes(Answer(HTTPStatus.METHOD_NOT_ALLOWED, b""))
        page = self._pages.get(words[1].partition(b"?")[0].decode("latin-1"))
        if page is None:
            known = f"try {', '.join(self._pages)}\n".encode()
            answer = Answer(HTTPStatus.NOT_FOUND, known)
        else:
            try:
                answer = page()
            except Exception:  # of one page; the others go on
                log.exception("no answer for %s", words[1])
                answer = Answer(HTTPStatus.INTERNAL_SERVER_ERROR, b"")
        return _bytes(answer, bodiless=words[0] == b"HEAD")


def _bytes(answer: Answer, bodiless: bool = False) -> bytes:
    head = (
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}\r\n"
        f"Content-Type: {answer.kind}\r\n"
        f"Content-Length: {len(answer.body)}\r\n"
        "Allow: GET, HEAD\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + (b"" if bodiless else answer.body)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"http_port {port} is taken: something else listens there. End it, or set "
                "http_port to another port (0: no pages)"
            ) from None
        raise PortTaken(f"http_port {port} can't be had on {host}: {error}") from None
    listening.setblocking(False)
    return listening
