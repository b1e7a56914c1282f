"""Failures of other Kafka stream processors when they restore."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from streams.contract.topics import STATE
from streams.errors import LostOffsets
from streams.worker.restore import Restore
from tests.broker.memory_broker import MemoryBroker, Transaction
from tests.broker.memory_clients import ports
from tests.simulation import inputs
from tests.support.small_worker import (
    NETWORK_TOPIC,
    committed,
    engines,
    event,
    fed,
    new_broker,
    put,
    start,
    steps,
)

pytestmark = pytest.mark.usefixtures("calm")


# -- recovery hangs ------------------------------------------------------------------------------


def _txn(broker: MemoryBroker, state: str, *records: tuple[bytes, bytes]) -> None:
    """Write to the changelog in a transaction that ends so."""
    broker.fence("t")
    coordinator = broker.coordinators["t"]
    coordinator.txn = Transaction(broker.now, 60.0)
    for key, value in records or [(b"k", b"v")]:
        broker.put(STATE, 0, value, key, coordinator.txn)
    broker.end(coordinator, state)


def _compacted(broker: MemoryBroker) -> None:
    _txn(broker, "committed", (b"k", b"old"), (b"k", b"v"))
    broker.log(STATE, 0).compact()


def _emptied(broker: MemoryBroker) -> None:
    for value in (b"v", None):
        broker.put(STATE, 0, value, b"k")
    broker.log(STATE, 0).compact()


def _beheaded(broker: MemoryBroker) -> None:
    for i in range(5):
        broker.put(STATE, 0, b"v", b"k%d" % i)
    broker.log(STATE, 0).delete_before(4)


CHANGELOGS: dict[str, Callable[[MemoryBroker], Any]] = {
    "empty": lambda broker: None,
    "exactly one record": lambda broker: broker.put(STATE, 0, b"v", b"k"),
    "a marker at its tail": partial(_txn, state="committed"),
    "only aborted records": partial(_txn, state="aborted"),
    "compacted": _compacted,
    "compacted to nothing": _emptied,
    "its beginning deleted": _beheaded,
}


@pytest.mark.parametrize("name", CHANGELOGS)
def test_recovery_ends_whatever_the_changelog_looks_like(name: str) -> None:
    """faust#176, #597, #651, #47, #74; quix-streams#1017, #1067, #817, #769."""
    broker = new_broker()
    CHANGELOGS[name](broker)
    restore = Restore(inputs.settings(), [0], inputs.new_engine, ports(broker, "w"))
    turns = next(n for n in range(50) if restore.step(0.2))
    assert turns < 5
    restore.close()


def test_recovery_ends_when_records_are_deleted_while_it_reads() -> None:
    """quix-streams#769."""
    broker = new_broker()
    for i in range(20_000):
        broker.put(STATE, 0, b"v", b"k%d" % (i % 100))
    restore = Restore(inputs.settings(), [0], inputs.new_engine, ports(broker, "w"))
    broker.around = _deletes(broker)
    assert any(restore.step(0.2) for _ in range(50))
    restore.close()


def _deletes(broker: MemoryBroker) -> Any:
    calls = iter(range(1_000_000))

    def around(owner: str, call: str, effect: Any) -> Any:
        if call == "consume" and next(calls) == 1:
            broker.log(STATE, 0).delete_before(15_000)
        return effect()

    return around


# -- a stale checkpoint survives a crash ---------------------------------------------------------


def test_state_of_an_aborted_commit_is_not_restored() -> None:
    """KAFKA-20685, KAFKA-16017."""
    broker = fed()
    worker = start(broker)
    steps(10, worker)
    good = {e.key: e.value for _, e in broker.log(STATE, 0).read(0, True)}
    ahead = {**json.loads(good[b"p/meta"] or b"")}
    ahead["offsets"] = {name: [99, -1] for name in ahead["offsets"]}
    _txn(broker, "aborted", (b"p/meta", json.dumps(ahead).encode()), (b"s/a", b"stale"))
    worker.leave()
    worker = start(broker, "w1")
    steps(10, worker)
    assert engines(worker)[0].profile(b"a") is not None
    put(broker, NETWORK_TOPIC, "a", event("a", inputs.START_MS + 120_000))
    steps(10, worker)
    assert committed(broker, NETWORK_TOPIC) == 2


def test_state_and_offsets_that_disagree_are_refused() -> None:
    broker = fed()
    worker = start(broker)
    steps(10, worker)
    worker.leave()
    broker.group("sim").offsets[NETWORK_TOPIC, 0] = 0
    worker = start(broker, strict_limits=True)
    with pytest.raises(LostOffsets, match="Offsets were moved by hand"):
        steps(20, worker)
