"""The catalogue app as its users run it: a process between real topics."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from streams.apps.driver import (
    CommittedApp,
    CommittedTransport,
    credentials,
    make_app,
    partition_of,
)
from streams.contract.headers import parse_dead_letter
from streams.kafka.compacted import CompactedTopic, ReaderError
from streams.settings import Settings, SettingsError
from tests.broker.kafka_server import KafkaServer, free_ports
from tests.conftest import Names
from tests.support.app_process import app_process
from tests.support.catalogue_entries import EDITED, Record, entry, expected
from tests.support.messages import headers_of
from tests.support.new_topics import create
from tests.support.processes import wait_until

# -- decisions, without a broker


def test_driver_is_fausts_with_read_committed() -> None:
    async def level() -> str:
        app = CommittedApp("x", broker="kafka://localhost:1", store="memory://")
        assert isinstance(app.transport, CommittedTransport)
        consumer: Any = app.consumer
        thread = consumer._new_consumer_thread()
        return str(thread._create_worker_consumer(app.transport)._isolation_level)

    assert asyncio.run(level()) == "read_committed"


def test_credentials_follow_librdkafka_keys() -> None:
    assert credentials({}) is None
    sasl: Any = credentials(
        {
            "security.protocol": "sasl_ssl",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": "u",
            "sasl.password": "p",
        }
    )
    assert sasl is not None and sasl.mechanism.value == "SCRAM-SHA-512" and sasl.ssl_context
    with pytest.raises(SettingsError, match="sasl.mechanism = 'GSSAPI'"):
        credentials({"security.protocol": "SASL_SSL", "sasl.mechanism": "GSSAPI"})


def test_wrong_settings_end_it_with_a_sentence() -> None:
    with pytest.raises(SystemExit, match="^settings: sasl.mechanism = ''"):
        make_app("x", Settings(kafka={"security.protocol": "sasl_ssl"}))


def test_keys_go_where_librdkafka_puts_them() -> None:
    assert partition_of(b"123456789", [2, 0, 1], []) == 0xCBF43926 % 3  # CRC-32's check value
    assert partition_of(None, [0, 1], [1]) == 1


def test_a_port_in_use_ends_it_with_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = World("localhost:1", "", tmp_path / "app.log", other.getsockname()[1])
        with taken.app() as process:
            assert process.wait(240) == 7
    text = taken.log.read_text()
    assert f"http_port {taken.port} is taken" in text and "Traceback" not in text


# -- the process


@dataclass
class World:
    """Topics of one test, and the app's way to them."""

    servers: str
    prefix: str
    log: Path
    port: int

    def produce(self, topic: str, *records: Record, commit: bool = True) -> None:
        settings: dict[str, str] = {"bootstrap.servers": self.servers}
        if not commit:
            settings["transactional.id"] = self.prefix + "aborting"
        producer = Producer(settings)
        if not commit:
            producer.init_transactions(30)
            producer.begin_transaction()
        for key, value in records:
            producer.produce(self.prefix + topic, key=key, value=value)
        assert producer.flush(30) == 0
        if not commit:
            producer.abort_transaction(30)

    def newest(self, topic: str) -> dict[bytes, bytes | None]:
        reader = CompactedTopic(self.servers, self.prefix + topic)
        try:
            return {m.key() or b"": m.value() for m in reader.past(30)}
        finally:
            reader.close()

    def has_tagged(self, more_than: int) -> bool:
        return len(self.newest("content-tags")) > more_than

    def places(self, topic: str) -> dict[bytes | None, set[int | None]]:
        found: dict[bytes | None, set[int | None]] = {}
        reader = CompactedTopic(self.servers, self.prefix + topic)
        for message in reader.past(30):
            found.setdefault(message.key(), set()).add(message.partition())
        reader.close()
        return found

    def wait(self, condition: Callable[[], bool], seconds: float = 240) -> None:
        """Wait for something; a topic without a leader and a page that is late say nothing."""

        def holds() -> bool:
            with suppress(ReaderError, OSError):
                return condition()
            return False

        wait_until(holds, seconds, lambda: self.log.read_text()[-4000:])

    def app(self) -> AbstractContextManager[subprocess.Popen[bytes]]:
        return app_process(
            "streams.apps.catalogue",
            self.log,
            *("-l", "info"),
            BOOTSTRAP_SERVERS=self.servers,
            TOPIC_PREFIX=self.prefix,
            SESSION_TIMEOUT_MS=6000,
            HTTP_HOST="127.0.0.1",
            HTTP_PORT=self.port,
        )

    def shows(self, line: str) -> bool:
        return line in self.page("/metrics")

    def page(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as page:
            return str(page.read().decode())


def world(servers: str, prefix: str, tmp_path: Path) -> World:
    admin = AdminClient({"bootstrap.servers": servers})
    compacted = {"cleanup.policy": "compact"}
    create(
        admin,
        NewTopic(prefix + "catalogue", 2, 1),
        NewTopic(prefix + "content-tags", 3, 1, config=compacted),
        NewTopic(prefix + "dead-letters", 2, 1),
    )
    [port] = free_ports(1)
    return World(servers, prefix, tmp_path / "app.log", port)


@pytest.fixture
def real(kafka: str, names: Names, tmp_path: Path) -> World:
    return world(kafka, names.prefix, tmp_path)


def test_tags_dead_letters_and_editors(real: World) -> None:
    edited = EDITED.replace(b'"k"', b'"programme:p-1"')
    real.produce("content-tags", (b"programme:p-1", edited))
    real.produce("catalogue", *map(entry, range(5)), (b"host:a.com", b"{nope"))
    real.produce("catalogue", entry(99), commit=False)
    real.produce("catalogue", entry(5))
    with real.app() as process:
        real.wait(
            lambda: len(real.newest("content-tags")) == 6 and len(real.newest("dead-letters")) == 1
        )
        found = real.newest("content-tags")
        assert found == {entry(n)[0]: expected(n) for n in range(6) if n != 1} | {
            b"programme:p-1": edited
        }  # and nothing of the aborted entry 99
        # A correction that comes later, overridden by a stale writer, is restored.
        late = EDITED.replace(b'"k"', b'"programme:p-2"')
        real.produce("content-tags", (b"programme:p-2", late))
        real.produce("content-tags", (b"programme:p-2", expected(2)))
        real.wait(lambda: real.newest("content-tags")[b"programme:p-2"] == late)
        writers = real.places("content-tags")
        assert all(len(partitions) == 1 for partitions in writers.values()), writers
        real.wait(lambda: real.page("/readyz") == "ready\n")
        for line in ('catalogue_entries_total{outcome="editor"} 1.0',
                     'interest_streams_ready{program="catalogue"} 1.0'):  # fmt: skip
            real.wait(partial(real.shows, line))
        for path in ("/stats/", "/table/", "/router/"):  # Faust's own, without limits
            with pytest.raises(urllib.error.HTTPError, match="404"):
                real.page(path)
        process.send_signal(signal.SIGTERM)
        assert process.wait(240) == 0
    reader = CompactedTopic(real.servers, real.prefix + "dead-letters")
    [message] = reader.past(30)
    reader.close()
    letter = parse_dead_letter(headers_of(message).items())
    assert (letter.topic, letter.reason) == (real.prefix + "catalogue", "not_json")
    assert (message.key(), message.value()) == (b"host:a.com", b"{nope")


def test_what_only_its_text_tells_is_tagged_by_it(real: World) -> None:
    synopsis = "Le club gagne la finale: le buteur marque deux buts dans ce match de football"
    real.produce(
        "catalogue",
        (b"host:a.example", orjson.dumps({"title": "Sport", "text": synopsis})),
        (b"host:b.example", orjson.dumps({"title": "b.example"})),
        (
            b"host:c.example",
            orjson.dumps({"text": "Vote for our party in the election, the prime minister said"}),
        ),
    )
    with real.app():
        real.wait(lambda: len(real.newest("content-tags")) == 2)
        real.wait(partial(real.shows, 'outcome="unknown"} 1.0'))
    found = {
        key: orjson.loads(value or b"{}") for key, value in real.newest("content-tags").items()
    }
    assert found[b"host:a.example"]["source"] == "text:described"
    assert found[b"host:a.example"]["tags"][0]["id"] == "483"
    assert found[b"host:c.example"]["tags"] == []  # politics: known, and nothing may be said


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_restart_in_the_middle_loses_nothing(real: World, how: signal.Signals) -> None:
    total = 0
    while len(real.newest("content-tags")) == total:  # struck too late: it is given more to do
        real.produce("catalogue", *map(entry, range(total, total + 3_000)))
        done, total = total, total + 3_000
        with real.app() as process:
            real.wait(partial(real.has_tagged, done + 50))
            process.send_signal(how)
            process.wait(240)
    with real.app():
        real.wait(lambda: len(real.newest("content-tags")) == total, 400)
    assert real.newest("content-tags") == {entry(n)[0]: expected(n) for n in range(total)}


def test_it_ends_where_it_cannot_go_on(real: World) -> None:
    real.produce("catalogue", entry(1))
    admin = AdminClient({"bootstrap.servers": real.servers})
    gone = admin.delete_topics([real.prefix + "content-tags"])
    gone[real.prefix + "content-tags"].result(30)
    with real.app() as process:
        assert process.wait(240) != 0
    assert f"{real.prefix}content-tags: " in real.log.read_text()


def test_it_survives_a_broker_restart(own_kafka: KafkaServer, names: Names, tmp_path: Path) -> None:
    alone = world(own_kafka.bootstrap, names.prefix, tmp_path)
    with alone.app() as process:
        alone.produce("catalogue", entry(1))
        alone.wait(lambda: len(alone.newest("content-tags")) == 1)
        own_kafka.restart()
        alone.produce("catalogue", entry(2))
        # It goes on, or ends and is started again; either way nothing is lost.
        alone.wait(lambda: process.poll() is not None or len(alone.newest("content-tags")) == 2)
    with alone.app():
        alone.wait(lambda: len(alone.newest("content-tags")) == 2)


def test_flow_on_the_embedded_broker(names: Names, tmp_path: Path) -> None:
    from streams.sandbox.embedded_broker import EmbeddedBroker

    with EmbeddedBroker() as broker:
        small = world(broker.bootstrap_servers, names.prefix, tmp_path)
        small.produce("catalogue", *map(entry, range(3)), (b"host:a.com", b"[]"))
        with small.app():
            small.wait(
                lambda: (
                    len(small.newest("content-tags")) == 3
                    and len(small.newest("dead-letters")) == 1
                )
            )
