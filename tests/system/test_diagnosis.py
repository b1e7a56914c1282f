"""`config check --connect` on a broker with TLS, passwords, certificates and ACLs: each by name."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from streams.contract import topics
from streams.errors import BadTopics
from streams.kafka import access
from streams.kafka.clients import admin
from streams.kafka.diagnosis import diagnose
from streams.kafka.topic_plan import create_topics
from streams.settings import Settings
from streams.worker.worker import check_topics
from tests.broker.kafka_server import free_ports
from tests.broker.secured import Authority, Secured, secured_kafka

BASE = Settings(group_id="tele", topic_prefix="tele.", partitions=1, replication=1)
WORKER = access.BY_NAME["worker"]
USER = WORKER.user(BASE)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that answers is waited for, however busy it is."""
    monkeypatch.setattr("streams.kafka.diagnosis._LOGIN_S", 120.0)
    monkeypatch.setattr("streams.kafka.diagnosis._ANSWER_S", 60.0)


@pytest.fixture
def impatient(patient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none ever answers, that is seen soon."""
    monkeypatch.setattr("streams.kafka.diagnosis._LOGIN_S", 4.0)


@pytest.fixture(scope="module")
def broker(kafka_jars: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with secured_kafka(tmp_path_factory.mktemp("diagnosis")) as found:
        plain = replace(BASE, bootstrap_servers=found.server.bootstrap)
        create_topics(admin(plain), plain)
        for principal in access.PRINCIPALS:
            found.add_user(principal.user(BASE), principal.acls(BASE))
        found.add_user("poor", [])
        yield found


def _told(broker: Secured, user: str = USER, servers: str = "", **keys: str) -> str:
    """What is wrong for a worker that logs in so; keys are librdkafka's with underscores."""
    kafka = broker.login(user) | {key.replace("_", "."): value for key, value in keys.items()}
    settings = replace(BASE, bootstrap_servers=servers or broker.passwords, kafka=kafka)
    return "\n".join(trouble.said for trouble in diagnose(settings, WORKER))


@pytest.mark.parametrize("name", access.BY_NAME)
def test_each_user_has_what_it_needs(broker: Secured, name: str) -> None:
    principal = access.BY_NAME[name]
    user = principal.user(BASE)
    for servers, kafka in (
        (broker.passwords, broker.login(user)),
        (broker.certificates, broker.certified(user)),
    ):
        settings = replace(BASE, bootstrap_servers=servers, kafka=kafka)
        assert diagnose(settings, principal) == []


def test_every_missing_operation_is_named(broker: Secured) -> None:
    told = set(_told(broker, "poor").splitlines())
    assert told == {
        f"{acl.kind} {'that begin with ' * acl.prefixed}{acl.name}: "
        f"missing {', '.join(acl.operations)}"
        for acl in WORKER.acls(BASE)
    }


def test_what_is_there_is_not_named(broker: Secured) -> None:
    tags = BASE.topic(topics.TAGS)
    broker.allow("poor", [access.Acl("topic", tags, ("Read",))])
    [line] = [line for line in _told(broker, "poor").splitlines() if tags in line]
    assert line == f"topic {tags}: missing DescribeConfigs"  # Read has Describe in it


def test_a_missing_topic_is_no_missing_right(broker: Secured) -> None:
    missing = replace(BASE, bootstrap_servers=broker.server.bootstrap, topic_prefix="none.")
    said = [trouble.said for trouble in diagnose(missing, WORKER)]
    assert f"topic none.{topics.STATE} does not exist: interest-streams topics apply" in said


def test_a_worker_that_lost_a_right_names_it(broker: Secured) -> None:
    profiles = BASE.topic(topics.PROFILES)
    broker.add_user("lost", [acl for acl in WORKER.acls(BASE) if acl.name != profiles])
    settings = replace(BASE, bootstrap_servers=broker.passwords, kafka=broker.login("lost"))
    with pytest.raises(BadTopics, match=f"topic {profiles}: missing Read, Write, Describe"):
        check_topics(settings)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"sasl_password": "wrong"}, "refuses the user or the password"),
        ({"sasl_username": "nobody"}, "refuses the user or the password"),
        ({"sasl_mechanism": "PLAIN"}, "does not take this sasl.mechanism"),
    ],
    ids=str,
)
def test_a_wrong_login_is_named(broker: Secured, keys: dict[str, Any], expected: str) -> None:
    assert expected in _told(broker, **keys)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("protocol", ["plaintext", "sasl_plaintext", "ssl"])
def test_a_wrong_protocol_is_named(broker: Secured, protocol: str) -> None:
    assert f"does not speak {protocol}" in _told(broker, security_protocol=protocol)


def test_certificates_are_named(broker: Secured, tmp_path: Any) -> None:
    other = Authority(tmp_path / "other", "other-ca")
    told = _told(broker, ssl_ca_location=str(other.certificate))
    assert "the broker's certificate is not to be trusted: " in told
    assert "unable to get local issuer" in told
    localhost = broker.passwords.replace("127.0.0.1", "localhost")
    assert "certificate is another host's" in _told(broker, servers=localhost)
    plain = _told(broker, servers=broker.server.bootstrap)
    assert "the port does not speak TLS" in plain
    certificate, key = other.issue(USER)
    kafka = broker.certified(USER) | {
        "ssl.certificate.location": str(certificate),
        "ssl.key.location": str(key),
    }
    foreign = replace(BASE, bootstrap_servers=broker.certificates, kafka=kafka)
    assert "refuses this client's certificate" in str(diagnose(foreign, WORKER))


def test_hosts_are_named_each(broker: Secured) -> None:
    [port] = free_ports(1)
    told = _told(broker, servers=f"no-such-host.invalid:9092,127.0.0.1:{port},{broker.passwords}")
    unresolved, refused = told.splitlines()
    assert unresolved.startswith("no-such-host.invalid:9092: the name does not resolve")
    assert refused.startswith(f"127.0.0.1:{port}: nobody listens there")
    assert _told(broker, servers="kafka") == "kafka: expected host:port"


def test_a_broker_that_is_down_is_away() -> None:
    [port] = free_ports(1)
    settings = replace(BASE, bootstrap_servers=f"127.0.0.1:{port}")
    [trouble] = diagnose(settings, WORKER)
    assert trouble.away


@pytest.mark.usefixtures("impatient")
def test_a_port_that_never_answers_is_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        [trouble] = diagnose(replace(BASE, bootstrap_servers=f"127.0.0.1:{port}"), WORKER)
    assert "does not speak plaintext" in trouble.said
