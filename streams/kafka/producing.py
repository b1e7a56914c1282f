"""Produces records to Kafka, in order, counted, paced."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice

import orjson
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from features.vocabulary import ConsentStatus, FactKind, Purpose
from streams.contract import topics
from streams.contract.record import Record
from streams.errors import KafkaFailed
from streams.kafka import clients
from streams.settings import Settings

_ANSWER_S = 10.0  # of a broker, before anything is produced
_FLUSH_S = 120.0
_FULL_QUEUE_S = 60.0  # a queue that does not move for so long has lost its broker
_TICK = 2_000  # records between looks at the clock and at the delivery reports

Tick = Callable[["Produced", int], None]


class ProduceError(KafkaFailed):
    """Kafka does not accept records; the message tells why."""


@dataclass
class Produced:
    """Account of what was handed to Kafka: records per topic, refusals, event time reached."""

    per_topic: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return sum(self.per_topic.values())

    def line(self) -> str:
        """One line for people: produced per topic, then failures by reason."""
        parts = [f"{topic} {count}" for topic, count in sorted(self.per_topic.items())]
        text = f"produced {self.total}" + (f" ({', '.join(parts)})" if parts else "")
        if self.failed:
            reasons = ", ".join(f"{count} {reason}" for reason, count in self.failed.items())
            text += f"; FAILED {sum(self.failed.values())} ({reasons})"
        return text


def produce(
    records: Iterable[Record],
    settings: Settings,
    produced: Produced,
    *,
    speed: float = 0.0,
    tick: Tick | None = None,
) -> Produced:
    """Produce records in the order given and wait until all are acknowledged.

    Parameters
    ----------
    records : iterable of Record
        In order of `at`.
    speed : float
        Event seconds per second; 0 is as fast as Kafka takes them.
    tick : callable
        Called with the account and the event time now and then.

    Returns
    -------
    Produced
        The `produced` given. `failed` is empty exactly if every record was acknowledged.

    Raises
    ------
    ProduceError
        When the broker stays out of reach.
    """

    def report(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            produced.failed[error.name()] += 1

    producer = clients.producer("feed", settings)
    send, dump, names = producer.produce, orjson.dumps, _names(settings)
    counts = produced.per_topic
    pace = Pace(speed)
    number, at = 0, 0
    source = iter(records)
    first = list(islice(source, 1))  # what can't be read is reported before Kafka is asked
    try:
        if first:
            producer.list_topics(timeout=_ANSWER_S)  # or it would wait until records time out
        for at, topic, key, value in chain(first, source):
            if speed and pace.wait(at, producer) and tick is not None:
                tick(produced, at)
            payload = value if isinstance(value, bytes) else dump(value)
            try:
                send(names[topic], payload, key, on_delivery=report)
            except BufferError:
                again = partial(send, names[topic], payload, key, on_delivery=report)
                _make_room(producer, again)
            counts[topic] += 1
            number += 1
            if number % _TICK == 0:
                producer.poll(0)
                if tick is not None:
                    tick(produced, at)
    except KafkaException as error:
        raise ProduceError("producing", error) from None
    left = producer.flush(_FLUSH_S)
    if left:
        raise ProduceError(f"{left} records unacknowledged after {_FLUSH_S:g} s", TimeoutError())
    if tick is not None:
        tick(produced, at)
    return produced


class Pace:
    """Delays records until their event time is reached, `speed` times faster than life."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self._first: int | None = None
        self._started = 0.0

    def wait(self, at: int, producer: Producer) -> bool:
        """Serve the producer until `at` is due; True if there was something to wait for."""
        now = time.monotonic()
        if self._first is None:
            self._first, self._started = at, now
        due = self._started + (at - self._first) / 1000.0 / self.speed
        waited = now < due
        while now < due:
            producer.poll(min(due - now, 0.25))
            now = time.monotonic()
        return waited


def merged(streams: Sequence[Iterator[Record]]) -> Iterator[Record]:
    """One stream in order of `at` from streams that are in order; ties keep the given order.

    Examples
    --------
    >>> one = [Record(1, "app", "a", {}), Record(5, "app", "a", {})]
    >>> other = [Record(3, "tv", "b", {})]
    >>> [record.at for record in merged([iter(one), iter(other)])]
    [1, 3, 5]
    """
    return heapq.merge(*streams, key=lambda record: record.at)


def with_consent(records: Iterable[Record]) -> Iterator[Record]:
    """The same records, with a granted consent just before each account's first event.

    Accounts that bring a consent of their own keep it.
    """
    seen: set[str] = set()
    for record in records:
        if record.topic in topics.INPUTS and record.key not in seen:
            seen.add(record.key)
            if record.topic != topics.FACTS:
                at = record.at - 1
                yield Record(
                    record.at,
                    topics.FACTS,
                    record.key,
                    {
                        "event_id": f"consent-{record.key}"[:64],
                        "account_id": record.key,
                        "ts": at,
                        "kind": FactKind.CONSENT,
                        "purpose": Purpose.PROFILING,
                        "status": ConsentStatus.GRANTED,
                    },
                )
        yield record


def each_catalogue_once(records: Iterable[Record]) -> Iterator[Record]:
    """The same records without repeated `catalogue` keys."""
    seen: set[str] = set()
    for record in records:
        if record.topic == topics.CATALOGUE:
            if record.key in seen:
                continue
            seen.add(record.key)
        yield record


def _names(settings: Settings) -> dict[str, str]:
    return {topic.name: settings.topic(topic.name) for topic in topics.TOPICS}


def _make_room(producer: Producer, send: Callable[[], None]) -> None:
    deadline = time.monotonic() + _FULL_QUEUE_S
    while True:
        producer.poll(0.05)
        try:
            return send()
        except BufferError:
            if time.monotonic() > deadline:
                raise ProduceError(
                    f"the broker has taken nothing for {_FULL_QUEUE_S:g} s", TimeoutError()
                ) from None
