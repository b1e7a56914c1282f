"""Messages by hand: what one carries, and many written one by one."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import Message, Producer


def headers_of(message: Message) -> dict[str, bytes]:
    """Headers by name: bytes, as they were written, though the client's type allows more."""
    found: dict[str, bytes] = {}
    for name, value in dict(message.headers() or ()).items():
        assert isinstance(value, bytes), f"header {name} is {value!r}"
        found[name] = value
    return found


def write(
    producer: Producer, topic: str, partition: int, records: Iterable[tuple[bytes, bytes | None]]
) -> None:
    """Produce keys and values, however full the queue, and see them acknowledged."""
    for key, value in records:
        while True:
            try:
                producer.produce(topic, value, key, partition=partition)
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(120) == 0
