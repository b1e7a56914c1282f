"""Measures the cost of learning: the same weeks through engines that learn and that don't.

In process, without Kafka: parse, apply and collect, a commit's size at a time. The two engines
take turns at every repeat and the least processor time of each counts, for what disturbs only
adds. A partition learns a sample of ``learn_rows_per_close`` rows of a day however many it holds,
so beside the cost per event stands what a day of a large partition costs.
"""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass

import orjson

from features.config import Config
from features.engine import Engine
from features.models import Learner
from features.records.batch import parse_log
from features.state.contents import Contents
from features.state.store import Store
from features.tags import taxonomy
from features.tags.exact import exact_tags
from streams.contract import topics
from streams.sandbox.simulator import Simulation

_COMMIT = 40_000
_KINDS = {name: kind for kind, name in enumerate(topics.INPUTS)}
_CONFIG = Config()

Commits = list[tuple[list[bytes], list[bytes], list[int]]]


@dataclass(frozen=True)
class Cost:
    """Time and memory with learning and without.

    Attributes
    ----------
    events, days, rows : int
        Records folded, days of the simulation, rows scored and learned by every model.
    learning, without : float
        Processor seconds per million events.
    row_us : float
        Processor microseconds that learning a row adds, by all models together.
    large_s_day : float
        Processor seconds that a partition with more rows than it learns spends on a day.
    """

    events: int
    days: int
    rows: int
    learning: float
    without: float
    row_us: float
    large_s_day: float

    def __str__(self) -> str:
        return (
            f"learning costs, core-seconds per million events: {self.learning:.1f} with "
            f"models learning, {self.without:.1f} without ({self.events:,} events, "
            f"{self.days} days, {self.rows:,} rows, {self.row_us:.0f} us each); in a large "
            f"partition {self.large_s_day:.1f} core-seconds a day "
            f"({_CONFIG.learn_rows_per_close:,} rows)"
        )


class Unlearning(Learner):
    """Closes days without its models: the population's rates alone go on."""

    def close_day(self, store: Store, day: int, limit: int) -> None:
        """Update the base rates by a day."""
        self.population.close_day(store, day)


def measure(households: int = 300, days: int = 14, repeats: int = 2) -> Cost:
    """Fold a simulation with and without learning.

    Parameters
    ----------
    households, days : int
        Of the simulation; about 60 records a household and day.
    repeats : int
        Turns that the two engines take.
    """
    commits = _records(households, days)
    events = sum(len(values) for values, _, _ in commits)
    tree = taxonomy.load()
    known = Contents(tree, exact_tags())
    _fold(Engine(_CONFIG, tree, known), commits)  # compiled and looked up before the clock runs
    spent = {Learner: float("inf"), Unlearning: float("inf")}
    rows = 0
    for _ in range(repeats):
        for kind in spent:
            engine = Engine(_CONFIG, tree, known)
            engine.learner = kind(len(tree))
            gc.collect()
            spent[kind] = min(spent[kind], _fold(engine, commits))
            rows = max(rows, engine.learner.champion.learned)
    added = max(0.0, spent[Learner] - spent[Unlearning])
    a_row = added / max(1, rows)
    return Cost(
        events,
        days,
        rows,
        spent[Learner] / events * 1e6,
        spent[Unlearning] / events * 1e6,
        a_row * 1e6,
        a_row * _CONFIG.learn_rows_per_close,
    )


def _records(households: int, days: int) -> Commits:
    commits: Commits = []
    for n, record in enumerate(Simulation(households=households, days=days)):
        if n % _COMMIT == 0:
            commits.append(([], [], []))
        values, keys, kinds = commits[-1]
        values.append(orjson.dumps(record.value))
        keys.append(record.key.encode())
        kinds.append(_KINDS[record.topic])
    return commits


def _fold(engine: Engine, commits: Commits) -> float:
    """Processor seconds; what is refused is no event of the engine's, here as there."""
    spent, offset = 0.0, 0
    for values, keys, kinds in commits:
        begin = time.process_time()
        batch, _ = parse_log(values, keys, kinds, offset)
        engine.apply(batch)
        engine.collect({})
        spent += time.process_time() - begin
        offset += len(values)
    return spent
