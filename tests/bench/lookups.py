"""Measures the reader and the look-up service over a topic of so many profiles, on a real Kafka.

The profiles are those of simulated households, each written under many subjects. Reader, service
and load are processes of their own; what is told is of the whole way, over sockets. The load is
that of `wrk` where it is installed, else of a client in Python, which itself takes a core. Beside
what a shared machine decides stands what the processes alone use: CPU until ready and a look-up.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

from streams.client import Profile, ProfileReader, subject_partition
from streams.contract.headers import profile_headers, times
from streams.contract.topics import PROFILES
from streams.kafka import clients
from streams.kafka.topic_plan import create_topics
from streams.sandbox.embedded_broker import free_port
from streams.settings import Settings
from tests.broker.kafka_server import KafkaServer
from tests.support.lookup_service import token, write_keys
from tests.support.processes import wait_until

_PARTITIONS = 12
_HOUSEHOLDS, _DAYS = 30, 28
_UPDATES = 200
_BATCHES = 200
_ERASED = 50
_CONNECTIONS = 16
_PATIENCE_S = 1_800.0  # on a machine that does something else, too


@dataclass(frozen=True)
class Figures:
    """What was measured; times in seconds, but for what ends in `_ms`."""

    profiles: int
    mean_bytes: float
    reader_ready_s: float
    reader_peak_mb: float
    follow_p50_ms: float
    follow_p99_ms: float
    service_ready_s: float
    service_peak_mb: float
    load_client: str
    requests_per_s: float
    lookup_p50_ms: float
    lookup_p99_ms: float
    batch_of_100_p50_ms: float
    batch_of_100_p99_ms: float
    erased_p50_ms: float
    erased_p99_ms: float
    # Of the processes alone, whatever else the machine does: seconds of CPU until ready, and
    # microseconds of the service's CPU, audit included, a look-up.
    reader_ready_cpu_s: float
    service_ready_cpu_s: float
    lookup_cpu_us: float
    load_average: float


def run(server: KafkaServer, profiles: int, seconds: float) -> Figures:
    """Fill the topic, then measure reader, service and load, one after another."""
    from tests.support.simulated_profiles import published  # not in the process of the reader

    settings = Settings(
        bootstrap_servers=server.bootstrap,
        topic_prefix="read-",
        partitions=_PARTITIONS,
        replication=1,
        http_port=free_port(),
        lookup_port=free_port(),
        lookup_rate=1e6,
        erasure_key="measured",
    )
    create_topics(clients.admin(settings), settings)
    values = list({record.key: record.value for record in published(_HOUSEHOLDS, _DAYS)
                   if record.value is not None}.values())  # fmt: skip
    mean = _fill(settings, values, profiles)
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        ready, cpu, peak, waited = pool.submit(_read, settings, values[0]).result()
    print(f"reader of {profiles}: {ready:.1f} s, {cpu:.1f} s of CPU, {peak:.0f} MB", flush=True)
    with _service(settings) as (started, process):
        load = _wrk if shutil.which("wrk") else _own_load
        began = _cpu_s(process.pid)
        client, rate, p50, p99 = load(settings, profiles, seconds)
        each = 1e6 * (_cpu_s(process.pid) - began) / (rate * seconds)
        batches = asyncio.run(_ask_batches(settings, profiles))
        erased = _erase(settings, profiles)
        held = _peak_mb(process.pid)
    return Figures(
        profiles, mean, ready, peak, _at(waited, 0.5), _at(waited, 0.99), started, held,
        client, rate, p50, p99, _at(batches, 0.5), _at(batches, 0.99),
        _at(erased, 0.5), _at(erased, 0.99), cpu, began, each, os.getloadavg()[0],
    )  # fmt: skip


def _subject(number: int) -> str:
    """Two in three are members."""
    return f"acc-{number // 3}" + (f"/m-{number % 3}" if number % 3 else "")


def _renamed(value: bytes, subject: str, version: int | None = None) -> bytes:
    raw = json.loads(value) | {"subject": subject}
    raw |= {} if version is None else {"version": version, "as_of": raw["as_of"] + version}
    return json.dumps(raw, separators=(",", ":")).encode()


def _fill(settings: Settings, values: list[bytes], count: int) -> float:
    producer = clients.producer("tombstones", settings)
    topic, total = settings.topic(PROFILES), 0
    # Their heads and tails around the subject, so that a million take no minute to be made.
    parts = [_renamed(value, "\0").split(b"\\u0000") for value in values]
    for number, (head, tail) in enumerate(islice(cycle(parts), count)):
        subject = _subject(number)
        value = head + subject.encode() + tail
        total += len(value)
        _send(producer, settings, topic, subject, value)
    producer.flush(120)
    return total / count


def _send(producer: Any, settings: Settings, topic: str, subject: str, value: bytes | None) -> None:
    key = subject.encode()
    partition = subject_partition(subject, settings.partitions)
    headers = profile_headers(key, 1, _TIME, 0)
    while True:
        try:
            producer.produce(topic, value, key, partition, headers=headers)
            return
        except BufferError:
            producer.poll(0.05)


_TIME = times([0])[0]


def _read(settings: Settings, value: bytes) -> tuple[float, float, float, list[float]]:
    """In a process of its own: seconds until ready, of CPU, most memory, and waits for updates."""
    began, spent = time.monotonic(), time.process_time()
    with ProfileReader(settings.bootstrap_servers, settings.topic(PROFILES)) as reader:
        reader.bootstrap(_PATIENCE_S)
        ready, cpu = time.monotonic() - began, time.process_time() - spent
        producer, waited = clients.producer("tombstones", settings), []
        for version in range(1_000_000, 1_000_000 + _UPDATES):
            subject = _subject(version % 1_000)
            sent = time.monotonic()
            _send(producer, settings, settings.topic(PROFILES), subject,
                  _renamed(value, subject, version))  # fmt: skip
            producer.poll(0)
            for update in reader.follow(30):
                if isinstance(update, Profile) and update.version == version:
                    waited.append(time.monotonic() - sent)
                    break
    return ready, cpu, _peak_mb(os.getpid()), waited


@contextmanager
def _service(settings: Settings) -> Iterator[tuple[float, subprocess.Popen[bytes]]]:
    with tempfile.TemporaryDirectory() as folder:
        keys = write_keys(Path(folder) / "keys.json")
        named = ("bootstrap_servers", "topic_prefix", "partitions", "replication", "http_port",
                 "lookup_port", "lookup_rate", "erasure_key")  # fmt: skip
        own = {f"INTEREST_STREAMS_{name.upper()}": str(getattr(settings, name)) for name in named}
        own["INTEREST_STREAMS_LOOKUP_JWKS"] = str(keys)
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "streams", "lookup"], env={**os.environ, **own}
        )
        try:
            wait_until(lambda: _answers(settings), _PATIENCE_S)
            yield time.monotonic() - began, process
        finally:
            process.terminate()
            process.wait(30)


def _answers(settings: Settings) -> bool:
    try:
        return asyncio.run(_status(settings)) == 200
    except OSError:
        return False


async def _status(settings: Settings, number: int = 0) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.lookup_port)
    try:
        return await _ask(reader, writer, _get(_subject(number)))
    finally:
        writer.close()


def _erase(settings: Settings, profiles: int) -> list[float]:
    """Seconds from a member's tombstone until the service answers like of an unknown subject."""
    producer, took = clients.producer("tombstones", settings), []
    for number in [n for n in range(profiles - _ERASED, profiles) if n % 3]:
        began = time.monotonic()
        _send(producer, settings, settings.topic(PROFILES), _subject(number), None)
        producer.flush(10)
        while asyncio.run(_status(settings, number)) != 404:
            assert time.monotonic() - began < 60
        took.append(time.monotonic() - began)
    return took


