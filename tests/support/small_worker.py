"""A worker over a Kafka in memory with a few records, and an engine alone, for plain stories."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np

from features.changes import Changes
from features.engine import Engine
from features.records.batch import parse
from features.records.decoder import FACTS, NETWORK
from features.records.position import Position
from features.tags import taxonomy
from streams.contract.topics import INPUTS, PROFILES, TOPICS
from streams.worker.wiring import engine_config, input_limits
from streams.worker.worker import Worker
from tests.broker.memory_broker import MemoryBroker
from tests.broker.memory_clients import ports
from tests.simulation import inputs

FACTS_TOPIC, NETWORK_TOPIC = INPUTS[FACTS], INPUTS[NETWORK]


def new_broker(partitions: int = 1) -> MemoryBroker:
    broker = MemoryBroker(7, start=inputs.START_MS / 1000 + 30 * 86_400)
    for topic in TOPICS:
        broker.create(topic.name, partitions)
    return broker


def consent(account: str, ts: int = inputs.START_MS, status: str = "granted", **more: Any) -> bytes:
    return json.dumps(
        {
            "event_id": f"c-{account}-{ts}",
            "account_id": account,
            "ts": ts,
            "kind": "consent",
            "purpose": "profiling",
            "status": status,
            **more,
        }
    ).encode()


def event(account: str, ts: int, name: str = "") -> bytes:
    return json.dumps(
        {
            "event_id": name or f"e-{account}-{ts}",
            "account_id": account,
            "ts": ts,
            "line": "mobile",
            "host": "sports.example",
            "duration_ms": 1_800_000,
        }
    ).encode()


def put(broker: MemoryBroker, topic: str, account: str, value: bytes, partition: int = 0) -> None:
    broker.put(topic, partition, value, account.encode())


def standing(broker: MemoryBroker, topic: str = PROFILES) -> dict[bytes, bytes]:
    """The latest value of each key of partition 0 that was not deleted."""
    found: dict[bytes, bytes] = {}
    for _, entry in broker.log(topic, 0).read(0, True):
        found.pop(entry.key or b"", None)
        if entry.value is not None:
            found[entry.key or b""] = entry.value
    return found


def fed(visits: int = 1) -> MemoryBroker:
    """A broker with a consent of account ``a`` and so many visits, a minute apart."""
    broker = new_broker()
    put(broker, INPUTS[FACTS], "a", consent("a"))
    for n in range(visits):
        put(broker, NETWORK_TOPIC, "a", event("a", inputs.START_MS + 60_000 * (n + 1)))
    return broker


def start(broker: MemoryBroker, name: str = "w0", **more: Any) -> Worker:
    settings = replace(inputs.settings(commit_interval_ms=100, **more), instance_id=name)
    worker = Worker(settings, ports(broker, name))
    worker.start()
    return worker


def steps(count: int, *workers: Worker) -> None:
    for _ in range(count):
        for worker in workers:
            worker.step()


def committed(broker: MemoryBroker, topic: str, partition: int = 0) -> int:
    return broker.group("sim").offsets.get((topic, partition), 0)


def engines(worker: Worker) -> dict[int, Engine]:
    return worker._membership.engines


def fold(engine: Engine, *records: tuple[int, bytes]) -> Changes:
    """Records of one batch through an engine, as one commit."""
    keys = [json.loads(raw)["account_id"].encode() for _, raw in records]
    batch, rejected = parse(
        [raw for _, raw in records],
        keys,
        np.array([kind for kind, _ in records], np.uint8),
        np.zeros(len(records), np.int32),
        np.arange(len(records), dtype=np.int64),
        input_limits(inputs.settings()),
    )
    assert not rejected
    engine.apply(batch)
    return engine.collect({name: Position(0, -1) for name in INPUTS})


def engine_with(**more: Any) -> Engine:
    config = replace(engine_config(inputs.settings()), **more)
    return Engine(config, taxonomy.load(), inputs.contents())
