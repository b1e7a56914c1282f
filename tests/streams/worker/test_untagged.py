"""Contents without tags: the summary keeps its promises, and a worker's view of its gaps."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from hypothesis import given
from hypothesis import strategies as st

from features.tags.heavy_hitters import HeavyHitters
from streams import metrics
from streams.__main__ import main
from streams.contract.untagged import Heavy
from streams.kafka.ports import REAL
from streams.settings import Settings
from streams.worker.untagged import PUBLISHED, SHOWN, Untagged
from tests.conftest import Names

PAIRS = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 100)), max_size=200)


@given(PAIRS, st.integers(1, 8))
def test_a_summary_underestimates_by_at_most_its_bound(
    pairs: list[tuple[int, int]], capacity: int
) -> None:
    held: HeavyHitters[int] = HeavyHitters(capacity)
    held.add((key, float(weight)) for key, weight in pairs)
    exact: Counter[int] = Counter()
    for key, weight in pairs:
        exact[key] += weight
    top = dict(held.top(capacity))
    assert len(top) <= capacity and held.total == sum(exact.values())
    assert held.lost <= held.total / (capacity + 1) + 1e-6
    for key, weight in exact.items():
        assert weight - held.lost - 1e-6 <= top.get(key, 0.0) <= weight + 1e-6


@given(PAIRS, PAIRS, st.integers(1, 8))
def test_merged_summaries_keep_the_bound(
    one: list[tuple[int, int]], two: list[tuple[int, int]], capacity: int
) -> None:
    left: HeavyHitters[int] = HeavyHitters(capacity)
    right: HeavyHitters[int] = HeavyHitters(capacity)
    left.add((k, float(w)) for k, w in one)
    right.add((k, float(w)) for k, w in two)
    left.merge(right)
    top = dict(left.top(capacity))
    exact: Counter[int] = Counter()
    for key, weight in one + two:
        exact[key] += weight
    assert left.total == pytest.approx(sum(exact.values()))
    assert left.lost <= left.total / (capacity + 1) + 1e-6
    for key, weight in exact.items():
        assert weight - left.lost - 1e-6 <= top.get(key, 0.0) <= weight + 1e-6


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class FakeProducer:
    def __init__(self, config: dict[str, Any]) -> None:
        assert "transactional.id" not in config
        self.records: list[tuple[str, bytes | None, bytes]] = []

    def poll(self, seconds: float) -> int:
        return 0

    def produce(self, topic: str, value: bytes | None, key: bytes) -> None:
        self.records.append((topic, value, key))


UNTAGGED, COUNTED = 2, 1


def batch(*events: tuple[str, int]) -> Any:
    """Events as (host, seconds)."""
    records = np.zeros(len(events), [("content_hash", "u8"), ("duration_ms", "i8"), ("kind", "u1")])
    for i, (host, seconds) in enumerate(events):
        records[i] = (hash(host) & (2**63 - 1), seconds * 1000, 1)
    return SimpleNamespace(records=records, content_key=lambda i, name: f"host:{events[i][0]}")


@pytest.fixture
def worker() -> tuple[Untagged, Clock, list[FakeProducer], set[str]]:
    clock, made, known = Clock(), list[FakeProducer](), set[str]()

    def producer(config: dict[str, Any]) -> Any:
        made.append(FakeProducer(config))
        return made[-1]

    ports = replace(REAL, monotonic=clock, wall=lambda: 1.5e9, producer=producer)
    settings = Settings(topic_prefix="t.", instance_id="w-1")
    return Untagged(settings, known.__contains__, ports), clock, made, known


Kept = tuple[Untagged, Clock, list[FakeProducer], set[str]]


def test_attention_is_summed_by_content_and_only_what_has_no_tag_counts(worker: Kept) -> None:
    kept = worker[0]
    kept.add(
        batch(("a.example", 5), ("b.example", 7), ("a.example", 0), ("c.example", 99)),
        np.array([UNTAGGED, UNTAGGED, UNTAGGED, COUNTED], np.uint8),
    )
    assert [(item.key, item.source, item.seconds) for item in kept.top(10)] == [
        ("host:b.example", "network", 7.0),
        ("host:a.example", "network", 6.0),
    ]


def test_publishes_once_a_minute_and_takes_back_what_got_tags(worker: Kept) -> None:
    kept, clock, made, known = worker
    kept.add(batch(("a.example", 5), ("b.example", 7)), np.full(2, UNTAGGED, np.uint8))
    kept.publish()
    assert not made
    clock.now = 61.0
    kept.publish()
    (producer,) = made
    topic, value, key = producer.records[0]
    assert (topic, key) == ("t.untagged", b"host:b.example@w-1")
    assert value is not None and json.loads(value) == {
        "schema": 1,
        "key": "host:b.example",
        "source": "network",
        "seconds": 7.0,
        "as_of": 1_500_000_000_000,
        "worker": "w-1",
    }
    known.add("host:b.example")
    clock.now = 122.0
    kept.publish()
    assert producer.records[-1] == ("t.untagged", None, b"host:b.example@w-1")
    assert [item.key for item in kept.top(5)] == ["host:a.example"]


def test_what_nobody_asks_for_fades(worker: Kept) -> None:
    kept, clock, _, _ = worker
    kept.add(batch(("a.example", 8)), np.full(1, UNTAGGED, np.uint8))
    clock.now = 86_400.0
    kept.publish()
    assert kept.top(1)[0].seconds == pytest.approx(4.0)


def test_records_and_metrics_are_bounded(worker: Kept) -> None:
    kept, clock, made, _ = worker
    events = [(f"h{i}.example", 1 + i) for i in range(10_000)]
    kept.add(batch(*events), np.full(len(events), UNTAGGED, np.uint8))
    clock.now = 61.0
    kept.publish()
    assert len(made[0].records) == PUBLISHED
    (family,) = metrics.UNTAGGED_HEAVIEST.collect()
    assert len(family.samples) == SHOWN
    metrics.UNTAGGED_HEAVIEST.clear()


def test_a_broken_record_of_the_topic_is_passed_over() -> None:
    for value in (
        None,
        b"",
        b"{",
        b"[]",
        b'{"key":"a"}',
        b'{"key":"a","source":"tv","seconds":"x","as_of":1}',
    ):
        assert Heavy.from_value(value) is None


def test_the_command_sums_over_workers_and_passes_over_stale_ones(
    kafka: str, names: Names, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTEREST_STREAMS_TOPIC_PREFIX", names.prefix)
    admin = AdminClient({"bootstrap.servers": kafka})
    for future in admin.create_topics(
        [NewTopic(names.topic("untagged"), 2, 1, config={"cleanup.policy": "compact"})]
    ).values():
        future.result(30)
    now = int(time.time() * 1000)
    producer = Producer({"bootstrap.servers": kafka})
    for worker, key, seconds, as_of in (
        ("w-0", "host:a.example", 5.0, now),
        ("w-1", "host:a.example", 7.0, now),
        ("w-0", "programme:b", 9.0, now),
        ("gone", "host:old.example", 99.0, now - 10**9),
    ):
        item = Heavy(key, "network" if key[0] == "h" else "tv", seconds, as_of)
        producer.produce(names.topic("untagged"), item.value(worker), f"{key}@{worker}".encode())
    producer.produce(names.topic("untagged"), b"{broken", b"x")
    producer.produce(names.topic("untagged"), None, b"host:a.example@w-9")
    assert producer.flush(30) == 0
    assert main(["untagged", "--bootstrap", kafka, "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(item["key"], item["seconds"]) for item in found] == [
        ("host:a.example", 12.0),
        ("programme:b", 9.0),
    ]
    assert main(["untagged", "--bootstrap", kafka, "--top", "1"]) == 0
    assert capsys.readouterr().out.split() == ["12", "s", "network", "host:a.example"]


def test_the_command_says_which_topic_is_missing(
    kafka: str, names: Names, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTEREST_STREAMS_TOPIC_PREFIX", names.prefix)
    assert main(["untagged", "--bootstrap", kafka]) == 1
    assert names.topic("untagged") in capsys.readouterr().err
