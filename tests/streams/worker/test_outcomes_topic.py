"""What came of offers is joined where the setting says so; else nothing needs its topic."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from streams import metrics
from streams.contract.topics import DEAD_LETTERS, INPUTS, OFFERS, OUTCOMES, PROFILES, TOPICS
from streams.settings import Settings, SettingsError
from streams.worker.wiring import rules_of, warm_up
from tests.broker.memory_broker import MemoryBroker
from tests.simulation import inputs
from tests.simulation.deployment import quiet
from tests.support.small_worker import (
    FACTS_TOPIC,
    NETWORK_TOPIC,
    committed,
    consent,
    event,
    put,
    standing,
    start,
    steps,
)

_HOUR = 3_600_000
_SOCCER = "533"


@pytest.fixture(autouse=True)
def _calm() -> Iterator[None]:
    warm_up()
    with quiet():
        yield


def _fed(*, with_topic: bool) -> MemoryBroker:
    """A household that likes soccer, and no word of offers yet."""
    broker = MemoryBroker(7, start=inputs.START_MS / 1000 + 30 * 86_400)
    for topic in TOPICS:
        if with_topic or topic.name != OUTCOMES:
            broker.create(topic.name, 1)
    put(broker, FACTS_TOPIC, "a", consent("a"))
    like = {"kind": "declaration", "interest": _SOCCER, "stance": "like"}
    _tell(broker, FACTS_TOPIC, 1, **like)
    for hour in (2, 3):
        put(broker, NETWORK_TOPIC, "a", event("a", inputs.START_MS + hour * _HOUR))
    return broker


def _tell(broker: MemoryBroker, topic: str, hour: int, **said: Any) -> None:
    ts = inputs.START_MS + hour * _HOUR
    own = {"event_id": f"{topic}-{hour}", "account_id": "a", "ts": ts}
    put(broker, topic, "a", json.dumps(own | said).encode())


def _offers(broker: MemoryBroker) -> Any:
    return json.loads(standing(broker, OFFERS)[b"a"])


def _contact(broker: MemoryBroker, hour: int, name: str = "c1") -> None:
    said = {"kind": "contact", "contact_id": name, "channel": "mail", "interest": _SOCCER}
    _tell(broker, OUTCOMES, hour, **said)


def test_no_topic_is_needed_where_it_is_off() -> None:
    broker = _fed(with_topic=False)
    steps(30, start(broker))
    assert [item["id"] for item in _offers(broker)["engage"]] == [_SOCCER]


def test_who_was_spoken_to_is_left_alone_across_a_restart() -> None:
    broker = _fed(with_topic=True)
    _contact(broker, 3)
    before = metrics.CONTACTS.labels("made")._value.get()
    worker = start(broker, outcomes=True, tick_interval_ms=0)
    steps(30, worker)
    found = _offers(broker)
    assert found["engage"] == []
    until = inputs.START_MS + 3 * _HOUR + 14 * 24 * _HOUR
    assert {"scope": _SOCCER, "reason": "contacted", "until": until} in found["suppressions"]
    assert metrics.CONTACTS.labels("made")._value.get() == before + 1
    _tell(broker, OUTCOMES, 4, kind="answer", contact_id="c1", answer="complained")
    worker.leave()
    steps(200, start(broker, "w1", outcomes=True, tick_interval_ms=0))
    assert _offers(broker)["contactable"]["offers"]["why"] == "contact_pause"
    assert committed(broker, OUTCOMES) == 2


def test_it_can_be_turned_on_later() -> None:
    broker = _fed(with_topic=True)
    _contact(broker, 3)
    worker = start(broker, tick_interval_ms=0)
    steps(30, worker)
    assert [item["id"] for item in _offers(broker)["engage"]] == [_SOCCER]
    assert committed(broker, INPUTS[0]) == 2
    worker.leave()
    steps(200, start(broker, "w1", outcomes=True, tick_interval_ms=0))
    assert _offers(broker)["engage"] == []


def test_what_is_refused_is_a_dead_letter_of_its_topic() -> None:
    broker = _fed(with_topic=True)
    _tell(broker, OUTCOMES, 3, kind="greeting", status="sent")
    steps(30, start(broker, outcomes=True, tick_interval_ms=0))
    ((_, letter),) = broker.log(DEAD_LETTERS, 0).read(0, True)
    headers = dict(letter.headers or [])
    assert headers["source-topic"] == OUTCOMES.encode()
    assert headers["reason"] == b"unknown_kind"


def test_a_refusal_that_came_to_it_is_heard() -> None:
    broker = _fed(with_topic=True)
    _tell(broker, OUTCOMES, 3, kind="consent", status="withdrawn")
    steps(30, start(broker, outcomes=True, tick_interval_ms=0))
    assert b"a" not in standing(broker, PROFILES)
    assert not list(broker.log(DEAD_LETTERS, 0).read(0, True))


def test_nobody_explores_by_draws_that_anybody_can_tell(tmp_path: Path) -> None:
    policy = resources.files("features").joinpath("data/contact_policy.toml").read_text("utf-8")
    path = tmp_path / "policy.toml"
    path.write_text(policy + "exploring = 0.05\n")
    settings = Settings(contact_policy=str(path))
    with pytest.raises(SettingsError, match="uplift.exploring needs a holdout_key"):
        rules_of(settings)
    keyed = rules_of(replace(settings, holdout_key="k" * 16))
    assert keyed.contact.uplift is not None and keyed.contact.uplift.exploring == 0.05
    assert keyed.holdouts.salt != rules_of(replace(settings, holdout_key="j" * 16)).holdouts.salt
