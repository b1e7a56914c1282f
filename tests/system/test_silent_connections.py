"""A thousand silent connections on the port of a worker that has few files and must reconnect.

The broker cuts connections that are idle instead of restarting: a restart may end the worker for
a reason of its own, see `streams.worker.watchdog`.
"""

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
from tests.support.worker_process import WorkerProcess, feed, prepare, short_timings, wait_for_end
from tests.system.test_worker import events

pytestmark = pytest.mark.kafka

_FILES = 128  # a worker at work has about 30 open
_IDLE_S = 2


@pytest.mark.timeout(400)
def test_a_worker_goes_on_beside_silent_connections(
    kafka_libs: Path, many_files: None, tmp_path: Path
) -> None:
    broker = KafkaServer(
        tmp_path / "kafka", kafka_libs, f"connections.max.idle.ms={1000 * _IDLE_S}"
    )
    with ExitStack() as stack:
        stack.callback(broker.kill)
        broker.start()
        port = free_port()
        settings = short_timings(
            broker.bootstrap, "silent.", partitions=1, http_host="127.0.0.1", http_port=port
        )
        prepare(settings)
        records = events(settings)
        feed(settings, islice(records, 2_000))
        worker = stack.enter_context(WorkerProcess(settings, tmp_path / "worker.log"))
        wait_for_end(settings, worker)
        resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (_FILES, _FILES))
        for _ in range(1_000):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", port), 8))
            with suppress(OSError):
                sock.send(b"GET /livez HTTP/1.1\r\n")
        time.sleep(2 * _IDLE_S)
        feed(settings, records)
        wait_for_end(settings, worker, seconds=60)
        assert len(os.listdir(f"/proc/{worker.pid}/fd")) < _FILES - 8
        for page in ("livez", "readyz", "metrics"):
            started = time.monotonic()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=4) as answer:
                assert answer.status == 200, page
            assert time.monotonic() - started < 2
