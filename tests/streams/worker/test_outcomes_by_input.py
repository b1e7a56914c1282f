"""Counters by input: each committed record once, under its topic and what became of it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError
from prometheus_client import Metric

from features.records.decoder import FACTS
from features.vocabulary import Tolerated
from streams import metrics
from streams.contract.topics import INPUTS
from streams.worker.wiring import warm_up
from tests.broker.memory_broker import MemoryBroker
from tests.simulation import inputs
from tests.simulation.deployment import quiet
from tests.support.failing import failing
from tests.support.small_worker import NETWORK_TOPIC, consent, event, new_broker, put, start, steps

_HOUR = 3_600_000


@pytest.fixture(autouse=True)
def _calm() -> Iterator[None]:
    warm_up()
    metrics.INPUT_OUTCOMES.clear()
    metrics.INPUT.clear()
    with quiet():
        yield


def _counted() -> dict[tuple[str, str], int]:
    (family,) = metrics.INPUT_OUTCOMES.collect()
    return {
        (sample.labels["topic"], sample.labels["outcome"]): int(sample.value)
        for sample in family.samples
        if sample.name.endswith("_total")
    }


def _count_of(family: Metric) -> int:
    return int(next(item.value for item in family.samples if item.name.endswith("_count")))


def _fed() -> MemoryBroker:
    broker = new_broker()
    put(broker, INPUTS[FACTS], "a", consent("a"))
    put(broker, INPUTS[FACTS], "a", b"{")
    for ts in (1, 2, 2, 40, 1):
        put(broker, NETWORK_TOPIC, "a", event("a", inputs.START_MS + ts * _HOUR, f"at {ts}"))
    for n in range(3):
        put(broker, NETWORK_TOPIC, "b", event("b", inputs.START_MS + 41 * _HOUR + n))
    put(broker, NETWORK_TOPIC, "a", b"[]")
    return broker


_WANTED = {
    (INPUTS[FACTS], "fact"): 1,
    (INPUTS[FACTS], "malformed"): 1,
    (NETWORK_TOPIC, "counted"): 3,
    (NETWORK_TOPIC, "duplicate"): 1,
    (NETWORK_TOPIC, "late"): 1,
    (NETWORK_TOPIC, "no_consent"): 3,
    (NETWORK_TOPIC, "malformed"): 1,
}


def test_every_record_is_counted_under_its_input_and_outcome() -> None:
    broker = _fed()
    (latency,) = metrics.EVENT_TO_PROFILE.collect()
    before = _count_of(latency)
    worker = start(broker)
    steps(30, worker)
    put(broker, NETWORK_TOPIC, "a", event("a", inputs.START_MS + 42 * _HOUR))
    steps(30, worker)
    assert len(broker.commits) == 2
    found = _counted()
    (latency,) = metrics.EVENT_TO_PROFILE.collect()
    in_profiles = sum(found[place] for place in found if place[1] in ("counted", "fact"))
    assert _count_of(latency) - before == in_profiles  # what no profile can have does not count
    wanted = _WANTED | {(NETWORK_TOPIC, "counted"): _WANTED[NETWORK_TOPIC, "counted"] + 1}
    assert {place: count for place, count in found.items() if count} == wanted
    assert found[NETWORK_TOPIC, "suppressed"] == 0  # there from the start: its rise can be seen
    for topic in INPUTS:
        taken = metrics.INPUT.labels(topic)._value.get()
        assert sum(count for place, count in found.items() if place[0] == topic) == taken


def test_what_was_not_committed_is_not_counted() -> None:
    broker = _fed()
    failing(broker, "commit_transaction", KafkaError._TIMED_OUT, 2)
    worker = start(broker)
    steps(2, worker)
    assert not any(_counted().values())
    steps(40, worker)
    assert {place: count for place, count in _counted().items() if count} == _WANTED


def test_facts_out_of_form_are_counted_by_how_they_were_read() -> None:
    """With their commit, and nothing of them is lost: what can't be read calls a person."""

    def figures() -> dict[str, float]:
        samples = [
            sample
            for metric in (metrics.TOLERATED_FACTS, metrics.UNDECIDED_FACTS)
            for family in metric.collect()
            for sample in family.samples
            if sample.name.endswith("_total")
        ]
        return {sample.labels.get("reading", "undecided"): sample.value for sample in samples}

    before, ticks = figures(), list(metrics.TICKS.collect())[0].samples[0].value
    assert set(before) == {*Tolerated, "undecided"}, "there from the start, or none would be seen"
    broker = new_broker()
    for fact in (
        {"kind": "consent", "status": "revoked"},
        {"kind": "erasure", "ts": 4 * 10**12},  # in a hundred years
        {"kind": "registry", "device_id": "d", "adult": "no"},
        {"kind": "consent", "status": "withdrawn", "purpose": "weather"},
        {"kind": "consent", "status": "granted", "purpose": "weather"},
        {"kind": "consent", "status": "maybe"},
        {"kind": "purchase"},
    ):
        body = {"event_id": "e", "account_id": "a", "ts": inputs.START_MS} | fact
        put(broker, INPUTS[FACTS], "a", json.dumps(body).encode())
    worker = start(broker)
    steps(30, worker)
    more = {name: value - before[name] for name, value in figures().items()}
    assert {name: count for name, count in more.items() if count} == {
        "refusal": 1,
        "erasure": 1,
        "child": 1,
        "refused_purpose": 1,
        "granted_purpose": 1,
        "undecided": 1,
    }
    ticks = list(metrics.TICKS.collect())[0].samples[0].value - ticks
    assert _counted()[INPUTS[FACTS], "fact"] == 5 + ticks
    assert _counted()[INPUTS[FACTS], "malformed"] == 2
