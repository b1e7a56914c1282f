"""Bytewax and River: a dataflow with recovery on; reads to the end of the topics, then ends."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main
from work import Work

bootstrap, names, tags, out, folder = sys.argv[1:6]
work = Work(tags)
done = 0
begun = False


def decode(message: KafkaSourceMessage[Any, Any]) -> tuple[str, dict[str, Any]]:
    """Subject and event of a record."""
    global begun
    if not begun:
        begun = True
        print(f"start {time.time()}", flush=True)
    event = orjson.loads(message.value)
    return work.subject(event), event


def fold(
    state: dict[str, Any] | None, event: dict[str, Any]
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Take an event into its subject's state."""
    global done
    made = work.apply(state, event)
    done += 1
    if done % 500 == 0:
        print(f"done {time.time()} {done}", flush=True)
    return made if made is not None else (state, None)


def record(item: tuple[str, dict[str, Any] | None]) -> KafkaSinkMessage[Any, Any] | None:
    """A profile as a record of the profile topic."""
    key, profile = item
    return None if profile is None else KafkaSinkMessage(key.encode(), orjson.dumps(profile))


def build() -> Dataflow:
    """Topics -> subject -> state -> profiles."""
    flow = Dataflow("interests")
    source = KafkaSource(
        brokers=[bootstrap],
        topics=names.split(","),
        tail=False,
        batch_size=2_000,
        add_config={"fetch.wait.max.ms": "50", "queued.min.messages": "200000"},
    )
    read = op.input("read", flow, source)
    keyed = op.map("decode", read, decode)
    folded = op.stateful_map("fold", keyed, fold)
    kop.output(
        "write",
        op.filter_map("record", folded, record),
        brokers=[bootstrap],
        topic=out,
        add_config={
            "linger.ms": "20",
            "compression.type": "lz4",
            "queue.buffering.max.messages": "1000000",
        },
    )
    return flow


if __name__ == "__main__":
    Path(folder).mkdir(parents=True, exist_ok=True)
    init_db_dir(Path(folder), 1)
    cli_main(
        build(), epoch_interval=timedelta(seconds=10), recovery_config=RecoveryConfig(Path(folder))
    )
    print(f"done {time.time()} {done}", flush=True)
