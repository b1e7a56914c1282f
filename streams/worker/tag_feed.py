"""Follows the content tags: all of the topic before the first event, then what comes."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from confluent_kafka import Message

from features.state.contents import Contents
from features.tags import exact
from features.tags.exact import TagEntry
from streams.contract.topics import TAGS
from streams.kafka.compacted import CompactedTopic
from streams.kafka.ports import REAL, Ports
from streams.settings import Settings

log = logging.getLogger(__name__)
_MOST_PER_TURN = 2_000
_BATCH = 50_000


class TagFeed:
    """Keeps `Contents` equal to the content-tags topic."""

    def __init__(self, settings: Settings, contents: Contents, ports: Ports = REAL) -> None:
        self._contents = contents
        self._topic = CompactedTopic(
            settings.bootstrap_servers,
            settings.topic(TAGS),
            kafka=settings.kafka,
            make=ports.consumer,
        )

    def load(self) -> int:
        """Read everything there is; returns how many records."""
        total, batch = 0, []
        for message in self._topic.past():
            batch.append(message)
            total += 1
            if len(batch) == _BATCH:
                self._apply(batch)
                batch = []
        self._apply(batch)
        log.info("%d content tags read", total)
        return total

    def follow(self) -> None:
        """Read what was written since; never waits."""
        batch: list[Message] = []
        while len(batch) < _MOST_PER_TURN:
            message = self._topic.poll(0.0)
            if message is None:
                break
            batch.append(message)
        self._apply(batch)

    def close(self) -> None:
        """Leave the broker."""
        self._topic.close()

    def _apply(self, messages: Iterable[Message]) -> None:
        changes: dict[str, TagEntry | None] = {}
        for message in messages:
            key, value = message.key(), message.value()
            if value is None:
                changes[(key or b"").decode(errors="replace")] = None
                continue
            try:
                name, entry = exact.decode(value)
            except exact.TagError as error:
                log.warning(
                    "content-tags[%s]@%s ignored: %s", message.partition(), message.offset(), error
                )
                continue
            changes[name] = entry
        self._contents.update(changes)
