"""Lag as Kafka itself has it: under a hanging transaction, a pause, a rebalance and markers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from streams import metrics
from streams.__main__ import main
from streams.contract.topics import FACTS, INPUTS, NETWORK, TV
from streams.kafka.lag import LagMeter
from streams.settings import Settings
from streams.worker.lag_watch import LagWatch
from tests.conftest import Names
from tests.support.live_worker import consented, live, running, settled, step_until
from tests.support.worker_process import all_committed, lag

_ROUNDED_S = 0.1  # what is told is rounded

pytestmark = [pytest.mark.usefixtures("calm"), pytest.mark.kafka]


@contextmanager
def hanging(settings: Settings, topic: str, partition: int = 0) -> Iterator[float]:
    """A transaction that is open over a record; gives the record's time, s since 1970."""
    producer = Producer(
        {"bootstrap.servers": settings.bootstrap_servers, "transactional.id": topic + "hangs"}
    )
    producer.init_transactions(60)
    producer.begin_transaction()
    at = time.time() - 100
    producer.produce(settings.topic(topic), b"{}", b"acc-1", partition, timestamp=int(at * 1000))
    assert producer.flush(60) == 0
    yield at
    producer.abort_transaction(60)


def _kafkas(settings: Settings) -> int:
    """What Kafka says: high watermarks less committed offsets."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.bootstrap_servers,
            "group.id": settings.group,
            "isolation.level": "read_uncommitted",
        }
    )
    spots = [TopicPartition(settings.topic(name), p) for name in INPUTS for p in range(2)]
    total = 0
    for spot in consumer.committed(spots, 60):
        low, high = consumer.get_watermark_offsets(spot, timeout=60)
        total += high - max(low, spot.offset)
    consumer.close()
    return total


def _shown(settings: Settings) -> dict[tuple[str, str], float]:
    """The exported ages, by topic and partition."""
    return {
        (sample.labels["topic"].removeprefix(settings.topic_prefix), sample.labels["partition"]):
        sample.value
        for metric in metrics.LAG_SECONDS.collect()
        for sample in metric.samples
    }  # fmt: skip


def test_records_behind_a_hanging_transaction_show_in_their_own_age(
    kafka: str, names: Names, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = live(kafka, names.prefix)
    worker = running(settings)
    watch = LagWatch(settings)
    watch.follow({0, 1})
    with closing(LagMeter(settings)) as meter:
        step_until(worker, lambda: all_committed(settings))
        watch.look(meter)
        assert set(_shown(settings).values()) == {0.0}
        with hanging(settings, NETWORK) as since:
            consented(settings, events=3)
            step_until(worker, lambda: _kafkas(settings) == lag(settings).behind > 0)
            step_until(worker, _after(3.5))
            measured = meter.measure([(settings.topic(n), p) for n in INPUTS for p in (0, 1)])
            assert sum(item.records for item in measured) == _kafkas(settings) > 3
            (worst,) = [item for item in measured if item.since_ms == int(since * 1000)]
            assert (worst.topic, worst.partition) == (settings.topic(NETWORK), 0)
            with _aged(since) as told:
                watch.look(meter)
                told.append(_shown(settings)[NETWORK, "0"])
            assert _shown(settings)[TV, "0"] == 0.0
            # A rebalance sets nothing back, nor does a loop that stands still.
            worker._membership.rewind()
            with _aged(since) as told:
                watch.look(meter)
                told.append(_shown(settings)[NETWORK, "0"])
            _from_outside(settings, since, monkeypatch, capsys)
        step_until(worker, lambda: all_committed(settings))  # behind the abort's marker, too
        assert _kafkas(settings) == 0
        watch.follow({0})
        watch.look(meter)
        assert set(_shown(settings)) == {(name, "0") for name in INPUTS}
        assert set(_shown(settings).values()) == {0.0}
        watch.follow(())
        watch.look(meter)
    settled(worker, settings)


def _from_outside(
    settings: Settings,
    since: float,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # As it is configured: the topics' prefix is made part of the group's name.
    monkeypatch.setenv("INTEREST_STREAMS_TOPIC_PREFIX", settings.topic_prefix)
    bare = settings.group.removeprefix(settings.topic_prefix)
    monkeypatch.setenv("INTEREST_STREAMS_GROUP_ID", bare)
    words = ["lag", "--bootstrap", settings.bootstrap_servers]
    capsys.readouterr()
    with _aged(since) as said:
        assert main([*words, "--json", "--most", "60"]) == 1
        told = json.loads(capsys.readouterr().out)
        said.append(told["seconds"])
    assert sum(row["records"] for row in told["partitions"]) == _kafkas(settings)
    assert main([*words, "--most", "100000"]) == 0
    for_people = capsys.readouterr().out
    assert f"{settings.topic(NETWORK)}" in for_people
    assert f"(group {settings.group})" in for_people
    assert main([*words, "--group", f"{settings.group_id}-other"]) == 0
    assert "-other has committed nothing: --group names another" in capsys.readouterr().err


@contextmanager
def _aged(since: float) -> Iterator[list[float]]:
    """See that ages which are told meanwhile are those of a record that came at `since`."""
    told: list[float] = []
    before = time.time()
    yield told
    assert told and all(before - since - _ROUNDED_S <= age <= time.time() - since + _ROUNDED_S
                        for age in told)  # fmt: skip


def _after(seconds: float) -> Callable[[], bool]:
    until = time.monotonic() + seconds
    return lambda: time.monotonic() > until


def test_without_a_worker_it_grows_and_the_cluster_is_asked_little(
    kafka: str, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = live(kafka, names.prefix)
    asked: list[object] = []
    original = LagMeter._time_of

    def counted(self: LagMeter, spot: tuple[str, int], offset: int) -> int:
        asked.append(spot)
        return original(self, spot, offset)

    monkeypatch.setattr(LagMeter, "_time_of", counted)
    monkeypatch.setattr("streams.kafka.lag._SEEN_S", 0.5)
    spots = [(settings.topic(name), p) for name in (FACTS, NETWORK) for p in (0, 1)]
    with closing(LagMeter(settings)) as meter:
        first = meter.measure(spots)
        time.sleep(1.5)
        second = meter.measure(spots)
    assert [item.since_ms for item in first] == [item.since_ms for item in second]
    assert all(item.seconds(time.time() * 1000) >= 1.5 for item in second if item.records)
    assert len(asked) == sum(1 for item in first if item.records)
