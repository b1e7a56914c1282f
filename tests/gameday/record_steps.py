"""What producers send that they should not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import orjson

from streams.contract.topics import FACTS
from tests.gameday.stage import Stage
from tests.gameday.traffic import producer


def torn_fact(stage: Stage) -> Iterator[None]:
    """A fact arrives torn: it may have been a withdrawal."""
    send(stage, FACTS, [(b"acc-torn", b'{"event_id":"e-torn","kind":"cons')])
    yield


def send(stage: Stage, topic: str, records: Iterable[tuple[bytes, object]]) -> None:
    """Produce records as the producers' user; what is no bytes becomes JSON."""
    settings = stage.as_user("producer")
    own = producer(settings)
    for key, value in records:
        whole = value if isinstance(value, bytes) else orjson.dumps(value)
        own.produce(settings.topic(topic), whole, key)
    assert own.flush(60.0) == 0
