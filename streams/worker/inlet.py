"""Polls and decodes the input topics, and merges them into each partition's sequence.

What is refused is kept beside the buffered records, so that a dead letter is written in the
transaction that moves the offset past it, and in no other.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from confluent_kafka import Consumer, KafkaError, TopicPartition
from numpy.typing import NDArray

from features.records.arrivals import believed
from features.records.batch import Batch, parse
from features.records.dead_letter import DeadLetter
from features.records.position import Position
from features.records.sequence import Merge
from features.records.tolerated import Tolerance
from streams.contract.topics import FACTS, OUTCOMES, joined_topics
from streams.errors import LostOffsets, PartitionFailed, Stop
from streams.kafka.compacted import passes
from streams.kafka.fetching import Fetch, Fetched, Notice, plain_fetch
from streams.kafka.ports import REAL, Ports
from streams.settings import Settings
from streams.worker.astray import Homing
from streams.worker.clocks import Clocks
from streams.worker.partition import Cut, Partition
from streams.worker.placement import Placement, placements
from streams.worker.refusals import Refusals
from streams.worker.wiring import input_limits, rules_of

#: Of refused records of one input that wait for their turn, before it is paused.
_MOST_REFUSED_BYTES = 67_108_864


def deleted_unread(place: str, error: KafkaError) -> LostOffsets:
    """Say that a partition's committed offset is not in its log."""
    return LostOffsets(
        f"{place}: the committed offset is no longer in the log ({error.str()}): records were "
        "deleted by retention before they were read, or the log was cut short or emptied. To go on "
        "with what it has: `interest-streams offsets reset`; to begin anew: "
        "`interest-streams state reset`"
    )


