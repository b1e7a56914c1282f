"""Nothing that a take-over does not need stands between an assignment and the first commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from streams.contract.topics import STATE
from streams.worker.membership import Membership
from streams.worker.restore import Restore
from streams.worker.standby import Copy
from tests.broker.memory_clients import ports
from tests.simulation import inputs
from tests.support.small_worker import engine_with, engines, fed, start, steps

pytestmark = pytest.mark.usefixtures("calm")


def test_partitions_are_resumed_before_they_are_sought(monkeypatch: pytest.MonkeyPatch) -> None:
    """A seek wakes the client's thread that fetches, and a resume lets it sleep for a second."""
    worker = start(fed(2), "w1")
    consumer, said = worker._membership.consumer, list[str]()

    def told(name: str) -> Callable[..., Any]:
        plain = getattr(consumer, name)

        def call(*args: Any) -> Any:
            said.append(name)
            return plain(*args)

        return call

    for name in ("pause", "resume", "seek"):
        monkeypatch.setattr(consumer, name, told(name))
    while not engines(worker):
        steps(1, worker)
    assert said[:2] == ["pause", "resume"] and set(said[2:]) == {"seek"}


def test_a_copy_that_has_the_end_needs_no_reader() -> None:
    broker = fed(2)
    worker = start(broker, "w1")
    steps(20, worker)
    settings, end = inputs.settings(), broker.log(STATE, 0).end
    assert end > 0
    for position, reads in ((end, False), (end - 1, True)):
        copy = {0: Copy(position=position)}
        restore = Restore(settings, [0], engine_with, ports(broker, "w2"), copy)
        assert (restore._consumer is not None) is reads
        assert restore.step(0.0) is not reads
        restore.close()


def test_no_records_are_waited_for_amid_a_rebalance(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = fed(2)
    worker = start(broker, "w1")
    while not engines(worker):
        steps(1, worker)
    waits = list[float]()
    fetch = worker._inlet.fetch

    def waiting(consumer: Any, limit: int, timeout: float) -> Any:
        waits.append(timeout)
        return fetch(consumer, limit, timeout)

    monkeypatch.setattr(worker._inlet, "fetch", waiting)
    membership: Membership = worker._membership
    steps(1, worker)
    membership._revoked(membership.consumer, membership.consumer.assignment())
    assert membership.changing
    steps(1, worker)
    assert waits[0] == worker._settings.poll_timeout_ms / 1000.0 and waits[1] <= 0.01
