"""Inputs that transactions write: markers and aborted records are no records, nor a lag."""

from __future__ import annotations

import json
import time

import pytest
from confluent_kafka import Producer

from streams import metrics
from streams.commands import accounting
from streams.contract.topics import NETWORK, TV
from streams.kafka.consumer_group import Group
from streams.settings import Settings
from tests.conftest import Names
from tests.support.live_worker import live, running, settled, step_until
from tests.support.worker_process import all_committed

pytestmark = [pytest.mark.usefixtures("calm"), pytest.mark.kafka]


def transactions(settings: Settings, topic: str, count: int, aborted: frozenset[int]) -> int:
    """Write so many transactions of three events; returns how many events were committed."""
    producer = Producer(
        {
            "bootstrap.servers": settings.bootstrap_servers,
            "partitioner": "murmur2",
            "transactional.id": f"{settings.topic_prefix}{topic}",
        }
    )
    producer.init_transactions(60)
    now = int(time.time() * 1000)
    for number in range(count):
        producer.begin_transaction()
        for index in range(3):
            event = {"event_id": f"{now}-{number}-{index}", "account_id": "acc-1", "ts": now}
            event |= (
                {"line": "mobile", "host": "sports.example", "duration_ms": 60_000}
                if topic == NETWORK
                else {"content_id": "match", "watched_ms": 60_000, "mode": "live"}
            )
            producer.produce(settings.topic(topic), json.dumps(event), "acc-1")
        assert producer.flush(60) == 0  # or what is aborted never came to the log
        if number in aborted:
            producer.abort_transaction(60)
        else:
            producer.commit_transaction(60)
    return 3 * (count - len(aborted))


@pytest.mark.parametrize("last", ["committed", "aborted"])
def test_the_end_is_reached_and_the_account_balances(last: str, kafka: str, names: Names) -> None:
    settings = live(kafka, names.prefix)
    before = metrics.INPUT.labels(settings.topic(NETWORK))._value.get()
    worker = running(settings)
    plain = 16  # what `live` has put there
    gone = frozenset({1}) if last == "committed" else frozenset({1, 4})
    written = transactions(settings, NETWORK, 5, gone) + transactions(settings, TV, 2, frozenset())
    step_until(worker, lambda: all_committed(settings))
    with Group(settings) as group:
        assert group.wait(60.0)
    account = accounting.read(settings)
    assert account.balanced
    assert sum(account.taken.values()) == sum(account.outcomes.values()) == plain + written
    markers = {settings.topic(NETWORK): 5 + 3 * len(gone), settings.topic(TV): 2}
    assert {name: count for name, count in account.control.items() if count} == markers
    assert sum(account.behind.values()) == 0
    counter, counted = metrics.INPUT.labels(settings.topic(NETWORK)), 8 + 3 * (5 - len(gone))
    # A commit is seen before its worker has heard of it.
    step_until(worker, lambda: counter._value.get() - before >= counted)
    assert counter._value.get() - before == counted
    settled(worker, settings)
