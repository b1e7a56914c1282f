"""Publishes audience counts of profiles: ``faust -A streams.apps.audiences worker -l info``.

Every start reads the compacted profiles anew, so there is no changelog with anybody's id in it,
and what was said before from ``audience-segments``, with the account of the privacy budget, so
that the guards of `features.audiences.cells` hold across restarts. Reading a profile twice
changes nothing. Of several instances the one that owns partition 0 of the output speaks; the
others follow, and know what was said when it is their turn.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import faust
import orjson
from confluent_kafka import Message

from features.audiences.budget import Noise
from features.audiences.cells import Audiences
from features.tags import taxonomy
from streams.apps.driver import make_app
from streams.apps.noise import gaussian
from streams.contract import topics
from streams.kafka.compacted import CompactedTopic
from streams.metrics import AUDIENCE_BUDGET, AUDIENCE_PROFILES, AUDIENCE_SEGMENTS

app, settings = make_app("audiences")
audiences = Audiences(
    taxonomy.load(),
    settings.audience_k,
    settings.audience_release_ms,
    settings.audience_contribution,
    Noise(settings.audience_epsilon, gaussian) if settings.audience_noise else None,
)
known = asyncio.Event()  # set when all profiles published before the start were read
said = app.topic(
    settings.topic(topics.AUDIENCES),
    key_type=bytes,
    value_type=bytes,
    key_serializer="raw",
    value_serializer="raw",
)


@app.agent(said, concurrency=1)
async def own(stream: faust.StreamT[bytes]) -> None:
    """Join the group: the owner of partition 0 publishes. The records are read in `follow`."""
    async for _ in stream:
        pass


@app.task  # type: ignore[untyped-decorator]  # Faust leaves it untyped
async def follow() -> None:
    """Read published cells and the profiles, first the past, then what follows."""
    loop = asyncio.get_running_loop()
    readers = []
    try:
        for name, take in ((topics.AUDIENCES, _take_said), (topics.PROFILES, _take_profile)):
            reader = CompactedTopic(
                settings.bootstrap_servers, settings.topic(name), kafka=settings.kafka
            )
            readers.append((reader, take))
            await loop.run_in_executor(None, _take_past, reader, take)
        known.set()
        while not app.should_stop:
            for reader, take in readers:
                message = await loop.run_in_executor(None, reader.poll, 0.2)
                while message is not None:
                    take(message)
                    message = await loop.run_in_executor(None, reader.poll, 0.0)
        for reader, _ in readers:
            await loop.run_in_executor(None, reader.close)
    except Exception as error:
        await app.crash(error)
        raise


@app.timer(settings.audience_interval_ms / 1000)  # type: ignore[untyped-decorator]  # as above
async def publish() -> None:
    """Publish due releases and withdrawals. A release starts with its cost, if interrupted too."""
    if not known.is_set() or not _speaks():
        return
    now = time.time_ns() // 1_000_000
    segments = audiences.publish(now)
    AUDIENCE_BUDGET.set(audiences.budget_needed(now))
    for segment in segments:
        value = None if segment.value is None else orjson.dumps(segment.value)
        await (await said.send(key=segment.key.encode(), value=value))
        AUDIENCE_SEGMENTS.labels("withdrawn" if value is None else "published").inc()


def _speaks() -> bool:
    return any(spot.partition == 0 for spot in app.consumer.assignment())


def _take_past(reader: CompactedTopic, take: Callable[[Message], None]) -> None:
    for message in reader.past():
        take(message)


def _take_profile(message: Message) -> None:
    value = message.value()
    profile = None if value is None else orjson.loads(value)
    if audiences.apply((message.key() or b"").decode(), profile):
        AUDIENCE_PROFILES.inc()


def _take_said(message: Message) -> None:
    if known.is_set() and _speaks():
        return  # published by ourselves
    value = message.value()
    audiences.restore(
        (message.key() or b"").decode(), None if value is None else orjson.loads(value)
    )
