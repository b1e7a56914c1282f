"""What happens to the brokers, and to who uses them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from confluent_kafka import Producer

from streams.contract.topics import INPUTS, NETWORK
from streams.kafka import access
from tests.gameday.stage import Stage
from tests.gameday.traffic import now_ms, producer
from tests.support.processes import run_command

_OLD_MS = 400_000  # above what PartitionStuck takes for stuck
_LITTLE = 500  # bytes a second of a worker at each broker: what comes in is tens of times that
_PATIENCE_S = 240.0
_TOOL_S = 300.0


def outage(stage: Stage) -> Iterator[None]:
    """All brokers are gone for two minutes; workers wait, and go on by themselves."""
    before = {slot: worker.pid for slot, worker in stage.workers.items()}
    since = time.monotonic()
    stage.broker.kill()
    yield
    stage.wait_for(lambda: time.monotonic() - since > stage.outage_s, stage.outage_s + 1.0)
    stage.broker.start()
    assert {slot: worker.pid for slot, worker in stage.workers.items()} == before


def leader_changes(stage: Stage) -> Iterator[None]:
    """Each broker in turn is restarted, as by a rolling update of Kafka."""
    for server in stage.broker.servers:
        server.restart()
        stage.broker.wait_in_sync()
    yield


def disk_full(stage: Stage) -> Iterator[None]:
    """The disk of half of one broker takes no more; given room, that broker starts again."""
    if stage.disk.there:  # it takes root's rights
        stage.disk.fill()
        stage.wait_for(lambda: False, 15.0)
        stage.disk.empty()
        stage.broker.servers[0].restart()
        stage.broker.wait_in_sync()
    yield


def hanging_transaction(stage: Stage) -> Iterator[None]:
    """A producer's transaction stays open behind a record that is minutes old."""
    hung = _hang(stage, [(NETWORK, 0)], now_ms() - _OLD_MS)
    yield
    hung.abort_transaction(_PATIENCE_S)


def hanging_everywhere(stage: Stage) -> Iterator[None]:
    """A producer's transaction stays open in every partition of every input."""
    spots = [(name, p) for name in INPUTS for p in range(stage.settings.partitions)]
    hung = _hang(stage, spots, now_ms())
    yield
    hung.abort_transaction(_PATIENCE_S)


def quota(stage: Stage) -> Iterator[None]:
    """The workers' users get a quota far below what comes in, as `config users` says it."""
    said = stage.command("", "config", "users", "--fetch-quota", str(_LITTLE))
    user = access.BY_NAME["worker"].user(stage.settings)
    [line] = [line for line in said.splitlines() if line.endswith(f"--entity-name {user}")]
    [change] = re.findall(r"--add-config (\S+)", line)
    _set_quotas(stage, f"--add-config={change}")
    yield
    _set_quotas(stage, f"--delete-config={change.partition('=')[0]}")


def _hang(stage: Stage, spots: Iterable[tuple[str, int]], at_ms: int) -> Producer:
    hung = producer(
        stage.settings,
        transactional_id="somebody",
        transaction_timeout_ms=600_000,
        message_timeout_ms=240_000,
    )
    hung.init_transactions(_PATIENCE_S)
    hung.begin_transaction()
    for name, partition in spots:
        topic = stage.settings.topic(name)
        hung.produce(topic, b"{}", b"acc-hung", partition=partition, timestamp=at_ms)
    assert hung.flush(_PATIENCE_S) == 0
    return hung


def _set_quotas(stage: Stage, change: str) -> None:
    """Of each worker's user, by the name that a broker has for it, all at once."""
    names = [f"CN=w{slot}" if slot % 2 else f"w{slot}" for slot in sorted(stage.wanted)]
    libs, where = stage.broker.servers[0].libs, stage.broker.bootstrap
    commands = [
        ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{libs}/*", "kafka.admin.ConfigCommand",
         "--bootstrap-server", where, "--alter", change,
         "--entity-type", "users", "--entity-name", name]
        for name in names
    ]  # fmt: skip
    with ThreadPoolExecutor(len(commands)) as pool:
        list(pool.map(lambda command: run_command(command, _TOOL_S), commands))
