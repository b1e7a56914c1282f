"""What happens to the brokers, and to who uses them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import orjson

from streams.contract.topics import NETWORK
from tests.gameday.stage import Stage
from tests.gameday.traffic import now_ms, producer

_OLD_MS = 400_000  # above what PartitionStuck takes for stuck


def outage(stage: Stage) -> Iterator[None]:
    """All brokers are gone for two minutes; workers wait, and go on by themselves."""
    before = {slot: worker.pid for slot, worker in stage.workers.items()}
    since = time.monotonic()
    stage.broker.kill()
    yield
    stage.wait_for(lambda: time.monotonic() - since > stage.outage_s, stage.outage_s + 1.0)
    stage.broker.start()
    assert {slot: worker.pid for slot, worker in stage.workers.items()} == before


def hanging_transaction(stage: Stage) -> Iterator[None]:
    """A producer's transaction stays open behind a record that is minutes old."""
    hung = producer(
        stage.settings,
        transactional_id="somebody",
        transaction_timeout_ms=600_000,
        message_timeout_ms=60_000,
    )
    hung.init_transactions(30.0)
    hung.begin_transaction()
    at = now_ms() - _OLD_MS
    value = {"event_id": f"hung-{at}", "account_id": "acc-hung", "ts": at, "line": "mobile",
             "host": "bbc.co.uk", "duration_ms": 60_000}  # fmt: skip
    hung.produce(
        stage.settings.topic(NETWORK), orjson.dumps(value), b"acc-hung", partition=0, timestamp=at
    )
    hung.flush(30.0)
    yield
    hung.abort_transaction(30.0)
