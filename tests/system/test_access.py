"""Every program under exactly its user, on a broker with TLS, passwords, certificates and ACLs.

One deployment is run once: topics made, records produced, worked on by two workers and both apps,
read, administered. Then the tests look at what its programs achieved and at what the broker's
authorizer said to them: nothing that a program asked for was denied, and nothing is granted that
none of them asked for.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    OffsetSpec,
    ResourceType,
)

from features.records.inputs import INPUTS
from features.vocabulary import Reply
from streams.client import ProfileReader
from streams.contract import topics
from streams.kafka import access, clients
from streams.kafka.compacted import CompactedTopic
from streams.sandbox.demo_worker import environment
from streams.settings import PREFIX, Settings
from tests.broker.secured import Decision, Secured, secured_kafka
from tests.support.app_process import app_process
from tests.support.catalogue_entries import entry
from tests.support.feeding import DAY, START, Feed
from tests.support.processes import wait_until
from tests.support.worker_process import WorkerProcess, short_timings, wait_for_end

#: Contents without tags are told after a second instead of a minute.
_WORKER = (
    sys.executable,
    "-c",
    "import streams.worker.untagged as untagged; from streams.__main__ import run_and_leave; "
    "untagged._EVERY_S = 1.0; run_and_leave(['worker'])",
)
_MORE: dict[str, Any] = {
    "topic_prefix": "tele.",
    "tick_interval_ms": 1_000,
    "group_id": "tele",
    "outcomes": True,
    "shared_model": True,
    "shared_model_wait_ms": 1_000,
    "audience_k": 2,
    "audience_noise": False,
    "audience_release_ms": 1_000,
    "audience_interval_ms": 300,
}
_WAIT_S = 120.0
_INPUTS = topics.JOINABLE
#: One record of each input, a catalogue entry, and an answer under no key.
_REFUSED = len(_INPUTS) + 2


@dataclass
class Stage:
    """A deployment on a secured broker, and what its commands printed."""

    broker: Secured
    folder: Path
    said: dict[str, str] = field(default_factory=dict)
    feed: Feed = field(default_factory=Feed)

    @cached_property
    def plain(self) -> Settings:
        """Settings of whoever may do anything."""
        return short_timings(self.broker.server.bootstrap, "", **_MORE)

    def settings(self, name: str, certified: bool = False, **more: Any) -> Settings:
        """Settings of a principal, by password unless it shows a certificate."""
        user = access.BY_NAME[name].user(self.plain)
        kafka = self.broker.certified(user) if certified else self.broker.login(user)
        where = self.broker.certificates if certified else self.broker.passwords
        kafka |= self.plain.kafka if name == "worker" else {}
        return replace(self.plain, bootstrap_servers=where, kafka=kafka, **more)

    def command(self, name: str, *words: str) -> None:
        """Run a command as a principal, and see it succeed."""
        done = subprocess.run(
            [sys.executable, "-m", "streams", *words],
            env=environment(self.settings(name)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=2 * _WAIT_S,
        )
        assert done.returncode == 0, f"{name}: {words}: {done.stdout}{done.stderr}"
        self.said[" ".join(words)] = done.stdout

    def produce(self, topic: str, *records: tuple[bytes | None, bytes | None], as_: str) -> None:
        """Produce as a principal."""
        settings = self.settings(as_)
        producer = clients.producer("feed", settings)
        for key, value in records:
            producer.produce(settings.topic(topic), value, key)
        assert producer.flush(30) == 0

    def keys(self, topic: str, as_: str = "") -> list[bytes | None]:
        """Of the records of a topic that are committed, as a principal sees them."""
        settings = self.settings(as_) if as_ else self.plain
        reader = CompactedTopic(
            settings.bootstrap_servers, settings.topic(topic), kafka=settings.kafka
        )
        try:
            return [message.key() for message in reader.past(_WAIT_S)]
        finally:
            reader.close()

    def count(self, topic: str, as_: str = "") -> int:
        """How many records of a topic a principal sees."""
        return len(self.keys(topic, as_))

    def holds(self, topic: str, key: bytes) -> bool:
        """Whether somebody wrote something of a key."""
        return key in self.keys(topic)

    def wait_for(self, topic: str, *logs: Path) -> None:
        """Wait until something stands in a topic."""

        def said() -> str:
            return f"{topic}: " + "\n".join(log.read_text()[-3000:] for log in logs)

        wait_until(lambda: self.count(topic) > 0, _WAIT_S, said)


@pytest.fixture(scope="module")
def stage(kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The deployment, after all of its programs have run."""
    folder = tmp_path_factory.mktemp("access")
    with secured_kafka(folder / "broker") as broker:
        found = Stage(broker, folder)
        for principal in access.PRINCIPALS:
            broker.add_user(principal.user(found.plain), principal.acls(found.plain))
        _fill(found)
        _work(found)
        _read(found)
        _administer(found)
        yield found


