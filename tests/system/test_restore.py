"""Coming back: what a worker does with the changelog and the offsets it finds on a real Kafka."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from streams.commands import accounting
from streams.contract.record import Record
from streams.contract.topics import APP, INPUTS, NETWORK, STATE
from streams.sandbox.simulator import Simulation, simulated
from streams.settings import Settings
from streams.worker import binding
from tests.conftest import Names
from tests.support.command_line import command
from tests.support.evidence import collect
from tests.support.messages import write
from tests.support.processes import stands_still, wait_until
from tests.support.verifier import verify, violated
from tests.support.worker_process import WorkerProcess, deployed, feed, taken, wait_for_end

pytestmark = pytest.mark.kafka

RESTORING = (sys.executable, "-m", "tests.support.restoring_worker")


def events(households: int = 30) -> Iterator[Record]:
    return (record for record in simulated(Simulation(5, households, 6)) if record.topic in INPUTS)


@pytest.fixture
def settled(kafka: str, names: Names, tmp_path: Path) -> Settings:
    """A deployment whose worker has taken 2,000 records and was stopped; it ends, strictly."""
    settings = deployed(kafka, names.prefix, strict_limits=True)
    feed(settings, islice(events(), 2_000))
    with WorkerProcess(settings, tmp_path / "first.log") as worker:
        wait_for_end(settings, worker)
        assert worker.terminate() == 0
    return settings


def test_records_deleted_unread_stop_it_until_the_offsets_are_reset(
    settled: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    feed(settled, islice(events(), 2_000, 4_000))
    admin = AdminClient({"bootstrap.servers": settled.bootstrap_servers})
    gone = {}
    for partition in range(settled.partitions):
        committed = collect(settled, partition).offsets[settled.topic(NETWORK)]
        spot = TopicPartition(settled.topic(NETWORK), partition, committed + 5)
        admin.delete_records([spot])[spot].result(30)
        gone[partition] = committed
    with WorkerProcess(settled, tmp_path / "worker.log") as worker:
        assert worker.wait(240) == 4
        assert "records were deleted by retention before they were read" in worker.text()
        assert "`interest-streams offsets reset`" in worker.text()
        assert "Traceback" not in worker.text()
    assert command(settled, monkeypatch, "offsets", "reset") == 0
    said = capsys.readouterr().out
    for partition, committed in gone.items():
        assert (
            f"{settled.topic(NETWORK)}[{partition}]: 5 records from {committed} to "
            f"{committed + 4} are gone"
        ) in said
    assert collect(settled, 0).offsets[settled.topic(NETWORK)] == gone[0], "it only asks first"
    assert command(settled, monkeypatch, "offsets", "reset", "--yes") == 0
    before = collect(settled, 0)
    with WorkerProcess(settled, tmp_path / "worker.log") as worker:
        wait_for_end(settled, worker)
        assert command(settled, monkeypatch, "offsets", "reset") == 0
        assert "nothing to do: group" in capsys.readouterr().out
    after = collect(settled, 0)
    kept = {key for key in before.folded if key.startswith(b"s/")}
    assert kept <= after.folded.keys(), "what was learned stays"
    account = accounting.read(settled)
    assert account.balanced
    assert account.gone[settled.topic(NETWORK)] == sum(gone.values()) + 5 * len(gone)


def test_offsets_are_not_reset_under_a_running_worker(
    settled: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with WorkerProcess(settled, tmp_path / "worker.log") as worker:
        wait_until(lambda: "restored 3 partitions" in worker.text(), 240, worker.text)
        admin = AdminClient({"bootstrap.servers": settled.bootstrap_servers})
        feed(settled, (Record(0, APP, "acc-1", b"{") for _ in range(50)))
        wait_for_end(settled, worker)
        spot = TopicPartition(settled.topic(APP), 0, -1)
        admin.delete_records([spot])[spot].result(30)
        ahead = {
            name: (at + 3 if name == settled.topic(APP) else at)
            for name, at in collect(settled, 0).offsets.items()
        }
        assert ahead
        from streams.commands import offsets

        move = offsets.Move(settled.topic(APP), 0, 1, 2, "gone")
        with pytest.raises(offsets.GroupAlive, match="stop every worker first"):
            offsets.move_offsets(settled, [move], {}, binding.owner_now(settled))


def test_a_changelog_of_another_format_is_refused(settled: Settings, tmp_path: Path) -> None:
    meta = json.loads(collect(settled, 1).folded[b"p/meta"])
    producer = Producer({"bootstrap.servers": settled.bootstrap_servers})
    producer.produce(
        settled.topic(STATE), json.dumps({**meta, "format": 99}).encode(), b"p/meta", partition=1
    )
    assert producer.flush(30) == 0
    with WorkerProcess(settled, tmp_path / "worker.log") as worker:
        assert worker.wait(240) == 1
        assert (
            f"{settled.topic(STATE)}[1]: the changelog was written with format = 99, "
            "this worker has 2"
        ) in worker.text()
        assert "`interest-streams state reset`" in worker.text()
        assert "Traceback" not in worker.text()


def test_a_kafka_setting_that_the_client_refuses_is_named(
    kafka: str, names: Names, tmp_path: Path
) -> None:
    settings = deployed(kafka, names.prefix, kafka={"fetch.max.bytes": "10"})
    with WorkerProcess(settings, tmp_path / "worker.log") as worker:
        assert worker.wait(240) == 2
        assert "fetch.max.bytes" in worker.text()
        assert "Traceback" not in worker.text()


def test_other_half_lives_are_refused(settled: Settings, tmp_path: Path) -> None:
    with WorkerProcess(
        replace(settled, half_lives_days=(1.0, 7.0, 30.0)), tmp_path / "worker.log"
    ) as worker:
        assert worker.wait(240) == 1
        assert "half_lives = [1.0, 7.0, 60.0]" in worker.text()


def test_rebalances_in_the_middle_of_a_restore(settled: Settings, tmp_path: Path) -> None:
    _write_and_delete(settled, {b"s/none%d" % n: b"" for n in range(100_000)})
    feed(settled, islice(events(), 2_000, 4_000))
    patient = replace(settled, watchdog_ms=300_000)  # it stands still for as long as two starts
    with WorkerProcess(patient, tmp_path / "one.log", RESTORING) as one:
        wait_until(lambda: stands_still(one.pid), 240, one.text)  # the group moves on without it
        assert "restored 3" not in one.text(), "void: the restore had ended"
        other = replace(patient, instance_id="w2")
        with WorkerProcess(other, tmp_path / "two.log", RESTORING) as two:
            wait_until(lambda: stands_still(two.pid), 240, two.text)
            assert "restored 3" not in two.text(), "void: the restore had ended"
            for worker in (one, two):
                worker.signal(signal.SIGCONT)
            wait_for_end(settled, one, two)
            assert not violated(verify(settled))


def test_progress_of_a_restore_is_in_the_log_and_in_metrics(
    settled: Settings, tmp_path: Path
) -> None:
    _write_and_delete(settled, {b"s/none%d" % n: b"" for n in range(60_000)})
    with WorkerProcess(settled, tmp_path / "worker.log") as worker:
        wait_until(lambda: "restored 3 partitions" in worker.text(), 240, worker.text)
        found = re.search(r"restored 3 partitions: (\d+) records in ([\d.]+) s", worker.text())
        assert found is not None and int(found[1]) > 180_000
    assert taken(settled) == 2_000


def _write_and_delete(settings: Settings, records: dict[bytes, bytes]) -> None:
    """Make the changelog long without changing what it says."""
    producer = Producer(
        {"bootstrap.servers": settings.bootstrap_servers, "enable.idempotence": True}
    )
    for partition in range(settings.partitions):
        for value in (b"x", None):
            write(producer, settings.topic(STATE), partition, ((key, value) for key in records))
