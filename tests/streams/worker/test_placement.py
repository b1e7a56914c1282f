"""Keys that lie in wrong partitions: counted when few, named and stopped at when many."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Message, Producer

from streams import metrics
from streams.contract.topics import FACTS, NETWORK
from streams.errors import BadTopics
from streams.kafka.consumer_group import Group
from streams.kafka.partitioners import PARTITIONERS, murmur2
from streams.settings import Settings, SettingsError
from streams.worker.placement import Placement, placements
from tests.conftest import Names
from tests.simulation import inputs
from tests.support.inlets import opened, poll
from tests.support.worker_process import WorkerProcess, prepare, short_timings, wait_for_end

_TOPIC = "placement-test"
_COUNT = 4


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    metrics.SAMPLED_KEYS.clear()
    metrics.MISPLACED_KEYS.clear()


def keys(wrong: int, right: int, partitioner: str = "murmur2") -> list[bytes]:
    """Different keys, so many of which do not belong to partition 0."""
    at_home: list[bytes] = []
    away: list[bytes] = []
    number = 0
    while len(at_home) < right or len(away) < wrong:
        key = b"acc-%d" % number
        number += 1
        (away if PARTITIONERS[partitioner](key, _COUNT) else at_home).append(key)
    return away[:wrong] + at_home[:right]


def counted() -> tuple[float, float]:
    return (
        metrics.SAMPLED_KEYS.labels(_TOPIC)._value.get(),
        metrics.MISPLACED_KEYS.labels(_TOPIC)._value.get(),
    )


@pytest.mark.parametrize(
    ("key", "signed"),
    [  # of Kafka's own test, clients/src/test/.../UtilsTest.java, testMurmur2
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_is_javas(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed % 2**32
    assert PARTITIONERS["murmur2"](key, 7) == (signed & 0x7FFFFFFF) % 7


def test_consistent_is_crc_32() -> None:
    assert PARTITIONERS["consistent"](b"123456789", 1000) == 0xCBF43926 % 1000


def test_a_few_misplaced_keys_are_counted() -> None:
    few = keys(wrong=15, right=0)
    Placement(_TOPIC, "murmur2", _COUNT).look(0, few * 9)  # one device may send for ever
    assert counted() == (135, 135)


def test_many_are_borne_beside_many_more() -> None:
    wrong, right = keys(wrong=60, right=0), keys(wrong=0, right=200)
    place = Placement(_TOPIC, "murmur2", _COUNT)
    place.look(0, right)
    place.look(0, wrong)  # 60 of the last 256
    assert counted() == (260, 60)
    with pytest.raises(BadTopics):
        place.look(0, keys(wrong=80, right=0)[60:])


@pytest.mark.parametrize(("of", "by"), [("murmur2", "consistent"), ("consistent", "murmur2")])
def test_another_partitioner_is_named_with_its_topic(of: str, by: str) -> None:
    place = Placement(_TOPIC, of, _COUNT)
    place.look(0, keys(0, 300, of))
    with pytest.raises(BadTopics, match=f"^{_TOPIC}: .*partitioner {of} .* 4 partitions") as stop:
        place.look(0, keys(0, 300, by))
    assert "acc-" not in str(stop.value)
    assert stop.value.code == 5


def test_the_first_are_all_looked_at_and_then_one_in_256() -> None:
    place = Placement(_TOPIC, "murmur2", _COUNT)
    looked: list[int] = []
    at = 0
    for size in (100, 200, 3, 1, 500, 300, 1):
        looked += [at + i for i in place.sample(size)]
        at += size
    assert looked == [*range(256), 512, 768, 1024]


def test_nothing_is_looked_at_where_any_place_is_right() -> None:
    assert placements([_TOPIC], "any", 4) == placements([_TOPIC], "murmur2", 1) == {}
    with pytest.raises(SettingsError, match="partitioner = 'random'"):
        Settings(partitioner="random")


def _record(offset: int, key: bytes, good: bool) -> Message:
    value = {
        "event_id": str(offset),
        "account_id": key.decode(),
        "ts": inputs.START_MS,
        "line": "mobile",
        "host": "a.example" if good else "",
    }
    return Message(topic=NETWORK, partition=0, offset=offset, key=key,
                   value=json.dumps(value).encode(), timestamp=(1, 1_000))  # fmt: skip


def test_the_inlet_looks_at_accepted_records() -> None:
    inlet, feed = opened()
    inlet.expect(_COUNT)
    bad = keys(wrong=40, right=0)
    poll(inlet, feed, *(_record(i, key, good=False) for i, key in enumerate(bad)))
    assert metrics.SAMPLED_KEYS.labels(NETWORK)._value.get() == 0
    with pytest.raises(BadTopics, match=f"^{NETWORK}: 16 of"):
        poll(inlet, feed, *(_record(i, key, good=True) for i, key in enumerate(bad, 40)))


@pytest.mark.kafka
def test_a_worker_stops_by_name(kafka: str, names: Names, tmp_path: Path) -> None:
    settings = short_timings(kafka, names.prefix, partitions=_COUNT)
    prepare(settings)
    for topic, partitioner in ((FACTS, "murmur2"), (NETWORK, "consistent")):
        producer = Producer({"bootstrap.servers": kafka, "partitioner": partitioner})
        for number in range(60):
            key = f"acc-{number}"
            value = {"event_id": f"{topic}{number}", "account_id": key, "ts": inputs.START_MS}
            value |= (
                {"kind": "consent", "status": "granted"}
                if topic == FACTS
                else {"line": "mobile", "host": "a.example"}
            )
            producer.produce(settings.topic(topic), json.dumps(value).encode(), key.encode())
        assert producer.flush(30) == 0
    with WorkerProcess(settings, tmp_path / "worker.log") as worker:
        assert worker.wait(240) == 5
        assert f"{settings.topic(NETWORK)}: " in worker.text()
        assert "Traceback" not in worker.text() and "acc-" not in worker.text()
    assert Group(settings).lag().behind >= 30  # of 60; the facts may be done
    careless = short_timings(kafka, names.prefix, partitions=_COUNT, partitioner="any")
    with WorkerProcess(careless, tmp_path / "worker.log") as worker:
        wait_for_end(careless, worker)
