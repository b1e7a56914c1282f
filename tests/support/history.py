"""What was taken out of the inputs' logs, so that what came of it can still be recomputed.

Offsets of an input that was emptied or created anew mean another record than before. Here they go
on: each is what it would be if the log had only grown, and what was lost unread had never been.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from confluent_kafka import Message


@dataclass(frozen=True)
class Placed:
    """A record, and what is added to its offset."""

    message: Message
    shift: int

    def offset(self) -> int:
        """Where it stands in the history."""
        return (self.message.offset() or 0) + self.shift

    def key(self) -> bytes | None:
        """As it came."""
        return self.message.key()

    def value(self) -> bytes | None:
        """As it came."""
        return self.message.value()

    def partition(self) -> int:
        """Of its topic."""
        return self.message.partition() or 0

    def timestamp(self) -> tuple[int, int]:
        """Kind and time, ms."""
        return self.message.timestamp()


@dataclass(frozen=True)
class _Moved:
    shift: int
    since: Mapping[str, int]  # offsets of other logs, by topic: what is written from there on


class History:
    """The whole input of each topic and partition, by full name of the topic."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], list[Placed]] = defaultdict(list)
        self._moved: dict[tuple[str, int], list[_Moved]] = defaultdict(list)

    def keep(self, topic: str, partition: int, messages: Iterable[Message]) -> None:
        """Keep what is about to be deleted: all records of a partition's log."""
        kept = list(self.records(topic, partition, messages))
        self._kept[topic, partition] = kept

    def move(self, topic: str, partition: int, was: int, to: int, since: Mapping[str, int]) -> None:
        """Note that who stood at `was` goes on at `to`; what lies between was lost unread.

        Parameters
        ----------
        since : mapping of str to int
            Ends of the partition's other logs at that time, by topic.
        """
        spot, shift = (topic, partition), self.shift(topic, partition)
        self._kept[spot] = [item for item in self._kept[spot] if item.offset() < was + shift]
        self._moved[spot].append(_Moved(shift + was - to, since))

    def shift(self, topic: str, partition: int, log: str = "", at: float = math.inf) -> int:
        """What is added to an offset now, or where it was written at a place of another log."""
        shifts = [m.shift for m in self._moved[topic, partition] if m.since.get(log, 0) <= at]
        return shifts[-1] if shifts else 0

    def records(self, topic: str, partition: int, log: Iterable[Message]) -> Iterator[Placed]:
        """All records in order: those kept, then those of the log as it is."""
        kept = self._kept[topic, partition]
        yield from kept
        shift, last = self.shift(topic, partition), kept[-1].offset() if kept else -1
        for message in log:
            placed = Placed(message, shift)
            if placed.offset() > last:
                yield placed
