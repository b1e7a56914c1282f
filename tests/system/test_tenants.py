"""Two brands on one cluster: neither reaches what is the other's, and neither stops the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from streams.contract.topics import FACTS, NETWORK, PROFILES
from streams.kafka import access
from streams.kafka.compacted import CompactedTopic
from streams.settings import Settings
from streams.worker.worker import Worker
from tests.broker.secured import Secured, secured_kafka
from tests.support.live_worker import consented, live
from tests.support.worker_process import all_committed

pytestmark = pytest.mark.usefixtures("calm")

PREFIXES = ("brand-a.", "brand-b.")
_WAIT_S = 240.0
_ANSWER_S = 60.0


class Tenant:
    """A brand: its deployment on the plain port, for who prepares it, and its users."""

    def __init__(self, broker: Secured, prefix: str) -> None:
        self.broker = broker
        self.plain = live(broker.server.bootstrap, prefix)
        for principal in access.PRINCIPALS:
            broker.add_user(principal.user(self.plain), principal.acls(self.plain))

    def settings(self, principal: str = "worker") -> Settings:
        """Settings of one of its users."""
        login = self.broker.login(access.BY_NAME[principal].user(self.plain))
        return replace(
            self.plain,
            bootstrap_servers=self.broker.passwords,
            kafka={**self.plain.kafka, **login},
            strict_limits=False,
        )

    def profiles(self) -> int:
        """Number of profiles that stand published."""
        name = self.plain.topic(PROFILES)
        with closing(CompactedTopic(self.plain.bootstrap_servers, name)) as topic:
            return len(topic.latest(lambda key: True))

    def is_done(self) -> bool:
        """Whether all was committed, for every reader to see."""
        return all_committed(self.plain)


@pytest.fixture(scope="module")
def brands(
    kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Tenant, Tenant]]:
    """Two brands and their users."""
    with secured_kafka(tmp_path_factory.mktemp("tenants")) as broker:
        one, other = (Tenant(broker, prefix) for prefix in PREFIXES)
        yield one, other


def test_both_work_side_by_side_and_a_poisoned_one_halts_alone(
    brands: tuple[Tenant, Tenant],
) -> None:
    workers = [Worker(brand.settings()) for brand in brands]
    for worker in workers:
        worker.start()

    def until(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _WAIT_S
        while not condition():
            assert time.monotonic() < deadline
            for worker in workers:
                worker.step()

    until(lambda: all(brand.is_done() for brand in brands))
    assert [brand.profiles() for brand in brands] == [8, 8]

    poisoned, sound = brands
    producer = Producer({"bootstrap.servers": poisoned.plain.bootstrap_servers})
    for number in range(2 * poisoned.plain.dead_letter_max_run + 2):
        producer.produce(poisoned.plain.topic(NETWORK), b"{", b"x-%d" % number, number % 2)
    assert producer.flush(30) == 0
    until(lambda: "halted" in workers[0]._membership.state[1])
    consented(sound.plain, accounts=12)
    until(sound.is_done)
    assert sound.profiles() == 12 and not poisoned.is_done()
    for worker in workers:
        worker.leave()


def _produce(mine: Settings, theirs: Settings) -> None:
    said: list[KafkaError | None] = []
    producer = Producer({**mine.kafka, "bootstrap.servers": mine.bootstrap_servers})
    producer.produce(theirs.topic(FACTS), b"{}", b"a", on_delivery=lambda e, _: said.append(e))
    assert producer.flush(_ANSWER_S) == 0
    _raise(said[0])


def _look(mine: Settings, theirs: Settings) -> None:
    with closing(_consumer(mine, mine.group)) as consumer:
        consumer.get_watermark_offsets(TopicPartition(theirs.topic(PROFILES), 0), _ANSWER_S)


def _join(mine: Settings, theirs: Settings) -> None:
    with closing(_consumer(mine, theirs.group)) as consumer:
        consumer.subscribe([mine.topic(NETWORK)])
        message = consumer.poll(_ANSWER_S)
        _raise(None if message is None else message.error())


def _fence(mine: Settings, theirs: Settings) -> None:
    name = f"{theirs.group}-{theirs.instance}"
    config = {**mine.kafka, "bootstrap.servers": mine.bootstrap_servers, "transactional.id": name}
    Producer(config).init_transactions(_ANSWER_S)


def _consumer(settings: Settings, group: str) -> Consumer:
    config = {**settings.kafka, "bootstrap.servers": settings.bootstrap_servers}
    return Consumer({**config, "group.id": group, "auto.offset.reset": "earliest"})


def _admin(settings: Settings) -> AdminClient:
    secure = {
        key: value
        for key, value in settings.kafka.items()
        if key.startswith(("sasl.", "ssl.", "security."))
    }
    return AdminClient({**secure, "bootstrap.servers": settings.bootstrap_servers})


def _raise(error: KafkaError | None) -> None:
    if error is not None:
        raise KafkaException(error)


@pytest.mark.parametrize("principal", ["worker", "admin"])
@pytest.mark.parametrize("attempt", [_produce, _look, _join, _fence])
def test_no_user_of_one_reaches_what_is_the_others(
    attempt: Callable[[Settings, Settings], None], principal: str, brands: tuple[Tenant, Tenant]
) -> None:
    one, other = brands
    with pytest.raises(KafkaException) as found:
        attempt(one.settings(principal), other.plain)
    name = found.value.args[0].name()  # a topic that one may not describe is one that is not there
    assert name.endswith("AUTHORIZATION_FAILED") or "UNKNOWN" in name
    known = _admin(one.settings(principal)).list_topics(timeout=_ANSWER_S).topics
    assert known and not [name for name in known if name.startswith(PREFIXES[1])]


def test_the_broker_has_let_nobody_over(brands: tuple[Tenant, Tenant]) -> None:
    """By its own log, whatever the clients said: of all that the tests above have tried."""
    of_one, of_other = PREFIXES
    over = [
        item
        for item in brands[0].broker.decisions()
        if item.user.startswith(of_one) and item.name.startswith(of_other)
    ]
    # Each was turned away at its first question: what is there, and who coordinates it.
    asked = {(item.operation, item.kind) for item in over}
    assert asked == {("DESCRIBE", kind) for kind in ("Topic", "Group", "TransactionalId")}
    assert [item for item in over if item.allowed] == []


@pytest.mark.parametrize("other", ["", "brand-a.b.", "brand-a.-", "brand-b.", "brand-"])
def test_no_grant_of_one_is_a_name_of_another(other: str) -> None:
    """But for groups of readers, which are random, never joined and only looked up."""
    one = Settings(topic_prefix="brand-a.")
    names = {
        (acl.kind, acl.name)
        for principal in access.PRINCIPALS
        for acl in principal.acls(Settings(topic_prefix=other))
        if acl.name != access.READER_GROUPS
    }
    granted = [
        acl
        for principal in access.PRINCIPALS
        for acl in principal.acls(one)
        for kind, name in names
        if acl.kind == kind and (name.startswith(acl.name) if acl.prefixed else name == acl.name)
    ]
    looked_up = {acl for acl in granted if acl.operations == ("Describe",)}
    assert {acl.name for acl in looked_up} <= {one.group_id}  # that of before there were prefixes
    assert looked_up == set(granted)
