"""A look-up service at work over made-up profiles, and a client that speaks plain HTTP."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any, NamedTuple

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import ec

from streams.apps.lookup.acts import Acts
from streams.apps.lookup.audit import Audit
from streams.apps.lookup.beside import Beside, Scene
from streams.apps.lookup.callers import Budgets, Tokens
from streams.apps.lookup.contact_figures import ContactFigures
from streams.apps.lookup.page import routes
from streams.apps.lookup.server import Server
from streams.apps.lookup.service import LookupApp
from streams.apps.lookup.shards import Shards
from streams.apps.lookup.source import ProfileSource
from streams.client import Forgotten, Profiles, ReaderLag
from streams.client.held import decoded
from streams.settings import Settings
from tests.support.processes import wait_until

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
_PATIENCE_S = 120.0


def token(scope: Any = "profiling", key: Any = KEY, kid: str | None = "k1", **claims: Any) -> str:
    """A signed token; a claim that is None is left out."""
    said = {"sub": "team", "aud": "interest-streams", "exp": time.time() + 86_400, "scope": scope}
    said |= claims
    headers = {} if kid is None else {"kid": kid}
    kept = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(kept, key, "ES256", headers=headers)


def write_keys(path: Path, **keys: Any) -> Path:
    """A JWKS file of public keys by id."""
    path.write_text(keys_text(**keys))
    return path


def keys_text(**keys: Any) -> str:
    """A JWKS of public keys by id."""
    entries = [
        json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())) | {"kid": kid}
        for kid, key in (keys or {"k1": KEY}).items()
    ]
    return json.dumps({"keys": entries})


class Producer:
    """Takes records of one topic, or refuses them."""

    def __init__(self, topic: str = "lookups") -> None:
        self.records: list[tuple[bytes, dict[str, Any]]] = []
        self._topic = topic
        self.full = False

    def produce(self, topic: str, value: bytes, key: bytes, on_delivery: Any = None) -> None:
        assert topic == self._topic
        if self.full:
            raise BufferError
        self.records.append((key, json.loads(value)))

    def poll(self, seconds: float) -> None:
        pass

    def flush(self, seconds: float) -> None:
        pass


class Reader:
    """Stands in for a `ProfileReader`: profiles are put into it by hand."""

    def __init__(self) -> None:
        self.profiles = Profiles()
        self.closed = False
        self.behind: ReaderLag | None = ReaderLag(0, 12)
        self._updates: Queue[Any] = Queue()
        self._taken = 0
        self._offset = 0

    def put(self, subject: str, /, **value: Any) -> None:
        offset = self._offset + 1
        record = {"schema": 1, "subject": subject, "version": offset, "as_of": 5, **value}
        record = {"interests": [], "suppressions": [], **record}
        stored = self.profiles.parse(subject, orjson.dumps(record), 3, offset, 1)
        profile = decoded(subject, stored)
        self._offset = offset
        self.profiles.put(subject, stored)
        self._updates.put(profile)

    def erase(self, subject: str) -> None:
        self._offset += 1
        self.profiles.drop(subject)
        self._updates.put(Forgotten(subject, True, 3, self._offset))

    def bootstrap(self, timeout: float) -> Profiles:
        return self.profiles

    def follow(self) -> Iterator[Any]:
        while not self.closed:
            try:
                update = self._updates.get(timeout=0.05)
            except Empty:
                continue
            yield update
            self._taken += 1

    def idle(self) -> bool:
        """Whether everything put here was taken."""
        return self._taken == self._offset

    def lag(self) -> ReaderLag | None:
        return self.behind

    def close(self) -> None:
        self.closed = True


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Service:
    """The service, and what stands around it."""

    def __init__(
        self, folder: Path, rate: float = 1e6, acting: bool = False, shards: Shards | None = None
    ) -> None:
        made: Any = Reader()
        self.reader = made
        self.producer = Producer()
        self.settings = Settings(erasure_key="secret")
        source = ProfileSource(self.reader)
        tokens = Tokens(write_keys(folder / "keys.json"), "interest-streams", "")
        audit = Audit(self.settings, self.producer)  # type: ignore[arg-type]  # stands in for one
        facts: Any = Producer("subscriber-facts")
        self.facts = facts
        self.truths: dict[str, list[dict[str, Any]]] = {}
        self.metrics = ""
        budgets = Budgets(rate)
        self.report = folder / "report.json"
        self.figures = ContactFigures(self.report, tokens, budgets)
        more = routes(acting) + self.figures.routes
        if acting:
            more += Acts(source, tokens, self.settings, facts).routes
            more += Beside(Scene(self.truths, lambda: self.metrics), tokens).routes
        self.app = LookupApp(source, tokens, budgets, audit, more, shards)
        self.server = Server(self.app.asgi, "127.0.0.1", 0)
        source.start(self.server.loop)
        self.server.start()
        self.source = source
        wait_until(lambda: source.ready, _PATIENCE_S, lambda: str(source.failed))

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        bearer: str | None = "",
        **headers: str,
    ) -> Answer:
        """One request; an empty bearer stands for a good token."""
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        if bearer is not None:
            said.setdefault("Authorization", f"Bearer {bearer or token()}")
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=_PATIENCE_S)
        try:
            connection.request(method, path, body, said)
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, named, answer.read())
        finally:
            connection.close()

    @contextmanager
    def events(self, path: str, **headers: str) -> Iterator[Queue[dict[str, str]]]:
        """Server-sent events as they come, while the context lasts."""
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=_PATIENCE_S)
        connection.request("GET", path, None, {"Authorization": f"Bearer {token()}", **said})
        sock = connection.sock
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        found: Queue[dict[str, str]] = Queue()

        def read() -> None:
            fields: dict[str, str] = {}
            try:
                for raw in answer:
                    line = raw.decode().rstrip("\n")
                    if line:
                        name, _, value = line.partition(": ")
                        fields[name] = value
                    elif "event" in fields:
                        found.put(dict(fields))
                        fields.clear()
                    else:
                        fields.clear()
            except (OSError, ValueError, AttributeError, http.client.HTTPException):
                return

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            sock.shutdown(socket.SHUT_RDWR)  # whoever reads has the answer's lock
            thread.join()
            answer.close()
            connection.close()

    def close(self) -> None:
        self.server.close()
        self.source.close()


def settled(service: Service) -> None:
    """Wait until the loop has taken in every change."""
    deadline = time.monotonic() + _PATIENCE_S
    while not service.reader.idle():
        assert time.monotonic() < deadline, service.source.failed
        time.sleep(0.01)
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), service.server.loop).result(_PATIENCE_S)