def _fill(stage: Stage) -> None:
    stage.command("admin", "topics", "apply")
    _change_configurations(stage)
    stage.command("admin", "topics", "apply")
    stage.command("admin", "topics", "check")
    stage.command("admin", "tags", "publish")
    people = ("--households", "30", "--days", "4")
    stage.command("producer", "simulate", *people, "--bootstrap", stage.broker.passwords)
    for name in topics.INPUTS:
        stage.produce(name, (b"sim-00029", b"{nope"), as_="producer")
    stage.produce(topics.CATALOGUE, entry(1), (b"host:a.com", b"{nope"), as_="producer")
    stage.produce(
        topics.FACTS, (b"zqacc", stage.feed.fact("zqacc", 0, "erasure")[1]), as_="privacy"
    )
    stage.produce(topics.UNTAGGED, (b"host:left.example@w1", None), as_="worker")


def _change_configurations(stage: Stage) -> None:
    admin = stage.broker.admin()

    def changed(topic: topics.Topic) -> bool:
        spot = ConfigResource(ResourceType.TOPIC, stage.plain.topic(topic.name))
        found = admin.describe_configs([spot])[spot].result(30)
        name = "segment.ms" if topic.compacted else "retention.ms"
        return bool(found[name].value == "3600000")

    changes = [
        ConfigResource(
            ResourceType.TOPIC,
            stage.plain.topic(topic.name),
            incremental_configs=[
                ConfigEntry(
                    "segment.ms" if topic.compacted else "retention.ms",
                    "3600000",
                    incremental_operation=AlterConfigOpType.SET,
                )
            ],
        )
        for topic in topics.TOPICS
    ]
    for answer in admin.incremental_alter_configs(changes).values():
        answer.result(30)
    # The controller has them; the broker that `topics apply` asks learns of them a little later.
    wait_until(lambda: all(map(changed, topics.TOPICS)), 30)


def _brief_consent(stage: Stage) -> None:
    """Consent whose end a worker has to tell by a tick, for nothing comes behind it."""
    feed, day = stage.feed, (time.time() * 1000 - START) / DAY
    ends = START + int(day * DAY) + 1_000
    for name, record, user in (
        (topics.FACTS, feed.consent("zqacc", day, expires_at=ends), "privacy"),
        (topics.NETWORK, feed.visit("zqacc", day, "left.example"), "producer"),
    ):
        stage.produce(name, (b"zqacc", record[1]), as_=user)


def _left_alone(stage: Stage) -> bytes:
    """An answer to an offer: no more of them."""
    told = {"contact_id": "c1", "answer": Reply.UNSUBSCRIBED}
    return stage.feed.record(INPUTS.outcomes, "sim-00029", 1.0, kind="answer", **told)[1]


def _ticks(stage: Stage) -> int:
    """How often a worker has written to the facts: what has no key."""
    return stage.keys(topics.FACTS).count(None)


