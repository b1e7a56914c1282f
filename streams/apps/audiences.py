"""Publishes audience counts of profiles: ``faust -A streams.apps.audiences worker -l info``.

Every start reads the compacted profiles anew, so there is no changelog with anybody's id in it,
and what was said before from ``audience-segments``, with the account of the privacy budget, so
that the guards of `features.audiences.cells` hold across restarts. Reading a profile twice
changes nothing. Of several instances the one that owns partition 0 of the output speaks. Whoever
begins to speak first fences who did before (`streams.apps.speaker`), then reads what others said up
to then, and goes on reading it: `repartition` brings what was said in other topics.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing

import faust
import orjson
from confluent_kafka import Message

from features.audiences.budget import Noise
from features.audiences.cells import Audiences
from features.audiences.segments import RELEASE
from features.tags import taxonomy
from streams.apps.driver import make_app
from streams.apps.noise import gaussian
from streams.apps.speaker import Speaker
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
caught_up = asyncio.Event()  # set while this instance speaks and knows what was said before
speaker = Speaker(settings, settings.topic(topics.AUDIENCES))
own_records: Counter[tuple[bytes, bytes | None]] = Counter()  # said and not read back yet
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
            reader = _reader(name)
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
    """Publish due releases and withdrawals; the cost of a release is committed before its counts.

    Who can't write any more ends, for what it believes to have said was not.
    """
    if not known.is_set() or not _speaks():
        caught_up.clear()
        return
    loop = asyncio.get_running_loop()
    try:
        if not caught_up.is_set():
            await loop.run_in_executor(None, speaker.begin)
            for message in await loop.run_in_executor(None, _said_so_far):
                _restore(message)
            caught_up.set()
        now = time.time_ns() // 1_000_000
        segments = audiences.publish(now)
        AUDIENCE_BUDGET.set(audiences.budget_needed(now))
        costs = [segment for segment in segments if segment.key == RELEASE]
        for part in (costs, [segment for segment in segments if segment.key != RELEASE]):
            records = [
                (it.key.encode(), orjson.dumps(it.value) if it.value else None) for it in part
            ]
            own_records.update(records)
            await loop.run_in_executor(None, speaker.say, records)
            for _, value in records:
                AUDIENCE_SEGMENTS.labels("published" if value else "withdrawn").inc()
    except Exception as error:
        await app.crash(error)
        raise


def _speaks() -> bool:
    return any(spot.partition == 0 for spot in app.consumer.assignment())


def _said_so_far() -> list[Message]:
    with closing(_reader(topics.AUDIENCES)) as reader:
        return list(reader.past())


def _reader(name: str) -> CompactedTopic:
    return CompactedTopic(settings.bootstrap_servers, settings.topic(name), kafka=settings.kafka)


def _take_past(reader: CompactedTopic, take: Callable[[Message], None]) -> None:
    for message in reader.past():
        take(message)


def _take_profile(message: Message) -> None:
    value = message.value()
    profile = None if value is None else orjson.loads(value)
    if audiences.apply((message.key() or b"").decode(), profile):
        AUDIENCE_PROFILES.inc()


def _take_said(message: Message) -> None:
    record = message.key() or b"", message.value()
    if own_records[record] > 0:
        own_records[record] -= 1
        return
    own_records.pop(record, None)
    _restore(message)


def _restore(message: Message) -> None:
    value = message.value()
    audiences.restore(
        (message.key() or b"").decode(), None if value is None else orjson.loads(value)
    )
