"""Contents without tags: the summary keeps its promises, and a worker's view of its gaps."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable
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
from streams.worker.crowds import Crowds
from streams.worker.untagged import PUBLISHED, SHOWN, Untagged
from tests.broker.memory_broker import MemoryBroker
from tests.broker.memory_clients import ports as memory_ports
from tests.conftest import Names
from tests.support.new_topics import create

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


FIELDS = [
    ("content_hash", "u8"),
    ("duration_ms", "i8"),
    ("kind", "u1"),
    ("account_hash", "u8"),
    ("partition", "i4"),
]


def batch(*events: tuple[str, int, int]) -> Any:
    """Events as (host, seconds, account), or ("", 0, account) for a fact; partition account % 2."""
    records = np.zeros(len(events), FIELDS)
    for i, (host, seconds, account) in enumerate(events):
        content = hash(host) & (2**63 - 1)
        records[i] = (content, seconds * 1000, int(bool(host)), 1000 + account, account % 2)
    return SimpleNamespace(records=records, content_key=lambda i, name: f"host:{events[i][0]}")


def add(kept: Untagged, *events: tuple[str, int, int]) -> None:
    given = batch(*events)
    kept.add(given, np.where(given.records["kind"] > 0, UNTAGGED, COUNTED))


def crowd(host: str, seconds: int, accounts: Iterable[int] = range(3)) -> list[Any]:
    return [(host, seconds, account) for account in accounts]


@pytest.fixture
def worker() -> tuple[Untagged, Clock, list[FakeProducer], set[str]]:
    clock, made, known = Clock(), list[FakeProducer](), set[str]()

    def producer(config: dict[str, Any]) -> Any:
        made.append(FakeProducer(config))
        return made[-1]

    ports = replace(REAL, monotonic=clock, wall=lambda: 1.5e9, producer=producer)
    settings = Settings(topic_prefix="t.", instance_id="w-1", audience_k=3)
    return Untagged(settings, known.__contains__, ports), clock, made, known


Kept = tuple[Untagged, Clock, list[FakeProducer], set[str]]


def test_attention_is_summed_by_content_and_only_what_has_no_tag_counts(worker: Kept) -> None:
    kept = worker[0]
    given = batch(*crowd("a.com", 5), *crowd("b.com", 7), ("a.com", 0, 1), *crowd("c.com", 99))
    outcome = np.array([UNTAGGED] * 7 + [COUNTED] * 3, np.uint8)
    kept.add(given, outcome)
    assert [(item.key, item.source, item.seconds) for item in kept.top(10)] == [
        ("host:b.com", "network", 20.0),
        ("host:a.com", "network", 10.0),
    ]


def test_publishes_once_a_minute_and_takes_back_what_got_tags(worker: Kept) -> None:
    kept, clock, made, known = worker
    add(kept, *crowd("a.com", 5), *crowd("b.com", 7))
    kept.publish()
    assert not made
    clock.now = 61.0
    kept.publish()
    (producer,) = made
    topic, value, key = producer.records[0]
    assert (topic, key) == ("t.untagged", b"host:b.com@w-1")
    assert value is not None and json.loads(value) == {
        "schema": 1,
        "key": "host:b.com",
        "source": "network",
        "seconds": 20.0,
        "as_of": 1_500_000_000_000,
        "worker": "w-1",
    }
    known.update({"host:b.com", "host:a.com"})
    clock.now = 122.0
    kept.publish()
    assert producer.records[-2:] == [  # in order, so that a run can be repeated
        ("t.untagged", None, b"host:a.com@w-1"),
        ("t.untagged", None, b"host:b.com@w-1"),
    ]
    assert kept.top(5) == []


def test_what_nobody_asks_for_fades_and_who_is_long_gone_is_no_crowd(worker: Kept) -> None:
    kept, clock, _, _ = worker
    add(kept, *crowd("a.com", 8))
    clock.now = 86_400.0
    kept.publish()
    assert kept._crowds.publishable(("host:a.com", "network"), 3) == pytest.approx(12.0)
    clock.now = 6 * 86_400.0
    kept.publish()
    assert kept.top(1) == [] and len(kept._crowds) == 0
    metrics.UNTAGGED_HEAVIEST.clear()


def test_records_and_metrics_are_bounded(worker: Kept) -> None:
    kept, clock, made, _ = worker
    for account in range(3):
        add(kept, *((f"h{i}.com", 1 + i, account) for i in range(10_000)))
    clock.now = 61.0
    kept.publish()
    assert len(made[0].records) == PUBLISHED
    (family,) = metrics.UNTAGGED_HEAVIEST.collect()
    assert len(family.samples) == SHOWN
    metrics.UNTAGGED_HEAVIEST.clear()


# -- nobody is named


def test_fewer_households_than_k_are_never_said(worker: Kept) -> None:
    kept, clock, made, _ = worker
    add(kept, *crowd("nas-of-one.com", 36_000, [1, 1, 2, 1]), *crowd("a.com", 1))
    clock.now = 61.0
    kept.publish()
    assert [key for _, _, key in made[0].records] == [b"host:a.com@w-1"]
    (family,) = metrics.UNTAGGED_HEAVIEST.collect()
    assert [sample.labels["content"] for sample in family.samples] == ["host:a.com"]
    metrics.UNTAGGED_HEAVIEST.clear()


def test_only_the_registered_domain_is_said_and_no_address_or_private_name(worker: Kept) -> None:
    kept = worker[0]
    for account in range(3):
        add(
            kept,
            (f"home-{account}.myds.me", 9, account),  # each at a device of their own
            (f"home-{account}.dyndns.org", 8, account),
            ("a.b.some-where.co.uk", 7, account),
            ("203.0.113.77", 99, account),
            ("2001:db8::1", 99, account),
            ("router", 99, account),
            ("nas.fritz.box", 99, account),
            ("nas.unheard-of-suffix", 99, account),
            ("co.uk", 99, account),
        )
    assert [item.key for item in kept.top(9)] == [
        "host:myds.me",
        "host:dyndns.org",
        "host:some-where.co.uk",
    ]


def test_the_seconds_of_an_account_of_which_a_fact_came_are_gone(worker: Kept) -> None:
    kept, clock, made, _ = worker
    add(kept, *crowd("a.com", 5, range(4)), *crowd("b.com", 5))
    add(kept, ("a.com", 100, 1), ("", 0, 1), ("a.com", 2, 1))  # what came after it counts
    assert [item.key for item in kept.top(9)] == ["host:a.com"]
    assert kept._crowds.publishable(("host:a.com", "network"), 3) == 17.0
    clock.now = 61.0
    kept.publish()
    add(kept, ("", 0, 1), ("", 0, 2))
    clock.now = 122.0
    kept.publish()
    assert made[0].records[-1] == ("t.untagged", None, b"host:a.com@w-1")
    metrics.UNTAGGED_HEAVIEST.clear()


@pytest.mark.parametrize("seconds", [1, 7, 60, 160])
def test_what_one_household_does_or_takes_along_is_not_told(worker: Kept, seconds: int) -> None:
    """By the difference of two minutes, though the key is one of many."""
    kept = worker[0]
    add(kept, *crowd("a.com", 61, range(30)))
    before = kept.top(1)[0].seconds
    add(kept, ("a.com", seconds, 31))
    assert kept.top(1)[0].seconds == before == 1_000.0
    add(kept, ("", 0, 31))  # erased
    assert kept.top(1)[0].seconds == before


def test_the_households_of_a_partition_that_went_are_gone(worker: Kept) -> None:
    kept = worker[0]
    add(kept, *crowd("a.com", 5, range(5)), *crowd("b.com", 5, [0, 2, 4]))
    kept.keep([0, 1])
    assert len(kept.top(9)) == 2
    kept.keep([0])
    assert [(item.key, item.seconds) for item in kept.top(9)] == [
        ("host:a.com", 10.0),
        ("host:b.com", 10.0),
    ]
    kept.keep([1])
    assert kept.top(9) == [] and len(kept._crowds) == 0


def test_households_of_a_key_are_bounded_and_what_is_said_is_at_least_so_much() -> None:
    held: Crowds[str] = Crowds(4)
    for household in range(10):
        held.add("a", household, 0, 2.0)
    held.add("a", 0, 0, 1.0)
    assert held.publishable("a", 4) == 9.0 and held.publishable("a", 5) == 0.0
    held.forget(9)  # was never held
    held.forget(0)
    assert held.publishable("a", 3) == 6.0
    held.add("a", 9, 0, 2.0)
    assert held.publishable("a", 4) == 8.0


@given(st.lists(st.integers(0, 2**64 - 1), unique=True, max_size=50))
def test_pseudonyms_tell_accounts_apart_and_mean_nothing_elsewhere(accounts: list[int]) -> None:
    one, other = Crowds[str](), Crowds[str]()
    given = np.array(accounts, np.uint64)
    names = one.pseudonyms(given).tolist()
    assert len(set(names)) == len(accounts) and names == one.pseudonyms(given).tolist()
    assert not accounts or names != other.pseudonyms(given).tolist()


def test_what_an_earlier_worker_published_is_taken_back_unless_earned_again() -> None:
    """Over a broker in memory: one of its own name, one long gone, one at work."""
    broker = MemoryBroker(1, start=1.5e9)
    broker.create("untagged", 2)
    as_of = 1_500_000_000_000
    for name, key, at in (
        ("w-1", "host:old.com", as_of - 1000),
        ("w-1", "host:a.com", as_of - 1000),
        ("w-1", "host:family.nas-at-home.com", as_of - 1000),
        ("gone", "host:gone.com", as_of - 10**9),
        ("w-2", "host:other.com", as_of - 1000),
    ):
        value = Heavy(key, "network", 5.0, at).value(name)
        broker.put("untagged", 0, value, f"{key}@{name}".encode())
    settings = Settings(instance_id="w-1", audience_k=3)
    kept = Untagged(settings, lambda key: False, memory_ports(broker, "w-1"))
    kept.load()
    add(kept, *crowd("a.com", 5))
    broker.sleep(61.0)
    kept.publish()
    newest: dict[bytes, bytes | None] = {}
    for log in broker.topics["untagged"]:
        newest |= {e.key or b"": e.value for e in log.entries if e is not None}
    assert {key for key, value in newest.items() if value is not None} == {
        b"host:a.com@w-1",
        b"host:other.com@w-2",
    }
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
    create(admin, NewTopic(names.topic("untagged"), 2, 1, config={"cleanup.policy": "compact"}))
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
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["untagged", "--bootstrap", kafka, "--top", "1"]) == 0
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == ["attention", "source", "content", "without", "tags"]
    assert row.split() == ["█" * 12, "12", "s", "network", "host:a.example"]


def test_the_command_says_which_topic_is_missing(
    kafka: str, names: Names, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTEREST_STREAMS_TOPIC_PREFIX", names.prefix)
    assert main(["untagged", "--bootstrap", kafka]) == 1
    assert names.topic("untagged") in capsys.readouterr().err
