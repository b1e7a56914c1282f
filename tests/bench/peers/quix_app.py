"""Quix Streams and River: three topics joined to one stream, state in RocksDB, profiles out."""

from __future__ import annotations

import sys
import time
from typing import Any

from quixstreams import Application, State
from work import Work

bootstrap, group, names, tags, out, guarantee, folder = sys.argv[1:8]
work = Work(tags)
app = Application(
    broker_address=bootstrap,
    consumer_group=group,
    auto_offset_reset="earliest",
    processing_guarantee=guarantee,
    commit_interval=1.0,
    state_dir=folder,
    loglevel="WARNING",
    auto_create_topics=True,
    use_changelog_topics=True,
    consumer_extra_config={
        "fetch.wait.max.ms": 50,
        "queued.min.messages": 200_000,
        "fetch.max.bytes": 16_777_216,
        "max.partition.fetch.bytes": 4_194_304,
    },
    producer_extra_config={
        "linger.ms": 20,
        "compression.type": "lz4",
        "queue.buffering.max.messages": 1_000_000,
    },
)
begun = False


def fold(event: dict[str, Any], state: State) -> dict[str, Any] | None:
    """Take an event into its subject's state; the profile, or None where it says nothing."""
    global begun
    if not begun:
        begun = True
        print(f"start {time.time()}", flush=True)
    subject = work.subject(event)
    made = work.apply(state.get(subject), event)
    if made is None:
        return None
    state.set(subject, made[0])
    return made[1]


frames = [app.dataframe(app.topic(name, value_deserializer="json")) for name in names.split(",")]
stream = frames[0].concat(frames[1]).concat(frames[2])
stream = stream.apply(fold, stateful=True).filter(lambda profile: profile is not None)
stream.to_topic(
    app.topic(out, value_serializer="json", key_serializer="str"),
    key=lambda profile: profile["subject"],
)

if __name__ == "__main__":
    app.run()
