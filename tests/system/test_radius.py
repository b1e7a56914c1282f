"""One bad thing stops only itself: workers as processes on a real Kafka."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Message, Producer, TopicPartition

from streams.contract.topics import APP, FACTS, NETWORK, TV
from streams.kafka.consumer_group import Group, GroupError
from streams.sandbox.embedded_broker import free_port
from streams.settings import Settings
from tests.broker.kafka_server import KafkaServer, Options, started_kafka
from tests.conftest import Names
from tests.support.app_process import app_process
from tests.support.evidence import collect
from tests.support.holding_worker import HoldingProcess
from tests.support.http_page import ask
from tests.support.processes import FairClock, wait_until
from tests.support.verifier import verify, violated
from tests.support.worker_process import (
    WorkerProcess,
    deployed,
    feed,
    lag,
    prepare,
    short_timings,
    simulated_events,
    wait_for_end,
)

pytestmark = [pytest.mark.kafka]
GOOD, BAD = 1, 0  # partitions
MOST_DELAY_S = 5.0


@pytest.fixture
def broker(tmp_path: Path, kafka_jars: object) -> Iterator[KafkaServer]:
    with started_kafka(tmp_path / "kafka") as server:
        yield server


class Sender:
    """Sends to a given partition."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer = Producer(
            {
                "bootstrap.servers": settings.bootstrap_servers,
                "message.max.bytes": 100_000_000,
                "compression.type": "gzip",
            }
        )

    def __call__(self, topic: str, partition: int, raw: bytes, key: bytes = b"k") -> None:
        self._producer.produce(self._settings.topic(topic), raw, key, partition=partition)

    def flush(self) -> None:
        """See everything acknowledged."""
        assert self._producer.flush(30) == 0

    def fact(self, partition: int, status: str = "granted") -> int:
        """A consent of an account of the partition, now; returns its offset."""
        now = time.time_ns()
        body = {"event_id": f"f-{now}", "account_id": f"acc-{partition}", "ts": now // 1_000_000}
        said = {"kind": "consent", "purpose": "profiling", "status": status}
        told: list[Message] = []
        self._producer.produce(
            self._settings.topic(FACTS),
            json.dumps(body | said),
            f"acc-{partition}",
            partition,
            on_delivery=lambda _, message: told.append(message),
        )
        self.flush()
        return told[0].offset() or 0


def _noise(size: int) -> bytes:
    """Bytes that no compression makes smaller."""
    return random.Random(1).randbytes(size)


def delay_of_facts(settings: Settings, send: Sender, partition: int) -> float:
    """Seconds of a `FairClock` until a fact of a partition is committed."""
    clock = FairClock()
    offset = send.fact(partition)
    spot = TopicPartition(settings.topic(FACTS), partition)
    with Group(settings) as group:
        committed = 0
        while committed <= offset:
            assert clock.passed() < 60, "the fact is not taken"
            time.sleep(0.05)
            with suppress(GroupError):  # a coordinator that is busy is asked again
                committed = group.committed([spot]).get((spot.topic, partition), 0)
    return clock.passed()


def test_poison_and_a_halted_input_delay_no_facts_of_another_partition(
    kafka: str, names: Names, tmp_path: Path
) -> None:
    """I14, with the bad things of the kind one after the other."""
    settings = deployed(kafka, names.prefix, partitions=2, erasure_key="k" * 32)
    send = Sender(settings)
    bad: dict[str, list[tuple[str, bytes, bytes]]] = {
        "the largest record that the broker takes": [(NETWORK, b"acc-0", _noise(1_048_300))],
        "4 MB compressed to kilobytes": [(TV, b"acc-0", b"A" * 4_000_000)],
        "1,100 bad records of one account": [(APP, b"k", b"{}")] * 1_100,
        "5,000 bad records of many": [(NETWORK, b"k%d" % (n // 100), b"[") for n in range(5_000)],
    }
    one = WorkerProcess(settings, tmp_path / "one.log")
    two = WorkerProcess(replace(settings, instance_id="w2"), tmp_path / "two.log")
    with one, two:
        for partition in (GOOD, BAD):
            send.fact(partition)
        wait_for_end(settings, one, two)
        for what, records in bad.items():
            for topic, key, raw in records:
                send(topic, BAD, raw, key)
            send.flush()
            found = max(delay_of_facts(settings, send, partition) for partition in (GOOD, BAD))
            print(f"{what}: facts of both partitions within {found:.1f} s")
            assert found < MOST_DELAY_S, what
            one.check()
            two.check()
        wait_until(lambda: one.has_said("waits at offset") or two.has_said("waits at offset"), 120)
        # Where it was: what was refused before it halted is committed a little later.
        wait_until(
            lambda: 3_900 <= lag(settings).behind < 5_000, 60, lambda: str(lag(settings).behind)
        )
    dead = collect(settings, BAD).dead
    cut = [(item.length, len(value or b"")) for item, _, value in dead if item.length > 65_536]
    assert [length for length, _ in cut] == [1_048_300, 4_000_000]
    assert all(1_047_000 < kept < 1_048_076 for _, kept in cut)
    assert not violated(verify(settings, ended=False))


def test_a_broker_that_takes_little_is_asked(tmp_path: Path, kafka_jars: object) -> None:
    little = {"message.max.bytes": "300000"}
    with started_kafka(tmp_path / "kafka", Options(properties=little)) as server:
        settings = short_timings(server.bootstrap, "small-", partitions=2)
        small = replace(settings, kafka={**settings.kafka, "batch.size": "100000"})
        prepare(small)
        feed(small, simulated_events())
        send = Sender(settings)
        send(NETWORK, BAD, bytes(range(256)) * 15_000)
        send.flush()
        with WorkerProcess(settings, tmp_path / "one.log") as worker:
            wait_for_end(settings, worker)
        assert collect(settings, BAD).dead
        assert not violated(verify(settings))


def test_an_outage_is_survived(broker: KafkaServer, tmp_path: Path) -> None:
    port = free_port()
    settings = short_timings(
        broker.bootstrap, "outage-", partitions=2, http_port=port, http_host="127.0.0.1",
        watchdog_ms=12_000, max_poll_interval_ms=14_000,
    )  # fmt: skip
    prepare(settings)
    broker.kill()
    send = Sender(settings)
    with WorkerProcess(settings, tmp_path / "one.log") as worker:
        said = "no broker answers\nwaiting for a broker: "
        wait_until(lambda: _says(port, 503, said, "nobody listens there"), 240, worker.text)
        broker.start()
        wait_until(lambda: _ready(port) == (200, "ready\n"), 120, worker.text)
        send.fact(GOOD)
        wait_for_end(settings, worker)
        send.fact(GOOD)
        broker.kill()
        seconds = wait_until(lambda: _ready(port)[0] == 503, 30, worker.text)
        print(f"not ready {seconds:.1f} s after the broker was gone")
        assert seconds < 12
        time.sleep(16)  # beyond watchdog and longest poll interval
        worker.check()
        broker.start()
        seconds = wait_until(lambda: _ready(port)[0] == 200, 120, worker.text)
        print(f"ready {seconds:.1f} s after it was back")
        assert seconds < 30
        if worker.outlives(lambda: _takes_facts(settings, send)):
            _ends_without_a_broker(broker, port, worker)
            return
    with WorkerProcess(settings, tmp_path / "again.log") as worker:
        wait_for_end(settings, worker)
        _takes_facts(settings, send)
        _ends_without_a_broker(broker, port, worker)


def _takes_facts(settings: Settings, send: Sender) -> None:
    assert delay_of_facts(settings, send, GOOD) < 30


def _ends_without_a_broker(broker: KafkaServer, port: int, worker: WorkerProcess) -> None:
    broker.kill()
    wait_until(lambda: _ready(port)[0] == 503, 60, worker.text)
    send_signal = time.monotonic()
    assert worker.terminate() == 0, worker.text()
    print(f"ended {time.monotonic() - send_signal:.1f} s after SIGTERM without a broker")


def test_an_app_without_a_broker_is_not_ready_and_is_again(
    broker: KafkaServer, tmp_path: Path
) -> None:
    settings = short_timings(broker.bootstrap, "app-", partitions=2)
    prepare(settings)
    port, log = free_port(), tmp_path / "app.log"
    given = {
        "BOOTSTRAP_SERVERS": broker.bootstrap,
        "TOPIC_PREFIX": "app-",
        "HTTP_PORT": port,
        "HTTP_HOST": "127.0.0.1",
        "SESSION_TIMEOUT_MS": 6_000,
    }
    with app_process("streams.apps.audiences", log, **given) as app:
        wait_until(lambda: _ready(port)[0] == 200, 240, log.read_text)
        broker.kill()
        seconds = wait_until(lambda: _ready(port)[1].startswith("no broker answers\n"), 30)
        assert seconds < 12
        time.sleep(20)
        broker.start()
        wait_until(lambda: app.poll() is not None or _ready(port)[0] == 200, 240, log.read_text)
        print(f"after the outage the app {'runs' if app.poll() is None else 'has ended'}")


def _ready(port: int) -> tuple[int, str]:
    try:
        status, text = ask(port, "/readyz")
    except OSError:
        return 0, "nobody listens"
    return status, text.decode()


def _says(port: int, wanted: int, begins: str, word: str) -> bool:
    status, text = _ready(port)
    return status == wanted and text.startswith(begins) and word in text


def test_sigterm_is_heard_while_kernels_compile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cold"))
    settings = short_timings("127.0.0.1:1", "x-")
    with WorkerProcess(settings, tmp_path / "one.log") as worker:
        wait_until(lambda: any((tmp_path / "cold").rglob("*.nbi")), 120, worker.text)
        assert worker.terminate(40) == 0  # to compile all takes longer
        assert worker.has_said("nothing under way")


def test_a_second_sigterm_ends_a_worker_at_once(broker: KafkaServer, tmp_path: Path) -> None:
    settings = short_timings(broker.bootstrap, "twice-")
    prepare(settings)
    with HoldingProcess(settings, tmp_path / "one.log") as worker:
        Sender(settings).fact(GOOD)
        wait_for_end(settings, worker)
        worker.hold()
        before = worker.folded
        Sender(settings).fact(GOOD)
        wait_until(lambda: worker.folded > before, 120, worker.text)
        os.kill(broker.pid, signal.SIGSTOP)
        worker.signal(signal.SIGTERM)
        wait_until(lambda: worker.has_said("leaving"), 120, worker.text)
        worker.signal(signal.SIGTERM)
        assert worker.wait(60) == 143, "it did not wait for its last commit"
