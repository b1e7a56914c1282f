"""Merges what partitions learned, and writes the model of all of them to each partition's facts.

With each close of a day a partition's commit writes what it learned to a compacted topic. The
worker that owns partition 0 reads all of that. When all partitions have given a day, or the wait
for those that are silent is over, it merges, and writes the merged model to the same topic, as one
record: if it ends, the next owner of partition 0 goes on from there.

Every worker reads the merged model, and writes its parts to the facts of its own partitions,
without key, with the deployment's mark. From there they come back, and once all of them did the
model gets its place among the events to come (`features.models.adoption`): places are in the
changelog, so state stays a function of the logs alone (I5, I11). A model of a day that was taken
before changes nothing; one whose place a worker did not live to see is told again. The time of a
record is that of the latest event, not the clock's: it stands behind the days that it tells of,
also where history is loaded or events come days after their time. Far behind none is written, for
it would have its place behind all that is still to come.

Reading and merging have a thread of their own; nobody waits for it.
"""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from collections.abc import Iterable, Mapping
from functools import partial

from confluent_kafka import KafkaException, Message, Producer

from features.engine import Engine
from features.models import exchange
from features.models.exchange import Contribution, SharedModel, Unreadable
from features.models.lessons import PARTS
from features.records.decoder import shared_mark
from features.records.facts import SharedPart
from features.records.inputs import TS_MIN
from features.tags import taxonomy
from streams import metrics
from streams.contract.topics import FACTS, MODELS
from streams.kafka import clients
from streams.kafka.compacted import CompactedTopic, ReaderError
from streams.kafka.ports import REAL, Ports
from streams.settings import Settings
from streams.worker.inlet import Inlet
from streams.worker.throttle import Throttle

log = logging.getLogger(__name__)
#: Key of the merged model among those of partitions; it stands in partition 0.
MERGED = b"merged"
_LOOKS = 10  # in one wait for silent partitions
_FLUSH_S = 10.0


