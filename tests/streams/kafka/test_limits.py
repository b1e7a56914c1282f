"""How large a record may be: as the brokers say, and the client."""

from __future__ import annotations

from dataclasses import replace

import pytest
from confluent_kafka import KafkaError

from streams.contract.topics import DEAD_LETTERS, STATE
from streams.errors import Abandon
from streams.kafka.limits import FRAME, RecordLimits, fetch_limits, size
from tests.broker.memory_clients import ports
from tests.simulation import inputs
from tests.support.failing import failing
from tests.support.small_worker import new_broker


def test_the_brokers_are_asked_and_the_client_follows() -> None:
    broker = new_broker()
    broker.max_message_bytes = {STATE: 2_000_000, DEAD_LETTERS: 300_000}
    found = fetch_limits(inputs.settings(), ports(broker, "w"))
    assert (found.of(STATE), found.of(DEAD_LETTERS)) == (2_000_000 - FRAME, 300_000 - FRAME)
    assert found.client == 2_000_000
    keys = found.fitted(inputs.settings()).kafka
    assert (keys["message.max.bytes"], keys["batch.size"]) == ("2000000", str(300_000 - FRAME))
    assert found.setting(DEAD_LETTERS) == f"max.message.bytes = 300000 of {DEAD_LETTERS}"


def test_a_client_that_takes_less_is_what_bounds() -> None:
    settings = replace(inputs.settings(), kafka={"message.max.bytes": "200000"})
    found = fetch_limits(settings, ports(new_broker(), "w"))
    assert found.of(STATE) == 200_000 - FRAME
    assert found.setting(STATE) == "message.max.bytes = 200000 of the table [kafka]"
    assert found.fitted(settings).kafka["batch.size"] == str(200_000 - FRAME)


def test_what_a_cluster_does_not_tell_is_taken_for_its_default() -> None:
    broker = new_broker()
    failing(broker, "describe_configs", KafkaError.TOPIC_AUTHORIZATION_FAILED, 1)
    assert fetch_limits(inputs.settings(), ports(broker, "w")) == RecordLimits()
    failing(broker, "describe_configs", KafkaError._TRANSPORT, 1)
    with pytest.raises(Abandon):
        fetch_limits(inputs.settings(), ports(broker, "w"))


def test_a_size_is_never_too_small() -> None:
    assert size(b"k", b"vv", [("h", b"xxx")]) == 1 + 2 + 1 + 3 + 16
    assert size(None, None) == 0
