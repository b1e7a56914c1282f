"""A reset forgets no erasure and no refusal: they have to be in the log that is read again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from streams.__main__ import main
from streams.contract.topics import FACTS, STATE
from streams.kafka.compacted import CompactedTopic
from streams.settings import Settings
from tests.conftest import Names
from tests.support.live_worker import live, running, settled

pytestmark = [pytest.mark.usefixtures("calm"), pytest.mark.kafka]


def _reset(settings: Settings, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    for name in ("topic_prefix", "group_id", "replication", "instance_id"):
        monkeypatch.setenv(f"INTEREST_STREAMS_{name.upper()}", str(getattr(settings, name)))
    return main(["state", "reset", "--yes", *words, "--bootstrap", settings.bootstrap_servers])


def _cut(admin: AdminClient, topic: str) -> None:
    for future in admin.delete_records([TopicPartition(topic, 0, 1)]).values():
        future.result(20)


def _compact(admin: AdminClient, topic: str) -> None:
    policy = ConfigEntry(
        "cleanup.policy", "compact,delete", incremental_operation=AlterConfigOpType.SET
    )
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[policy])
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(20)


@pytest.mark.parametrize(
    ("lose", "says"),
    [(_cut, "has lost its beginning (partition 0 begins at 1)"), (_compact, "is compacted")],
)
def test_where_facts_are_gone_a_reset_is_refused(
    kafka: str,
    names: Names,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    lose: Callable[[AdminClient, str], None],
    says: str,
) -> None:
    settings = live(kafka, names.prefix)
    settled(running(settings), settings)
    lose(AdminClient({"bootstrap.servers": kafka}), settings.topic(FACTS))
    assert _reset(settings, monkeypatch) == 2
    told = capsys.readouterr().err
    assert says in told and "--forget-facts" in told
    topic = CompactedTopic(kafka, settings.topic(STATE))
    assert topic.latest(lambda key: True), "nothing was taken"
    topic.close()
    assert _reset(settings, monkeypatch, "--forget-facts") == 0
