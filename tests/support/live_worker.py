"""A worker in this process on a real broker, a step at a time, and accounts for it to work on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import Producer

from streams.contract.topics import FACTS, NETWORK
from streams.kafka import clients
from streams.kafka.topic_plan import create_topics
from streams.settings import Settings
from streams.worker.worker import Worker
from tests.support.open_transactions import await_markers
from tests.support.worker_process import all_committed, short_timings

WAIT_S = 240.0


def consented(settings: Settings, accounts: int = 8, events: int = 1) -> None:
    """Put a consent and some events of each account, where murmur2 has them.

    The consents are there before the first event is sent: to a worker that stands at the end of
    both inputs the events could come first, and would not count.
    """
    config = {"bootstrap.servers": settings.bootstrap_servers, "partitioner": "murmur2"}
    producer = Producer(config)
    now = int(time.time() * 1000)
    keys = [f"acc-{number}" for number in range(accounts)]
    for number, key in enumerate(keys):
        fact = {"event_id": f"c-{now}-{number}", "account_id": key, "ts": now - 9 * 86_400_000}
        fact |= {"kind": "consent", "purpose": "profiling", "status": "granted"}
        producer.produce(settings.topic(FACTS), json.dumps(fact), key)
    assert producer.flush(60) == 0
    for number, key in enumerate(keys):
        for index in range(events):
            visit = {"event_id": f"e-{now}-{number}-{index}", "account_id": key, "ts": now + index}
            visit |= {"line": "mobile", "host": "sports.example", "duration_ms": 600_000}
            producer.produce(settings.topic(NETWORK), json.dumps(visit), key)
    assert producer.flush(60) == 0


def step_until(worker: Worker, condition: Callable[[], bool], seconds: float = WAIT_S) -> None:
    """Let a worker work until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be"
        worker.step()


def running(settings: Settings) -> Worker:
    """Start a worker, and have it make its first commit."""
    worker = Worker(settings)
    worker.start()
    step_until(worker, lambda: worker._pipeline.succeeded > 0)
    return worker


def live(bootstrap: str, prefix: str, **more: Any) -> Settings:
    """Create the topics of a deployment whose clients look at them often, and fill them."""
    eager = {"topic.metadata.refresh.interval.ms": "500"}
    settings = short_timings(
        bootstrap, prefix, **{"partitions": 2, "strict_limits": True, "kafka": eager, **more}
    )
    create_topics(clients.admin(settings), settings)
    consented(settings)
    return settings


def settled(worker: Worker, settings: Settings) -> None:
    """Let a worker commit everything, for every reader to see, and leave."""
    step_until(worker, lambda: all_committed(settings))
    worker.leave()
    await_markers(settings)
