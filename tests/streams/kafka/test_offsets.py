"""Looking up offsets, through changes of leaders."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from streams.kafka.offsets import offsets_at
from streams.kafka.ports import REAL
from streams.settings import Settings


class Admin:
    """Knows an offset, or only that the leader is another."""

    def __init__(self, offset: int | None) -> None:
        self.asked = 0
        self._offset = offset

    def list_offsets(
        self, spots: dict[TopicPartition, OffsetSpec], **_: Any
    ) -> dict[TopicPartition, Future[Any]]:
        self.asked += 1
        answers: dict[TopicPartition, Future[Any]] = {spot: Future() for spot in spots}
        for answer in answers.values():
            if self._offset is None:
                moved = KafkaError(KafkaError.NOT_LEADER_FOR_PARTITION)
                answer.set_exception(KafkaException(moved))
            else:
                answer.set_result(SimpleNamespace(offset=self._offset))
        return answers


@pytest.mark.parametrize(("knows", "fresh"), [(True, 0), (False, 1)])
def test_a_kept_client_is_asked_until_a_leader_changes(knows: bool, fresh: int) -> None:
    """It may go on asking the former leader for minutes; a new one asks who it is."""
    kept, made = Admin(7 if knows else None), Admin(7)
    ports = replace(REAL, admin=lambda _: cast("AdminClient", made), sleep=lambda _: None)
    asked = [("t", 0), ("t", 1)]
    found = offsets_at(Settings(), asked, OffsetSpec.latest(), ports, cast("AdminClient", kept))
    assert found == {("t", 0): 7, ("t", 1): 7}
    assert (kept.asked, made.asked) == (1, fresh)
