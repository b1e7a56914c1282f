"""Measures `share` on the node property sets of the Temporal Graph Benchmark, by its rules.

A set is two files: ``*edgelist*.csv`` (time, node, label, weight; more columns are not read) and
``*label*.csv`` (time, node, label, weight): how a node's affinity to labels is distributed over the
week from that time on. Times are epoch seconds or ISO. Edges are streamed in event time through an
engine, an edge of median weight as five minutes of use; what it says on the morning of a label's
day, of earlier days alone, is compared with the label by NDCG@10, ties averaged. As in the
benchmark, the last 15 % of the edges' time are judged, and the mean is over labels. Beside it stand
its baselines: the node's last label again, and the moving average of its labels (window 7).

Huang et al., "Temporal Graph Benchmark for Machine Learning on Temporal Graphs", NeurIPS 2023.
"""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from features.engine import Engine
from features.models.signals import DayRows
from features.state.contents import Contents
from streams.contract import topics
from streams.datasets.rows import SourceError, opened, pseudonym
from streams.evaluation.intervals import Blocks, Interval
from streams.evaluation.panel_files import visit_of
from streams.evaluation.panels import DAY_MS, LEAST_VISIT_MS, flat, one_each
from streams.evaluation.prequential import CONFIG, feed

Floats = NDArray[np.float64]

ANSWERERS = ("share", "moving average", "persistent forecast")
_MEDIAN_MS = 300_000
_JUDGED_FROM = 0.85  # quantile of the edges' times
_WINDOW = 7
_FIRST = 10
_CLOCK = "benchmark-clock"


@dataclass(frozen=True)
class Edge:
    """An edge, or one weight of a label."""

    at: float  # seconds
    node: str
    label: str
    weight: float

    @property
    def day(self) -> int:
        """Day since 1970."""
        return int(self.at * 1000) // DAY_MS


@dataclass
class Judge:
    """Compares the engine and the baselines with labels, a day after the other.

    Attributes
    ----------
    labels : dict of int to dict
        By day and account the affinities, by label.
    judged_from : float
        Day from which on labels count.
    """

    engine: Engine
    labels: Mapping[int, Mapping[str, Mapping[int, float]]]
    size: int
    judged_from: float
    scores: list[tuple[float, ...]] = field(default_factory=list)
    where: list[tuple[int, int]] = field(default_factory=list)
    _number: dict[str, int] = field(default_factory=dict)
    _last: dict[str, Floats] = field(default_factory=dict)
    _average: dict[str, Floats] = field(default_factory=dict)

    def __call__(self, rows: DayRows, _: Mapping[str, Floats]) -> None:
        """Judge the labels of a day by what was said that morning."""
        said: dict[str, Floats] = {}
        if rows.day in self.labels:
            decisions = self.engine.learner.decisions(rows)
            starts = rows.firsts()
            for a, b in zip(starts, [*starts[1:], len(rows)], strict=True):
                account = self.engine.store.key(int(rows.subject[a])).decode()
                said[account] = self._vector(
                    dict(zip(rows.interest[a:b].tolist(), decisions["share"][a:b], strict=True))
                )
        for account, label in self.labels.get(rows.day, {}).items():
            self._judge(rows.day, account, self._vector(label), said)

    def _judge(self, day: int, account: str, truth: Floats, said: Mapping[str, Floats]) -> None:
        nothing = np.zeros(self.size)
        own = said.get(account, nothing)
        average, last = self._average.get(account, nothing), self._last.get(account, nothing)
        if day > self.judged_from and truth.any():
            self.scores.append(tuple(ndcg(truth, one) for one in (own, average, last)))
            self.where.append((self._number.setdefault(account, len(self._number)), day))
        self._last[account] = truth
        self._average[account] = (average * (_WINDOW - 1) + truth) / _WINDOW

    def _vector(self, weights: Mapping[int, float]) -> Floats:
        found = np.zeros(self.size)
        found[list(weights)] = list(weights.values())
        return found


def ndcg(truth: Floats, said: Floats) -> float:
    """NDCG@10 of one ranking; the gain of what is tied is averaged.

    Examples
    --------
    >>> ndcg(np.array([1.0, 0.0, 0.0]), np.array([0.9, 0.1, 0.0]))
    1.0
    >>> round(ndcg(np.array([1.0, 0.0, 0.0]), np.zeros(3)), 3)
    0.71
    """
    discount = np.zeros(len(truth))
    discount[:_FIRST] = 1.0 / np.log2(np.arange(2, min(_FIRST, len(truth)) + 2))
    ends = np.cumsum(discount)
    _, place, count = np.unique(-said, return_inverse=True, return_counts=True)
    mean = np.bincount(place, truth) / count
    behind = np.cumsum(count) - 1
    worth = np.diff(ends[behind], prepend=0.0)
    best = np.sort(truth)[::-1]
    return float((mean * worth).sum() / (best * discount).sum())


