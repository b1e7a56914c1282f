"""Counters move by what was committed since, and not by what an engine was restored with."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest
from prometheus_client import Histogram

from features.changes import Changes
from features.figures import Figures, Quality, Totals
from features.vocabulary import Refusal
from streams import metrics
from streams.worker.outlet import Commit
from streams.worker.reporting import Report

BEFORE = Totals({"counted": 100, "late": 3}, {"tv": 60}, 0, 50)
FIGURES = Figures(BEFORE, BEFORE, 7, 40, 9000, "mixture", {"mixture": Quality(0.5, 0.01)}, news=())


def _counted() -> list[float]:
    return [
        metrics.OUTCOME.labels("counted")._value.get(),
        metrics.OUTCOME.labels("late")._value.get(),
        metrics.UNTAGGED_SECONDS.labels("tv")._value.get(),
        metrics.DAYS_CLOSED._value.get(),
        metrics.LEARNED._value.get(),
    ]


def _moved(report: Report, figures: Figures) -> list[float]:
    before = _counted()
    report.committed(Commit(changes={0: Changes()}), {0: figures})
    return [now - then for then, now in zip(before, _counted(), strict=True)]


@pytest.mark.parametrize("again", [False, True])
def test_counters_move_by_what_is_new(again: bool) -> None:
    report = Report()
    if again:
        assert _moved(report, FIGURES) == [0, 0, 0, 0, 0]
    totals = Totals({"counted": 105, "late": 4}, {"tv": 90}, 2, 58)
    assert _moved(report, dataclasses.replace(FIGURES, totals=totals)) == [5, 1, 30, 2, 8]
    assert _moved(report, dataclasses.replace(FIGURES, totals=totals)) == [0, 0, 0, 0, 0]


def test_a_partition_that_comes_back_is_counted_from_its_restore() -> None:
    report = Report()
    totals = Totals({"counted": 105, "late": 4}, {"tv": 90}, 2, 58)
    _moved(report, dataclasses.replace(FIGURES, totals=totals))
    report.committed(Commit(), {})  # it went to another worker
    more = Totals({"counted": 200, "late": 4}, {"tv": 90}, 0, 70)
    back = dataclasses.replace(FIGURES, totals=more, restored=more)
    assert _moved(report, back) == [0, 0, 0, 0, 0]


def _latencies() -> dict[str, float]:
    (family,) = metrics.EVENT_TO_PROFILE.collect()
    return {
        sample.labels.get("le", sample.name.rpartition("_")[2]): sample.value
        for sample in family.samples
    }


def test_a_batch_of_observations_is_each_of_them() -> None:
    """On a bound, between two, above the last: as the client library itself counts them."""
    plain = Histogram("plain", "of", buckets=(0.5, 1, 5), registry=None)
    batch = metrics.BatchHistogram("batch", "of", buckets=(0.5, 1, 5), registry=None)
    values = [0.0, 0.5, 0.75, 1.0, 4.0, 5.0, 6.0, 6.0]
    batch.observe_all(np.array(values))
    batch.observe_all(np.array([]))
    for value in values:
        plain.observe(value)
    both = [
        [sample[1:3] for sample in next(iter(item.collect())).samples] for item in (plain, batch)
    ]
    assert both[0][:-1] == both[1][:-1]  # but for when it was created


def test_latency_is_that_of_what_was_committed() -> None:
    """From each record's time stamp; none for one without, and none below zero for a fast clock."""
    before, now = _latencies(), int(time.time() * 1000)
    arrivals = [np.array([now - 3_000, -1]), np.array([now + 60_000, now - 100_000])]
    Report().committed(Commit(arrivals=arrivals), {})
    found = {bound: count - before[bound] for bound, count in _latencies().items()}
    assert found["count"] == 3
    assert [found[bound] for bound in ("0.1", "1.0", "5.0", "60.0", "300.0")] == [1, 1, 2, 2, 3]
    assert 103 <= found["sum"] < 110


@pytest.mark.parametrize("reason", Refusal)
def test_every_refusal_is_counted_from_zero(reason: Refusal) -> None:
    """A rate doesn't see the first value of a series: a burst of a new reason would be missed."""
    told = metrics.exported("worker", "").decode()
    assert f'interest_streams_dead_letters_total{{reason="{reason}"}}' in told
