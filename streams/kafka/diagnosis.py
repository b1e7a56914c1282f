"""Says why a program can't work with a cluster: host, port, certificate, password, missing ACL.

The client library tells all of these as "broker transport failure" in the end; what it said on the
way is kept here and put into words. What a user may do is asked of the cluster itself.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicCollection
from confluent_kafka.admin import AdminClient

from streams.errors import KafkaFailed
from streams.kafka import clients
from streams.kafka.access import Acl, Principal, upper
from streams.kafka.consumer_group import describe
from streams.settings import Settings, SettingsError

_CONNECT_S = 3.0
_LOGIN_S = 10.0
_ANSWER_S = 10.0
_LOOK_S = 1.0
_AGAIN_S = 0.5
#: Stands for the rest of a name of which only the beginning is granted.
_REST = "config-check"

#: Said of any certificate that is not accepted, whatever is wrong with it.
_UNVERIFIED = "certificate verify failed"
#: What the library says, in lower case, to what it means; the first that is found is told.
_MEANINGS = (
    ("unsupported sasl mechanism", "the broker does not take this sasl.mechanism"),
    ("authentication", "the broker refuses the user or the password"),
    (_UNVERIFIED, "the broker's certificate is not signed by ssl.ca.location"),
    ("alert", "the broker refuses this client's certificate, or the want of one"),
    ("plaintext broker listener", "the port does not speak TLS: see security.protocol"),
    ("closed by peer", "the port does not speak TLS: see security.protocol"),
)


@dataclass(frozen=True)
class Trouble:
    """Something that would stop a program, for people.

    Attributes
    ----------
    said : str
    away : bool
        Nobody answered.
    """

    said: str
    away: bool = False


def check_keys(settings: Settings) -> None:
    """See that the client library knows the keys of `[kafka]` and takes their values.

    Raises
    ------
    SettingsError
    """
    silent = {"log_level": 0}
    try:
        Consumer({**clients.consumer_config("worker", settings), **silent}).close()
        Producer({**clients.producer_config("worker", settings), **silent})
    except KafkaException as error:
        raise SettingsError(f"kafka: {error.args[0].str().strip()}") from None
    except (TypeError, ValueError) as error:
        raise SettingsError(f"kafka: {error}") from None


def diagnose(settings: Settings, principal: Principal) -> list[Trouble]:
    """Everything that would stop a program which runs as this principal; [] where it can work."""
    servers, troubles = _listening(settings)
    if len(troubles) == len(servers):
        return troubles
    admin, brokers, heard = _logged_in(settings)
    if brokers is None:
        return [*troubles, _why(heard, settings)]
    advertised = {f"{host}:{port}" for host, port in brokers} - set(servers)
    for server in sorted(advertised):
        found = _reach(server)
        if found is not None:
            troubles.append(
                Trouble(f"the cluster names a broker that is not to be had: {found.said}")
            )
    acls = principal.acls(settings)
    troubles += [Trouble(said) for said in missing_on_topics(admin, acls)]
    troubles += [Trouble(said) for said in _missing_on_groups(admin, acls)]
    troubles += [Trouble(said) for said in _missing_on_transactions(settings, acls)]
    return troubles


def unreachable(settings: Settings) -> list[Trouble]:
    """Find out why no broker lets a program in; [] where one does."""
    servers, troubles = _listening(settings)
    if len(troubles) == len(servers):
        return troubles
    _, brokers, heard = _logged_in(settings)
    return [] if brokers is not None else [*troubles, _why(heard, settings)]


def _listening(settings: Settings) -> tuple[list[str], list[Trouble]]:
    """The servers that are named, and what keeps us from some of them."""
    servers = [server.strip() for server in settings.bootstrap_servers.split(",")]
    return servers, [found for server in servers if (found := _reach(server))]


def _logged_in(
    settings: Settings,
) -> tuple[AdminClient, list[tuple[str, int]] | None, list[KafkaError]]:
    """A client, the brokers it sees (None where none lets it in), and what it heard meanwhile."""
    heard: list[KafkaError] = []
    config: dict[str, Any] = {**_quiet(settings), "error_cb": heard.append}
    admin = AdminClient(config)
    return admin, _brokers(admin, heard), heard


def _quiet(settings: Settings) -> dict[str, Any]:
    return {**settings.kafka, "bootstrap.servers": settings.bootstrap_servers, "log_level": 0}


def _reach(server: str) -> Trouble | None:
    """See that a name resolves and that somebody listens there."""
    host, _, port = server.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdigit():
        return Trouble(f"{server}: expected host:port")
    try:
        with socket.create_connection((host, int(port)), timeout=_CONNECT_S):
            return None
    except socket.gaierror as error:
        return Trouble(f"{server}: the name does not resolve ({error.strerror})", away=True)
    except TimeoutError:
        return Trouble(f"{server}: no answer in {_CONNECT_S:g} s; a firewall?", away=True)
    except OSError as error:
        return Trouble(f"{server}: nobody listens there ({error.strerror})", away=True)


def _brokers(admin: AdminClient, heard: list[KafkaError]) -> list[tuple[str, int]] | None:
    """Host and port of the cluster's brokers; None where none lets us in."""
    deadline = time.monotonic() + _LOGIN_S
    while True:
        try:
            found = admin.list_topics(timeout=_LOOK_S).brokers.values()
            return [(str(broker.host), broker.port) for broker in found]
        except KafkaException:
            admin.poll(0)
            if _meaning(heard) or time.monotonic() > deadline:
                return None


