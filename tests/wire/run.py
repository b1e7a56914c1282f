"""The run that `tests.wire` pins: real workers over a Kafka in memory, from the first record on.

A worker takes both partitions; one of its commits fails and is done again; it dies in the middle
of a day and its successor restores from the compacted changelog; a second one joins, keeps warm
copies, takes a partition over and leaves. Before the first day the catalogue is tagged, after
each the audiences are spoken of.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from confluent_kafka import KafkaError

from streams.contract.topics import INPUTS, STATE, TAGS, TOPICS
from streams.settings import Settings
from streams.worker.worker import Worker
from tests.broker.memory_broker import MemoryBroker, failure
from tests.broker.memory_clients import ports
from tests.simulation import inputs as small
from tests.support.malformed_cases import MAX_BYTES
from tests.wire import input as wired
from tests.wire.apps import Apps, edited

GROUP = "wire"
_MOST_STEPS = 2_000
_BETWEEN_DAYS_S = 61.0  # a publication of the contents without tags
_FAILING, _DYING, _JOINING, _CORRECTING, _LEAVING = 2, 4, 6, 7, 9  # days


def settings(**more: Any) -> Settings:
    """A small deployment that commits every few hundred records."""
    return small.settings(
        **{
            "group_id": GROUP,
            "partitions": wired.PARTITIONS,
            "poll_events": 200,
            "commit_events": 500,
            "max_message_bytes": MAX_BYTES,
            "erasure_key": "wire",
            "home_country": "DE",
            "day_offset_min": 60,
            "max_poll_interval_ms": 300_000,
            "publish_max_age_days": 3,
            "retention_days": 4,
            **more,
        }
    )


def run() -> MemoryBroker:
    """The broker, with all that was written."""
    broker = MemoryBroker(wired.SEED, start=wired.WALL_MS / 1000)
    for topic in TOPICS:
        broker.create(topic.name, wired.PARTITIONS)
    apps = Apps(broker)
    apps.tag()
    workers = [_start(broker, "w0", 0)]
    for day, parts in enumerate(wired.days()):
        for number, part in enumerate(parts):
            for record in part:
                broker.put(record.topic, record.partition, record.value, record.key)
            if number == len(parts) // 2:
                workers = _happen(broker, day, workers)
            _drain(broker, workers)
        apps.speak()
        broker.sleep(_BETWEEN_DAYS_S)
        for worker in workers:
            worker.step()
    time.sleep(1.05)  # the figures of lag are looked at once in a real second
    workers[0].step()
    workers[0].leave()
    return broker


def _happen(broker: MemoryBroker, day: int, workers: list[Worker]) -> list[Worker]:
    """What befalls the workers on a day; returns those that run from then on."""
    if day == _FAILING:
        _fail_once(broker, "commit_transaction")
    elif day == _DYING:
        return [_die(broker, workers[0])]
    elif day == _JOINING:
        return [*workers, _start(broker, "w1", 0, standby=True)]
    elif day == _CORRECTING:
        _correct(broker)
    elif day == _LEAVING:
        workers[1].leave()
        return workers[:1]
    return workers


def _start(broker: MemoryBroker, name: str, number: int, **more: Any) -> Worker:
    worker = Worker(replace(settings(**more), instance_id=name), ports(broker, f"{name}#{number}"))
    worker.start()
    return worker


def _drain(broker: MemoryBroker, workers: list[Worker]) -> None:
    """Until every record is committed."""
    spots = [(name, p) for name in INPUTS for p in range(wired.PARTITIONS)]
    for _ in range(_MOST_STEPS):
        done = broker.group(GROUP).offsets
        if all(done.get(spot, 0) == broker.log(*spot).end for spot in spots):
            return
        for worker in workers:
            worker.step()
    raise AssertionError(f"not drained after {_MOST_STEPS} steps")


def _fail_once(broker: MemoryBroker, call: str) -> None:
    def around(owner: str, name: str, effect: Callable[[], Any]) -> Any:
        if name == call:
            broker.around = unhindered
            raise failure(KafkaError._TIMED_OUT)
        return effect()

    unhindered, broker.around = broker.around, around


def _die(broker: MemoryBroker, worker: Worker) -> Worker:
    """End a worker amid its records without a word; returns its successor."""
    for _ in range(2):
        worker.step()
    broker.silence("w0#0")
    broker.sleep(30.0)  # longer than its session and its transaction
    for log in broker.topics[STATE]:
        log.compact()
    return _start(broker, "w0", 1)


def _correct(broker: MemoryBroker) -> None:
    """An editor's tags for contents that had none, and some that can't be read."""
    for key in ("host:unheard-of.example.com", "programme:wire-later", "app:unheard.of.later"):
        broker.put(TAGS, wired.partition_of(key.encode()), edited(key), key.encode())
    broker.put(TAGS, 0, b"{broken", b"host:broken.example.com")
    broker.put(TAGS, 1, None, b"host:nobody.example.com")
