"""All partitions get one model, through their own logs (I5, I11)."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from features.engine import Engine
from features.models.lessons import PARTS
from features.models.signals import PRESENCE
from streams.contract.topics import DEAD_LETTERS, MODELS
from streams.worker import model_merger
from streams.worker.inlet import Inlet
from streams.worker.worker import Worker
from tests.broker.memory_broker import MemoryBroker
from tests.simulation import inputs
from tests.support.small_worker import (
    FACTS_TOPIC,
    NETWORK_TOPIC,
    consent,
    engines,
    event,
    new_broker,
    put,
    start,
    steps,
)

pytestmark = pytest.mark.usefixtures("calm")
_DAY_MS, _WAIT_MS = 86_400_000, 10_000
_SHARED: dict[str, Any] = {"shared_model": True, "shared_model_wait_ms": _WAIT_MS, "partitions": 2}


def _day(broker: MemoryBroker, partition: int, days_ago: int) -> None:
    """A visit of each of some accounts of a partition, so long ago."""
    now = int(broker.wall() * 1000)
    for n in range(4):
        account, ts = f"acc-{partition}-{n}", now - days_ago * _DAY_MS
        put(broker, FACTS_TOPIC, account, consent(account, ts), partition)
        put(broker, NETWORK_TOPIC, account, event(account, ts), partition)


def _fed(*days_ago: int) -> MemoryBroker:
    """Two partitions, each with visits on some days."""
    broker = new_broker(2)
    for partition in range(2):
        for days in days_ago:
            _day(broker, partition, days)
    return broker


def _parts(broker: MemoryBroker, partition: int) -> list[dict[str, object]]:
    log = broker.log(FACTS_TOPIC, partition).read(0, True)
    values = [json.loads(entry.value or b"{}") for _, entry in log if entry.key is None]
    return [value for value in values if value.get("kind") == "shared_model"]


def _keys(broker: MemoryBroker) -> list[bytes | None]:
    return [entry.key for p in range(2) for _, entry in broker.log(MODELS, p).read(0, True)]


def _pass(broker: MemoryBroker, seconds: float, *workers: Worker) -> None:
    """Let time pass in steps."""
    for _ in range(12):
        broker.sleep(seconds / 12)
        steps(4, *workers)


def _stands_on(engine: Engine) -> list[tuple[int, str]]:
    assert engine.learner.pool is not None
    return engine.learner.pool.adopted


def _go_on(broker: MemoryBroker, *workers: Worker) -> None:
    """Let the running time pass the places of merged models: the next full minute."""
    _pass(broker, 60, *workers)
    for partition in range(2):
        _day(broker, partition, 0)
    _pass(broker, 30, *workers)


def test_a_merged_model_comes_through_the_facts_of_every_partition() -> None:
    broker = _fed(3, 1, 0)
    worker = start(broker, **_SHARED)
    _pass(broker, 30, worker)
    assert _keys(broker).count(b"merged") == 1
    assert not any(_stands_on(engine) for engine in engines(worker).values()), "at no place"
    _go_on(broker, worker)
    for partition, engine in engines(worker).items():
        assert {part["part"] for part in _parts(broker, partition)} == {*PARTS}
        pool = engine.learner.pool
        assert pool is not None and {*pool.taken} == {*PARTS} and not pool.pending
    one, other = (
        engine.learner.models["adpredictor"].form() for engine in engines(worker).values()
    )
    assert one is not None and other is not None
    assert np.array_equal(one.weights, other.weights)
    assert np.any(one.variances[0, -len(PRESENCE) :] < 0.9), "nothing was learned"
    told = [len(_parts(broker, partition)) for partition in range(2)]
    _pass(broker, 60, worker)
    assert [len(_parts(broker, partition)) for partition in range(2)] == told, "told again"
    assert not list(broker.log(DEAD_LETTERS, 0).read(0, True))


def test_a_silent_partition_is_waited_for_and_then_left_out() -> None:
    broker = new_broker(2)
    for days in (3, 1, 0):
        _day(broker, 0, days)
    _day(broker, 1, 0)
    worker = start(broker, **_SHARED)
    _pass(broker, 5, worker)
    assert b"merged" not in _keys(broker)
    _pass(broker, 60, worker)
    assert b"merged" in _keys(broker)
    _go_on(broker, worker)
    silent = engines(worker)[1].learner.pool
    assert silent is not None and {*silent.taken} == {*PARTS}, "it begins from that of all"


def test_the_next_owner_goes_on_from_what_was_merged() -> None:
    broker = _fed(3, 1, 0)
    first = start(broker, "w0", **_SHARED)
    _pass(broker, 30, first)
    before = _keys(broker)
    first.leave()
    second = start(broker, "w1", **_SHARED)
    _pass(broker, 60, second)
    assert _keys(broker) == before, "merged again"


def test_its_place_is_behind_the_days_that_it_tells_of_in_history_too() -> None:
    broker = _fed(9, 8)
    latest = int(broker.wall() * 1000) - 8 * _DAY_MS
    worker = start(broker, **_SHARED)
    for days in (7, 6):
        _pass(broker, 60, worker)
        for partition in range(2):
            assert {part["ts"] for part in _parts(broker, partition)[-len(PARTS) :]} == {latest + 1}
            _day(broker, partition, days)
        latest = int(broker.wall() * 1000) - days * _DAY_MS
    assert [len(_parts(broker, partition)) for partition in range(2)] == 2 * [2 * len(PARTS)]


def test_far_behind_no_partition_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Inlet, "lag_seconds", lambda *_: inputs.LATENESS_MS / 1000.0 + 1)
    broker = _fed(3, 1, 0)
    worker = start(broker, **_SHARED)
    _pass(broker, 60, worker)
    assert b"merged" in _keys(broker)
    assert not _parts(broker, 0) and not _parts(broker, 1)


def test_off_nothing_is_given() -> None:
    broker = new_broker(2)
    for days in (3, 1, 0):
        _day(broker, 0, days)
    worker = start(broker, partitions=2)
    _pass(broker, 60, worker)
    assert not _keys(broker) and not _parts(broker, 0)
    assert engines(worker)[0].learner.pool is None


def test_a_part_that_is_too_large_is_named_and_none_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setattr(model_merger.log, "error", lambda text, *of: said.append(text % of))
    broker = _fed(3, 1, 0)
    worker = start(broker, **_SHARED, max_message_bytes=600)
    _pass(broker, 60, worker)
    assert b"merged" in _keys(broker)
    assert not _parts(broker, 0) and not _parts(broker, 1)
    assert said and all("raise max_message_bytes above bins 0 (" in text for text in said)
