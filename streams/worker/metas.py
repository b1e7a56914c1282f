"""The meta record of each partition's changelog, as who may read the topic can see it."""

from __future__ import annotations

import json
from contextlib import closing

from streams.contract.topics import STATE
from streams.kafka.compacted import CompactedTopic
from streams.settings import Settings

META = b"p/meta"


def read_metas(settings: Settings) -> dict[int, dict[str, object]]:
    """The meta record of each partition of the changelog that has one.

    Raises
    ------
    ReaderError
        Where the broker does not answer or the topic is absent.
    """
    with closing(
        CompactedTopic(settings.bootstrap_servers, settings.topic(STATE), kafka=settings.kafka)
    ) as topic:
        records = topic.latest(lambda key: key == META)
    return {partition: json.loads(value) for (_, partition), value in records.items()}