class Inlet:
    """Decodes and merges what the consumer hands over; owns no partition by itself.

    Attributes
    ----------
    fetch : Fetch
        How records are taken from the consumer.
    """

    def __init__(self, settings: Settings, ports: Ports = REAL) -> None:
        self._settings = settings
        self._ports = ports
        self._names = [settings.topic(name) for name in joined_topics(settings)]
        self._kind = {name: n for n, name in enumerate(self._names)}
        self._limits = input_limits(settings)
        self._words = rules_of(settings).words
        self._facts = settings.topic(FACTS)
        self._unsampled = (self._facts, settings.topic(OUTCOMES))
        self._homing = {name: self._homing_of(name, settings) for name in self._names}
        self.refusals = Refusals(settings, ports)
        self._clocks = Clocks(settings.future_tolerance_ms)
        # Seconds spent waiting for records: patience with an input that is silent runs only
        # while it could have spoken, not while a commit took long or the process stood still.
        self._listened = 0.0
        self._placements: dict[str, Placement] = {}
        self.partitions: dict[int, Partition] = {}
        self.fetch: Fetch = plain_fetch

    def expect(self, partitions: int) -> None:
        """Check from now on that keys lie where they belong among so many partitions."""
        partitioner = self._settings.partitioner
        self._placements = placements(self._names, partitioner, partitions, self._unsampled)

    def open(self, partition: int, start: Mapping[str, Position]) -> None:
        """Begin a partition at these offsets and running times per topic."""
        self.partitions[partition] = Partition(
            Merge(self._names, start),
            refused={name: deque() for name in self._names},
            counts={name: self.refusals.count(name, partition) for name in self._names},
            heard=dict.fromkeys(self._names, self._listened),
            cut_at=dict(start),
        )

    def close(self, partition: int) -> None:
        """Forget a partition; what waited in its buffers was never committed."""
        part = self.partitions.pop(partition, None)
        if part is not None:
            self.refusals.forget(partition, part)

    def poll(self, consumer: Consumer, limit: int, timeout: float) -> int:
        """Take up to `limit` records; returns their number."""
        before = self._ports.monotonic()
        fetched = self.fetch(consumer, limit, timeout)
        self._listened += min(timeout, self._ports.monotonic() - before)
        if fetched is None:
            return 0
        if len(fetched):
            self._take(consumer, fetched)
        failed = None
        for notice in fetched.notices:
            if notice.error.code() == KafkaError._PARTITION_EOF:
                self._take_end(notice)
            else:
                failed = self._failure(notice) or failed
        if failed is not None:
            raise failed
        return len(fetched)

    def release(self) -> list[tuple[int, Batch]]:
        """The next records of each partition's sequence; none for one that is not done yet."""
        patience = self._listened - self._settings.merge_wait_ms / 1000.0
        released = []
        for number, part in self.partitions.items():
            if part.busy:
                released.append((number, Batch.concat([])))
                continue
            waiting = any(item.waiting for item in part.merge.inputs.values())
            if not waiting:
                continue
            for name, item in part.merge.inputs.items():
                if not item.drained and not item.waiting and part.heard[name] < patience:
                    item.drained = True  # an input that neither ends nor sends must not block
            batch = part.merge.release()
            if len(batch):
                released.append((number, batch))
        return released

    def cut(self) -> list[Cut]:
        """Every partition of which something was released since its former cut."""
        cuts = []
        for number, part in self.partitions.items():
            positions = part.merge.position()
            if positions != part.cut_at or part.owed:
                taken = Counter(
                    {name: at.offset - part.cut_at[name].offset for name, at in positions.items()}
                )
                refused = part.take_refused(positions)
                astray = part.take_astray(positions)
                cuts.append(Cut(number, part, positions, refused, taken, astray))
                part.cut_at = positions
        return cuts

    def owes(self) -> bool:
        """Whether a partition that was left out of a commit can be in one now."""
        return any(part.owed and not part.turns for part in self.partitions.values())

    def apply_backpressure(self, consumer: Consumer) -> None:
        """Pause inputs that run ahead of the others, resume those that were caught up with.

        Inputs whose halt is over are tried again.
        """
        for number, part in self.partitions.items():
            for name, item in part.merge.inputs.items():
                if name in part.halted:
                    if self.refusals.reopened(consumer, TopicPartition(name, number), part):
                        part.heard[name] = self._listened
                    continue
                full = max(
                    item.count / self._settings.held_events,
                    part.bytes_refused[name] / _MOST_REFUSED_BYTES,
                )
                if full > 1 and name not in part.paused:
                    consumer.pause([TopicPartition(name, number)])
                    part.paused.add(name)
                elif name in part.paused and full < 0.5:
                    consumer.resume([TopicPartition(name, number)])
                    part.paused.discard(name)
                    part.heard[name] = self._listened

    def lag_seconds(self, partition: int, now_ms: int) -> float:
        """Age of the newest record taken from an input that is not at its end, 0 at the end."""
        part = self.partitions[partition]
        oldest = [
            part.arrival_ms[name]
            for name, item in part.merge.inputs.items()
            if (part.behind(name) or item.waiting) and name in part.arrival_ms
        ]
        return max(0.0, (now_ms - min(oldest)) / 1000.0) if oldest else 0.0

    def is_live(self, partition: int, now_ms: int) -> bool:
        """Whether it is neither far behind nor in history, so that the clock may speak in it."""
        behind = max(
            1000 * self.lag_seconds(partition, now_ms), self.partitions[partition].delay_ms
        )
        return behind <= self._settings.lateness_ms

    def age_ms(self) -> float:
        """The greatest lag of all partitions, in milliseconds."""
        now_ms = int(self._ports.wall() * 1000)
        return 1000.0 * max(
            (self.lag_seconds(number, now_ms) for number in self.partitions), default=0.0
        )

    def _take_end(self, notice: Notice) -> None:
        part = self.partitions.get(notice.partition)
        if part is None or notice.topic in part.halted:
            return  # of an assignment that was lost; or its records are to be read again
        item = part.merge.inputs.get(notice.topic)
        # An end that lies before the records received with it is outdated.
        if item is None or notice.offset < item.next_offset:
            return
        item.drained = True
        # Behind the last record stand the markers of a transaction that was the last to write.
        item.next_offset = notice.offset

    def _decode(
        self,
        raws: Sequence[bytes | None],
        keys: Sequence[bytes | None],
        kinds: NDArray[np.uint8],
        numbers: NDArray[np.int32],
        offsets: NDArray[np.int64],
        came: NDArray[np.int64],
    ) -> tuple[Batch, dict[int, DeadLetter]]:
        """Parse; where that breaks, find the partition whose record it breaks at."""
        tolerance = Tolerance(self._words, lambda at: int(came[at]))
        try:
            return parse(
                raws, keys, kinds, numbers, offsets, self._limits, came, tolerance=tolerance
            )
        except Exception as error:
            several = np.unique(numbers).tolist()
            if len(several) == 1:
                raise PartitionFailed(several[0], error) from error
            for number in several:
                its = np.flatnonzero(numbers == number)
                some = [raws[i] for i in its.tolist()], [keys[i] for i in its.tolist()]
                self._decode(*some, kinds[its], numbers[its], offsets[its], came[its])
            raise

    def _take(self, consumer: Consumer, fetched: Fetched) -> None:
        kind_of = np.array([self._kind[name] for name in fetched.topics], np.uint8)
        kinds = kind_of[fetched.kinds]
        numbers, offsets, stamps = fetched.partitions, fetched.offsets, fetched.stamps
        raws, keys = fetched.values, fetched.keys
        now_ms = int(self._ports.wall() * 1000)
        came = believed(stamps, kinds, now_ms)
        place = numbers.astype(np.int64) * len(self._names) + kinds
        try:
            batch, letters = self._decode(raws, keys, kinds, numbers, offsets, came)
        except PartitionFailed as error:
            self._take_again(consumer, place, error.partition)
            raise
        self._clocks.look(batch.records, letters, came)
        accepted = (
            batch.records["partition"].astype(np.int64) * len(self._names) + batch.records["kind"]
        )
        bad = np.zeros(len(fetched), np.bool_)
        bad[list(letters)] = True
        for spot in np.unique(place).tolist():
            number, kind = divmod(spot, len(self._names))
            if number not in self.partitions:
                continue  # prefetched records of an assignment that was lost
            part, name = self.partitions[number], self._names[kind]
            if name in part.halted:
                continue  # taken before it was paused
            here = np.flatnonzero(place == spot)
            refused = {i: letters[int(here[i])] for i in np.flatnonzero(bad[here]).tolist()}
            passed = self.refusals.limit(part, name, len(here), refused)
            place_on = int(offsets[here[-1]]) + 1
            if passed is not None and passed.at < len(here):
                place_on = int(offsets[here[passed.at]])
            taken = batch.records[accepted == spot]
            mine = Batch(taken[taken["offset"] < place_on], batch.blob)
            part.merge.inputs[name].take(mine, place_on)
            part.arrival_ms[name] = int(stamps[here[-1]])
            part.heard[name] = self._listened
            self._look(number, name, fetched, here, bad)
            part.refuse(
                name,
                (
                    self.refusals.kept(part, replace(letter, topic=name))
                    for letter in refused.values()
                    if letter.offset < place_on
                ),
            )
            if passed is not None:
                self.refusals.halt(
                    consumer, TopicPartition(name, number, place_on), part, passed.why
                )

    def _look(
        self,
        number: int,
        name: str,
        fetched: Fetched,
        here: NDArray[np.intp],
        bad: NDArray[np.bool_],
    ) -> None:
        """See whether keys of accepted records belong here; send on what forbids elsewhere."""
        placement, homing = self._placements.get(name), self._homing[name]
        whole = name in self._unsampled
        if placement is None and whole:
            return
        home = placement.home if placement else (lambda _: number)
        # A good one without key is a worker's; of a refused one the key may be nobody's.
        misplaced = (
            (int(fetched.offsets[i]), fetched.keys[i], fetched.values[i])
            for i in (here if whole else here[bad[here]]).tolist()
            if bad[i] or ((key := fetched.keys[i]) and home(key) != number)
        )
        sent_on = list(homing.found(number, misplaced, home))
        self.partitions[number].astray += sent_on
        if placement is None:
            return
        # A record without key, as a tick, belongs to the partition in which it lies.
        good = here[~bad[here]]
        keys = [key for i in placement.sample(len(good)) if (key := fetched.keys[good[i]])]
        # Who refuses in the wrong place is heard: an input is judged by what would be lost.
        placement.look(number, keys, {fact.key for fact in sent_on})

    def _homing_of(self, name: str, settings: Settings) -> Homing:
        """What finds records of an input that are to be sent on: of events, to the facts."""
        told = name == settings.topic(OUTCOMES)
        return Homing(
            self._words,
            self._limits.ids.accepts,
            self._limits.max_message_bytes,
            (name, name if told else self._facts),
            of_outcomes=told,
            of_events=not told and name != self._facts,
        )

    def _take_again(self, consumer: Consumer, place: NDArray[np.int64], failed: int) -> None:
        """Let the records of other partitions come once more that came with a failed one's."""
        for spot in np.unique(place).tolist():
            number, kind = divmod(spot, len(self._names))
            part, name = self.partitions.get(number), self._names[kind]
            if part is not None and number != failed and name not in part.halted:
                at = part.merge.inputs[name].next_offset
                consumer.seek(TopicPartition(name, number, at))

    def _failure(self, notice: Notice) -> PartitionFailed | None:
        """What an error means for its partition; None for nothing.

        Raises
        ------
        Stop
            Where it is more than a partition's.
        """
        error = notice.error
        if passes(error):
            return None  # after the longest poll the partitions went by the lost callback
        if error.code() == KafkaError._AUTO_OFFSET_RESET or (
            error.code() == KafkaError.OFFSET_OUT_OF_RANGE
        ):
            if notice.partition not in self.partitions:
                return None  # of an assignment that was lost, or before its start was sought
            place = f"{notice.topic}[{notice.partition}]"
            return PartitionFailed(notice.partition, deleted_unread(place, error))
        raise Stop(f"consumer: {error.str()}")
