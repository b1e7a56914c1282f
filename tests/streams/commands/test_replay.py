"""Replay: real sets become valid events in event time, on the Java client's partitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from streams.__main__ import main
from streams.contract import topics
from streams.contract.record import Record
from streams.kafka.consumer_group import Group, GroupError, Lag
from streams.kafka.producing import (
    Produced,
    ProduceError,
    each_catalogue_once,
    merged,
    produce,
    with_consent,
)
from streams.kafka.topic_plan import create_topics
from streams.sandbox.embedded_broker import EMBEDDED_KAFKA_OVERRIDES, EmbeddedBroker
from streams.sandbox.simulator import Simulation
from streams.settings import Settings
from tests.support.data_sets import WEB, get, read


def test_consent_comes_once_just_before_the_first_event() -> None:
    def event(at: int, key: str, topic: str = topics.APP) -> Record:
        return Record(at, topic, key, {"ts": at})

    given_records = [
        event(5, "a"),
        event(6, "k", topics.CATALOGUE),
        event(7, "a"),
        event(8, "b", topics.FACTS),
        event(9, "b"),
    ]
    out = list(with_consent(given_records))
    facts = [
        (r.at, r.key, *get(r, "ts")) for r in out if r.topic == topics.FACTS and "kind" in r.value
    ]
    assert facts == [(5, "a", 4)]
    assert [r for r in out if "kind" not in r.value] == given_records


def test_merging_keeps_order_and_ties() -> None:
    one = [Record(1, "x", "one", {}), Record(5, "x", "one", {})]
    two = [Record(1, "x", "two", {}), Record(3, "x", "two", {})]
    assert [(r.at, r.key) for r in merged([iter(one), iter(two)])] == [
        (1, "one"),
        (1, "two"),
        (3, "two"),
        (5, "one"),
    ]


def test_catalogue_keys_come_once() -> None:
    items = [Record(at, topics.CATALOGUE, "app:x", {}) for at in range(3)]
    assert list(each_catalogue_once(items)) == items[:1]


def test_jsonl_is_what_simulate_wrote(tmp_path: Path) -> None:
    simulation = Simulation(4, 5, 3)
    single, folder = tmp_path / "all.jsonl", tmp_path / "out"
    folder.mkdir()
    for record in simulation:
        with single.open("ab") as file:
            file.write(
                orjson.dumps({"topic": record.topic, "key": record.key, "value": record.value})
                + b"\n"
            )
        with (folder / f"{record.topic}.jsonl").open("ab") as file:
            file.write(orjson.dumps(record.value) + b"\n")
    whole, _ = read("jsonl", single)
    assert [(r.topic, r.key, r.value) for r in whole] == [
        (r.topic, r.key, r.value) for r in simulation
    ]
    parts, _ = read("jsonl", folder)
    by_topic = [
        [r[1:] for r in records if r.topic == name]
        for records in (whole, parts)
        for name in topics.INPUTS
    ]
    assert by_topic[:4] == by_topic[4:]
    assert [r.at for r in parts] == sorted(r.at for r in parts)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Settings]:
    with EmbeddedBroker() as broker:
        settings = Settings(bootstrap_servers=broker.bootstrap_servers, partitions=5, replication=1)
        create_topics(AdminClient({"bootstrap.servers": broker.bootstrap_servers}), settings)
        yield settings


def _all(settings: Settings, count: int, group: str | None = None) -> list[Message]:
    consumer = Consumer(
        {
            "bootstrap.servers": settings.bootstrap_servers,
            **EMBEDDED_KAFKA_OVERRIDES,
            "group.id": group or "nobody",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.assign(
        [TopicPartition(name, p, 0) for name in topics.INPUTS for p in range(settings.partitions)]
    )
    got: list[Message] = []
    for _ in range(2_400):
        got += consumer.consume(5_000, 0.1)
        if len(got) >= count:
            break
    if group is not None:
        consumer.commit(offsets=consumer.position(consumer.assignment()), asynchronous=False)
    consumer.close()
    return got


def murmur2(data: bytes) -> int:
    """The Java client's hash of a key, written out from its definition (seed 0x9747b28c)."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = 0x9747B28C ^ len(data)
    for i in range(0, len(data) - len(data) % 4, 4):
        k = int.from_bytes(data[i : i + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    tail = data[len(data) - len(data) % 4 :]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def _main(*argv: str) -> int:
    return main(["replay", *argv])


def test_replay_produces_all_in_order_on_javas_partitions(
    cluster: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "all.jsonl"
    simulation = Simulation(4, 12, 3)
    with path.open("wb") as file:
        for record in simulation:
            file.write(
                orjson.dumps({"topic": record.topic, "key": record.key, "value": record.value})
                + b"\n"
            )
    sent = list(simulation)
    where = ("--bootstrap", cluster.bootstrap_servers)
    assert _main("--source", "jsonl", str(path), *where, "--group", "late") == 0
    out = capsys.readouterr()
    counts = Counter(record.topic for record in sent)
    assert f"produced {len(sent)} (" in out.out
    assert all(f"{name} {count}" in out.out for name, count in counts.items())
    assert "\x1b" not in out.err, "plain lines where there is no terminal"

    assert (
        _main(
            "--source",
            "jsonl",
            str(path),
            "--limit",
            "1",
            *where,
            "--wait-group",
            "late",
            "--wait-limit",
            "0.1",
        )
        == 1
    )
    assert "not at the end" in capsys.readouterr().err
    got = _all(cluster, len(sent) + 1, "late")
    assert len(got) == len(sent) + 1
    assert {m.partition() for m in got} == set(range(cluster.partitions))
    for message in got:
        key = message.key()
        assert isinstance(key, bytes)
        assert message.partition() == (murmur2(key) & 0x7FFFFFFF) % cluster.partitions
    for account in simulation.truth:
        order = [
            orjson.loads(m.value() or b"")["event_id"]
            for m in got
            if m.key() == account.encode() and m.topic() == topics.NETWORK
        ]
        assert order == [
            r.value["event_id"] for r in sent if r.key == account and r.topic == topics.NETWORK
        ]

    with Group(cluster, "late") as late:
        assert late.lag().done
    assert (
        _main("--source", "jsonl", str(path), "--limit", "0", *where, "--wait-group", "late") == 0
    )


def test_several_sources_are_merged(
    cluster: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    web, tv = tmp_path / "web.csv", tmp_path / "tv.csv"
    web.write_text(WEB)
    tv.write_text("user_id,channel,start_utc,duration_s\n1234567,CNN,2019-03-01 10:00:30,66\n")
    assert (
        _main(
            "--source",
            "web-visits",
            "--source",
            "tv-sessions",
            str(web),
            str(tv),
            "--bootstrap",
            cluster.bootstrap_servers,
        )
        == 0
    )
    assert capsys.readouterr().out == (
        "replay: produced 9 (catalogue 1, network-usage 4, subscriber-facts 3, tv-viewing 1); "
        "left out 1: not a web address\n"
    )


def test_speed_holds_events_back(cluster: Settings) -> None:
    records = [Record(1_551_434_400_000 + 1_000 * i, topics.APP, "acc", {"n": i}) for i in range(4)]
    ticks: list[int] = []
    produced = produce(
        records, cluster, Produced(), speed=10.0, tick=lambda _, at: ticks.append(at)
    )
    assert produced.total == 4 and not produced.failed
    assert len(ticks) >= 4, "every wait is a chance to show something"


def test_usage_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _main("--source", "web-visits", "--source", "flows", str(tmp_path)) == 2
    assert "2 --source for 1 paths" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        _main("--source", "flows", "x", "--speed", "fast")
    assert _main("--source", "flows", str(tmp_path / "absent"), "--bootstrap", "127.0.0.1:1") == 1
    assert "absent" in capsys.readouterr().err


def test_a_broker_out_of_reach_is_said_so(
    cluster: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.kafka.producing._ANSWER_S", 0.2)
    with pytest.raises(ProduceError, match="producing: ") as said:
        produce(
            [Record(1, topics.APP, "a", {})],
            replace(cluster, bootstrap_servers="127.0.0.1:1"),
            Produced(),
        )
    assert said.value.away
    monkeypatch.setattr("streams.kafka.consumer_group._TIMEOUT_S", 0.2)
    with (
        Group(Settings(bootstrap_servers="127.0.0.1:1"), "g") as group,
        pytest.raises(GroupError, match="lag of g"),
    ):
        group.lag()


def test_a_group_whose_coordinator_loads_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    loading = GroupError("lag of g: Coordinator load in progress")
    answers: Iterator[GroupError | Lag] = iter([loading, Lag(3, 0), Lag(0, 0)])
    clock = iter(range(100))

    def answer(_: Group) -> Lag:
        found = next(answers)
        if isinstance(found, GroupError):
            raise found
        return found

    monkeypatch.setattr(Group, "lag", answer)
    monkeypatch.setattr("streams.kafka.consumer_group.time.sleep", lambda _: None)
    monkeypatch.setattr("streams.kafka.consumer_group.time.monotonic", lambda: next(clock))
    with Group(Settings(), "g") as group:
        assert group.wait(10.0)
        answers = iter([GroupError("still loading")] * 20)
        with pytest.raises(GroupError, match="still loading"):
            group.wait(3.0)
