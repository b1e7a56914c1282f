"""Consumer of `tests.broker.memory_broker`, with the face of confluent-kafka's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaError, Message, TopicPartition

from tests.broker.memory_broker import NEVER, Entry, Log, Member, MemoryBroker, Spot, failure

T = TypeVar("T")
#: How long the look-up of a log's end or beginning is under way, and when it is repeated.
_LOOK_UP_S, _RETRY_S = 2.0, 0.5
_Callback = Callable[["MemoryConsumer", list[TopicPartition]], None]


class Client:
    """Part of a process; its calls go through the broker's `around`."""

    def __init__(self, broker: MemoryBroker, owner: str) -> None:
        self.broker = broker
        self.owner = owner

    def call(self, name: str, effect: Callable[[], T]) -> T:
        return cast(T, self.broker.around(self.owner, name, effect))


@dataclass
class _Place:
    """Where a consumer stands in one partition."""

    log: Log
    position: int
    end_told: int = -1
    paused: bool = False
    lost: bool = False  # the position is not in the log
    consumed: int = NEVER
    asked: int | None = None  # "end" or "beginning", whose offset is being looked up
    asked_at: float = 0.0
    again_at: float | None = None  # when it is looked up once more


@dataclass(frozen=True)
class GroupMetadata:
    """What a producer shows on behalf of a consumer."""

    group: str
    member: str
    generation: int


