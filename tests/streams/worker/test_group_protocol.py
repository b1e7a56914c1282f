"""Under KIP-848 brokers hand out partitions one by one, and every input of one together."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from streams.commands import accounting
from streams.contract.topics import INPUTS
from streams.kafka import clients
from streams.settings import Settings, SettingsError
from streams.worker.worker import Worker
from tests.broker.kafka_server import KafkaServer, Options
from tests.conftest import Names
from tests.support.live_worker import consented, live
from tests.support.open_transactions import await_markers
from tests.support.worker_process import all_committed

PARTITIONS = 6
QUICK = Options(
    properties={
        "group.consumer.heartbeat.interval.ms": "500",
        "group.consumer.min.heartbeat.interval.ms": "500",
        "group.consumer.session.timeout.ms": "3000",
        "group.consumer.min.session.timeout.ms": "1000",
    }
)


def _started(settings: Settings, name: str) -> Worker:
    worker = Worker(replace(settings, instance_id=name))
    worker.start()
    return worker


def _until(condition: Callable[[], bool], *workers: Worker) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline, [sorted(w._membership.engines) for w in workers]
        for worker in workers:
            worker.step()


def _whole(*workers: Worker) -> bool:
    """Whether the workers run every partition once, each some, and have all of its inputs."""
    own = [worker._membership.engines.keys() for worker in workers]
    for worker, engines in zip(workers, own, strict=True):
        given = {(s.topic, s.partition) for s in worker._membership.consumer.assignment()}
        assert {p for _, p in given} >= engines
        if not engines or given != {
            (worker._settings.topic(name), p) for p in engines for name in INPUTS
        }:
            return False
    return sorted(p for engines in own for p in engines) == list(range(PARTITIONS))


@pytest.mark.kafka
@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("own_kafka", [QUICK], indirect=True)
def test_workers_come_go_and_fall_silent_and_everything_counts_once(
    own_kafka: KafkaServer, names: Names
) -> None:
    settings = live(
        own_kafka.bootstrap, names.prefix, partitions=PARTITIONS, group_protocol="consumer"
    )
    one = _started(settings, "w1")
    _until(lambda: _whole(one) and all_committed(settings), one)
    two = _started(settings, "w2")
    consented(settings, 12, events=3)
    _until(lambda: _whole(one, two), one, two)
    assert len(one._membership.engines) == len(two._membership.engines) == 3
    consented(settings, 12, events=2)
    _until(lambda: all_committed(settings), one, two)
    consented(settings, 12, events=2)
    three = _started(settings, "w3")
    _until(lambda: _whole(one, two, three) and all_committed(settings), one, two, three)
    two.leave()
    consented(settings, 12, events=1)
    _until(lambda: _whole(one, three) and all_committed(settings), one, three)
    three._membership.consumer.unsubscribe()  # and is never heard of again
    consented(settings, 12, events=1)
    _until(lambda: _whole(one) and all_committed(settings), one)
    one.leave()
    await_markers(settings)
    account = accounting.read(settings)
    assert account.balanced and account.outcomes["counted"] == 8 + 12 * 9
    assert account.outcomes["fact"] == 8 + 12 * 5


def test_what_the_brokers_decide_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match="group_protocol = 'eager': 'classic' or 'consumer'"):
        Settings(group_protocol="eager")
    with pytest.raises(SettingsError, match=r"'heartbeat\.interval\.ms': with group_protocol"):
        Settings(group_protocol="consumer", kafka={"heartbeat.interval.ms": "500"})
    config = clients.consumer_config("worker", Settings(group_protocol="consumer"))
    assert config["group.protocol"] == "consumer"
    assert not {"session.timeout.ms", "heartbeat.interval.ms"} & set(config)


@pytest.mark.parametrize(("session_ms", "beat_ms"), [(2_000, 166), (10_000, 833), (60_000, 3_000)])
def test_a_hand_over_waits_for_a_small_part_of_a_session(session_ms: int, beat_ms: int) -> None:
    settings = Settings(session_timeout_ms=session_ms)
    assert clients.consumer_config("worker", settings)["heartbeat.interval.ms"] == beat_ms
    settings = replace(settings, kafka={"heartbeat.interval.ms": "700"})
    assert clients.consumer_config("worker", settings)["heartbeat.interval.ms"] == "700"
