"""An instance never answers an older version after a newer one, whatever befalls the writers.

The workers are the real ones over a Kafka in memory (`tests.simulation`): while some join, leave
and stop, one instance follows what they commit, and is asked for everybody after each record of it.
"""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Any
from unittest import mock

import orjson
import pytest
from confluent_kafka import TopicPartition

from streams.apps.lookup.views import View, shown
from streams.client import reader as reading
from streams.client.reader import Forgotten, ProfileReader
from streams.contract.topics import PROFILES
from streams.kafka.compacted import CompactedTopic
from tests.broker.memory_broker import MemoryBroker
from tests.broker.memory_consumer import MemoryConsumer
from tests.simulation import inputs
from tests.simulation.deployment import Fault, Simulation

pytestmark = pytest.mark.usefixtures("calm")

SEEDS = 5
_ALL = View("profiling")


class Instance:
    """What holds profiles for look-ups, and the newest version that it answered of each subject.

    Attributes
    ----------
    answers, again : int
        Versions that were news, and records that it was sent once more.
    older : list of str
        Answers that were older than one before.
    """

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._seen: dict[str, tuple[int, int]] = {}
        self._consumer: Any = None
        self.answers = self.again = 0
        self.older: list[str] = []
        self.start()

    def start(self) -> None:
        """Begin anew: all of the topic is read before the first answer."""

        def made(config: dict[str, Any]) -> Any:
            self._consumer = MemoryConsumer(self._broker, "lookup", config)
            return self._consumer

        with mock.patch.object(reading, "CompactedTopic", partial(CompactedTopic, make=made)):
            self._reader = ProfileReader("memory", PROFILES, now=self._broker.wall)
        self._reader.bootstrap(60)
        # Whoever was forgotten meanwhile may begin anew; while it reads the past, it tells no one.
        for number in range(inputs.PARTITIONS):
            for _, entry in self._broker.log(PROFILES, number).read(0, committed=True):
                if entry.value is None:
                    self._seen.pop((entry.key or b"").decode(), None)

    def sent_again(self) -> None:
        """Let the topic come from its start once more, to an instance that holds all of it."""
        for number in range(inputs.PARTITIONS):
            self.again += self._broker.log(PROFILES, number).end
            self._consumer.seek(TopicPartition(PROFILES, number, 0))

    def ask(self) -> None:
        """Follow what is committed, and look everybody up after each record of it."""
        before: list[int] = []
        while before != (before := self._places()):
            with mock.patch.object(reading, "_AT_HAND", 1):
                updates = self._reader.poll(0)
            for update in updates:
                if isinstance(update, Forgotten):
                    self._seen.pop(update.subject, None)
            for subject in self._reader.profiles:
                self._look_up(subject)

    def _places(self) -> list[int]:
        spots = [TopicPartition(PROFILES, number) for number in range(inputs.PARTITIONS)]
        return [spot.offset for spot in self._consumer.position(spots)]

    def _look_up(self, subject: str) -> None:
        stored = self._reader.profiles.raw(subject)
        assert stored is not None
        answer = orjson.loads(orjson.dumps(shown(stored, _ALL)))
        found, before = (answer["version"], answer["as_of"]), self._seen.get(subject, (0, 0))
        if found[0] < before[0]:
            self.older.append(f"{subject}: {found} after {before}")
        self.answers += found != before
        self._seen[subject] = found


def asked(seed: int) -> tuple[Instance, Simulation]:
    """An instance that was asked throughout a run of workers that come and go."""
    chance = Random(seed)
    faults = [
        Fault(kind, chance.randrange(8, 30), chance.random())
        for kind in ("JOIN", "PAUSE", "LEAVE", "JOIN", "CRASH")
    ]
    simulation = Simulation(seed, faults)
    instance = Instance(simulation.broker)
    step = simulation._step

    def watched() -> None:
        step()
        instance.ask()
        if chance.random() < 0.05:
            chance.choice([instance.sent_again, instance.start])()

    with mock.patch.object(simulation, "_step", watched):
        simulation.run()
    instance.sent_again()
    instance.ask()
    return instance, simulation


def test_no_answer_is_older_than_one_before(seed: int) -> None:
    answers = again = struck = 0
    for number in range(seed, seed + SEEDS):
        instance, simulation = asked(number)
        assert not instance.older, f"schedule {number}: {instance.older[:3]}"
        answers, again = answers + instance.answers, again + instance.again
        struck += len(simulation.trace.fired)
    assert min(answers, again, struck) > SEEDS


def test_a_reader_that_takes_whatever_comes_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_not_newer", lambda stored, held: False)
    assert any(asked(number)[0].older for number in range(SEEDS))
