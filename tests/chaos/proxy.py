"""A network that fails on demand: a TCP proxy between one worker and each broker.

Each worker has a listener of each broker for itself, advertised at its proxy, so that every byte
passes here and a fault strikes one worker alone. Requests are told apart by their API key: the
end of a transaction (EndTxn) can be held while all else passes, and is delivered late even
where its sender has long given up, which is how a delayed EndTxn meets a later transaction.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

END_TXN = 26  # Kafka's API key
_CHUNK = 65_536
_HEAD = struct.Struct(">ihhi")  # size, API key, API version, correlation id


@dataclass(frozen=True)
class Weather:
    """What the network does now.

    Attributes
    ----------
    cut : bool
        Connections are reset and refused.
    held : bool
        Connections stay, no byte passes.
    hold_ends : bool
        EndTxn requests wait, what follows on their connection too.
    hold_answers : bool
        EndTxn requests pass, nothing comes back on a connection that sent one.
    bytes_per_s : float
        Limit towards the broker, 0 for none.
    delay_s : float
        Added to every chunk in both directions.
    """

    cut: bool = False
    held: bool = False
    hold_ends: bool = False
    hold_answers: bool = False
    bytes_per_s: float = 0.0
    delay_s: float = 0.0


FAIR = Weather()


class Network:
    """One worker's ways to the brokers, which are fair or foul together.

    Parameters
    ----------
    targets : sequence of int
        Ports, one of each broker.
    """

    def __init__(self, targets: Sequence[int]) -> None:
        self._ways = [Proxy(port) for port in targets]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Each broker's port and the one at which it must be advertised."""
        return ((way.target, way.port) for way in self._ways)

    @property
    def bootstrap(self) -> str:
        """Bootstrap servers."""
        return ",".join(f"127.0.0.1:{way.port}" for way in self._ways)

    @property
    def ends_held(self) -> int:
        """EndTxn requests that did not simply pass."""
        return sum(way.ends_held for way in self._ways)

    def set(self, weather: Weather) -> None:
        """Change the weather at once."""
        for way in self._ways:
            way.set(weather)

    def keep_next_end(self, *, hang_up: bool = False) -> None:
        """Hold the next EndTxn request to each broker; see `Proxy.keep_next_end`."""
        for way in self._ways:
            way.keep_next_end(hang_up=hang_up)

    def deliver_end(self) -> None:
        """Deliver what is held."""
        for way in self._ways:
            way.deliver_end()

    def close(self) -> None:
        """Stop for good."""
        for way in self._ways:
            way.close()


class Proxy:
    """Listens on a free port and forwards to `target` as the weather allows."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.ends_held = 0
        self._hold_one = self._kept = self._hangs_up = False
        self._weather = FAIR
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def set(self, weather: Weather) -> None:
        """Change the weather at once."""
        with self._changed:
            self._weather = weather
            self._changed.notify_all()
            if weather.cut:
                for sock in self._open:
                    _shut(sock)

    def keep_next_end(self, *, hang_up: bool = False) -> None:
        """Hold the next EndTxn request alone, until `deliver_end`; others pass meanwhile.

        Its sender waits for an answer or, with `hang_up`, sees the connection end.
        """
        self._hangs_up, self._hold_one, self._kept = hang_up, True, True

    def deliver_end(self) -> None:
        """Deliver it, though its sender has long left that connection; if none came, hold none."""
        with self._changed:
            self._hold_one = self._kept = False
            self._changed.notify_all()

    def close(self) -> None:
        """Stop for good."""
        self.deliver_end()
        self.set(Weather(cut=True))
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                if self._weather.cut:
                    raise ConnectionRefusedError
                server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for sock in (client, server):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            asked = threading.Event()  # an EndTxn passed whose answer may be held
            with self._changed:
                self._open |= {client, server}
            threading.Thread(
                target=self._requests, args=(client, server, asked), daemon=True
            ).start()
            threading.Thread(
                target=self._answers, args=(server, client, asked), daemon=True
            ).start()

    def _requests(
        self, client: socket.socket, server: socket.socket, asked: threading.Event
    ) -> None:
        try:
            while True:
                head = _exactly(client, _HEAD.size)
                size, key, _, _ = _HEAD.unpack(head)
                frame = head + _exactly(client, size + 4 - _HEAD.size)
                self._wait(lambda w: w.held)
                if key == END_TXN:
                    if self._hold_one:
                        self._hold_one = False
                        self.ends_held += 1
                        if self._hangs_up:
                            _shut(client)
                        self._wait(lambda w: self._kept)
                    if self._weather.hold_ends:
                        self.ends_held += 1
                    self._wait(lambda w: w.hold_ends or w.held)
                    if self._weather.hold_answers:
                        self.ends_held += 1
                        asked.set()
                self._send(server, frame, self._weather.bytes_per_s)
        except OSError:
            pass
        finally:
            self._drop(client, server)

    def _answers(
        self, server: socket.socket, client: socket.socket, asked: threading.Event
    ) -> None:
        try:
            while data := server.recv(_CHUNK):
                self._wait(lambda w: w.held or (w.hold_answers and asked.is_set()))
                self._send(client, data, 0.0)
        except OSError:
            pass
        finally:
            self._drop(server, client)

    def _wait(self, bad: Callable[[Weather], bool]) -> None:
        with self._changed:
            while bad(self._weather):
                self._changed.wait()

    def _send(self, sock: socket.socket, data: bytes, bytes_per_s: float) -> None:
        if self._weather.delay_s:
            time.sleep(self._weather.delay_s)
        if not bytes_per_s:
            sock.sendall(data)
            return
        step = max(1_024, int(bytes_per_s / 10))
        for at in range(0, len(data), step):
            sock.sendall(data[at : at + step])
            if self._weather.bytes_per_s:
                time.sleep(min(1.0, step / bytes_per_s))

    def _drop(self, *sockets: socket.socket) -> None:
        with self._changed:
            self._open -= set(sockets)
        for sock in sockets:
            _shut(sock)


def _exactly(sock: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        data = sock.recv(min(size, 1 << 20))
        if not data:
            raise ConnectionResetError
        parts.append(data)
        size -= len(data)
    return b"".join(parts)


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
