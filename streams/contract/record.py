"""Defines a record for a topic, as a producer takes it."""

from __future__ import annotations

from typing import Any, NamedTuple


class Record(NamedTuple):
    """One record to produce: when (epoch ms), where, and what.

    `value` is a dict, or the bytes of one where a file already has them.
    """

    at: int
    topic: str
    key: str
    value: dict[str, Any] | bytes
