"""A refusal that came among events or answers is heard where its account is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streams.contract.topics import DEAD_LETTERS, OUTCOMES
from streams.kafka.partitioners import PARTITIONERS
from streams.worker.astray import MARK
from streams.worker.worker import Worker
from tests.broker.memory_broker import MemoryBroker
from tests.simulation import inputs
from tests.support.small_worker import (
    FACTS_TOPIC,
    NETWORK_TOPIC,
    committed,
    consent,
    event,
    new_broker,
    put,
    standing,
    start,
    steps,
)

pytestmark = pytest.mark.usefixtures("calm")

_COUNT, _HOME, _AWAY = 4, 0, 3
_LATER = inputs.START_MS + 3_600_000
_NAME = next(
    name
    for name in (f"acc-{n}" for n in range(100))
    if PARTITIONERS["murmur2"](name.encode(), _COUNT) == _HOME
)
_CONTACT: dict[str, Any] = {
    "kind": "contact",
    "contact_id": "c1",
    "channel": "mail",
    "interest": "533",
}
_ANSWER: dict[str, Any] = {"kind": "answer", "contact_id": "c1"}


def _said(ts: int = _LATER, **fields: Any) -> bytes:
    return json.dumps({"event_id": f"f-{ts}", "account_id": _NAME, "ts": ts, **fields}).encode()


def _profiled(partitions: int = _COUNT) -> tuple[MemoryBroker, Worker]:
    """A worker that has published a profile, and knows of a contact."""
    broker = new_broker(partitions)
    put(broker, FACTS_TOPIC, _NAME, consent(_NAME))
    put(broker, NETWORK_TOPIC, _NAME, event(_NAME, inputs.START_MS + 60_000))
    put(broker, OUTCOMES, _NAME, _said(inputs.START_MS + 70_000, **_CONTACT))
    worker = start(broker, outcomes=True, tick_interval_ms=0)
    worker._inlet.expect(partitions)
    steps(20, worker)
    assert standing(broker).keys() == {_NAME.encode()}
    return broker, worker


@pytest.mark.parametrize("answer", ["unsubscribed", "complained", "STOP ALL"])
def test_an_answer_that_refuses_comes_home_from_another_partition(answer: str) -> None:
    broker, worker = _profiled()
    put(broker, OUTCOMES, _NAME, _said(**_ANSWER, answer=answer), _AWAY)
    steps(40, worker)
    home = [(e.key, e.value) for _, e in broker.log(OUTCOMES, _HOME).read(0, True)]
    assert home[1:] == [(_NAME.encode(), _said(**_ANSWER, answer=answer) + MARK)], "once"
    assert committed(broker, OUTCOMES, _HOME) >= 2 and committed(broker, OUTCOMES, _AWAY) == 1


@pytest.mark.parametrize("what", [{"answer": "accepted"}, {"answer": "dismissed"}, _CONTACT])
def test_what_came_of_offers_else_stays_where_it_is(what: dict[str, Any]) -> None:
    broker, worker = _profiled()
    put(broker, OUTCOMES, _NAME, _said(**_ANSWER | what), _AWAY)
    steps(30, worker)
    assert len(list(broker.log(OUTCOMES, _HOME).read(0, True))) == 1


@pytest.mark.parametrize("partitions", [1, _COUNT])
@pytest.mark.parametrize("topic", [NETWORK_TOPIC, OUTCOMES])
@pytest.mark.parametrize(
    "fact", [{"kind": "consent", "status": "withdrawn"}, {"kind": "erasure"},
             {"kind": "OBJECTION"}, {"type": "consent", "status": "revoked"}], ids=str
)  # fmt: skip
def test_a_refusal_in_a_wrong_topic_acts(fact: dict[str, Any], topic: str, partitions: int) -> None:
    broker, worker = _profiled(partitions)
    for partition in {_HOME, partitions - 1}:
        put(broker, topic, _NAME, _said(**fact), partition)
    steps(40, worker)
    assert not standing(broker)


@pytest.mark.parametrize("what", [{"kind": "consent", "status": "granted"}, {"type": "x"}])
def test_a_grant_or_an_odd_event_among_events_stays_a_dead_letter(what: dict[str, Any]) -> None:
    broker, worker = _profiled()
    put(broker, NETWORK_TOPIC, _NAME, _said(**what), _HOME)
    steps(30, worker)
    assert len(list(broker.log(FACTS_TOPIC, _HOME).read(0, True))) == 1
    assert len(list(broker.log(DEAD_LETTERS, _HOME).read(0, True))) == 1
    assert standing(broker)
