"""A thousand silent connections on the port of a worker that has few files; a broker restarts."""

from __future__ import annotations

import os
import resource
import socket
import time
import urllib.request
from contextlib import ExitStack, suppress
from itertools import islice
from pathlib import Path

import pytest

from streams.sandbox.embedded_broker import free_port
from tests.broker.kafka_server import KafkaServer
from tests.support.worker_process import (
    WorkerProcess,
    feed,
    prepare,
    short_timings,
    simulated_events,
    wait_for_end,
)

pytestmark = pytest.mark.kafka

_FILES = 160  # a worker at work has about 50 open, and 64 are for those who ask


@pytest.mark.timeout(400)
def test_a_worker_outlasts_a_broker_restart_beside_silent_connections(
    own_kafka: KafkaServer, many_files: None, tmp_path: Path
) -> None:
    port = free_port()
    settings = short_timings(
        own_kafka.bootstrap, "silent.", partitions=1, http_host="127.0.0.1", http_port=port
    )
    prepare(settings)
    records = simulated_events()
    feed(settings, islice(records, 2_000))
    with WorkerProcess(settings, tmp_path / "worker.log") as worker, ExitStack() as stack:
        wait_for_end(settings, worker)
        _rest(port)
        resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (_FILES, _FILES))
        for _ in range(1_000):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", port), 8))
            with suppress(OSError):
                sock.send(b"GET /livez HTTP/1.1\r\n")
        own_kafka.restart()
        feed(settings, records)
        wait_for_end(settings, worker, seconds=60)
        assert len(os.listdir(f"/proc/{worker.pid}/fd")) < _FILES - 8
        for page in ("livez", "readyz", "metrics"):
            started = time.monotonic()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=4) as answer:
                assert answer.status == 200, page
            assert time.monotonic() - started < 2


def _rest(port: int) -> None:
    """Wait until the worker commits nothing more.

    A broker that stops in the middle of a commit is the matter of `tests.chaos`: the client can
    hang in it for good (librdkafka#5456), and the process then ends itself, which is no fault of
    the silent connections.
    """
    before: list[str] = []
    while (commits := _commits(port)) != before:
        before = commits
        time.sleep(2)


def _commits(port: int) -> list[str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=4) as answer:
        lines = answer.read().decode().splitlines()
    found = [line for line in lines if line.startswith("interest_streams_commits_total ")]
    assert found
    return found
