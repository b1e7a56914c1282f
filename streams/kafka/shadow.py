"""Copies what a deployment reads into a shadow of it, from a time on, exactly once.

A shadow is a deployment of another prefix, so it has topics, a group and transactional ids of its
own; nothing here, and nothing that its workers do, writes to the live topics. Content tags and
facts are copied whole, for without what customers said no event counts; events from the time on.
Partitions, keys, headers and time stamps stay, so workers see what the live ones saw.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, cast

from confluent_kafka import Message
from confluent_kafka.admin import OffsetSpec

from streams.contract.topics import FACTS, TAGS, joined_topics
from streams.errors import UsageError
from streams.kafka import clients
from streams.kafka.copying import Copier, Outgoing, Progress, committed_records, ends_of, filled
from streams.kafka.offsets import Spot, offsets_at
from streams.kafka.topic_plan import fetch
from streams.settings import Settings

_PER_COMMIT = 5_000


class Shadow:
    """Copies the inputs of a live deployment to those of its shadow.

    Parameters
    ----------
    live, shadow : Settings
        Which differ in prefix, and so in the group.
    since_ms : int
        Kafka's time from which events are copied.

    Raises
    ------
    UsageError
        Where that can't be; the message says why.
    """

    def __init__(self, live: Settings, shadow: Settings, since_ms: int) -> None:
        if shadow.group == live.group or shadow.topic_prefix == live.topic_prefix:
            raise UsageError(
                f"--to-prefix {shadow.topic_prefix!r}: topics and group must be others"
            )
        self._live, self._shadow, self._since_ms = live, shadow, since_ms
        self._names = (TAGS, *joined_topics(live))  # in the order in which they are copied
        self._found = fetch(clients.admin(live), live)
        missing = [live.topic(name) for name in self._names if live.topic(name) not in self._found]
        if missing:
            raise UsageError(f"nothing to copy: {', '.join(missing)} is not there")
        self.partitions = self._found[live.topic(FACTS)].partitions
        self._reached: dict[Spot, int] = {}  # ends of logs up to which all was copied

    def passes(self, copier: Copier) -> Iterator[tuple[str, Iterator[int]]]:
        """Copy what is there now and was not copied before: each topic, and numbers of records.

        Parameters
        ----------
        copier : Copier
            Whose group keeps how far the copying has come.

        Raises
        ------
        UsageError
            Where the shadow has records of somebody else, or of another time.
        """
        spans = {name: self._spans(name) for name in self._names}
        done = copier.done(spot for name in self._names for spot in spans[name])
        self._refuse_others(done)
        for name in self._names:
            yield name, self._copied(copier, name, spans[name], done)

    def _spans(self, name: str) -> dict[Spot, tuple[int, int]]:
        topic = self._live.topic(name)
        spans = ends_of(self._live, [(topic, p) for p in range(self._found[topic].partitions)])
        if name in (TAGS, FACTS):
            return spans
        firsts = offsets_at(self._live, spans, OffsetSpec.for_timestamp(self._since_ms))
        # No record that young: nothing but what comes after the end.
        return {s: (firsts[s] if firsts[s] >= 0 else end, end) for s, (_, end) in spans.items()}

    def _refuse_others(self, done: dict[Spot, Progress]) -> None:
        begun = {at.note for at in done.values()} - {str(self._since_ms)}
        if begun:
            raise UsageError(
                f"topics {self._shadow.topic_prefix}* were filled from another time "
                f"({min(begun)} ms): give the same --from, or another --to-prefix"
            )
        if done:
            return
        spots = [
            (self._shadow.topic(n), p) for n in self._names[1:] for p in range(self.partitions)
        ]
        if other := filled(self._shadow, spots):
            raise UsageError(f"{other} has records already: give another --to-prefix")

    def _copied(
        self,
        copier: Copier,
        name: str,
        spans: dict[Spot, tuple[int, int]],
        done: dict[Spot, Progress],
    ) -> Iterator[int]:
        note = str(self._since_ms)
        for spot, (start, end) in spans.items():
            if self._reached.get(spot) == end:
                continue
            first = done[spot].offset if spot in done else start
            messages = committed_records(self._live, spot, first, end)
            while batch := list(islice(messages, _PER_COMMIT)):
                at = Progress((batch[-1].offset() or 0) + 1, note)
                copier.commit((self._copy(name, message) for message in batch), {spot: at})
                yield len(batch)
            self._reached[spot] = end

    def _copy(self, name: str, message: Message) -> Outgoing:
        return Outgoing(
            self._shadow.topic(name),
            # Content tags may lie in any number of partitions: they are read as a whole.
            (message.partition() or 0) % self.partitions,
            message.key(),
            message.value(),
            cast("Any", message.headers() or []),
            message.timestamp()[1],
        )
