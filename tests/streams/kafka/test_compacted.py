"""Compacted topics: a partition whose leader is being chosen is waited for, others are not."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException

from streams.kafka import compacted
from streams.kafka.compacted import CompactedTopic, ReaderError


def topic(*answers: Any) -> CompactedTopic:
    """A topic whose consumer answers so when asked for the ends of a partition."""
    consumer = mock.MagicMock()
    consumer.get_watermark_offsets.side_effect = answers
    return CompactedTopic("nowhere:1", "t", make=lambda config: consumer)


def failed(code: int) -> KafkaException:
    return KafkaException(KafkaError(code))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compacted, "_AGAIN_S", 0.0)


@pytest.mark.parametrize(
    "code", [KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE]
)
def test_a_leader_that_is_being_chosen_is_waited_for(code: int) -> None:
    assert topic(failed(code), failed(code), (2, 7))._ends({0}) == {0: 7}


def test_it_is_waited_for_no_longer_than_for_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compacted, "_METADATA_S", 0.0)
    reader = topic(*[failed(KafkaError.NOT_LEADER_FOR_PARTITION)] * 1_000, (2, 7))
    with pytest.raises(ReaderError, match=r"t\[0\]"):
        reader._ends({0})


def test_another_error_is_one_at_once() -> None:
    with pytest.raises(ReaderError, match=r"t\[0\]"):
        topic(failed(KafkaError.TOPIC_AUTHORIZATION_FAILED), (2, 7))._ends({0})


@pytest.mark.parametrize(
    ("bounds", "there", "trusted"),
    [
        ((0, 9), {0: ...}, True),
        ((5, 5), {0: ...}, True),
        ((6, 9), {0: ...}, False),  # what followed was deleted
        ((0, 4), {0: ...}, False),  # the partition is shorter than what was read of it
        ((0, 9), {1: ...}, False),  # the partition is gone
    ],
)
def test_it_begins_at_offsets_that_the_log_still_has(
    bounds: tuple[int, int], there: dict[int, Any], trusted: bool
) -> None:
    reader = topic(bounds)
    consumer: Any = reader._consumer
    found = consumer.list_topics.return_value.topics
    found.__getitem__.return_value = mock.Mock(error=None, partitions=there)
    assert reader.begin_at({0: 5}) is trusted
    reader._assign({0})
    (spots,) = consumer.incremental_assign.call_args.args
    assert spots[0].offset == (5 if trusted else OFFSET_BEGINNING)


@pytest.mark.parametrize(
    "code", [KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError.LEADER_NOT_AVAILABLE]
)
def test_an_outage_at_the_look_for_new_partitions_ends_no_reader(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = topic()
    consumer: Any = reader._consumer
    consumer.poll.return_value = None
    there = mock.Mock(topics={"t": mock.Mock(error=None, partitions={0: ...})})
    consumer.list_topics.side_effect = [failed(code), there, failed(code), failed(code), there]
    with pytest.raises(ReaderError):  # nothing is known yet
        reader.poll(0.0)
    assert reader.poll(0.0) is None
    monkeypatch.setattr(compacted, "_NEW_PARTITIONS_S", -1.0)
    assert reader.poll(0.0) is None
    assert reader.poll(0.0) is None
    there.topics["t"].partitions = {0: ..., 1: ...}
    assert reader.poll(0.0) is None
    assert reader._assigned == {0, 1}