def _meaning(heard: Iterable[KafkaError]) -> str:
    said = [error.str().lower() for error in heard]
    for words, meaning in _MEANINGS:
        for text in said:
            if words in text:
                return f"{meaning} ({text.partition(': ')[2] or text})"
    return ""


def _why(heard: Sequence[KafkaError], settings: Settings) -> Trouble:
    """Say why no broker lets us in though one is there."""
    meaning = _meaning(heard)
    if not meaning:
        protocol = settings.kafka.get("security.protocol", "plaintext")
        meaning = f"the port is open and does not speak {protocol}: see security.protocol"
    elif _UNVERIFIED in meaning:
        meaning = _certificate(settings) or meaning
    return Trouble(f"{settings.bootstrap_servers}: {meaning}")


def _certificate(settings: Settings) -> str:
    """What is wrong with the certificate of the first broker that shows one."""
    context = ssl.create_default_context(cafile=settings.kafka.get("ssl.ca.location"))
    for server in settings.bootstrap_servers.split(","):
        host, _, port = server.strip().rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), _CONNECT_S) as plain:
                context.wrap_socket(plain, server_hostname=host.strip("[]")).close()
        except ssl.SSLCertVerificationError as error:
            said = error.verify_message
            whose = "is another host's" if "mismatch" in said else "is not to be trusted"
            return f"the broker's certificate {whose}: {said}; see ssl.ca.location"
        except OSError:
            continue
    return ""


def missing_on_topics(admin: AdminClient, acls: Collection[Acl]) -> Iterator[str]:
    """Say of each topic that a user needs and that is not there, or not all its own, what lacks."""
    wanted = {acl.name: acl for acl in acls if acl.kind == "topic"}
    answers = admin.describe_topics(
        TopicCollection(list(wanted)), include_authorized_operations=True, request_timeout=_ANSWER_S
    )
    for name, answer in answers.items():
        try:
            may = answer.result(_ANSWER_S).authorized_operations
        except KafkaException as error:
            yield from _refused(wanted[name], KafkaFailed(f"topic {name}", error))
        else:
            yield from _lacking(wanted[name], may)


def _missing_on_groups(admin: AdminClient, acls: Collection[Acl]) -> Iterator[str]:
    wanted = {acl.name + _REST * acl.prefixed: acl for acl in acls if acl.kind == "group"}
    for name, acl in wanted.items():
        try:
            yield from _lacking(acl, _operations_on_group(admin, name))
        except KafkaFailed as error:
            yield from _refused(acl, error)


def _operations_on_group(admin: AdminClient, name: str) -> Iterable[Enum] | None:
    """What we may do with a group; a coordinator that is being chosen is waited for."""
    deadline = time.monotonic() + _ANSWER_S
    while True:
        try:
            found = describe(admin, name, _ANSWER_S, include_authorized_operations=True)
            return found.authorized_operations
        except KafkaFailed as error:
            if error.name.endswith("AUTHORIZATION_FAILED") or time.monotonic() > deadline:
                raise
            time.sleep(_AGAIN_S)


def _missing_on_transactions(settings: Settings, acls: Collection[Acl]) -> Iterator[str]:
    """By an id of our own: to try somebody else's would fence them."""
    for acl in acls:
        if acl.kind == "transactionalId" and acl.prefixed:
            config = {**_quiet(settings), "transactional.id": acl.name + _REST}
            try:
                Producer(config).init_transactions(_ANSWER_S)
            except KafkaException as error:
                yield from _refused(acl, KafkaFailed(f"transactionalId {acl.name}", error))


def _refused(acl: Acl, error: KafkaFailed) -> Iterator[str]:
    if error.name.endswith("AUTHORIZATION_FAILED"):
        yield from _lacking(acl, ())
    elif error.name == "UNKNOWN_TOPIC_OR_PART":
        yield f"{acl.kind} {acl.name} does not exist: interest-streams topics apply"
    else:
        yield str(error)


def _lacking(acl: Acl, may: Iterable[Enum] | None) -> Iterator[str]:
    """One line for a resource on which something is missing; None: the cluster doesn't tell."""
    if may is None:
        return
    names = {operation.name for operation in may}
    missing = [operation for operation in acl.operations if upper(operation) not in names]
    if missing:
        whose = "that begin with " if acl.prefixed else ""
        yield f"{acl.kind} {whose}{acl.name}: missing {', '.join(missing)}"
