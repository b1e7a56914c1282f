"""The Faust apps in the run that `tests.wire` pins: their own code, its topics in memory."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

from features.tags.exact import TagEntry, encode
from streams.contract.topics import AUDIENCES, CATALOGUE, DEAD_LETTERS, PROFILES, TAGS
from tests.broker.memory_broker import Entry, MemoryBroker
from tests.broker.memory_clients import ports
from tests.support.malformed_cases import MAX_BYTES
from tests.wire import input as wired

K = 3  # households that may be spoken of
_ENVIRON = {
    "INTEREST_STREAMS_HTTP_PORT": "0",
    "INTEREST_STREAMS_AUDIENCE_K": str(K),
    "INTEREST_STREAMS_AUDIENCE_NOISE": "false",  # drawn, it would differ
    "INTEREST_STREAMS_MAX_MESSAGE_BYTES": str(MAX_BYTES),
}
_DAY_NS = 86_400 * 10**9


def edited(key: str) -> bytes:
    """An editor's record of `content-tags`."""
    return encode(key, TagEntry((("483", 0.8), ("210", 0.25)), "desk", 1.0, editor=True))


def _event(key: bytes | None, value: bytes | None, partition: int, offset: int) -> Any:
    """What Faust hands to an agent, as far as the app looks at it."""
    return SimpleNamespace(
        message=SimpleNamespace(
            key=key, value=value, topic=CATALOGUE, partition=partition, offset=offset
        )
    )


class Apps:
    """Both apps, as if each had just read the past of its topics."""

    def __init__(self, broker: MemoryBroker) -> None:
        with mock.patch.dict(os.environ, _ENVIRON):
            from streams.apps import audiences, catalogue  # settings are read on import
            from streams.apps.speaker import Speaker

        self._broker = broker
        self._audiences, self._catalogue = audiences, catalogue
        self._read = [0] * wired.PARTITIONS
        self._days = 18_000  # since 1970, one more each time that audiences are spoken of
        catalogue.tags, catalogue.dead_letters = self._topic(TAGS), self._topic(DEAD_LETTERS)
        topic = audiences.settings.topic(AUDIENCES)
        audiences.speaker = Speaker(audiences.settings, topic, ports(broker, "audiences"))
        audiences.speaker.begin()
        audiences._speaks = lambda: True
        vars(audiences)["time"] = SimpleNamespace(time_ns=lambda: self._days * _DAY_NS)
        audiences.known.set()
        audiences.caught_up.set()

    def tag(self) -> None:
        """Tag the catalogue; an editor's word stands, whatever is written after it."""
        corrections, name = self._catalogue.corrections, "app:com.netflix.mediaclient"
        key, value = name.encode(), edited(name)
        corrections.learn(key, value)
        for entry_key, entry in [*wired.entries(), (key, b'{"title":"Netflix"}')]:
            partition = wired.partition_of(entry_key)
            offset = self._broker.put(CATALOGUE, partition, entry, entry_key)
            asyncio.run(self._catalogue.handle(_event(entry_key, entry, partition, offset)))
        corrections.learn(key, value.replace(b'"editor":true', b'"editor":false'))
        asyncio.run(self._catalogue._restore())

    def speak(self) -> None:
        """Take up the profiles since the last time, and say what may be said."""
        for partition, log in enumerate(self._broker.topics[PROFILES]):
            for offset, entry in log.read(self._read[partition], committed=True):
                self._audiences._take_profile(cast(Any, _Message(entry)))
                self._read[partition] = offset + 1
        self._days += 1
        asyncio.run(inspect.unwrap(self._audiences.publish)())  # without the timer around it

    def _topic(self, name: str) -> Any:
        async def send(
            key: bytes | None, value: bytes | None, headers: Any = None
        ) -> Coroutine[Any, Any, None]:
            self._broker.put(name, wired.partition_of(key), value, key, headers=headers)
            return asyncio.sleep(0)

        return SimpleNamespace(send=send)


class _Message:
    """What the audiences' app asks of a record."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry

    def key(self) -> bytes | None:
        return self._entry.key

    def value(self) -> bytes | None:
        return self._entry.value