class MemoryConsumer(Client):
    """Consumer, with or without a group."""

    def __init__(self, broker: MemoryBroker, owner: str, config: Mapping[str, Any]) -> None:
        super().__init__(broker, owner)
        self._client_id = str(config.get("client.id", "rdkafka"))
        self._group = broker.group(str(config["group.id"]))
        self._committed_only = config.get("isolation.level", "read_committed") == "read_committed"
        self._ends = bool(config.get("enable.partition.eof", False))
        self._reset = config.get("auto.offset.reset", "latest")
        self._session_s = float(config.get("session.timeout.ms", 45_000)) / 1000.0
        self._poll_s = float(config.get("max.poll.interval.ms", 300_000)) / 1000.0
        self._topics: list[str] | None = None
        self._member: Member | None = None
        self._generation = -1
        self._told = False
        self._places: dict[Spot, _Place] = {}
        self._told_next: list[Message] = []
        self._closed = False
        self._callbacks: dict[str, _Callback | None] = {}

    # -- the group -----------------------------------------------------------------------

    def subscribe(
        self,
        topics: list[str],
        on_assign: _Callback | None = None,
        on_revoke: _Callback | None = None,
        on_lost: _Callback | None = None,
    ) -> None:
        self._topics = topics
        self._callbacks = {"assign": on_assign, "revoke": on_revoke, "lost": on_lost or on_revoke}

    def close(self) -> None:
        if self._closed:
            return
        self.call("close", lambda: None)
        try:
            if self._member is not None and self._told:
                self._give_up("revoke")
        finally:
            if self._member is not None:
                self.broker.leave(self._group, self._member)
            self._closed = True

    def consumer_group_metadata(self) -> GroupMetadata:
        self._check_open()
        member = self._member.id if self._member is not None else ""
        return GroupMetadata(self._group.name, member, self._generation)

    def memberid(self) -> str:
        return "" if self._member is None else self._member.id

    def committed(self, spots: list[TopicPartition], timeout: float = -1) -> list[TopicPartition]:
        wanted = [(s.topic, s.partition) for s in spots]

        def effect() -> list[TopicPartition]:
            if not self.broker.wait(
                lambda: not self.broker.pending(self._group.name, wanted), timeout
            ):
                raise failure(KafkaError._TIMED_OUT)
            offsets = self._group.offsets
            return [TopicPartition(t, p, offsets.get((t, p), NEVER)) for t, p in wanted]

        return self.call("committed", effect)

    def _serve_group(self) -> list[Message]:
        if self._topics is None:
            return []
        told: list[Message] = []
        member = self._member
        if member is not None and member.id not in self._group.members:
            if self.broker.now - member.polled > member.poll_s:
                told.append(Message(error=KafkaError(KafkaError._MAX_POLL_EXCEEDED)))
            self._member = None
            if self._told:
                self._give_up("lost")
        if self._member is None:
            self._member = Member(
                f"{self.broker.rng.getrandbits(32):08x}",
                self.owner,
                self._topics,
                self._session_s,
                self._poll_s,
                self.broker.now,
                client_id=self._client_id,
            )
            self.broker.join(self._group, self._member)
        member = self._member
        member.polled = self.broker.now
        if self._group.joining_since is not None and not member.joined:
            self._give_up("revoke")
            if member.id in self._group.members:
                member.joined = True
                self.broker.settle(self._group)
        elif member.assigned is not None:
            self._take_up(member)
        member.polled = self.broker.now
        return told

    def _take_up(self, member: Member) -> None:
        spots, member.assigned, member.joined = member.assigned or [], None, False
        self._generation = self._group.generation
        self._told = True
        given = [TopicPartition(t, p) for t, p in spots]
        callback, self._assigned_by_callback = self._callbacks["assign"], False
        try:
            if callback is not None:
                callback(self, given)
        finally:
            if not self._assigned_by_callback:
                self.assign(given)

    def _give_up(self, how: str) -> None:
        callback = self._callbacks[how]
        self._told = False
        try:
            if callback is not None:
                callback(self, self.assignment())
        finally:
            self._places = {}

    # -- places --------------------------------------------------------------------------

    def assign(self, spots: list[TopicPartition]) -> None:
        self._assigned_by_callback = True
        self._places = {}
        self.incremental_assign(spots)

    def incremental_assign(self, spots: list[TopicPartition]) -> None:
        for s in spots:
            place = self._places[s.topic, s.partition] = self._place(s)
            if place.position == NEVER:  # looked up in the background, even while it is paused
                self._reset_place((s.topic, s.partition), place, self._told_next)

    def assignment(self) -> list[TopicPartition]:
        return [TopicPartition(t, p) for t, p in self._places]

    def seek(self, spot: TopicPartition) -> None:
        place = self._at(spot)
        if place.lost:
            raise failure(KafkaError._STATE)
        place.position, place.end_told = spot.offset, -1
        # librdkafka 2.16 repeats a look-up whose answer a seek has overtaken, and then goes where
        # that says (`rd_kafka_toppar_handle_Offset`).
        in_flight = place.asked is not None and self.broker.now < place.asked_at + _LOOK_UP_S
        if in_flight and self.broker.rng.random() < 0.5:
            place.again_at = self.broker.now + _RETRY_S
        else:
            place.asked = None

    def pause(self, spots: list[TopicPartition]) -> None:
        for s in spots:
            self._at(s).paused = True

    def resume(self, spots: list[TopicPartition]) -> None:
        for s in spots:
            place = self._at(s)
            place.paused, place.end_told = False, -1

    def position(self, spots: list[TopicPartition]) -> list[TopicPartition]:
        return [TopicPartition(s.topic, s.partition, self._at(s).consumed) for s in spots]

    def get_watermark_offsets(
        self, spot: TopicPartition, timeout: float = -1, cached: bool = False
    ) -> tuple[int, int]:
        log = self.broker.log(spot.topic, spot.partition)
        return log.first, log.stable_end if self._committed_only else log.end

    def list_topics(self, topic: str, timeout: float = -1) -> Any:
        logs = self.broker.topics.get(topic)
        error = None if logs else KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
        found = SimpleNamespace(error=error, partitions=dict.fromkeys(range(len(logs or []))))
        return SimpleNamespace(topics={topic: found})

    def _at(self, spot: TopicPartition) -> _Place:
        place = self._places.get((spot.topic, spot.partition))
        if place is None:
            raise failure(KafkaError._UNKNOWN_PARTITION)
        return place

    def _place(self, spot: TopicPartition) -> _Place:
        log = self.broker.log(spot.topic, spot.partition)
        offset = spot.offset
        if offset in (OFFSET_BEGINNING, OFFSET_END):
            return _Place(log, _looked_up(log, offset), asked=offset, asked_at=self.broker.now)
        if offset < 0:
            offset = self._group.offsets.get((spot.topic, spot.partition), NEVER)
        return _Place(log, offset)

    # -- records -------------------------------------------------------------------------

    def poll(self, timeout: float = -1) -> Message | None:
        found = self.consume(1, timeout)
        return found[0] if found else None

    def consume(self, num_messages: int = 1, timeout: float = -1) -> list[Message]:
        self._check_open()

        def effect() -> list[Message]:
            found = self._serve_group()
            found += self._told_next
            self._told_next = []
            found += self._fetch(num_messages - len(found))
            if not found and timeout > 0:
                self.broker.sleep(timeout)
            return found

        return self.call("consume", effect)

    def _fetch(self, limit: int) -> list[Message]:
        found: list[Message] = []
        spots = [spot for spot, place in self._places.items() if not place.paused]
        self.broker.rng.shuffle(spots)
        for spot in spots:
            if len(found) >= limit:
                break
            self._fetch_one(spot, self._places[spot], limit, found)
        return found

    def _fetch_one(self, spot: Spot, place: _Place, limit: int, found: list[Message]) -> None:
        log = place.log
        if place.again_at is not None:
            if self.broker.now < place.again_at:
                return
            place.position = _looked_up(log, place.asked)
            place.asked = place.again_at = None
        end = log.stable_end if self._committed_only else log.end
        if not log.first <= place.position <= log.end:
            self._reset_place(spot, place, found)
            return
        for offset, entry in log.read(place.position, self._committed_only):
            if len(found) >= limit:
                return
            found.append(_message(spot, offset, entry))
            place.position = place.consumed = offset + 1
        place.position = max(place.position, end)
        if self._ends and place.end_told != end and len(found) < limit:
            place.end_told = end
            found.append(
                Message(
                    topic=spot[0],
                    partition=spot[1],
                    offset=end,
                    error=KafkaError(KafkaError._PARTITION_EOF),
                )
            )

    def _reset_place(self, spot: Spot, place: _Place, found: list[Message]) -> None:
        if self._reset in ("earliest", "latest"):
            place.position = place.log.first if self._reset == "earliest" else place.log.end
        elif not place.lost:
            place.lost = True
            offset = place.position if place.position >= 0 else None
            error = KafkaError(KafkaError._AUTO_OFFSET_RESET)
            found.append(
                Message(topic=spot[0], partition=spot[1], offset=offset, error=error)
                if offset is not None
                else Message(topic=spot[0], partition=spot[1], error=error)
            )

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("Consumer closed")


def _looked_up(log: Log, where: int | None) -> int:
    return log.first if where == OFFSET_BEGINNING else log.end


def _message(spot: Spot, offset: int, entry: Entry) -> Message:
    return Message(
        topic=spot[0],
        partition=spot[1],
        offset=offset,
        key=entry.key,
        value=entry.value,
        headers=cast(Any, entry.headers),
        timestamp=(1, entry.timestamp),
    )
