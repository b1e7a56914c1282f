"""Looks whether what stands published of a partition is known to its state, beside the loop.

Once when a state begins, as soon as the worker has caught up, and after each erasure
(`features.privacy.strays`). Engines are only touched where they work; the topic is read on a
thread of its own, keys alone are looked at, and only those are held that nobody answers for.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import NamedTuple

from confluent_kafka import KafkaException, Message

from features.engine import Engine
from features.privacy.strays import Answered
from streams import metrics
from streams.contract.topics import (
    AUDIENCES,
    DEAD_LETTERS,
    OFFERS,
    PROFILES,
    UNTAGGED,
    joined_topics,
)
from streams.kafka.compacted import CompactedTopic, ReaderError
from streams.kafka.ports import REAL, Ports
from streams.settings import Settings
from streams.worker.inlet import Inlet
from streams.worker.pipeline import Pipeline
from streams.worker.throttle import Throttle

log = logging.getLogger(__name__)
_BATCH = 5_000


class _Look(NamedTuple):
    """A look at a partition: its engine, and the erasures that waited when it began."""

    partition: int
    engine: Engine
    marks: frozenset[str]


class _Seen(NamedTuple):
    """What a look found: keys that nobody answers for, and topics that could not be read."""

    unknown: set[bytes]
    unread: frozenset[str]


class Sweeper:
    """Sweeps one partition after the other, each at most once in ``sweep_interval_ms``.

    Parameters
    ----------
    pipeline : Pipeline
        Where the engines work.
    """

    def __init__(self, settings: Settings, pipeline: Pipeline, ports: Ports = REAL) -> None:
        self._settings = settings
        self._pipeline = pipeline
        self._ports = ports
        self._reading = ports.executor()
        self._topic = settings.topic(PROFILES)
        self._offers = settings.topic(OFFERS)
        self._look: _Look | None = None
        #: What a look found, None where the profiles could not be read.
        self._done: tuple[_Look | None, _Seen | None] = None, None
        self._throttle = Throttle(settings.sweep_interval_ms, ports)

    def look(self, inlet: Inlet, engines: Mapping[int, Engine]) -> None:
        """Go on with the look that is under way, or begin one that is due.

        None begins while a commit is under way: what it takes back would be found once more.
        """
        look, (done, seen) = self._look, self._done
        if look is not None and engines.get(look.partition) is look.engine:
            if done is look:
                self._look = None
                if seen is not None:
                    self._pipeline.run(partial(self._finish, look, seen))
            return
        if self._pipeline.committing:
            return
        for number, engine in engines.items():
            due = engine.accounts.strays.unswept or (engine.owner and not engine.owner.swept)
            if due and self._throttle.may(number) and inlet.partitions[number].caught_up:
                self._throttle.happens(number)
                self._look = look = _Look(number, engine, frozenset(engine.accounts.strays.unswept))
                self._pipeline.run(partial(self._begin, look))
                return

    # -- where the engines work ----------------------------------------------------------

    def _begin(self, look: _Look) -> None:
        self._reading.put(partial(self._read, look, look.engine.accounts.strays.answered()))

    def _finish(self, look: _Look, seen: _Seen) -> None:
        both = self._topic, self._offers
        others = [f"{name}: partitions other than {look.partition}" for name in both]
        rest = [self._settings.topic(n) for n in (DEAD_LETTERS, *joined_topics(self._settings))]
        strays = look.engine.accounts.swept(
            sorted(seen.unknown),
            look.marks,
            [f"{name}[{look.partition}]" for name in both if name not in seen.unread],
            [
                *(f"{name}[{look.partition}]: it could not be read" for name in seen.unread),
                *others,
                *(f"{name}: until its retention takes it" for name in rest),
                f"{self._settings.topic(AUDIENCES)}: counts, until the next look of that app",
                f"{self._settings.topic(UNTAGGED)}: sums, until the next minute of their worker",
            ],
        )
        if look.engine.owner is not None:
            look.engine.owner = replace(look.engine.owner, swept=True)
        metrics.STRAYS.inc(strays)
        if strays:
            log.warning(
                "%s[%d]: %d keys stood there that the state knows nothing of; taken back",
                self._topic,
                look.partition,
                strays,
            )

    # -- on a thread of its own ----------------------------------------------------------

    def _read(self, look: _Look, answered: Answered) -> None:
        """Find the keys with a value that nobody answers for; without a broker, another time."""
        try:
            unknown = self._unanswered(self._topic, look, answered)
        except (KafkaException, ReaderError) as error:
            log.warning("what stands published is looked at another time: %s", error)
            self._done = look, None
            return
        try:
            unknown |= self._unanswered(self._offers, look, answered)
        except (KafkaException, ReaderError) as error:
            log.warning("what stands published is not looked for in the offers: %s", error)
            self._done = look, _Seen(unknown, frozenset([self._offers]))
        else:
            self._done = look, _Seen(unknown, frozenset())

    def _unanswered(self, topic: str, look: _Look, answered: Answered) -> set[bytes]:
        with closing(
            CompactedTopic(
                self._settings.bootstrap_servers,
                topic,
                partitions=[look.partition],
                kafka=self._settings.kafka,
                make=self._ports.consumer,
            )
        ) as reader:
            return unanswered(reader.past(), answered)


def unanswered(published: Iterator[Message], answered: Answered) -> set[bytes]:
    """Keys whose latest record has a value, and that nobody answers for."""
    found: set[bytes] = set()
    while batch := list(islice(published, _BATCH)):
        names = [message.key() or b"" for message in batch]
        for i in answered.unknown(names):
            if batch[i].value() is None:
                found.discard(names[i])
            else:
                found.add(names[i])
    return found