def _work(stage: Stage) -> None:
    """One worker by password, one by certificate that keeps copies; both apps."""
    one = stage.settings("worker", instance_id="w1")
    other = stage.settings("worker", certified=True, instance_id="w2", standby=True)
    logs = [stage.folder / f"{name}.log" for name in ("w1", "w2", "catalogue", "audiences")]
    with ExitStack() as running:
        workers = [running.enter_context(WorkerProcess(settings, log, _WORKER))
                   for settings, log in zip((one, other), logs, strict=False)]  # fmt: skip
        for name, log in zip(("catalogue", "audiences"), logs[2:], strict=True):
            mine = environment(stage.settings(name))
            words = {k.removeprefix(PREFIX): v for k, v in mine.items() if k.startswith(PREFIX)}
            running.enter_context(app_process(f"streams.apps.{name}", log, **words))
        wait_for_end(stage.plain, *workers)
        # Its letter is whole while the account's consent is known: nothing else is in that topic,
        # so it would be read before the facts; and a visit of today ends what is years old.
        stage.produce(topics.OUTCOMES, (b"sim-00029", b"{nope"), as_="producer")
        # Nobody's key: a worker sends it on to where its account's are.
        stage.produce(topics.OUTCOMES, (None, _left_alone(stage)), as_="producer")
        wait_until(lambda: stage.count(topics.OUTCOMES) == 3, _WAIT_S, logs[0].read_text)
        wait_until(lambda: stage.count(topics.DEAD_LETTERS) == _REFUSED, _WAIT_S, logs[2].read_text)
        _brief_consent(stage)
        wait_until(lambda: _ticks(stage) > 0, _WAIT_S, logs[0].read_text)
        for topic in (topics.UNTAGGED, topics.RECEIPTS, topics.AUDIENCES, topics.MODELS):
            stage.wait_for(topic, *logs)
        wait_until(lambda: stage.holds(topics.TAGS, entry(1)[0]), _WAIT_S, logs[2].read_text)
        assert [worker.terminate() for worker in workers] == [0, 0]
    # Only who has state to read joins no group, and asks for one by name.
    with WorkerProcess(one, stage.folder / "again.log", _WORKER) as again:
        wait_until(partial(again.has_said, "restored"), _WAIT_S, again.text)
        wait_for_end(stage.plain, again)
        assert again.terminate() == 0


def _follow(settings: Settings, topic: str, group: str) -> None:
    """Read as a team of its own does: in a group that commits."""
    own = {**settings.kafka, "bootstrap.servers": settings.bootstrap_servers,
           "group.id": f"{settings.group}-{group}", "auto.offset.reset": "earliest"}  # fmt: skip
    consumer = Consumer(own)
    consumer.subscribe([settings.topic(topic)])
    message = consumer.poll(_WAIT_S)
    assert message is not None and message.error() is None
    consumer.commit(message=message, asynchronous=False)
    consumer.close()


def _read(stage: Stage) -> None:
    reader = stage.settings("reader", certified=True)
    _follow(reader, topics.PROFILES, "reader-crm")
    _follow(stage.settings("offers", certified=True), topics.OFFERS, "offers-crm")
    with ProfileReader(
        reader.bootstrap_servers, reader.topic(topics.PROFILES), kafka=reader.kafka
    ) as profiles:
        subject = next(iter(profiles.bootstrap(_WAIT_S)))
    stage.command("reader", "profile", subject)
    assert stage.count(topics.AUDIENCES, as_="reader") > 0
    assert stage.count(topics.PROFILES, as_="lookup") > 0
    assert stage.count(topics.OFFERS, as_="offers") > 0
    stage.produce(topics.LOOKUPS, (b"who", b"{}"), as_="lookup")
    assert stage.count(topics.LOOKUPS, as_="privacy") == 1
    stage.command("privacy", "subject", subject)
    assert stage.count(topics.DEAD_LETTERS, as_="privacy") == _REFUSED
    assert stage.count(topics.RECEIPTS, as_="privacy") in (1, 2)  # a second once it was looked for