def _wrk(settings: Settings, profiles: int, seconds: float) -> tuple[str, float, float, float]:
    """Load by wrk, a process without Python: name, requests a second, and p50 and p99 in ms."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_LUA % (_BEARER.decode(), profiles - 1))
        script.flush()
        said = subprocess.run(
            ["wrk", "-t1", f"-c{_CONNECTIONS}", f"-d{seconds:.0f}s", "--latency", "-s", script.name,
             f"http://127.0.0.1:{settings.lookup_port}"],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
    assert "Non-2xx" not in said and "Socket errors" not in said, said
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", said)
    p50, p99 = (re.search(rf"{share}%\s+([0-9.]+)(us|ms|s)\n", said) for share in (50, 99))
    assert rate and p50 and p99, said
    unit = {"us": 1e-3, "ms": 1.0, "s": 1e3}
    return "wrk", float(rate[1]), float(p50[1]) * unit[p50[2]], float(p99[1]) * unit[p99[2]]


def _own_load(settings: Settings, profiles: int, seconds: float) -> tuple[str, float, float, float]:
    took = asyncio.run(_load(settings, profiles, seconds))
    return "own", len(took) / seconds, _at(took, 0.5), _at(took, 0.99)


async def _load(settings: Settings, profiles: int, seconds: float) -> list[float]:
    """Seconds that each look-up took, over several connections kept open."""
    ends, took = time.monotonic() + seconds, list[float]()

    async def one(chance: Random) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", settings.lookup_port)
        while time.monotonic() < ends:
            asked = _get(_subject(chance.randrange(profiles)))
            began = time.monotonic()
            status = await _ask(reader, writer, asked)
            took.append(time.monotonic() - began)
            assert status == 200, status
        writer.close()

    await asyncio.gather(*(one(Random(n)) for n in range(_CONNECTIONS)))
    return took


async def _ask_batches(settings: Settings, profiles: int) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.lookup_port)
    chance, took = Random(0), []
    for _ in range(_BATCHES):
        body = json.dumps({"subjects": [_subject(chance.randrange(profiles)) for _ in range(100)]})
        asked = _HEAD % (b"POST", b"/v1/profiles:batch", _BEARER) + (
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        began = time.monotonic()
        status = await _ask(reader, writer, asked + body.encode())
        took.append(time.monotonic() - began)
        assert status == 200, status
    writer.close()
    return took


_HEAD = b"%b %b HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %b\r\n"
_BEARER = token().encode()
_LUA = """
wrk.headers["Authorization"] = "Bearer %s"
request = function()
  local n = math.random(0, %d)
  local subject = "acc-" .. math.floor(n / 3)
  if n %% 3 > 0 then subject = subject .. "/m-" .. (n %% 3) end
  return wrk.format("GET", "/v1/profiles/" .. subject)
end
"""


def _get(subject: str) -> bytes:
    return _HEAD % (b"GET", f"/v1/profiles/{subject}".encode(), _BEARER) + b"\r\n"


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: bytes) -> int:
    writer.write(asked)
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
    await reader.readexactly(length)
    return int(lines[0].split()[1])


def _cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _peak_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in text.splitlines() if "VmHWM" in line).split()[1]) / 1024


def _at(took: list[float], share: float) -> float:
    """Quantile in milliseconds."""
    return 1_000 * sorted(took)[int(share * (len(took) - 1))]
