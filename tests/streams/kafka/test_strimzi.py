"""Users as they are written for Strimzi."""

from __future__ import annotations

import yaml

from streams.kafka.access import PRINCIPALS
from streams.kafka.strimzi import Quotas, users
from streams.settings import Settings

SETTINGS = Settings(topic_prefix="a.")


def test_quotas_are_said_to_strimzi_and_for_a_broker_without_it() -> None:
    text = users(SETTINGS, Quotas(produce=5, fetch=7))
    found = list(yaml.safe_load_all(text))
    assert len(found) == len(PRINCIPALS)
    for user in found:
        assert user["spec"]["quotas"] == {"producerByteRate": 5, "consumerByteRate": 7}
        change = (
            f"producer_byte_rate=5,consumer_byte_rate=7 --entity-name {user['metadata']['name']}"
        )
        assert text.count(f"--add-config {change}\n") == 1


def test_who_has_no_quota_has_none_written() -> None:
    assert "quota" not in users(SETTINGS)
    assert "kafka-configs" not in users(SETTINGS)