def measure_affinity(folder: Path) -> dict[str, tuple[float, Interval]]:
    """Stream a set through an engine and judge its labels.

    Returns
    -------
    dict of str to (float, Interval)
        NDCG@10 of each answerer, and by how much `share` is better, resampled by node and week.

    Raises
    ------
    SourceError
        Where a file is missing or can't be read, or where no label can be judged.
    """
    edges, labels = _only(folder, "*edgelist*.csv*"), _only(folder, "*label*.csv*")
    times, weights, names = array("d"), array("d"), dict[str, int]()
    for edge in (*_read(edges), *_read(labels)):
        names.setdefault(edge.label, len(names))
    for edge in _read(edges):
        times.append(edge.at)
        weights.append(edge.weight)
    if not times:
        raise SourceError(f"{edges}: no edges")
    unit = _MEDIAN_MS / max(float(np.median(weights)), 1e-9)
    keys = {label: visit_of(0, 0, "x", label, False, 0).key for label in names}
    tree = flat([f"label-{number}" for number in range(len(names))])
    table = one_each({key: f"label-{names[label]}" for label, key in keys.items()})
    engine = Engine(CONFIG, tree, Contents(tree, table))
    days: dict[int, dict[str, dict[int, float]]] = {}
    for edge in _read(labels):
        account = pseudonym(edge.node, "panel")
        days.setdefault(edge.day, {}).setdefault(account, {})[names[edge.label]] = edge.weight
    from_day = float(np.quantile(times, _JUDGED_FROM)) * 1000.0 / DAY_MS
    judge = Judge(engine, days, len(names), from_day)
    engine.learner.observer = judge
    feed(engine, _records(edges, unit))
    if not judge.scores:
        raise SourceError(f"{labels}: no label lies in the last 15 % of the edges' time")
    return _compared(judge)


def affinity_report(found: Mapping[str, tuple[float, Interval]]) -> str:
    """One line per answerer."""
    return "NDCG@10 of the labels of the last 15 %; what share is better by, [90 % interval]\n" + (
        "\n".join(
            f"{name:20}{value:8.4f}{format(gain, '+.4f'):>28}"
            for name, (value, gain) in found.items()
        )
    )


def _compared(judge: Judge) -> dict[str, tuple[float, Interval]]:
    scores = np.array(judge.scores)
    where = np.array(judge.where)
    blocks = Blocks(where[:, 0], where[:, 1])
    return {
        name: (float(scores[:, k].mean()), blocks.mean(scores[:, 0] - scores[:, k]))
        for k, name in enumerate(ANSWERERS)
    }


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise SourceError(f"{folder}: {len(found)} files are called {pattern}, one is expected")
    return found[0]


def _read(path: Path) -> Iterator[Edge]:
    with opened(path) as file:
        lines = csv.reader(file)
        next(lines, None)
        for row in lines:
            if len(row) < 4:
                raise SourceError(f"{path}: line {lines.line_num}: too few columns")
            try:
                yield Edge(_seconds(row[0]), row[1], row[2], float(row[3]))
            except ValueError:
                raise SourceError(f"{path}: line {lines.line_num}: no time or number") from None


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def _records(path: Path, unit: float) -> Iterator[tuple[str, str, bytes]]:
    """Edges as records in order of time, and what closes each day once its last edge is there."""
    before: int | None = None
    for number, edge in enumerate(_read(path)):
        for day in range(before, edge.day) if before is not None else ():
            yield _tick(day)
        if before is not None and edge.day < before:
            raise SourceError(f"{path}: edge {number + 1} is of an earlier day than the one before")
        before = edge.day
        lasted = int(min(DAY_MS, max(LEAST_VISIT_MS, edge.weight * unit)))
        visit = visit_of(number, int(edge.at * 1000), edge.node, edge.label, False, lasted)
        yield visit.topic, visit.account, visit.value
    if before is not None:
        yield _tick(before)


def _tick(day: int) -> tuple[str, str, bytes]:
    at = (day + 1) * DAY_MS + CONFIG.lateness_ms
    said = {"event_id": f"tick-{day}", "account_id": _CLOCK, "ts": at}
    return topics.APP, _CLOCK, orjson.dumps(said | {"app_id": _CLOCK, "action": "close"})
