"""Programs of others read every record that the worker writes: each client, each event's SDK.

The records are those of the golden run (`tests.wire.run`): real workers, with erasures, a takeover
and a failed commit. They are put on a real broker by a worker's own producer, in transactions, one
of which is aborted, so codec and isolation are those of a deployment.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import uuid
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiokafka import AIOKafkaConsumer

from streams.contract.topics import AUDIENCES, OFFERS, PROFILES
from streams.kafka import clients
from streams.kafka.topic_plan import create_topics
from streams.settings import Settings
from tests.broker.kafka_server import KafkaServer
from tests.broker.log_files import batches
from tests.support.needs import need_commands, need_extra
from tests.support.open_transactions import await_markers
from tests.support.paths import CONTRACT
from tests.wire import run as wire

pytestmark = pytest.mark.timeout(1_200)  # the golden run takes part of a minute alone

#: What they read, and those of it that are CloudEvents.
_READ, _EVENTS = (PROFILES, OFFERS, AUDIENCES), (PROFILES, OFFERS)
_LEAST = 1_000
_IN_A_TRANSACTION = 150
#: For programs that start a machine of their own beside other tests; none waits for it otherwise.
_PATIENCE_S = 300


class Read(NamedTuple):
    """A record as any reader may tell it."""

    partition: int
    key: str
    value: str | None
    headers: tuple[tuple[str, str], ...]


class Written(NamedTuple):
    """What is on the broker, by topic, in each partition's order."""

    server: KafkaServer
    settings: Settings
    records: dict[str, list[Read]]

    def topic(self, name: str) -> str:
        return self.settings.topic(name)


@pytest.fixture(scope="module")
def written(kafka_server: KafkaServer) -> Written:
    """The golden run's profiles, offers and audiences, on the broker."""
    broker = wire.run()
    prefix = f"others-{uuid.uuid4().hex[:8]}-"
    settings = Settings(
        bootstrap_servers=kafka_server.bootstrap,
        topic_prefix=prefix,
        group_id=f"{prefix}worker",
        partitions=wire.settings().partitions,
        replication=1,
        erasure_key="others",
    )
    create_topics(clients.admin(settings), settings)
    records = {
        name: [
            Read(partition, _text(e.key) or "", _text(e.value), _headers(e.headers))
            for partition in range(settings.partitions)
            for _, e in broker.log(name, partition).read(0, committed=True)
        ]
        for name in _READ
    }
    _put(settings, records)
    return Written(kafka_server, settings, records)


def _put(settings: Settings, records: dict[str, list[Read]]) -> None:
    producer = clients.producer("worker", settings)
    producer.init_transactions(_PATIENCE_S)
    pieces = [
        (settings.topic(name), of[at : at + _IN_A_TRANSACTION])
        for name, of in records.items()
        for at in range(0, len(of), _IN_A_TRANSACTION)
    ]
    for number, (topic, piece) in enumerate(pieces):
        for end in (producer.abort_transaction, producer.commit_transaction)[number != 1 :]:
            producer.begin_transaction()
            for record in piece:
                value = None if record.value is None else record.value.encode()
                headers: Any = [(name, text.encode()) for name, text in record.headers]
                producer.produce(topic, value, record.key, record.partition, headers=headers)
            producer.flush(_PATIENCE_S)  # what was not sent, an abort would leave out
            end(_PATIENCE_S)
    await_markers(settings)


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode()


def _headers(found: Any) -> tuple[tuple[str, str], ...]:
    return tuple((name, _text(value) or "") for name, value in found or ())


def in_order(records: list[Read]) -> list[Read]:
    """By partition, for readers take turns between them."""
    return sorted(records, key=lambda record: record.partition)


def test_there_is_enough_of_everything(written: Written) -> None:
    """So that the tests below see something."""
    everything = [record for of in written.records.values() for record in of]
    assert len(everything) > _LEAST
    assert sum(record.value is None for record in everything) > 20
    assert {record.partition for record in everything} == {0, 1}
    for name in written.records:
        folder = written.server.log_dir(written.topic(name), 0)
        found = [batch for path in folder.glob("*.log") for batch in batches(path.read_bytes())]
        assert {batch.codec for batch in found if batch.marker is None} == {3}, "lz4, as declared"
        if name == PROFILES:
            assert {0, 1} <= {batch.marker for batch in found if batch.marker is not None}


