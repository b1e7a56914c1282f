"""A Kafka that asks who you are: TLS, passwords or certificates, an authorizer, and its own log.

Certificates are made here. The plain port of `KafkaServer` stays, for whoever prepares the stage:
nobody's name there is a super user's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from streams.kafka.access import Acl, upper
from tests.broker.kafka_cluster import KafkaCluster
from tests.broker.kafka_server import Options, free_ports
from tests.support.processes import run_command, wait_until

_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
_TIMEOUT_S = 60.0
_KNOWN_S = 240.0
_KINDS = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactionalId": ResourceType.TRANSACTIONAL_ID,
}
_LINE = re.compile(
    r"Principal = User:(\S+) is (Allowed|Denied) operation = (\w+) from host = \S+ on resource = "
    r"(\w+):LITERAL:(\S+)"
)


@dataclass(frozen=True, order=True)
class Decision:
    """What the authorizer said to somebody's request; kind and operation in capitals."""

    user: str
    allowed: bool
    operation: str
    kind: str
    name: str


class Authority:
    """A certificate authority in a folder, and what it issued."""

    def __init__(self, folder: Path, name: str = "test-ca") -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate = folder / "ca.crt"
        self._key = folder / "ca.key"
        subject = ("-subj", f"/CN={name}", "-days", "2")
        _openssl(
            "req", "-x509", *_new_key(self._key), *subject, "-out", str(self.certificate),
            "-addext", "basicConstraints=critical,CA:TRUE",
        )  # fmt: skip

    def issue(self, name: str, hosts: str = "") -> tuple[Path, Path]:
        """Certificate and key of a user, or of a server known by `hosts` (openssl's words)."""
        key, asked, signed = (self._folder / f"{name}.{end}" for end in ("key", "csr", "crt"))
        _openssl("req", *_new_key(key), "-subj", f"/CN={name}", "-out", str(asked))
        extensions = self._folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={hosts}\n" if hosts else "")
        _openssl(
            "x509", "-req", "-in", str(asked), "-CA", str(self.certificate),
            "-CAkey", str(self._key), "-CAcreateserial", "-days", "2",
            "-extfile", str(extensions), "-out", str(signed),
        )  # fmt: skip
        return signed, key


@dataclass(frozen=True)
class Secured:
    """Brokers with users."""

    server: KafkaCluster
    authority: Authority
    passwords: str  # bootstrap servers of those who log in with SCRAM
    certificates: str  # and of those who show a certificate

    def admin(self) -> AdminClient:
        """An admin client that may do anything."""
        return AdminClient({"bootstrap.servers": self.server.bootstrap, "log_level": 0})

    def add_user(self, user: str, acls: Iterable[Acl]) -> None:
        """Make a user by password, who may do the same with a certificate."""
        change = UserScramCredentialUpsertion(
            user, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), _password(user).encode()
        )
        admin = self.admin()
        for answer in admin.alter_user_scram_credentials([change]).values():
            answer.result(_TIMEOUT_S)
        self.allow(user, acls)
        self._await(lambda: self._knows(user))

    def allow(self, user: str, acls: Iterable[Acl]) -> None:
        """Let a user do more, from now on."""
        acls = list(acls)
        bindings = [AclBinding(*words) for words in _bindings(user, acls)]
        admin = self.admin()  # kept until the answers are there
        for answer in admin.create_acls(bindings).values() if bindings else ():
            answer.result(_TIMEOUT_S)
        filters = [AclBindingFilter(*words) for words in _bindings(user, acls)]
        self._await(lambda: all(_holds(admin, wanted) for wanted in filters))

    def revoke(self, user: str, acls: Iterable[Acl]) -> None:
        """Take from a user what was allowed, from now on."""
        admin = self.admin()
        filters = [AclBindingFilter(*words) for words in _bindings(user, acls)]
        for answer in admin.delete_acls(filters).values():
            answer.result(_TIMEOUT_S)
        self._await(lambda: not any(_holds(admin, wanted) for wanted in filters))

    def login(self, user: str) -> dict[str, str]:
        """librdkafka's keys to log in by password."""
        return {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": _password(user),
            "ssl.ca.location": str(self.authority.certificate),
        }

    def certified(self, user: str) -> dict[str, str]:
        """librdkafka's keys to show a certificate."""
        certificate, key = self.authority.issue(user)
        return {
            "security.protocol": "SSL",
            "ssl.ca.location": str(self.authority.certificate),
            "ssl.certificate.location": str(certificate),
            "ssl.key.location": str(key),
        }

    def decisions(self) -> set[Decision]:
        """All that the authorizer said to users so far."""
        text = "".join(node.log.read_text(errors="replace") for node in self.server.servers)
        return {
            Decision(user.removeprefix("CN="), said == "Allowed", operation, kind, name)
            for user, said, operation, kind, name in _LINE.findall(text)
            if user != "ANONYMOUS"
        }

    def _await(self, known: Callable[[], bool]) -> None:
        """Wait for what the controller has: the broker that is asked learns of it later."""
        wait_until(known, _KNOWN_S)

    def _knows(self, user: str) -> bool:
        admin = self.admin()
        found = admin.describe_user_scram_credentials([user])
        assert isinstance(found, dict)
        try:
            return bool(found[user].result(_TIMEOUT_S).scram_credential_infos)
        except KafkaException:  # not yet
            return False


