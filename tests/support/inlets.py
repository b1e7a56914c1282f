"""An inlet fed by hand: polls that a test makes, and a clock of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from confluent_kafka import Consumer, Message, TopicPartition

from features.records.position import Position
from streams.contract.topics import INPUTS
from streams.kafka.ports import REAL
from streams.worker.inlet import Inlet
from tests.simulation import inputs

START = {name: Position(0, -1) for name in INPUTS}


class Feed:
    """Hands out what it was given; remembers who is paused."""

    def __init__(self) -> None:
        self.batches: list[Sequence[Message]] = []
        self.paused: set[str] = set()
        self.sought: dict[str, int] = {}

    def consume(self, limit: int, timeout: float) -> Sequence[Message]:
        return self.batches.pop(0) if self.batches else []

    def pause(self, spots: list[TopicPartition]) -> None:
        self.paused |= {spot.topic for spot in spots}

    def seek(self, spot: TopicPartition) -> None:
        self.sought[spot.topic] = spot.offset

    def resume(self, spots: list[TopicPartition]) -> None:
        self.paused -= {spot.topic for spot in spots}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.1
        return self.now


def opened(wall: float | None = None, **more: Any) -> tuple[Inlet, Feed]:
    inlet = Inlet(
        inputs.settings(**more),
        replace(REAL, monotonic=Clock(), wall=REAL.wall if wall is None else lambda: wall),
    )
    inlet.open(0, START)
    return inlet, Feed()


def poll(inlet: Inlet, feed: Feed, *messages: Message) -> None:
    feed.batches.append(messages)
    inlet.poll(cast(Consumer, feed), 100, 0.1)
