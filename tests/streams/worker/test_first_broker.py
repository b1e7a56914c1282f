"""A start without a broker: the worker waits and says why; what is wrong otherwise ends it."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest

from streams.errors import Abandon, BadTopics, KafkaFailed, NoBroker, Stop
from streams.kafka.diagnosis import Trouble
from streams.worker import worker as module
from streams.worker.worker import Worker
from tests.broker.memory_clients import ports
from tests.simulation import inputs
from tests.support.small_worker import NETWORK_TOPIC, committed, fed, steps

pytestmark = pytest.mark.usefixtures("calm")
REFUSED = "b:9092: the broker refuses the user or the password"
AWAY = (NoBroker("topics"), Abandon("topics", TimeoutError()))


def begun(monkeypatch: pytest.MonkeyPatch, *failures: Exception, **more: Any) -> int:
    """Begin a worker whose first looks at the topics fail; the record that it then commits."""
    left, broker = list(failures), fed()

    def check(settings: Any) -> int:
        if left:
            raise left.pop(0)
        return 1

    monkeypatch.setattr(module, "check_topics", check)
    monkeypatch.setattr(module, "unreachable", lambda settings: [Trouble(REFUSED)])
    worker = Worker(replace(inputs.settings(), **more), ports(broker, "w"))
    worker._begin()
    steps(20, worker)
    return committed(broker, NETWORK_TOPIC)


def test_a_worker_waits_for_its_first_broker_and_says_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "streams.worker.worker"):
        assert begun(monkeypatch, *AWAY) == 1
    assert caplog.messages.count(f"waiting for a broker: {REFUSED}") == 2


@pytest.mark.parametrize(
    "wrong", [BadTopics("not co-partitioned"), Stop("no"), KafkaFailed("not allowed")], ids=str
)
def test_what_waiting_does_not_mend_ends_it_at_once(
    monkeypatch: pytest.MonkeyPatch, wrong: Exception
) -> None:
    with pytest.raises(type(wrong), match=str(wrong)):
        begun(monkeypatch, wrong)


@pytest.mark.parametrize("away", AWAY, ids=repr)
def test_a_strict_worker_ends(monkeypatch: pytest.MonkeyPatch, away: Exception) -> None:
    with pytest.raises(type(away)):
        begun(monkeypatch, away, strict_limits=True)
