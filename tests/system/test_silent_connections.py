"""A thousand silent connections on the port of a worker that has few files; a broker restarts."""

from __future__ import annotations

import os
import resource
import socket
import time
from contextlib import ExitStack, suppress
from functools import partial
from itertools import islice
from pathlib import Path

import pytest

from streams.sandbox.embedded_broker import free_port
from streams.settings import Settings
from tests.broker.kafka_server import KafkaServer
from tests.support.http_page import ask
from tests.support.processes import wait_until
from tests.support.worker_process import (
    READY_S,
    WorkerProcess,
    feed,
    prepare,
    short_timings,
    simulated_events,
    wait_for_end,
)

pytestmark = pytest.mark.kafka

_FILES = 160  # a worker at work has about 50 open, and 64 are for those who ask


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
        _keep_silent(worker, port, stack)
        own_kafka.restart()
        feed(settings, records)
        if worker.outlives(lambda: _takes_all(settings, worker, port)):
            return
    with WorkerProcess(settings, tmp_path / "again.log") as worker, ExitStack() as stack:
        wait_until(lambda: worker.has_said("assigned partitions"), READY_S, worker.text)
        _keep_silent(worker, port, stack)
        _takes_all(settings, worker, port)


def _takes_all(settings: Settings, worker: WorkerProcess, port: int) -> None:
    wait_for_end(settings, worker)
    _answers(worker, port)


def _keep_silent(worker: WorkerProcess, port: int, stack: ExitStack) -> None:
    """Give a worker few files, and connect to it without a word."""
    resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (_FILES, _FILES))
    for _ in range(1_000):
        sock = stack.enter_context(socket.create_connection(("127.0.0.1", port), 60))
        with suppress(OSError):
            sock.send(b"GET /livez HTTP/1.1\r\n")


def _answers(worker: WorkerProcess, port: int) -> None:
    """See that a worker answers whoever asks in time, has files left, and is ready soon."""
    assert len(os.listdir(f"/proc/{worker.pid}/fd")) < _FILES - 8
    wait_until(lambda: _page(port, "readyz")[0] == 200, 240, lambda: _page(port, "readyz")[1])
    for page in ("livez", "readyz", "metrics"):
        # Not each time: the machine may stand still, as a broker may that has just restarted.
        wait_until(partial(_answers_in_time, port, page), 120, worker.text)


def _answers_in_time(port: int, page: str) -> bool:
    started = time.monotonic()
    return _page(port, page)[0] == 200 and time.monotonic() - started < 2


def _page(port: int, page: str) -> tuple[int, str]:
    """What a worker says on one of its pages: the status, and the text."""
    status, text = ask(port, f"/{page}")
    return status, text.decode()


def _rest(port: int) -> None:
    """Wait until the worker commits nothing more: a stop amid a commit is a matter of chaos."""
    before: list[str] = []
    while (commits := _commits(port)) != before:
        before = commits
        time.sleep(2)


def _commits(port: int) -> list[str]:
    lines = _page(port, "metrics")[1].splitlines()
    found = [line for line in lines if line.startswith("interest_streams_commits_total ")]
    assert found
    return found