@contextmanager
def secured_kafka(root: Path) -> Iterator[Secured]:
    """A running broker that knows no user yet, killed at the end.

    Raises
    ------
    KafkaUnavailable
        See `KafkaCluster.start`.
    """
    found = secured(root)
    try:
        found.server.start()
        yield found
    finally:
        found.server.kill()


def secured(root: Path, nodes: Sequence[Mapping[str, str]] = ({},)) -> Secured:
    """Brokers that ask who you are, not started; for each, further properties of its file."""
    authority = Authority(root / "certificates")
    certificate, key = authority.issue("broker", "IP:127.0.0.1")
    chain = root / "certificates" / "broker.pem"
    chain.write_text(key.read_text() + certificate.read_text())
    ports = free_ports(2 * len(nodes))
    ways = list(zip(ports[::2], ports[1::2], strict=True))
    options = [
        Options(
            listeners={by_password: by_password, by_certificate: by_certificate},
            protocols={by_password: "SASL_SSL", by_certificate: "SSL"},
            loggers={"kafka.authorizer.logger": "debug"},
            properties={**_properties(chain, authority.certificate), **more},
        )
        for (by_password, by_certificate), more in zip(ways, nodes, strict=True)
    ]
    passwords, certificates = (
        ",".join(f"127.0.0.1:{port}" for port in ports) for ports in zip(*ways, strict=True)
    )
    return Secured(KafkaCluster(root / "kafka", options), authority, passwords, certificates)


def _properties(chain: Path, trusted: Path) -> Mapping[str, str]:
    return {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.w0.scram-sha-512.sasl.jaas.config": _LOGIN,
        "listener.name.w1.ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(chain),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(trusted),
    }


def _holds(admin: AdminClient, wanted: AclBindingFilter) -> bool:
    """Whether a broker that is asked has the very grant."""
    return bool(admin.describe_acls(wanted).result(_TIMEOUT_S))


def _bindings(user: str, acls: Iterable[Acl]) -> Iterator[tuple[Any, ...]]:
    """What makes an `AclBinding`, or finds it again, by password and by certificate."""
    for name in (user, f"CN={user}"):
        for acl in acls:
            for operation in acl.operations:
                yield (
                    _KINDS[acl.kind],
                    acl.name,
                    ResourcePatternType.PREFIXED if acl.prefixed else ResourcePatternType.LITERAL,
                    f"User:{name}",
                    "*",
                    AclOperation[upper(operation)],
                    AclPermissionType.ALLOW,
                )


def _password(user: str) -> str:
    return f"secret of {user}"


def _new_key(path: Path) -> tuple[str, ...]:
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", str(path))  # fmt: skip


def _openssl(*words: str) -> None:
    run_command(["openssl", *words], 60)
