"""What a message carries, as it was written."""

from __future__ import annotations

from confluent_kafka import Message


def headers_of(message: Message) -> dict[str, bytes]:
    """Headers by name: bytes, as they were written, though the client's type allows more."""
    found: dict[str, bytes] = {}
    for name, value in dict(message.headers() or ()).items():
        assert isinstance(value, bytes), f"header {name} is {value!r}"
        found[name] = value
    return found
