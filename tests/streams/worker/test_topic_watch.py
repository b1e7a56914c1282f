"""An input that is created anew under a running worker is named, however long its log is."""

from __future__ import annotations

import pytest

from features.state.changelog_keys import Owner
from streams.errors import BadTopics
from streams.worker.binding import owner_now
from streams.worker.topic_watch import TopicWatch
from tests.broker.memory_broker import MemoryBroker
from tests.broker.memory_clients import ports
from tests.simulation import inputs
from tests.support.small_worker import NETWORK_TOPIC, fed


def _looks(watch: TopicWatch, broker: MemoryBroker, owner: Owner | None) -> None:
    for _ in range(3):
        watch.look(owner)
        broker.sleep(6.0)


def test_an_input_that_was_created_anew_is_named() -> None:
    broker = fed(3)
    settings = inputs.settings()
    owner = owner_now(settings, ports(broker, "w1"))
    watch = TopicWatch(settings, ports(broker, "w1"))
    _looks(watch, broker, None)
    _looks(watch, broker, owner)
    logs = broker.topics.pop(NETWORK_TOPIC)
    _looks(watch, broker, owner)  # it may come back
    broker.create(NETWORK_TOPIC, len(logs))
    with pytest.raises(BadTopics, match="network-usage: created anew.*offsets reset"):
        _looks(watch, broker, owner)
