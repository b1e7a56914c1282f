"""Calls of a broker in memory that fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.broker.memory_broker import MemoryBroker, failure


def failing(broker: MemoryBroker, call: str, code: int, times: int) -> None:
    """Let a call fail so many times."""
    left = [times]

    def around(owner: str, name: str, effect: Callable[[], Any]) -> Any:
        if name == call and left[0] > 0:
            left[0] -= 1
            raise failure(code)
        return effect()

    broker.around = around
