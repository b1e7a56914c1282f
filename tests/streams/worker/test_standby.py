"""Warm copies: as good as the log they were folded from, and taken over without a restore."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from features.state.folded_changelog import FoldedChangelog
from streams.contract.record import Record
from streams.contract.topics import INPUTS, NETWORK, STATE
from streams.sandbox.simulator import Simulation, simulated
from streams.settings import Settings, SettingsError, load
from streams.worker.standby import Standby
from tests.broker import memory_clients
from tests.broker.kafka_server import free_ports
from tests.broker.memory_broker import MemoryBroker
from tests.conftest import Names
from tests.support.http_page import ask
from tests.support.processes import wait_until
from tests.support.reference import read
from tests.support.verifier import verify, violated
from tests.support.worker_process import WorkerProcess, deployed, feed, taken, wait_for_end

_HOUR_S = 3_600.0


class Log:
    """A changelog of two partitions in memory, and one who writes it."""

    def __init__(self) -> None:
        self.broker = MemoryBroker()
        self.broker.create(STATE, 2)
        self.settings = Settings(topic_prefix="")
        self._ports = memory_clients.ports(self.broker, "writer")
        self._count = 0

    def write(
        self, partition: int, key: bytes, value: bytes | None, *, abort: bool = False
    ) -> None:
        """One transaction."""
        self._count += 1
        producer = self._ports.producer(
            {"transactional.id": f"t{self._count}", "transaction.timeout.ms": 10_000}
        )
        producer.init_transactions(5.0)
        producer.begin_transaction()
        producer.produce(STATE, value, key, partition=partition)
        if abort:
            producer.abort_transaction(5.0)
        else:
            producer.commit_transaction(5.0)

    def standby(self) -> Standby:
        """One who follows it."""
        return Standby(self.settings, memory_clients.ports(self.broker, "standby"))


@pytest.fixture
def log() -> Log:
    return Log()


def follow(standby: Standby, owned: set[int]) -> None:
    for _ in range(5):
        standby.follow(owned)


def test_a_copy_is_the_fold_of_what_was_committed(log: Log) -> None:
    standby = log.standby()
    log.write(1, b"a", b"1")
    log.write(1, b"b", b"1")
    follow(standby, {0})
    log.write(1, b"a", b"2")
    log.write(1, b"b", None)
    log.write(1, b"c", b"3", abort=True)
    follow(standby, {0})
    copies = standby.take([0, 1])
    assert copies.keys() == {1}
    assert copies[1].folded.others == {b"a": b"2"}
    assert copies[1].position > 0


def test_only_partitions_of_others_are_followed(log: Log) -> None:
    standby = log.standby()
    log.write(0, b"a", b"1")
    log.write(1, b"b", b"1")
    follow(standby, {0})
    follow(standby, {1})
    assert standby.take([1]) == {}
    assert standby.take([0])[0].folded.others == {b"a": b"1"}


def test_a_partition_that_was_taken_and_lost_is_read_anew(log: Log) -> None:
    standby = log.standby()
    log.write(1, b"a", b"1")
    follow(standby, {0})
    standby.take([1])
    log.write(1, b"a", None)
    follow(standby, {0, 1})
    follow(standby, {0})
    assert standby.take([1])[1].folded == FoldedChangelog()


def test_a_copy_that_has_not_seen_the_end_for_long_is_read_anew(log: Log) -> None:
    """Its tombstones may be compacted away by now: what was erased would come back."""
    standby = log.standby()
    log.write(1, b"erased", b"1")
    follow(standby, {0})
    log.write(1, b"erased", None)
    log.broker.sleep(25 * _HOUR_S)
    log.broker.log(STATE, 1).compact()
    log.write(1, b"b", b"2")
    follow(standby, {0})
    assert standby.take([1])[1].folded.others == {b"b": b"2"}


def test_the_setting_is_read() -> None:
    assert load(environ={"INTEREST_STREAMS_STANDBY": "true"}).standby is True
    assert load(environ={"INTEREST_STREAMS_STANDBY": "False"}).standby is False
    with pytest.raises(SettingsError, match="standby = 'perhaps': expected bool"):
        load(environ={"INTEREST_STREAMS_STANDBY": "perhaps"})


@pytest.mark.kafka
def test_after_a_kill_the_copy_is_taken_over(kafka: str, names: Names, tmp_path: Path) -> None:
    [port] = free_ports(1)
    http: dict[str, Any] = {"http_port": port, "http_host": "127.0.0.1"}
    settings = deployed(kafka, names.prefix, standby=True, partitions=2, **http)
    first, second = _halves()
    feed(settings, first)
    with WorkerProcess(settings, tmp_path / "one.log") as one:
        wait_for_end(settings, one)
        other = replace(settings, instance_id="w2", http_port=0)
        with WorkerProcess(other, tmp_path / "two.log") as two:
            wait_until(lambda: "assigned partitions" in two.text(), 240, two.text)
            wait_until(lambda: len(_restored(one)) > 1 and bool(_restored(two)), 240, one.text)
            feed(settings, second)
            wait_for_end(settings, one, two)
            before = taken(settings)
            _await_copy(settings, one, two)
            two.kill()
            feed(settings, (Record(0, INPUTS[1], f"acc-{n}", b"{") for n in range(40)))
            wait_for_end(settings, one)
            assert taken(settings) == before + 40
            # its own partition was kept, and of the other one's it had a copy
            assert _restored(one)[-1] < 50, one.text()
            assert not violated(verify(settings))


def _halves() -> tuple[Iterator[Record], Iterator[Record]]:
    """The second is of one input: it meets workers at the end of all (`inlet`)."""
    events = [record for record in simulated(Simulation(9, 25, 6)) if record.topic in INPUTS]
    half = len(events) // 2
    return iter(events[:half]), (one for one in events[half:] if one.topic == NETWORK)


def _await_copy(settings: Settings, one: WorkerProcess, two: WorkerProcess) -> None:
    """Wait until one has a copy of all that is committed of the other's partition."""
    [partition] = {int(n) for n in re.findall(r"assigned partitions \[(\d)\]", two.text())[-1:]}
    wanted = sum(1 for _ in read(settings, STATE, partition))
    name = re.compile(r"^interest_streams_standby_records_total (\S+)$", re.M)

    def followed() -> float:
        return float(name.findall(ask(settings.http_port, "/metrics")[1].decode())[0])

    wait_until(lambda: followed() >= wanted, 240, lambda: f"{followed()} of {wanted}")


def _restored(worker: WorkerProcess) -> list[int]:
    return [int(n) for n in re.findall(r"restored \d+ partitions: (\d+) records", worker.text())]
