"""Pathway and River: three topics joined to one table, a stateful reducer, a stream of profiles."""

from __future__ import annotations

import sys
import time
from typing import Any

import orjson
import pathway as pw
from work import Work

bootstrap, group, names, tags, out, folder = sys.argv[1:7]
work = Work(tags)
done = 0


class Event(pw.Schema):
    """What is read of a record of any of the inputs."""

    account_id: str
    member_id: str | None = pw.column_definition(default_value=None)
    ts: int
    host: str | None = pw.column_definition(default_value=None)
    bytes_down: int | None = pw.column_definition(default_value=None)
    bytes_up: int | None = pw.column_definition(default_value=None)
    duration_ms: int | None = pw.column_definition(default_value=None)
    content_id: str | None = pw.column_definition(default_value=None)
    channel: str | None = pw.column_definition(default_value=None)
    watched_ms: int | None = pw.column_definition(default_value=None)
    content_ms: int | None = pw.column_definition(default_value=None)
    app_id: str | None = pw.column_definition(default_value=None)
    section: str | None = pw.column_definition(default_value=None)
    action: str | None = pw.column_definition(default_value=None)


FIELDS = Event.column_names()


@pw.reducers.stateful_many
def fold(
    held: tuple[bytes, bytes] | None, rows: list[tuple[list[Any], int]]
) -> tuple[bytes, bytes]:
    """Take a batch of a subject's events into its state; the state and the profile, as bytes."""
    global done
    if done == 0:
        print(f"start {time.time()}", flush=True)
    state = orjson.loads(held[0]) if held and held[0] else None
    profile = None
    for row, _ in rows:
        event = {k: v for k, v in zip(FIELDS, row, strict=True) if v is not None}
        made = work.apply(state, event)
        if made is not None:
            state, profile = made
    done += len(rows)
    if profile is None:
        return held or (b"", b"")
    return orjson.dumps(state), orjson.dumps(profile)


@pw.udf(deterministic=True)
def key_of(account: str, member: str | None) -> bytes:
    """Key of a profile's record."""
    return (f"{account}/{member}" if member else account).encode()


def build() -> None:
    """Topics -> subjects' states -> profiles that changed."""
    reading = {"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest"}
    tables = [
        pw.io.kafka.read(
            reading,
            name,
            schema=Event,
            format="json",
            autocommit_duration_ms=500,
            max_backlog_size=20_000,
            name=f"read-{i}",
        )
        for i, name in enumerate(names.split(","))
    ]
    events = pw.Table.concat_reindex(*tables)
    subjects = events.groupby(events.account_id, events.member_id).reduce(
        events.account_id, events.member_id, held=fold(*(events[name] for name in FIELDS))
    )
    made = pw.declare_type(tuple[bytes, bytes], pw.this.held)[1]
    profiles = (
        subjects.to_stream()
        .select(key=key_of(pw.this.account_id, pw.this.member_id), value=made)
        .filter(pw.this.value != b"")
    )
    pw.io.kafka.write(
        profiles,
        {"bootstrap.servers": bootstrap, "linger.ms": "20", "compression.type": "lz4"},
        out,
        format="raw",
        key=profiles.key,
        value=profiles.value,
    )
    pw.io.subscribe(
        profiles,
        on_change=lambda key, row, time, is_addition: None,
        on_time_end=lambda _: print(f"done {time.time()} {done}", flush=True),
    )


if __name__ == "__main__":
    build()
    pw.run(
        monitoring_level=pw.MonitoringLevel.NONE,
        persistence_config=pw.persistence.Config(
            pw.persistence.Backend.filesystem(folder),
            # Of the inputs: those of the operators' state ask for a licence key.
            snapshot_interval_ms=10_000,
            persistence_mode=pw.PersistenceMode.PERSISTING,
        ),
    )