class ModelMerger:
    """Merges while this worker owns partition 0, and tells all its partitions.

    Only where the setting ``shared_model`` is on: it has a thread of its own.

    Parameters
    ----------
    settings : Settings
    ports : Ports
    """

    def __init__(self, settings: Settings, ports: Ports = REAL) -> None:
        self._settings = settings
        self._ports = ports
        self._models, self._facts = settings.topic(MODELS), settings.topic(FACTS)
        self._thread = ports.executor()
        self._throttle = Throttle(settings.shared_model_wait_ms, ports)
        self._busy = False
        self._looked = float("-inf")
        self._reading: _Reading | None = None
        self._producer: Producer | None = None

    def look(self, inlet: Inlet, engines: Mapping[int, Engine]) -> None:
        """Go on reading, and write what is new to partitions that live in the present."""
        wait_ms = self._settings.shared_model_wait_ms
        self._thread.check()
        if self._busy:
            return
        now = self._ports.monotonic()
        if 1000 * (now - self._looked) >= wait_ms / _LOOKS:
            self._looked, self._busy = now, True
            self._thread.put(partial(self._work, 0 in engines))
        elif self._reading is not None and self._reading.merged is not None:
            self._tell(self._reading, self._reading.merged, inlet, engines)

    def _tell(
        self, reading: _Reading, merged: SharedModel, inlet: Inlet, engines: Mapping[int, Engine]
    ) -> None:
        now_ms = int(self._ports.wall() * 1000)
        for number, engine in engines.items():
            pool = engine.learner.pool
            if pool is None or pool.base >= merged.day or engine.adoptions.knows(reading.of):
                continue
            if not self._throttle.may(number):
                continue
            if 1000 * inlet.lag_seconds(number, now_ms) > self._settings.lateness_ms:
                continue
            self._throttle.happens(number)
            ts = max(inlet.partitions[number].latest + 1, TS_MIN)
            until, _ = merged.until.get(number, (-1, -1))
            records = {
                part: part_record(
                    SharedPart(part, merged.day, data, ts, until, reading.of), self._settings
                )
                for part, data in reading.parts().items()
            }
            self._write(number, records)

    def _write(self, number: int, records: Mapping[str, bytes]) -> None:
        """Write parts, or none where one would be refused; what has no room comes another time."""
        most = self._settings.max_message_bytes
        large = [f"{part} ({len(value)})" for part, value in records.items() if len(value) > most]
        if large:
            log.error("no shared model: raise max_message_bytes above %s", ", ".join(large))
            return
        producer = self._made()
        try:
            for value in records.values():
                producer.produce(self._facts, value, partition=number)
            producer.poll(0)
        except (KafkaException, BufferError) as error:
            log.warning("no shared model in %s[%d]: %s", self._facts, number, error)

    # -- on a thread of its own ----------------------------------------------------------

    def _work(self, merges: bool) -> None:
        try:
            reading = self._reading
            if reading is None or reading.whole != merges:
                self._stop()
                reading = _Reading(self._settings, self._ports, merges)
                reading.take(reading.topic.past())
                self._reading = reading
            reading.follow()
            if merges and (merged := reading.due(self._settings.partitions)) is not None:
                self._publish(reading, merged)
        except (KafkaException, BufferError, ReaderError) as error:
            log.warning("the model of all partitions is merged another time: %s", error)
            self._stop()
        finally:
            self._busy = False

    def _publish(self, reading: _Reading, merged: SharedModel) -> None:
        producer = self._made()
        producer.produce(
            self._models, exchange.merged_bytes(reading.pool, merged), MERGED, partition=0
        )
        if producer.flush(_FLUSH_S):
            raise ReaderError(f"{self._models}: the merged model was not written in time")
        new = sum(1 for _, by in merged.until.values() if by == merged.day)
        metrics.SHARED_DAY.set(merged.day)
        metrics.SHARED_PARTITIONS.set(new)
        log.info("the model of day %d was merged from %d partitions", merged.day, new)

    def _stop(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.topic.close()

    def _made(self) -> Producer:
        if self._producer is None:
            self._producer = clients.producer("ticks", self._settings, self._ports)
        return self._producer


class _Reading:
    """What stands in the topic, as far as it was read."""

    def __init__(self, settings: Settings, ports: Ports, whole: bool) -> None:
        self.pool = exchange.new_pool(len(taxonomy.load()))
        self.merged: SharedModel | None = None
        self.of = ""  # its name
        self.whole = whole  # what every partition gave, not the merged model alone
        self._parts: tuple[str, dict[str, str]] = "", {}
        self._settings, self._ports = settings, ports
        self._given: dict[int, Contribution] = {}
        self._since: tuple[int, float] = -1, 0.0  # the newest day, and when it was seen first
        self.topic = CompactedTopic(
            settings.bootstrap_servers,
            settings.topic(MODELS),
            None if whole else [0],
            kafka=settings.kafka,
            make=ports.consumer,
        )

    def follow(self) -> None:
        """Take what was written since."""
        while (message := self.topic.poll(0.0)) is not None:
            self.take([message])

    def take(self, messages: Iterable[Message]) -> None:
        """Take records; one that is no contribution of this release's models is left out."""
        for message in messages:
            key, value = message.key() or b"", message.value()
            if value is None:
                continue
            try:
                if key == MERGED:
                    merged = exchange.read_merged(self.pool, value)
                    if self.merged is not None and merged.day < self.merged.day:
                        continue  # of a former owner of partition 0, who did not know it yet
                    self.merged, self.of = merged, exchange.merged_name(value)
                elif self.whole:
                    self._given[int(key)] = exchange.read_contribution(self.pool, value)
            except (Unreadable, ValueError) as error:
                where = f"{message.topic()}[{message.partition()}]@{message.offset()}"
                log.warning("%s ignored: %s", where, error)

    def parts(self) -> dict[str, str]:
        """Base64 of the parts of the merged model."""
        if self.merged is not None and self._parts[0] != self.of:
            made = {
                part: b64encode(exchange.part_bytes(self.pool, self.merged, part)).decode()
                for part in PARTS
            }
            self._parts = self.of, made
        return self._parts[1]

    def due(self, partitions: int) -> SharedModel | None:
        """The next merged model, if all partitions have given its day or were waited for."""
        newest = max((item.given.day for item in self._given.values()), default=-1)
        if newest <= (self.merged.day if self.merged else -1):
            return None
        if newest != self._since[0]:
            self._since = newest, self._ports.monotonic()
        there = sum(item.given.day == newest for item in self._given.values())
        waited_ms = 1000 * (self._ports.monotonic() - self._since[1])
        if there < partitions and waited_ms < self._settings.shared_model_wait_ms:
            return None
        return exchange.merge_lessons(self.pool, self.merged, self._given)


def part_record(said: SharedPart, settings: Settings) -> bytes:
    """The record of a part, as it goes to the facts."""
    return json.dumps(
        {
            "kind": SharedPart.kind,
            "part": said.part,
            "day": said.day,
            "ts": said.ts,
            "until": said.until,
            "of": said.of,
            "data": said.data,
            "mark": shared_mark(settings.secret, said),
        }
    ).encode()
