"""How long until somebody commits again after kill -9, with and without warm copies.

``python -m tests.chaos.takeover --rows 1000000`` writes a changelog of so many interest rows a
partition, lets two workers share the partitions, kills one while events flow, and measures from
the kill to the first commit of its partitions.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from confluent_kafka import Producer

from features.engine import Engine
from features.records.batch import parse
from features.records.decoder import NETWORK as KIND
from features.records.decoder import Limits
from features.records.position import Position
from features.state.contents import Contents
from features.tags import taxonomy
from features.tags.exact import exact_tags
from streams.contract.topics import INPUTS, NETWORK, STATE
from streams.settings import Settings
from streams.worker.wiring import engine_config
from tests.broker.kafka_server import started_kafka
from tests.chaos.progress import Progress
from tests.support.messages import write
from tests.support.processes import wait_until
from tests.support.worker_process import WorkerProcess, deployed

_PARTITIONS = 2
_START_MS = 1_556_800_000_000
_HOSTS = ("bbc.co.uk", "github.com", "netflix.com", "spotify.com")
_BATCH = 50_000


def main() -> int:
    """Measure without, then with copies."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="interest rows a partition")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--session", type=int, default=6_000, help="session_timeout_ms")
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="takeover-") as name,
        started_kafka(Path(name) / "kafka") as broker,
    ):
        for standby in (False, True):
            settings = deployed(
                broker.bootstrap,
                f"standby-{standby}-".lower(),
                partitions=_PARTITIONS,
                consent_default="grant",
                partitioner="any",  # every account is in each partition
                standby=standby,
                restore_timeout_ms=900_000,
                session_timeout_ms=args.session,
            )
            records, rows, spent = write_changelog(settings, args.rows)
            print(
                f"changelog: {records:,} records, {rows:,} rows a partition, made in {spent:.0f} s",
                flush=True,
            )
            times = [kill_and_wait(settings, Path(name), n) for n in range(args.kills)]
            print(
                f"standby {standby}: first commit after kill -9 in "
                f"{statistics.median(times):.1f} s (median of {len(times)}), worst "
                f"{max(times):.1f} s; session_timeout_ms {settings.session_timeout_ms}",
                flush=True,
            )
    return 0


def write_changelog(settings: Settings, rows: int) -> tuple[int, int, float]:
    """Fold made-up events until a partition has so many rows, and write its state to each."""
    started = time.monotonic()
    engine = Engine(
        engine_config(settings), taxonomy.load(), Contents(taxonomy.load(), exact_tags())
    )
    number = 0
    while engine.store.counters["rows_live"] < rows:
        raws = [_event(n, _START_MS) for n in range(number, number + _BATCH)]
        keys: list[bytes | None] = [b"acc-%d" % n for n in range(number, number + _BATCH)]
        batch, _ = parse(
            raws,
            keys,
            np.full(_BATCH, KIND, np.uint8),
            np.zeros(_BATCH, np.int32),
            np.arange(_BATCH),
            Limits(),
        )
        engine.apply(batch)
        number += _BATCH
    found = int(engine.store.counters["rows_live"])
    state = engine.collect({settings.topic(name): Position(0, -1) for name in INPUTS}).state
    producer = Producer(
        {
            "bootstrap.servers": settings.bootstrap_servers,
            "linger.ms": 20,
            "enable.idempotence": True,
            "compression.type": "lz4",
        }
    )
    for partition in range(settings.partitions):
        write(producer, settings.topic(STATE), partition, state.items())
    return len(state), found, time.monotonic() - started


def kill_and_wait(settings: Settings, root: Path, number: int) -> float:
    """Seconds from the kill of one of two workers to a commit of every partition."""
    stopped = threading.Event()
    flow = threading.Thread(target=_flow, args=(settings, stopped), daemon=True)
    logs = [root / f"{settings.topic_prefix}{number}-{name}.log" for name in ("one", "two")]
    with (
        WorkerProcess(replace(settings, instance_id=f"one{number}"), logs[0]) as one,
        WorkerProcess(replace(settings, instance_id=f"two{number}"), logs[1]) as two,
    ):
        flow.start()
        for worker in (one, two):
            wait_until(partial(worker.has_said, "restored 1 partitions"), 900, worker.text)
        progress = Progress(settings, endless=True)
        since = time.monotonic()
        wait_until(partial(progress.has_recovered, since), 120)
        time.sleep(10.0)  # the copies get to the end
        killed = time.monotonic()
        two.kill()
        # What was under way may be seen a moment later: only what comes after counts.
        wait_until(partial(progress.has_recovered, killed + 1.0), 900, one.text)
        took = (progress.recovered(killed + 1.0) or killed) - killed
        restored = re.findall(r"restored \d+ partitions: .*", one.text())[-1]
        print(f"  kill {number + 1}: {took:.1f} s; {restored}", flush=True)
        stopped.set()
        progress.stop()
    flow.join()
    return took


def _flow(settings: Settings, stopped: threading.Event) -> None:
    """A few events a second in every partition, until stopped."""
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers, "linger.ms": 0})
    for number in _count():
        if stopped.wait(0.05):
            break
        for partition in range(settings.partitions):
            producer.produce(
                settings.topic(NETWORK),
                _event(number % 1_000, _START_MS + number),
                b"acc-%d" % (number % 1_000),
                partition=partition,
            )
        producer.poll(0)
    producer.flush(10)


def _event(number: int, at: int) -> bytes:
    return (
        b'{"event_id":"e%d-%d","account_id":"acc-%d","ts":%d,"line":"mobile","host":"%b",'
        b'"duration_ms":600000}' % (number, at, number, at, _HOSTS[number % len(_HOSTS)].encode())
    )


def _count() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1


if __name__ == "__main__":
    raise SystemExit(main())
