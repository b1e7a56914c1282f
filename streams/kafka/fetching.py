"""Takes records of a consumer as columns, by the Python client's messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, Protocol

import numpy as np
from confluent_kafka import Consumer, KafkaError, Message
from numpy.typing import NDArray


class Notice(NamedTuple):
    """Tells what the client says of a partition, or of itself, in place of a record."""

    topic: str
    partition: int
    offset: int
    error: KafkaError


@dataclass(frozen=True)
class Fetched:
    """Records in the order they were handed over, n each, and what else was said.

    Attributes
    ----------
    topics : list of str
        The topics that occur.
    kinds : uint8[n]
        Which of those.
    partitions : int32[n]
    offsets : int64[n]
    stamps : int64[n]
        The log's time stamps, ms; -1 where unknown.
    values, keys : sequence of bytes or None
    notices : list of Notice
    """

    topics: list[str]
    kinds: NDArray[np.uint8]
    partitions: NDArray[np.int32]
    offsets: NDArray[np.int64]
    stamps: NDArray[np.int64]
    values: Sequence[bytes | None]
    keys: Sequence[bytes | None]
    notices: list[Notice]

    def __len__(self) -> int:
        return len(self.values)


class Fetch(Protocol):
    """Takes up to so many records, waiting for so many seconds at most."""

    def __call__(self, consumer: Consumer, limit: int, timeout: float) -> Fetched | None: ...


def plain_fetch(consumer: Consumer, limit: int, timeout: float) -> Fetched | None:
    """Take records as the Python client hands them over."""
    messages = consumer.consume(limit, timeout)
    return of_messages(messages) if messages else None


def of_messages(messages: Sequence[Message]) -> Fetched:
    """Put messages into columns."""
    notices = list[Notice]()
    good = messages
    if any(map(Message.error, messages)):
        good = [message for message in messages if message.error() is None]
        notices = [
            Notice(message.topic() or "", message.partition() or 0, message.offset() or 0, error)
            for message in messages
            if (error := message.error()) is not None
        ]
    count = len(good)
    # Mapped C functions: a generator would cost as much again as the rest of this.
    names = list(map(Message.topic, good))
    topics = sorted(filter(None, set(names)))
    kinds: dict[str | None, int] = {name: kind for kind, name in enumerate(topics)}
    return Fetched(
        topics,
        np.fromiter(map(kinds.__getitem__, names), np.uint8, count),
        np.fromiter(map(Message.partition, good), np.int32, count),
        np.fromiter(map(Message.offset, good), np.int64, count),
        np.fromiter(chain.from_iterable(map(Message.timestamp, good)), np.int64, 2 * count)[1::2],
        list(map(Message.value, good)),
        list(map(Message.key, good)),
        notices,
    )
