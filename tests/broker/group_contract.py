"""What a worker relies on in a consumer group: the second half of `tests.broker.contract`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition

from tests.broker.contract import CALL_S, NEVER, LogContract, Seen, World, at, name_of


class Log:
    """Callbacks of a member as they came."""

    def __init__(self) -> None:
        self.events: list[tuple[str, list[tuple[str, int]]]] = []
        self.on_revoke: Callable[[], None] = lambda: None

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.events]

    def join(self, consumer: Consumer, *topics: str) -> None:
        def note(kind: str, spots: list[TopicPartition]) -> None:
            self.events.append((kind, sorted((s.topic, s.partition) for s in spots)))

        def assigned(client: Consumer, spots: list[TopicPartition]) -> None:
            note("assign", spots)
            client.assign([TopicPartition(s.topic, s.partition, 0) for s in spots])

        def revoked(client: Consumer, spots: list[TopicPartition]) -> None:
            note("revoke", spots)
            self.on_revoke()

        consumer.subscribe(
            list(topics),
            on_assign=assigned,
            on_revoke=revoked,
            on_lost=lambda _, spots: note("lost", spots),
        )


class GroupContract:
    """Consumer groups."""

    def test_members_share_the_same_numbers_of_every_topic(self, world: World) -> None:
        a, b = world.topic("a", 3), world.topic("b", 3)
        one, two, first, second = world.consumer("g"), world.consumer("g"), Log(), Log()
        first.join(one, a, b)
        Seen(world, one).until(lambda: first.kinds == ["assign"])
        assert len(first.events[0][1]) == 6
        second.join(two, a, b)
        Seen(world, one, two).until(lambda: len(first.events) == 3 and len(second.events) == 1)
        assert first.kinds == ["assign", "revoke", "assign"]
        mine, yours = first.events[2][1], second.events[0][1]
        assert sorted(mine + yours) == sorted(first.events[0][1])
        assert {p for t, p in mine if t == a} == {p for t, p in mine if t == b}
        two.close()
        assert second.kinds == ["assign", "revoke"]
        Seen(world, one).until(lambda: first.kinds[3:] == ["revoke", "assign"])
        assert first.events[4][1] == first.events[0][1]
        one.close()

    def test_one_too_many_is_told_that_it_has_nothing(self, world: World) -> None:
        topic = world.topic("a")
        one, two, first, second = world.consumer("g"), world.consumer("g"), Log(), Log()
        first.join(one, topic)
        second.join(two, topic)
        Seen(world, one, two).until(
            lambda: (
                first.kinds[-1:] == second.kinds[-1:] == ["assign"]
                and len(one.assignment()) + len(two.assignment()) == 1
            )
        )
        assert [] in (first.events[-1][1], second.events[-1][1])
        one.close()
        two.close()

    def test_a_commit_while_partitions_go_is_accepted(self, world: World) -> None:
        topic = world.topic("a")
        one, two, first = world.consumer("g"), world.consumer("g"), Log()
        producer = world.producer("t")

        def commit() -> None:
            producer.begin_transaction()
            producer.send_offsets_to_transaction(
                at(topic, 5), one.consumer_group_metadata(), CALL_S
            )
            producer.commit_transaction(CALL_S)

        first.on_revoke = commit
        first.join(one, topic)
        Seen(world, one).until(lambda: first.kinds == ["assign"])
        Log().join(two, topic)
        Seen(world, one, two).until(lambda: "revoke" in first.kinds)
        assert [p.offset for p in two.committed(at(topic), CALL_S)] == [5]
        first.on_revoke = lambda: None
        two.close()
        one.close()

    def test_a_former_member_commits_nothing(self, world: World) -> None:
        topic = world.topic("a")
        member, log = world.consumer("g"), Log()
        log.join(member, topic)
        Seen(world, member).until(lambda: log.kinds == ["assign"])
        metadata = member.consumer_group_metadata()
        member.close()
        producer = world.producer("t")
        producer.begin_transaction()
        with pytest.raises(KafkaException) as caught:
            producer.send_offsets_to_transaction(at(topic, 5), metadata, CALL_S)
        assert caught.value.args[0].name() == "UNKNOWN_MEMBER_ID"
        assert caught.value.args[0].txn_requires_abort()
        assert name_of(lambda: producer.commit_transaction(CALL_S)) == "UNKNOWN_MEMBER_ID"
        producer.abort_transaction(CALL_S)
        reader = world.consumer("g")
        assert [p.offset for p in reader.committed(at(topic), CALL_S)] == [NEVER]

    def test_without_group_metadata_nobody_is_fenced(self, world: World) -> None:
        topic = world.topic("a")
        outsider, producer = world.consumer("g"), world.producer("t")
        producer.begin_transaction()
        producer.send_offsets_to_transaction(
            at(topic, 3), outsider.consumer_group_metadata(), CALL_S
        )
        producer.commit_transaction(CALL_S)
        assert [p.offset for p in outsider.committed(at(topic), CALL_S)] == [3]

    def test_who_does_not_poll_loses_its_partitions(self, world: World) -> None:
        topic = world.topic("a")
        short = {"session.timeout.ms": 4000, "max.poll.interval.ms": 4000}
        slow, producer, log = world.consumer("g", **short), world.producer("t"), Log()
        log.join(slow, topic)
        Seen(world, slow).until(lambda: log.kinds == ["assign"])
        world.stall(10.0)
        producer.begin_transaction()
        assert (
            name_of(
                lambda: producer.send_offsets_to_transaction(
                    at(topic, 5), slow.consumer_group_metadata(), CALL_S
                )
            )
            == "UNKNOWN_MEMBER_ID"
        )
        producer.abort_transaction(CALL_S)
        seen = Seen(world, slow).until(lambda: log.kinds == ["assign", "lost", "assign"])
        assert "_MAX_POLL_EXCEEDED" in seen.errors
        slow.close()

    def test_an_error_in_a_callback_comes_out_of_consume(self, world: World) -> None:
        topic = world.topic("a")
        world.put(topic, 0, b"0")
        consumer = world.consumer("g")
        raised: list[str] = []

        def fail(client: Consumer, spots: list[TopicPartition]) -> None:
            raise LookupError("no")

        consumer.subscribe([topic], on_assign=fail)
        seen = Seen(world, consumer)
        while not raised:
            try:
                seen.once()
            except LookupError:
                raised.append("assign")
        # Assigned it is all the same: what follows must not trust it.
        assert [s.topic for s in consumer.assignment()] == [topic]
        consumer.close()


class BrokerContract(LogContract, GroupContract):
    """Everything."""
