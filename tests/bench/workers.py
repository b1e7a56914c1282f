"""Our worker by itself: what several in a group cost, and how fast one takes up its state."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench import check, inputs
from tests.bench.broker import Committed, Topics
from tests.bench.contenders import CONTENDERS, Contender, worker_env
from tests.bench.inputs import Shape
from tests.bench.proc import Sampler
from tests.bench.run import Failed, Input, Process, prepare, run_to_end, started, watched
from tests.broker.kafka_server import KafkaServer
from tests.support.processes import wait_until

_OURS = CONTENDERS["ours"]
_START_S = 180.0  # a first compilation included
_SETTLE_S = 10.0  # the last rebalance of a group that starts
_DRAIN_S = 600.0
_RESTORED = re.compile(r"restored (\d+) partitions: (\d+) records in ([\d.]+) s")


def group(server: KafkaServer, shape: Shape, counts: Sequence[int]) -> list[dict[str, Any]]:
    """Core-seconds per million events of groups of so many workers.

    The workers wait for an empty topic; then the input arrives as fast as it can be produced,
    so that starting up is not counted.
    """
    columns = inputs.generate(shape)
    records = list(inputs.records(columns))
    found = []
    for count in counts:
        topics = Topics(server.bootstrap, f"group-{count}-{time.time_ns()}.", shape.partitions)
        topics.create()
        given = Input(columns, topics, {}, {})
        own, broker, seconds = _one_group(server, given, records, count)
        found.append(
            {
                "workers": count,
                "events": shape.events,
                "core_s_per_million": own * 1e6 / shape.events,
                "broker_core_s_per_million": broker * 1e6 / shape.events,
                "events_per_s": shape.events / seconds,
            }
        )
        print(
            f"{count} workers: {found[-1]['core_s_per_million']:.2f} core-s/M, "
            f"{found[-1]['events_per_s']:,.0f} events/s together",
            flush=True,
        )
    return found


def restore(server: KafkaServer, shape: Shape) -> dict[str, Any]:
    """Run a worker over an input, then start it again: how fast it took up its state."""
    columns = inputs.generate(shape)
    topics = Topics(server.bootstrap, f"restore-{shape.accounts}.", shape.partitions)
    topics.create()
    topics.fill(inputs.records(columns))
    given = Input(columns, topics, {}, {})
    with tempfile.TemporaryDirectory(prefix="bench-state-") as scratch:
        job = prepare(_OURS, given, Path(scratch))
        with started(_OURS, job) as process, watched(_OURS, job, process, server) as sampler:
            run_to_end(process, sampler, job.events, _OURS)
        again = replace(_OURS, name="ours-again")
        with started(again, job) as process:
            wait_until(partial(_restored, process), _START_S, process.tail)
            said = _RESTORED.search(process.tail())
            assert said is not None
            sampler = Sampler(process.popen.pid, server.pid)
            sampler.start()
            sampler.stop()
    state = topics.read(topics.settings.topic("interest-state"))
    rows, subjects, size = check.rows_of(topics.settings, state)
    seconds = float(said[3])
    print(
        f"restored {subjects:,} subjects, {rows:,} rows from {int(said[2]):,} records in "
        f"{seconds:.2f} s: {rows / seconds:,.0f} rows/s",
        flush=True,
    )
    return {
        "subjects": subjects,
        "rows": rows,
        "records": int(said[2]),
        "seconds": seconds,
        "rows_per_s": rows / seconds,
        "folded_bytes": size,
        "peak_bytes": sampler.peak_bytes,
    }


def _restored(process: Process) -> bool:
    if process.popen.poll() is not None:
        raise Failed(process.tail())
    return bool(process.began)


def _one_group(
    server: KafkaServer, given: Input, records: Sequence[tuple[int, int, bytes, bytes]], count: int
) -> tuple[float, float, float]:
    with ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-state-"))
        job = prepare(_OURS, given, Path(scratch))
        processes = [stack.enter_context(started(_named(k), job)) for k in range(count)]
        wait_until(
            lambda: all(map(_restored, processes)),
            _START_S,
            lambda: "\n".join(p.tail() for p in processes),
        )
        time.sleep(_SETTLE_S)
        progress = Committed(
            job.topics.bootstrap, job.group, job.topics.inputs, job.topics.partitions
        )
        stack.callback(progress.close)
        samplers = [Sampler(p.popen.pid, server.pid) for p in processes]
        for sampler in samplers:
            sampler.start()
        begun = time.time()
        given.topics.fill(records)
        wait_until(
            lambda: progress.total() >= len(records),
            _DRAIN_S,
            lambda: "\n".join(p.tail() for p in processes),
        )
        ended = time.time()
        for sampler in samplers:
            sampler.stop()
        used = [sampler.used(begun, ended) for sampler in samplers]
        return sum(own for own, _ in used), used[0][1], ended - begun


def _named(k: int) -> Contender:
    return replace(_OURS, name=f"ours-{k}", env=partial(worker_env, instance=f"bench-{k}"))
