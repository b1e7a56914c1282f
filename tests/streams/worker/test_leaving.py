"""A rebalance that ends while a worker leaves gives it nothing to begin with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from streams.contract.topics import INPUTS
from streams.worker.worker import Worker
from tests.broker.memory_clients import ports
from tests.simulation import inputs
from tests.support.small_worker import fed

pytestmark = pytest.mark.usefixtures("calm")


def test_what_it_is_given_while_it_leaves_it_does_not_ask_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = replace(inputs.settings(), instance_id="w1")
    worker = Worker(settings, ports(fed(3), "w1"))
    worker.start()
    membership = worker._membership
    consumer, close = membership.consumer, membership.consumer.close

    def refuse(*_: Any) -> Any:
        raise KafkaException(KafkaError(KafkaError._DESTROY))

    def closing() -> None:
        monkeypatch.setattr(consumer, "committed", refuse)
        membership._assigned(consumer, [TopicPartition(name, 0) for name in INPUTS])
        close()

    monkeypatch.setattr(consumer, "close", closing)
    worker.leave()
    assert not membership.engines
