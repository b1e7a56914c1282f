"""One model for all partitions, merged on a real Kafka, whatever befalls the workers."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import KafkaException

from features.models.lessons import PARTS
from features.records.facts import SharedPart
from streams.contract.record import Record
from streams.contract.topics import FACTS, NETWORK
from streams.kafka import clients
from streams.sandbox.simulator import DEFAULT_START
from streams.settings import Settings
from tests.conftest import Names
from tests.support.adopted_models import places_of
from tests.support.evidence import collect
from tests.support.processes import wait_until
from tests.support.reference import read, restored
from tests.support.verifier import contents_of, verify, violated
from tests.support.worker_process import (
    READY_S,
    WorkerProcess,
    deployed,
    feed,
    simulated_events,
    wait_for_end,
)

pytestmark = pytest.mark.kafka

_DAY_MS = 86_400_000
_FIRST = DEFAULT_START.toordinal() - 719_163  # local day since 1970
_CHANGES = (3, 3.5, 5)  # days after which what comes next is fed
_DAYS = 6


def _by_days() -> list[list[Record]]:
    """Records by the stage that their event time is in.

    Later stages are of one input: of several the order would hang on which was sent first.
    """
    stages: list[list[Record]] = [[] for _ in (*_CHANGES, _DAYS)]
    for record in simulated_events(days=_DAYS):
        assert isinstance(record.value, dict)
        day = record.value["ts"] / _DAY_MS - _FIRST
        stage = sum(day >= change for change in _CHANGES)
        if not stage or record.topic == NETWORK:
            stages[stage].append(record)
    return stages


def _told(settings: Settings, partition: int) -> dict[str, list[int]]:
    """Days of the merged models that stand in a partition's facts, by part, in order."""
    found: dict[str, list[int]] = {part: [] for part in PARTS}
    for message in read(settings, FACTS, partition):
        value = b"" if message.key() is not None else message.value() or b""
        if b'"%s"' % SharedPart.kind.encode() in value[:40]:
            said = json.loads(value)
            found[said["part"]].append(said["day"])
    return found


def _wait_for_model(settings: Settings, until: float, *workers: WorkerProcess) -> None:
    """Wait until each partition was told the model of all days that closed before day `until`."""
    day = _FIRST + int(until) - 2  # the last one ends with the lateness behind it

    def told() -> bool:
        for worker in workers:
            worker.check()
        return all(
            max(days, default=-1) == day
            for partition in range(settings.partitions)
            for days in _told(settings, partition).values()
        )

    wait_until(told, READY_S, lambda: "\n".join(worker.text()[-3000:] for worker in workers))
    wait_for_end(settings, *workers)


def _wait_for_place(settings: Settings, worker: WorkerProcess) -> None:
    """Wait until each partition has taken the model that it was told, at its place."""

    def taken() -> bool:
        worker.check()
        return all(places_of(collect(settings, p).learned) for p in range(settings.partitions))

    wait_until(taken, READY_S, lambda: worker.text()[-3000:])


def _owner_of_0(settings: Settings) -> str:
    """Instance that owns partition 0, once all partitions have one."""
    found: Counter[str] = Counter()
    admin = clients.admin(settings)

    def stable() -> bool:
        found.clear()
        try:
            group = admin.describe_consumer_groups([settings.group])[settings.group].result(10)
        except (KafkaException, TimeoutError):
            return False  # its coordinator is still loading
        for member in group.members:
            for spot in member.assignment.topic_partitions:
                found[member.client_id] += 1
                if (spot.topic, spot.partition) == (settings.topic(FACTS), 0):
                    found["0 " + member.client_id] += 1
        return len(found) == 3  # two that own, and who has partition 0

    wait_until(stable, READY_S)
    return next(name for name in found if name.startswith("0 ")).removeprefix("0 ")


def test_whoever_merges_is_killed_and_all_ends_as_in_one_pass(
    kafka: str, names: Names, tmp_path: Path
) -> None:
    """The reference of `verify` is a worker alone that was never interrupted."""
    small = {"poll_events": 300, "commit_events": 600, "commit_interval_ms": 50}
    settings = deployed(kafka, names.prefix, shared_model=True, shared_model_wait_ms=3_000, **small)
    stages = _by_days()
    feed(settings, stages[0])
    with (
        WorkerProcess(settings, tmp_path / "w1.log") as one,
        WorkerProcess(replace(settings, instance_id="w2"), tmp_path / "w2.log") as two,
    ):
        merges = one if "w1" in _owner_of_0(settings) else two
        other = two if merges is one else one
        _wait_for_model(settings, _CHANGES[0], one, two)
        feed(settings, stages[1])  # behind the place of that model: what waits ends with its worker
        _wait_for_place(settings, merges)
        feed(settings, stages[2])
        merges.kill()
        _wait_for_model(settings, _CHANGES[2], other)
        feed(settings, stages[3])
        wait_for_end(settings, other)
        assert other.terminate() == 0
    assert not violated(verify(settings))
    _all_stand_on_one(settings)


def _all_stand_on_one(settings: Settings) -> None:
    """Each partition took each merged model whole, but for one that came behind its last event."""
    for partition in range(settings.partitions):
        found = collect(settings, partition)
        pool = restored(settings, contents_of(settings), found.folded).learner.pool
        assert pool is not None and pool.base == _FIRST + int(_CHANGES[-1]) - 2
        days = {tuple(sorted({*days})) for days in _told(settings, partition).values()}
        assert len(days) == 1 and len(days.pop()) >= 2
        assert len(places_of(found.learned)) >= 2
