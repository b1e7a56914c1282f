"""Reads the partition record of each partition from the changelog, outside the group."""

from __future__ import annotations

from contextlib import closing

from features.state.changelog_keys import META, Meta
from streams.contract.topics import STATE
from streams.kafka.compacted import CompactedTopic
from streams.settings import Settings


def read_metas(settings: Settings) -> dict[int, Meta]:
    """The partition record of each partition of the changelog that has one.

    Raises
    ------
    ReaderError
        Where the broker does not answer or the topic is absent.
    IncompatibleState
        Where the changelog is of another format.
    """
    with closing(
        CompactedTopic(settings.bootstrap_servers, settings.topic(STATE), kafka=settings.kafka)
    ) as topic:
        records = topic.latest(lambda key: key == META)
    return {partition: Meta.from_bytes(value) for (_, partition), value in records.items()}
