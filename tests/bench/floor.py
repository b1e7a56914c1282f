"""The floor under every Python consumer: ``consume()`` and ``orjson.loads``, nothing else.

A process of its own. Prints ``start <time>`` when partitions are assigned and
``done <time> <events>`` for every batch, wall-clock seconds.
"""

from __future__ import annotations

import sys
import time

import orjson
from confluent_kafka import Consumer, TopicPartition

_BATCH = 10_000
#: As our worker has it. What matters is the last: by default a full queue is looked at again
#: after a second, and the reader has it empty in a third of that.
_TUNED = {
    "queued.min.messages": 200_000,
    "queued.max.messages.kbytes": 131_072,
    "fetch.max.bytes": 16_777_216,
    "max.partition.fetch.bytes": 4_194_304,
    "fetch.wait.max.ms": 50,
    "fetch.queue.backoff.ms": 20,
}


def main(bootstrap: str, group: str, names: str, events: str, manner: str) -> None:
    """Read `events` records of the topics (separated by commas) and decode each."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "log_level": 3,
            **(_TUNED if manner == "tuned" else {}),
        }
    )

    def assigned(consumer: Consumer, spots: list[TopicPartition]) -> None:
        print(f"start {time.time()}", flush=True)

    consumer.subscribe(names.split(","), on_assign=assigned)
    left = total = int(events)
    marks = []
    while left > 0:
        messages = consumer.consume(_BATCH, 0.1)
        for message in messages:
            orjson.loads(message.value() or b"")
        left -= len(messages)
        marks.append(f"done {time.time()} {total - left}")
    print("\n".join(marks), flush=True)
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
