"""The calculator: its arithmetic by hand, its limits, and that its figures were measured."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.__main__ import main
from streams.commands import size
from streams.commands.size import Demand, Measurements, plan
from streams.errors import UsageError

ROUND = Measurements(
    date="2000-01-01",
    machine="paper",
    core_s_per_million=10.0,
    broker_core_s_per_million=4.0,
    state_bytes_per_event=300.0,
    profile_bytes_per_event=500.0,
    input_bytes_per_event=250.0,
    bytes_per_row=100.0,
    bytes_per_subject_head=200.0,
    record_bytes_per_row=110.0,
    load_rows_per_s=1e6,
    read_records_per_s=1e5,
    slope=1.0,
)


def test_by_hand() -> None:
    found = plan(Demand(subjects=30e6, rate=2e6, rows=30, load=0.5, lost=1), ROUND)
    assert found.workers == 41  # 2 M/s at 50 k/s each, and one that may be away
    assert found.partitions == 84  # twice that, to the next multiple of twelve
    assert found.cores == pytest.approx(20.0)
    assert found.broker_cores == pytest.approx(8.0)
    assert found.state_total_bytes == pytest.approx(30e6 * 3_200)
    assert found.changelog_bytes_s == pytest.approx(600e6)
    assert found.profile_bytes_s == pytest.approx(1e9)
    assert found.changelog_disk_bytes == pytest.approx(30e6 * 30 * 110 * 3)
    assert found.restore_s == pytest.approx(30e6 / 41 * (30 / 1e6 + 1 / 1e5))


def test_what_was_not_measured_is_not_made_up() -> None:
    figures = replace(ROUND, profile_bytes_per_event=None, state_bytes_per_event=None)
    found = plan(Demand(subjects=1e6, rate=1e4), figures)
    assert found.profile_bytes_s is None and found.changelog_bytes_s is None
    assert (
        sum(line[1] == "not measured yet" for line in size._lines(Demand(1e6, 1e4), found, figures))
        == 2
    )


def test_event_ids_are_bounded_per_partition() -> None:
    found = plan(Demand(subjects=30e6, rate=2e6), ROUND)
    per_partition = 2e6 / found.partitions
    assert found.ids_seconds == pytest.approx(5e6 / per_partition)
    assert found.ids_bytes == pytest.approx(5e6 * 36 * found.partitions / found.workers)
    assert plan(Demand(subjects=1e6, rate=1_000), ROUND).ids_seconds == pytest.approx(3_600)


@given(subjects=st.floats(1e3, 1e9), rate=st.floats(1e2, 1e8), factor=st.floats(1.0, 100.0))
def test_more_needs_more(subjects: float, rate: float, factor: float) -> None:
    small, large = Demand(subjects, rate), Demand(subjects, rate * factor)
    a, b = plan(small, ROUND), plan(large, ROUND)
    assert b.workers >= a.workers and b.partitions >= a.partitions
    assert b.restore_s <= a.restore_s and a.partitions >= 2 * a.workers
    wider = plan(replace(small, subjects=subjects * factor), ROUND)
    assert wider.memory_bytes >= a.memory_bytes and wider.workers == a.workers


@given(
    subjects=st.floats(1e3, 1e9),
    rate=st.floats(1e2, 1e8),
    load=st.floats(0.05, 1.0),
    lost=st.integers(0, 5),
)
def test_the_workers_that_are_left_suffice(
    subjects: float, rate: float, load: float, lost: int
) -> None:
    found = plan(Demand(subjects, rate, load=load, lost=lost), ROUND)
    left = found.workers - lost
    assert left * 100_000 * load >= rate * (1 - 1e-9)
    assert (left - 1) * 100_000 * load < rate * (1 + 1e-9)


@pytest.mark.parametrize(
    "wrong",
    [
        {"subjects": 0.0},
        {"rate": -1.0},
        {"load": 0.0},
        {"load": 1.5},
        {"lost": -1},
        {"rows": 0.0},
        {"subjects": math.nan},
    ],
)
def test_refuses_by_name(wrong: dict[str, Any]) -> None:
    asked: dict[str, Any] = {"subjects": 1e6, "rate": 1e3} | wrong
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Demand(**asked)
    assert main(["size", *(f"--{name}={value}" for name, value in asked.items())]) == 2


def test_figures_come_with_where_and_when() -> None:
    figures = size.load_figures()
    assert len(figures.date) == 10 and "cores" in figures.machine
    numbers = [value for value in vars(figures).values() if isinstance(value, (int, float))]
    assert all(value > 0 for value in numbers)


def test_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["size", "--subjects", "30e6", "--rate", "2e6"]) == 0
    said = capsys.readouterr().out
    assert "partitions" in said and size.load_figures().date in said
    assert main(["size", "--subjects", "30e6", "--rate", "2e6", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["plan"]["workers"] >= 1 and found["measured"]["machine"]


def test_a_worker_with_many_subjects_takes_longer_for_an_event() -> None:
    steep = replace(ROUND, slope=1.5)
    demand = Demand(1e6, 1e5)
    flat, more = plan(demand, ROUND), plan(demand, steep)
    assert more.cores == pytest.approx(1.5 * flat.cores)
    assert more.workers > flat.workers
