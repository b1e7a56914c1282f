"""Measures how far a consumer group has come, from outside, without joining it.

Committed offsets are asked for by a consumer. The admin client's call for them ends the process
where the group's coordinator has moved or still loads: librdkafka (2.16) then looks for a
consumer's group, which an admin client has none of (confluent-kafka-javascript, issue 374).

What is asked of a coordinator by an admin client must not reach its own time-out: where the
coordinator is found after it, librdkafka (2.16, `rd_kafka_admin_coord_request`) frees what it still
answers to, and ends the process. So we stop waiting by ourselves, and the client with us.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, ConsumerGroupDescription, OffsetSpec

from streams.contract import topics
from streams.errors import KafkaFailed
from streams.kafka import clients
from streams.kafka.offsets import Spot, list_offsets
from streams.settings import Settings

#: Time-out of a request to a coordinator, in seconds: longer than any admin client lives.
NEVER_S = 3_600.0

_TIMEOUT_S = 5.0
_LOOK_S = 0.5


class GroupError(KafkaFailed):
    """The cluster does not tell how far a group is; the message names the group."""


@dataclass(frozen=True)
class Lag:
    """Backlog of a group, in records of the joined topics.

    Examples
    --------
    >>> Lag(behind=0, unread_partitions=1).done
    False
    """

    behind: int
    unread_partitions: int  # with records, but without a committed offset

    @property
    def done(self) -> bool:
        """Whether everything was committed."""
        return self.behind == 0 and self.unread_partitions == 0


def describe(
    admin: AdminClient,
    group: str,
    seconds: float,
    kind: type[KafkaFailed] = KafkaFailed,
    **more: Any,
) -> ConsumerGroupDescription:
    """Ask the coordinator what a group is, by a client that is closed soon.

    Parameters
    ----------
    more
        Further options of the request.

    Raises
    ------
    KafkaFailed
        Of the `kind` given, where it refuses or does not answer within the seconds.
    """
    answer = admin.describe_consumer_groups([group], request_timeout=NEVER_S, **more)
    found: ConsumerGroupDescription = clients.ask(f"group {group}", answer[group], seconds, kind)
    return found


class Group:
    """A consumer group, looked at from outside.

    Parameters
    ----------
    settings : Settings
    name : str
        Of the group; the deployment's own unless given.
    stable : bool
        Wait for transactions with offsets of this group that are not decided yet.
    """

    def __init__(self, settings: Settings, name: str = "", *, stable: bool = False) -> None:
        self.name = name or settings.group
        self._settings = settings
        self._admin = clients.admin(settings, role="group")
        isolation = "read_committed" if stable else "read_uncommitted"
        self._consumer = clients.consumer("group", settings, group=self.name, isolation=isolation)

    def __enter__(self) -> Group:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close()

    def committed(
        self, spots: Sequence[TopicPartition], timeout: float = _TIMEOUT_S
    ) -> dict[tuple[str, int], int]:
        """Next offset per topic and partition, where there is one.

        Raises
        ------
        GroupError
            When the coordinator does not answer in time (seconds) or not for all of them.
        """
        try:
            found = self._consumer.committed(list(spots), timeout)
        except KafkaException as error:
            raise self._unknown(error) from None
        for spot in found:
            if spot.error is not None:
                raise GroupError(f"lag of {self.name}", spot.error)
        return {(s.topic, s.partition): s.offset for s in found if s.offset >= 0}

    def lag(self) -> Lag:
        """Lag over the joined topics that exist.

        Raises
        ------
        GroupError
            When the cluster does not answer.
        """
        spots = self.spots()
        if not spots:
            return Lag(0, 0)
        ends, starts = (
            list_offsets(self._admin, spots, spec, _TIMEOUT_S, f"lag of {self.name}", GroupError)
            for spec in (OffsetSpec.latest(), OffsetSpec.earliest())
        )
        committed = self.committed([TopicPartition(*spot) for spot in spots])
        behind = unread = 0
        for place, end in ends.items():
            done = committed.get(place, -1)
            unread += done < 0 and end > starts[place]
            behind += max(0, end - max(done, starts[place]))
        return Lag(behind, unread)

    def spots(self) -> list[Spot]:
        """List the partitions of the joined topics that exist.

        Only these topics are asked for, for a cluster may have thousands of others.

        Raises
        ------
        GroupError
            When the cluster does not answer.
        """
        names = [self._settings.topic(name) for name in topics.joined_topics(self._settings)]
        answers = self._admin.describe_topics(TopicCollection(names), request_timeout=_TIMEOUT_S)
        found: list[Spot] = []
        for name in names:
            try:
                topic = clients.ask(f"lag of {self.name}", answers[name], _TIMEOUT_S, GroupError)
            except GroupError as error:
                if error.name != "UNKNOWN_TOPIC_OR_PART":
                    raise
            else:
                found += sorted((name, partition.id) for partition in topic.partitions)
        return found

    def wait(self, limit_s: float, show: Callable[[Lag], None] | None = None) -> bool:
        """Wait until the committed offsets reach the end; False when the time is up.

        Raises
        ------
        GroupError
            When the cluster does not answer, for the rest of the time: a group's coordinator
            that was just elected has none for a while.
        """
        deadline = time.monotonic() + limit_s
        while True:
            late = time.monotonic() >= deadline
            try:
                lag = self.lag()
            except GroupError:
                if late:
                    raise
            else:
                if show is not None:
                    show(lag)
                if lag.done or late:
                    return lag.done
            time.sleep(_LOOK_S)

    def _unknown(self, error: KafkaException) -> GroupError:
        return GroupError(f"lag of {self.name}", error)
