"""Tells silent partitions what time it is, by a record in their own log.

What is limited in time ends by event time, which events move; where none come, a consent would
outlive its end. So a worker that has caught up with a partition in which something has ended, by
the clock, writes a *tick* to the partition's facts: a record without key that says the time. It
comes back like any record, has its place in the sequence, and there everything ends that ends by
then. So state stays a function of the logs alone: whoever restores it, folds the inputs anew or
cuts them otherwise finds the same ticks at the same places (I5, I11). A time kept in the changelog
would not do: compaction leaves its last value, but not between which records it was another.

A tick only says that time has passed, so a repetition or that of a worker that lost the partition
changes nothing. It does not move the watermark: no day closes, no late event is refused by it. Its
record is stamped by the clock of the worker or, with ``message.timestamp.type=LogAppendTime`` on
the facts, of the broker; one that says a time later than its stamp by more than
``future_tolerance_ms`` is a dead letter, and the broker takes no stamp that is far ahead of its own
clock (``message.timestamp.after.max.ms``).

Where records come long after their own time, history is being loaded: its time is that of its
records, and nothing ends by the clock.

A commit moves offsets. So a tick is also what lets a partition in which nothing comes say what
changed in its state without a record: another default of consent, what was found published
though nothing of it is known. Such a one tells no time, and has its place behind the latest event.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

from confluent_kafka import KafkaException, Producer

from features.engine import Engine
from features.records.facts import Tick
from features.records.inputs import TS_MIN
from streams import metrics
from streams.contract.topics import FACTS
from streams.kafka import clients
from streams.kafka.ports import REAL, Ports
from streams.settings import Settings
from streams.worker.inlet import Inlet
from streams.worker.throttle import Throttle

log = logging.getLogger(__name__)


class Ticker:
    """Writes ticks, to each partition at most one in ``tick_interval_ms``, at 0 none."""

    def __init__(self, settings: Settings, ports: Ports = REAL) -> None:
        self._settings = settings
        self._ports = ports
        self._topic = settings.topic(FACTS)
        self._producer: Producer | None = None
        self._throttle = Throttle(settings.tick_interval_ms, ports)

    def look(self, inlet: Inlet, engines: Mapping[int, Engine]) -> None:
        """Write a tick where one is due. Never waits or fails: the next look tries again.

        Far behind, or in history, none is due: it would have its place behind all that is still
        to come.
        """
        if not self._settings.tick_interval_ms:
            return
        now_ms = int(self._ports.wall() * 1000)
        for number, engine in engines.items():
            if not self._throttle.may(number):
                continue
            part = inlet.partitions[number]
            if engine.next_end <= now_ms and inlet.is_live(number, now_ms):
                self._tell(number, {"ts": now_ms, "now": now_ms})
            elif engine.unsaid and part.caught_up:
                self._tell(number, {"ts": max(part.latest + 1, TS_MIN)})

    def _tell(self, partition: int, said: dict[str, int]) -> None:
        self._throttle.happens(partition)
        value = json.dumps({"kind": Tick.kind, **said}).encode()
        try:
            if self._producer is None:
                self._producer = clients.producer("ticks", self._settings, self._ports)
            self._producer.poll(0)
            self._producer.produce(self._topic, value, partition=partition)
            metrics.TICKS.inc()
        except (KafkaException, BufferError) as error:
            log.warning("no tick in %s[%d]: %s", self._topic, partition, error)
