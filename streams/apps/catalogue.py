"""Publishes the tags of catalogue entries: ``faust -A streams.apps.catalogue worker -l info``.

At-least-once with idempotent upserts: by exact knowledge the same entry gives the same bytes, and
an entry is acknowledged when its tags (or its dead letter) are delivered.

With the optional extra ``text`` an entry that exact knowledge doesn't name is tagged by its texts,
and every entry it names teaches the text tagger; without the extra the app stays silent there.
What was learned lives in memory: a start learns anew from the newest known entries of the topic.

An editor's correction, a record of ``content-tags`` with ``"editor": true``, outranks the
machine until a record without value ends it. The app reads all of ``content-tags`` before its
first entry and follows it; an entry that was tagged just before a correction arrived is put
right when it is read back, by writing the editor's bytes again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import replace

import faust
from confluent_kafka import Message

from features.records.fields import Malformed
from streams.apps import embedding
from streams.apps.driver import make_app
from streams.apps.entries import Corrections, Texts, tagged
from streams.contract import topics
from streams.contract.headers import Headers, dead_letter_headers
from streams.kafka.compacted import CompactedTopic
from streams.kafka.limits import RecordLimits, fetch_limits
from streams.metrics import CATALOGUE_ENTRIES, CATALOGUE_MALFORMED, DEAD_LETTERS
from streams.worker.dead_letters import cut_to_fit

_RELEARNED = 1_000  # entries read again at a start: half a minute's work

log = logging.getLogger(__name__)
app, settings = make_app("catalogue")
_SECRET = settings.erasure_key.encode()


def _topic(name: str) -> faust.TopicT:
    return app.topic(
        settings.topic(name),
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
    )


catalogue = _topic(topics.CATALOGUE)
tags = _topic(topics.TAGS)
dead_letters = _topic(topics.DEAD_LETTERS)
corrections = Corrections()
sizes = RecordLimits()  # asked before `known` is set
texts: Texts | None = None  # set before `known` is, where the extra is installed
known = asyncio.Event()  # set when the corrections made before the start are known


@app.agent(catalogue, concurrency=1)
async def tag(stream: faust.StreamT[bytes]) -> None:
    """Tag every entry; whatever fails ends the app, and its next start goes on from there."""
    try:
        await known.wait()
        unacked = stream.noack()  # type: ignore[attr-defined]  # of Stream, not of its interface
        async for event in unacked.events():
            await handle(event)
            event.ack()
    except Exception as error:
        await app.crash(error)
        raise


async def handle(event: faust.EventT[bytes]) -> None:
    """Write the tags of one entry, and wait until the broker has them."""
    record = event.message
    loop = asyncio.get_running_loop()
    try:
        key, value = await loop.run_in_executor(None, _decide, record.key, record.value)
    except Malformed as error:
        letter = replace(
            error.letter,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            key=record.key,
            value=record.value,
        )
        letter = cut_to_fit(letter, sizes.of(settings.topic(topics.DEAD_LETTERS)), _SECRET)
        await _deliver(dead_letters, letter.key, letter.value, dead_letter_headers(letter))
        DEAD_LETTERS.labels(letter.reason).inc()
        CATALOGUE_MALFORMED.labels(letter.reason).inc()
        CATALOGUE_ENTRIES.labels("malformed").inc()
        return
    if key in corrections:
        CATALOGUE_ENTRIES.labels("editor").inc()
    elif value is None:
        CATALOGUE_ENTRIES.labels("unknown").inc()
    else:
        await _deliver(tags, key, value)
        CATALOGUE_ENTRIES.labels("tagged").inc()


@app.task  # type: ignore[untyped-decorator]  # Faust leaves it untyped
async def follow_tags() -> None:
    """Learn the editors' corrections, first the past, then what follows; restore them."""
    loop = asyncio.get_running_loop()
    try:
        reader = CompactedTopic(
            settings.bootstrap_servers, settings.topic(topics.TAGS), kafka=settings.kafka
        )
        await loop.run_in_executor(None, _ask_sizes)
        await loop.run_in_executor(None, _learn_past, reader)
        await loop.run_in_executor(None, _learn_texts)
        await _restore()
        known.set()
        while not app.should_stop:
            message = await loop.run_in_executor(None, reader.poll, 0.5)
            if message is not None:
                corrections.learn(message.key() or b"", message.value())
                await _restore()
        await loop.run_in_executor(None, reader.close)
    except Exception as error:
        await app.crash(error)
        raise


def _ask_sizes() -> None:
    global sizes
    sizes = fetch_limits(settings, names=(topics.TAGS, topics.DEAD_LETTERS))


def _decide(key: bytes | None, value: bytes | None) -> tuple[bytes, bytes | None]:
    edited = corrections.get((key or b"").lower())
    return tagged(key, value, settings.max_message_bytes, texts, edited)


def _learn_texts() -> None:
    global texts
    if not embedding.installed():
        log.info("texts are not read: the extra 'text' is not installed")
        return
    found = embedding.CatalogueTexts()
    reader = CompactedTopic(
        settings.bootstrap_servers, settings.topic(topics.CATALOGUE), kafka=settings.kafka
    )
    newest: deque[Message] = deque(reader.past(), maxlen=_RELEARNED)
    reader.close()
    for message in newest:
        key = message.key()
        try:
            tagged(
                key,
                message.value(),
                settings.max_message_bytes,
                found,
                corrections.get((key or b"").lower()),
            )
        except Malformed:
            continue  # dead-lettered where it is consumed
    texts = found


def _learn_past(reader: CompactedTopic) -> None:
    for message in reader.past():
        corrections.learn(message.key() or b"", message.value())


async def _restore() -> None:
    while corrections.overridden:
        await _deliver(tags, *corrections.overridden.popitem())


async def _deliver(
    topic: faust.TopicT, key: bytes | None, value: bytes | None, headers: Headers | None = None
) -> None:
    await (await topic.send(key=key, value=value, headers=headers))
