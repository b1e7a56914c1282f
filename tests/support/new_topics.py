"""Topics that tests make: there for whoever asks the broker next."""

from __future__ import annotations

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from tests.support.processes import wait_until

_ANSWER_S = 60.0
_THERE_S = 240.0


def create(admin: AdminClient, *topics: NewTopic) -> None:
    """Create topics, and wait until each partition has a leader that the broker tells of.

    The controller answers first; the broker that a client asks learns of it a little later.
    """
    for future in admin.create_topics(list(topics)).values():
        future.result(_ANSWER_S)
    wait_until(lambda: all(_led(admin, topic) for topic in topics), _THERE_S)


def delete(admin: AdminClient, name: str) -> None:
    """Delete a topic, and wait until the broker that is asked knows it no more."""
    admin.delete_topics([name])[name].result(_ANSWER_S)
    wait_until(lambda: name not in admin.list_topics(timeout=_ANSWER_S).topics, _THERE_S)


def _led(admin: AdminClient, topic: NewTopic) -> bool:
    try:
        found = admin.list_topics(topic.topic, timeout=_ANSWER_S).topics[topic.topic]
    except KafkaException:
        return False
    leaders = [partition.leader for partition in found.partitions.values()]
    return len(leaders) == topic.num_partitions and -1 not in leaders
