"""The latest records of a deployment's compacted topics, for commands that need a few of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from streams.kafka.compacted import CompactedTopic
from streams.settings import Settings


def read_latest(
    settings: Settings, name: str, wants: Callable[[bytes], bool], timeout: float = 300.0
) -> dict[tuple[bytes, int], bytes]:
    """Read what `CompactedTopic.latest` gives of a deployment's topic, named without prefix.

    Raises
    ------
    ReaderError
        Where the broker does not answer, or the topic is absent or not read in time.
    """
    topic = CompactedTopic(settings.bootstrap_servers, settings.topic(name), kafka=settings.kafka)
    with closing(topic):
        return topic.latest(wants, timeout)
