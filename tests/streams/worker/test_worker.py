"""The loop's three ways on: a commit that held, one that is abandoned, and the end."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from confluent_kafka import KafkaError

from features.engine import Engine
from features.records.batch import Batch
from streams.contract.topics import DEAD_LETTERS, OFFERS, PROFILES, STATE
from streams.errors import BadTopics, Stop
from streams.worker.ears import Ears
from streams.worker.reach import Reach
from streams.worker.worker import Worker, check_topics
from tests.simulation import inputs
from tests.support.failing import failing
from tests.support.small_worker import (
    NETWORK_TOPIC,
    committed,
    engines,
    event,
    fed,
    put,
    start,
    steps,
)

pytestmark = pytest.mark.usefixtures("calm")


def test_one_commit_holds_everything() -> None:
    broker = fed(3)
    put(broker, NETWORK_TOPIC, "a", b"{")
    steps(10, start(broker))
    assert [txn.state for txn in broker.commits] == ["committed"]
    topics = {spot[0] for spot, _ in broker.commits[0].written}
    assert topics == {PROFILES, OFFERS, STATE, DEAD_LETTERS}
    assert broker.commits[0].offsets["sim"][NETWORK_TOPIC, 0] == 4


def test_nothing_new_is_no_commit() -> None:
    broker = fed(3)
    worker = start(broker)
    steps(60, worker)
    assert len(broker.commits) == 1


def test_a_full_batch_commits_before_its_time() -> None:
    broker = fed(20)
    worker = start(broker, poll_events=4, commit_events=8)
    worker._settings = replace(
        worker._settings, commit_interval_ms=4_900, catch_up_interval_ms=4_900
    )
    steps(20, worker)
    assert len(broker.commits) >= 2


@pytest.mark.parametrize(
    "call",
    [
        "begin_transaction",
        "produce",
        "produce_batch",
        "send_offsets_to_transaction",
        "commit_transaction",
    ],
)
def test_a_commit_that_fails_is_done_again_from_the_last_one(call: str) -> None:
    broker = fed(3)
    failing(broker, call, KafkaError._TIMED_OUT, 2)
    worker = start(broker)
    steps(40, worker)
    assert committed(broker, NETWORK_TOPIC) == 3
    profile = broker.commits[-1].written[0][1]
    assert json.loads(profile.value or b"")["version"] == 1
    assert worker._abandoned == 0


def test_ten_failures_in_a_row_are_enough_for_a_strict_worker() -> None:
    broker = fed(3)
    failing(broker, "commit_transaction", KafkaError._TIMED_OUT, 100)
    worker = start(broker, strict_limits=True)
    with pytest.raises(Stop, match="10 transactions in a row failed: commit: _TIMED_OUT"):
        steps(200, worker)
    assert broker.commits == []


def test_after_failures_less_is_tried_at_a_time() -> None:
    broker = fed(400)
    worker = start(broker, poll_events=4, commit_events=64)
    worker._settings = replace(
        worker._settings, commit_interval_ms=4_900, catch_up_interval_ms=4_900
    )
    failing(broker, "commit_transaction", KafkaError._TIMED_OUT, 3)
    steps(800, worker)
    sizes = np.diff([0, *(txn.offsets["sim"][NETWORK_TOPIC, 0] for txn in broker.commits)])
    assert sizes[0] <= 64 / 8 + 4
    assert max(sizes) >= 64 - 4
    assert committed(broker, NETWORK_TOPIC) == 400


def test_offsets_that_can_not_be_read_are_asked_for_again() -> None:
    broker = fed(3)
    failing(broker, "committed", KafkaError._TIMED_OUT, 3)
    worker = start(broker)
    steps(40, worker)
    assert committed(broker, NETWORK_TOPIC) == 3


def test_a_turn_is_short_whatever_its_records_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = fed(9_000)
    worker = start(broker, poll_events=4_000, commit_events=50_000)
    advance, sizes = Engine.advance, list[int]()

    def slow(self: Engine, batch: Batch, *rest: Any) -> int:
        broker.sleep(0.0005 * len(batch))
        sizes.append(len(batch))
        return advance(self, batch, *rest)

    monkeypatch.setattr(Engine, "advance", slow)
    steps(30, worker)
    assert sizes[0] > 3_000 and sum(sizes) == 9_001
    assert max(sizes[1:]) <= 1_000


def test_without_a_broker_a_worker_goes_on_trying() -> None:
    broker = fed(3)
    worker = start(broker)
    steps(3, worker)
    for call in ("commit_transaction", "init_transactions", "committed", "describe_configs"):
        failing(broker, call, KafkaError._TRANSPORT, 40)
        steps(60, worker)
    broker.around = lambda owner, call, effect: effect()
    steps(40, worker)
    assert committed(broker, NETWORK_TOPIC) == 3


def test_what_would_fail_again_ends_the_worker() -> None:
    broker = fed(3)
    failing(broker, "commit_transaction", KafkaError.TOPIC_AUTHORIZATION_FAILED, 1)
    with pytest.raises(Stop, match="commit: "):
        steps(20, start(broker))


def test_a_commit_that_fails_while_partitions_go_leaves_a_worker_that_goes_on() -> None:
    broker = fed(3)
    worker = start(broker)
    worker._settings = replace(
        worker._settings, commit_interval_ms=4_900, catch_up_interval_ms=4_900
    )
    steps(5, worker)
    assert engines(worker)
    failing(broker, "commit_transaction", KafkaError._TIMED_OUT, 1)
    other = start(broker, "w1")
    steps(30, worker, other)
    assert committed(broker, NETWORK_TOPIC) == 3
    other.leave()
    put(broker, NETWORK_TOPIC, "a", event("a", inputs.START_MS + 10**7))
    steps(90, worker)
    assert committed(broker, NETWORK_TOPIC) == 4


def test_late_records_of_a_lost_partition_are_the_next_owners_to_refuse() -> None:
    broker = fed(3)
    put(broker, NETWORK_TOPIC, "a", event("a", inputs.START_MS + 10**8))
    put(broker, NETWORK_TOPIC, "a", event("a", inputs.START_MS + 1, "late"))
    worker = start(broker)
    worker._settings = replace(worker._settings, commit_interval_ms=900)
    steps(6, worker)
    assert worker._inlet.partitions[0].late
    broker.silence("w0")
    broker.sleep(7.0)
    other = start(broker, "w1")
    steps(30, other)
    broker.wake("w0")
    steps(30, worker, other)
    other.leave()
    put(broker, NETWORK_TOPIC, "a", event("a", inputs.START_MS + 10**8 + 1))
    steps(60, worker)
    assert engines(worker)
    letters = [
        entry for txn in broker.commits for spot, entry in txn.written if spot[0] == DEAD_LETTERS
    ]
    assert len(letters) == 1


def test_leaving_commits_and_returns_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = fed(3)
    monkeypatch.setattr("streams.worker.worker.check_topics", lambda settings: 1)
    monkeypatch.setattr(Ears, "open", lambda self: None)
    monkeypatch.setattr(Reach, "start", lambda self: None)
    worker = start(broker)
    original = Worker.step

    def step(self: Worker) -> None:
        original(self)
        if engines(self):
            self._ears.asked = True

    monkeypatch.setattr(Worker, "step", step)
    monkeypatch.setattr(Worker, "start", lambda self: None)
    assert worker.run() == 0
    assert not broker.group("sim").members


def test_topics_that_do_not_fit_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.kafka.clients.admin", lambda settings: None)
    monkeypatch.setattr("streams.kafka.topic_plan.fetch", lambda admin, settings: {})
    monkeypatch.setattr("streams.worker.worker.missing_on_topics", lambda admin, acls: [])
    with pytest.raises(BadTopics, match="subscriber-facts") as refused:
        check_topics(inputs.settings())
    assert refused.value.code == 5
