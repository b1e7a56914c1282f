"""Event-to-profile latency at a given load, over the wire.

A process of its own sends events at a steady rate with the wall clock as event time; two in a
hundred are *probes*, the only event of a household nobody saw before, so that its profile must
be published. Latency is from the event's time to the moment a `read_committed` reader has the
profile, whose ``as_of`` is that event's time.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
from confluent_kafka import Consumer, Producer, TopicPartition

from tests.bench import inputs
from tests.bench.broker import Topics
from tests.bench.contenders import Contender, Job
from tests.bench.inputs import Shape
from tests.bench.run import Input, Process, prepare, started
from tests.broker.kafka_server import KafkaServer
from tests.support.paths import ROOT
from tests.support.processes import wait_until

PROBE = b"probe-"
_PROBES = 0.02
_TICK_S = 0.01
_WARM_S = 8.0  # not counted: the group joins, first profiles of everybody
_QUIET_S = 5.0  # after the last event, for what is still under way
_READY_S = 400.0  # a first compilation, on a busy machine


def measure(
    contender: Contender, server: KafkaServer, shape: Shape, rate: float, seconds: float
) -> dict[str, float]:
    """Percentiles of latency in seconds, and the share of probes that were answered.

    Parameters
    ----------
    shape : Shape
        Its subjects and contents are used, its times are not.
    rate : float
        Events per second, all topics together.
    seconds : float
        Length of the counted part.
    """
    columns = inputs.generate(replace(shape, events=200_000))
    topics = Topics(server.bootstrap, f"latency-{contender.name}.", shape.partitions)
    topics.create()
    given = Input(columns, topics, inputs.tags(columns), {})
    with tempfile.TemporaryDirectory(prefix="bench-state-") as scratch:
        job = prepare(contender, given, Path(scratch))
        with started(contender, job) as process:
            _until_ready(contender, process)
            sender = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.bench.latency",
                    topics.bootstrap,
                    topics.prefix,
                    str(shape.accounts),
                    str(shape.session),
                    str(shape.partitions),
                    str(rate),
                    str(_WARM_S + seconds),
                ],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
            )
            try:
                found = _read(contender, job, sender)
            finally:
                sender.kill()
                said, _ = sender.communicate()
    begun = float(said.split()[0]) if said.split() else 0.0
    sent = int(said.split()[1]) if len(said.split()) > 1 else 0
    counted = np.array([late for at, late in found if at >= begun + _WARM_S])
    if not len(counted):
        return {"answered": 0.0, "rate": rate}
    p50, p99, worst = np.percentile(counted, [50, 99, 100]).tolist()
    return {
        "p50": p50,
        "p99": p99,
        "max": worst,
        "rate": rate,
        "probes": len(counted),
        "answered": len(found) / max(1, sent),
    }


def _until_ready(contender: Contender, process: Process) -> None:
    """Who says that it is ready is waited for; who only says that it began gets some seconds."""
    if contender.begins == "start ":
        time.sleep(_WARM_S)
    else:
        wait_until(lambda: bool(process.began), _READY_S, process.tail)


def _read(
    contender: Contender, job: Job, sender: subprocess.Popen[str]
) -> list[tuple[float, float]]:
    """Sending time and latency of each probe answered, seconds."""
    topic = job.name(contender.profiles)
    consumer = Consumer(
        {
            "bootstrap.servers": job.topics.bootstrap,
            "group.id": "bench-latency",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "log_level": 3,
            "fetch.wait.max.ms": 10,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.assign([TopicPartition(topic, p, 0) for p in range(job.topics.partitions)])
    found, answered = [], set()
    ended = None
    while ended is None or time.monotonic() < ended + _QUIET_S:
        if ended is None and sender.poll() is not None:
            ended = time.monotonic()
        for message in consumer.consume(1_000, 0.01):
            now = time.time()
            key = message.key() or b""
            if message.error() is None and key.startswith(PROBE) and key not in answered:
                answered.add(key)
                at = orjson.loads(message.value() or b"")["as_of"] / 1000.0
                found.append((at, now - at))
    consumer.close()
    return found


def send(bootstrap: str, prefix: str, shape: Shape, rate: float, seconds: float) -> None:
    """Send at a steady rate; prints when it began and how many probes it sent."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "acks": "1",
            "linger.ms": 2,
            "batch.size": 500_000,
            "compression.type": "lz4",
            "log_level": 3,
        }
    )
    topics = Topics(bootstrap, prefix, shape.partitions).inputs
    columns = inputs.generate(shape)
    # The bytes before and after the event's time, to be joined around the present one.
    parts = [
        (source, partition, key, *_around(value))
        for source, partition, key, value in inputs.records(columns)
    ]
    rng = np.random.default_rng(7)
    fit = (columns.source == inputs.NETWORK) & (columns.content >= 0)
    is_probe = (fit & (rng.random(len(parts)) < _PROBES / fit.mean())).tolist()
    begun, sent, probes, n = time.time(), 0, 0, 0
    print(begun, flush=True)
    while (passed := time.time() - begun) < seconds:
        while sent < passed * rate:
            source, partition, key, head, tail = parts[n]
            if is_probe[n]:
                name = b"probe-%07x" % probes
                probes += 1
                head = b'{"event_id":"p%d","account_id":"%b","ts":' % (sent, name)
                partition = inputs.partition_of(name.decode(), shape.partitions)
                key, tail = name, _long(tail)
            else:
                head = b'{"event_id":"e%d-%b' % (sent, head[14:])
            producer.produce(
                topics[source],
                head + b"%d" % int(time.time() * 1000) + tail,
                key,
                partition=partition,
            )
            sent += 1
            n = (n + 1) % len(parts)
        producer.poll(0)
        time.sleep(_TICK_S)
    producer.flush(30)
    print(probes, flush=True)


def _around(value: bytes) -> tuple[bytes, bytes]:
    head, mark, rest = value.partition(b'"ts":')
    at, _, tail = rest.partition(b",")
    return head + mark, b"," + tail


def _long(tail: bytes) -> bytes:
    """A probe of a network event says enough to be published: an hour of use."""
    return tail[: tail.rindex(b":") + 1] + b"3600000}"


if __name__ == "__main__":
    _bootstrap, _prefix, _accounts, _session, _partitions, _rate, _seconds = sys.argv[1:8]
    send(
        _bootstrap,
        _prefix,
        Shape(200_000, int(_accounts), float(_session), partitions=int(_partitions)),
        float(_rate),
        float(_seconds),
    )
