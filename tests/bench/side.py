"""Contenders side by side: the same input on one broker, in turns, repeat by repeat."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

from tests.bench import check, inputs, latency
from tests.bench.broker import Topics
from tests.bench.contenders import Contender
from tests.bench.inputs import Shape
from tests.bench.results import Row
from tests.bench.run import Failed, Input, run_once
from tests.bench.venvs import PeerUnavailable
from tests.broker.kafka_server import KafkaServer


def by_side(
    contenders: Sequence[Contender],
    shape: Shape,
    repeats: int,
    server: KafkaServer,
    most: int | None = None,
    latency_s: float = 0.0,
) -> list[Row]:
    """Run every contender `repeats` times; each repeat's ratios are to that repeat's floor.

    Parameters
    ----------
    most : int or None
        Most events of an input that is not the whole one, for a quick trial.
    latency_s : float
        Also measure latency at half of the median rate for so many seconds; 0 for not. Who ends
        at the end of its input has none.
    """
    rows = {c.name: Row(c.label, c.note) for c in contenders}
    given = {
        c.name: shaped(shape, min(c.most, most or c.most) if c.is_peer else c.most)
        for c in contenders
    }
    filled = {s: fill(server, s) for s in dict.fromkeys(given.values())}
    for number in range(repeats):
        floor = 0.0
        for c in contenders:
            floor = _turn(c, filled[given[c.name]], server, number, rows[c.name], floor)
    for c in contenders:
        row = rows[c.name]
        if latency_s and c.profiles and row.runs and not c.ends:
            rate = row.rates()[1] / 2
            row.latency = latency.measure(c, server, shape, rate, latency_s)
            print(f"{c.name}: latency at {rate:,.0f} events/s: {row.latency}", flush=True)
    return list(rows.values())


def shaped(shape: Shape, most: int) -> Shape:
    """The input of a contender that takes at most so many events, with as many per account."""
    if shape.events <= most:
        return shape
    return replace(shape, events=most, accounts=max(1, shape.accounts * most // shape.events))


def fill(server: KafkaServer, shape: Shape) -> Input:
    """An input on the broker, and what its levels must be."""
    columns = inputs.generate(shape)
    topics = Topics(server.bootstrap, f"bench-{shape.events}.", shape.partitions)
    topics.create()
    topics.fill(inputs.records(columns))
    print(f"input: {shape.events:,} events of {shape.accounts:,} households", flush=True)
    tags = inputs.tags(columns)
    return Input(columns, topics, tags, check.exact(columns, tags))


def _turn(
    contender: Contender, given: Input, server: KafkaServer, number: int, row: Row, floor: float
) -> float:
    """One run into its row; returns the floor of this repeat."""
    if row.failed:
        return floor
    try:
        run = run_once(contender, given, server)
    except (Failed, PeerUnavailable, ValueError) as error:
        row.failed = str(error)
        print(f"{contender.name}: {error}", file=sys.stderr, flush=True)
        return floor
    floor = run.rate if contender.name == "floor" else floor
    row.runs.append(replace(run, floor_rate=floor))
    print(
        f"{number + 1}. {contender.name}: {run.rate:,.0f} events/s, "
        f"{run.own_per_million:.2f} core-s/M (broker {run.broker_per_million:.2f}), "
        f"{run.out_per_event:.2f} out/event, levels {run.levels or 'not compared'}",
        flush=True,
    )
    return floor
