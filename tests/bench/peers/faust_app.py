"""Faust and River: one agent over the three topics, a table, a profile per event."""

from __future__ import annotations

import logging
import sys
import time

import faust
import orjson
from work import Work

bootstrap, group, names, tags, out, partitions = sys.argv[1:7]
work = Work(tags)
app = faust.App(
    group,
    broker=f"kafka://{bootstrap}",
    store="memory://",
    topic_partitions=int(partitions),
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    stream_wait_empty=False,
    stream_buffer_maxsize=16_384,
    broker_max_poll_records=5_000,
    broker_commit_interval=1.0,
    broker_commit_every=50_000,
    producer_linger=0.05,
    producer_max_batch_size=1_000_000,
    consumer_max_fetch_size=4_194_304,
    web_enabled=False,
    worker_redirect_stdouts=False,
)
events = app.topic(*names.split(","), key_serializer="raw", value_serializer="raw")
profiles = app.topic(out, key_serializer="raw", value_serializer="raw")
subjects = app.Table(
    "subjects",
    partitions=int(partitions),
    schema=faust.Schema(
        key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
    ),
)
done = 0


@app.agent(events)
async def follow(stream: faust.StreamT) -> None:  # type: ignore[type-arg]  # untyped there
    """Decode, fold, store, publish."""
    global done
    async for value in stream:
        if done == 0:
            print(f"start {time.time()}", flush=True)
        event = orjson.loads(value)
        key = work.subject(event).encode()
        held = subjects.get(key)
        made = work.apply(orjson.loads(held) if held else None, event)
        if made is not None:
            subjects[key] = orjson.dumps(made[0])
            await profiles.send(key=key, value=orjson.dumps(made[1]))
        done += 1
        if done % 500 == 0:
            print(f"done {time.time()} {done}", flush=True)


if __name__ == "__main__":
    # Its client makes log records by the dozen per event, to be thrown away a step later.
    for name in ("aiokafka", "faust", "mode"):
        logging.getLogger(name).setLevel(logging.WARNING)
    faust.Worker(app, loglevel="warning").execute_from_commandline()