def by_aiokafka(written: Written, name: str) -> list[Read]:
    async def read() -> list[Read]:
        consumer = AIOKafkaConsumer(
            written.topic(name),
            bootstrap_servers=written.server.bootstrap,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        found: list[Read] = []
        await consumer.start()
        try:
            while len(found) < len(written.records[name]):
                r = await asyncio.wait_for(consumer.getone(), _PATIENCE_S)
                found.append(
                    Read(r.partition, _text(r.key) or "", _text(r.value), _headers(r.headers))
                )
        finally:
            await consumer.stop()
        return found

    return asyncio.run(read())


def by_kcat(written: Written, name: str) -> list[Read]:
    need_commands("kcat")
    done = subprocess.run(
        ["kcat", "-C", "-b", written.server.bootstrap, "-t", written.topic(name), "-o",
         "beginning", "-e", "-q", "-J", "-X", "isolation.level=read_committed"],
        check=True, capture_output=True, text=True, timeout=_PATIENCE_S,
    )  # fmt: skip
    found = []
    for line in done.stdout.splitlines():
        raw = json.loads(line)
        said = raw.get("headers", ())  # which no record of audiences has
        headers = tuple(zip(said[::2], said[1::2], strict=True))
        found.append(Read(raw["partition"], raw["key"], raw["payload"], headers))
    return found


def by_the_console_consumer(written: Written, name: str) -> list[Read]:
    shown = {"print.key": "true", "print.headers": "true", "print.partition": "true"}
    shown |= {"headers.separator": "\x01", "key.separator": "\x02", "null.literal": "\x03"}
    words = [word for item in shown.items() for word in ("--property", "=".join(item))]
    done = subprocess.run(
        ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp",
         f"{written.server.libs}/*", "org.apache.kafka.tools.consumer.ConsoleConsumer",
         "--bootstrap-server", written.server.bootstrap, "--topic", written.topic(name),
         "--from-beginning", "--isolation-level", "read_committed",
         "--max-messages", str(len(written.records[name])), *words],
        check=True, capture_output=True, text=True, timeout=_PATIENCE_S,
    )  # fmt: skip
    found = []
    for line in done.stdout.splitlines():
        partition, headers, key, value = line.split("\x02")
        told = () if headers == "NO_HEADERS" else headers.split("\x01")
        said = tuple((name, text) for name, text in (pair.split(":", 1) for pair in told))
        number = int(partition.removeprefix("Partition:"))
        found.append(Read(number, key, None if value == "\x03" else value, said))
    return found


def by_kafkajs(written: Written, name: str, javascript: Path) -> list[Read]:
    done = subprocess.run(
        ["node", "read.mjs", written.server.bootstrap, written.topic(name),
         str(len(written.records[name]))],
        cwd=javascript, check=True, capture_output=True, text=True, timeout=_PATIENCE_S,
    )  # fmt: skip
    found = []
    for line in done.stdout.splitlines():
        raw = json.loads(line)
        headers = tuple((name, text) for name, text in raw["headers"])
        found.append(Read(raw["partition"], raw["key"], raw["value"], headers))
    return found


@pytest.mark.parametrize("name", _READ)
@pytest.mark.parametrize("read", [by_aiokafka, by_kcat, by_the_console_consumer])
def test_it_reads_every_record(written: Written, read: Any, name: str) -> None:
    assert in_order(read(written, name)) == written.records[name]


@pytest.mark.parametrize("name", _READ)
def test_kafkajs_reads_every_record(written: Written, javascript: Path, name: str) -> None:
    assert in_order(by_kafkajs(written, name, javascript)) == written.records[name]


def test_pythons_cloudevents_read_every_record(written: Written) -> None:
    """Tombstones too: their event has no data."""
    need_extra("dev", "cloudevents")
    from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka
    from cloudevents.core.formats.json import JSONFormat

    ids = []
    for topic in _EVENTS:
        for record in written.records[topic]:
            value: Any = None if record.value is None else record.value.encode()
            headers = {name: text.encode() for name, text in record.headers}
            event = from_kafka(KafkaMessage(headers, record.key, value), JSONFormat())
            ids.append((event.get_source(), event.get_id()))
            assert event.get_subject() == record.key and event.get_time() is not None
            gone = event.get_type().endswith(".forgotten.v1")
            assert gone == (value is None)
            said: Any = event.get_data()
            assert said is None if gone else said["subject"] == record.key
    assert len(set(ids)) == len(ids), "no id twice"


def test_javascripts_cloudevents_and_schemas_read_every_record(
    written: Written, javascript: Path, tmp_path: Path
) -> None:
    said = [
        {"topic": name, "key": r.key, "value": r.value, "headers": dict(r.headers)}
        for name in _EVENTS
        for r in written.records[name]
    ]
    file = tmp_path / "records.json"
    file.write_text(json.dumps(said))
    done = subprocess.run(
        ["node", "contract.mjs", CONTRACT / "schemas", file],
        cwd=javascript, capture_output=True, text=True, timeout=_PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    gone = sum(item["value"] is None for item in said)
    assert (counts["changed"], counts["forgotten"]) == (len(said) - gone, gone)