def _administer(stage: Stage) -> None:
    stage.command("admin", "untagged")
    stage.command("admin", "accounting")
    stage.command("admin", "redrive", "--yes")
    stage.command("admin", "lag")
    stage.command("admin", "related", "483")
    stage.command("admin", "tags", "export", "--topic", str(stage.folder / "tags.tsv"))
    for name in _INPUTS:
        stage.produce(name, (b"zqacc", b"{nope"), as_="producer")
    admin = stage.broker.admin()
    spots = [TopicPartition(stage.plain.topic(name), p) for name in _INPUTS for p in range(3)]
    ends = admin.list_offsets(dict.fromkeys(spots, OffsetSpec.latest()))
    gone = [TopicPartition(spot.topic, spot.partition, answer.result(30).offset)
            for spot, answer in ends.items()]  # fmt: skip
    for answer in admin.delete_records(gone).values():
        answer.result(30)
    stage.command("admin", "offsets", "reset", "--yes")
    state = ("--file", str(stage.folder / "state"))
    stage.command("admin", "state", "export", *state)
    stage.command("admin", "state", "reset", "--yes", "--forget-facts")
    stage.command("admin", "state", "import", *state, "--profiles")
    _move(stage)


def _move(stage: Stage) -> None:
    """Copy all to other topics, one of whose records is a compressed giant."""
    settings = stage.settings("producer")
    giant = {"message.max.bytes": 4_000_000, "compression.type": "gzip"}
    producer = Producer(
        {**settings.kafka, "bootstrap.servers": settings.bootstrap_servers, **giant}
    )
    producer.produce(settings.topic(topics.TV), bytes(3_000_000), "sim-00029")
    assert producer.flush(30) == 0
    user = access.BY_NAME["admin"].user(stage.plain)
    for prefix in ("shadow.", "moved."):
        there = replace(stage.plain, topic_prefix=prefix)
        stage.broker.allow(user, access.BY_NAME["admin"].acls(there))
    stage.command("admin", "replay", "--from", "2019-01-01T00:00:00", "--to-prefix", "shadow.")
    moved = ("--to-prefix", "moved.", "--partitions", str(2 * stage.plain.partitions))
    # Something stands there to be taken back, whatever the workers have had time to tell.
    stage.produce(topics.UNTAGGED, (b"host:stands.example@w1", b"{}"), as_="worker")
    stage.command("admin", "repartition", *moved, "--yes")
    stage.command("admin", "repartition", *moved, "--yes", "--retract")


# -- what the tests say


def test_every_program_does_its_work(stage: Stage) -> None:
    assert "co-partitioned" in stage.said["topics check"]
    assert "group tele.tele goes on from there" in stage.said["offsets reset --yes"]
    assert stage.count(topics.PROFILES) > 0


def test_nothing_that_a_program_asks_for_is_denied(stage: Stage) -> None:
    assert sorted(item for item in stage.broker.decisions() if not item.allowed) == []


def test_nothing_is_granted_that_no_program_asks_for(stage: Stage) -> None:
    """The brokers' log of decisions is read until it has all of them: they write it beside."""

    def idle() -> list[tuple[str, str, str, str]]:
        decided = stage.broker.decisions()
        return [
            (principal.user(stage.plain), acl.kind, acl.name, operation)
            for principal in access.PRINCIPALS
            for acl in principal.acls(stage.plain)
            for operation in acl.operations
            if not any(_is(item, principal.user(stage.plain), acl, operation) for item in decided)
        ]

    wait_until(
        lambda: not idle(), 30, lambda: "\n".join(map(str, [*idle(), stage.said["redrive --yes"]]))
    )


def _is(item: Decision, user: str, acl: access.Acl, operation: str) -> bool:
    kind = {"topic": "Topic", "group": "Group", "transactionalId": "TransactionalId"}[acl.kind]
    named = item.name.startswith(acl.name) if acl.prefixed else item.name == acl.name
    asked = (user, access.upper(operation), kind)
    return item.allowed and named and (item.user, item.operation, item.kind) == asked
