"""Calls of a broker in memory that fail, and copies that are killed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from streams.kafka import copying
from streams.kafka.copying import Copier, Outgoing
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


class Killed(BaseException):
    """The process is gone."""


@contextmanager
def killed(monkeypatch: pytest.MonkeyPatch, commits: int, *, before: bool) -> Iterator[None]:
    """Let a copying process end around its n-th commit: in the midst of it, or right after it."""
    original: Callable[..., None] = Copier.commit
    left = [commits]

    def commit(self: Copier, copies: Iterable[Outgoing], *more: Any) -> None:
        left[0] -= 1
        if left[0] < 0 and before:
            producer = self._new_producer()
            producer.begin_transaction()
            for copy in copies:
                copying._produce(producer, copy)
            producer.flush(10)
            raise Killed
        original(self, copies, *more)
        if left[0] < 0:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Copier, "commit", commit)
        yield
