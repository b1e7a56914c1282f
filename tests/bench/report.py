"""Rows of results as a table for people, a JSON file, and a plot."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.results import Row

_COLUMNS = (
    "contender",
    "events",
    "events/s min",
    "median",
    "max",
    "of floor",
    "core-s/M",
    "broker/M",
    "out/event",
    "p50",
    "p99",
    "peak MB",
    "levels",
)


def machine() -> dict[str, Any]:
    """Where and when this was measured."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
        "load": os.getloadavg(),
    }


def show(rows: Sequence[Row], console: Console | None = None) -> None:
    """Print the table, and below it the notes."""
    console = console or Console(width=160)
    table = Table(title="Side by side, one Kafka on the same machine")
    for name in _COLUMNS:
        table.add_column(name, justify="left" if name in ("contender", "levels") else "right")
    for row in rows:
        table.add_row(*_cells(row))
    console.print(table)
    for row in rows:
        console.print(f"  {row.label}: {row.failed or row.note}", highlight=False, markup=False)


def least(rows: Sequence[Row]) -> str:
    """Say the least core-seconds of each contender, and what part of the last one's they are.

    Noise only ever adds, so of turns taken side by side the least compare best.
    """
    found = {
        row.runs[0].contender: min(run.own_per_million for run in row.runs)
        for row in rows
        if row.runs
    }
    last = next(reversed(found.values()), 0.0)
    return "least core-s/M: " + ", ".join(
        f"{name} {value:.2f} ({value / last:.3f})" for name, value in found.items()
    )


def save(path: Path, rows: Sequence[Row], shape: Mapping[str, Any]) -> None:
    """Write everything that was measured."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps(
            {"machine": machine(), "input": dict(shape), "rows": [row.as_json() for row in rows]},
            indent=1,
        )
        + "\n"
    )


def plot(path: Path, rows: Sequence[Row]) -> bool:
    """Draw events per second and core-seconds; False where matplotlib is not installed."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        return False
    done = [row for row in rows if row.runs][::-1]
    names = [row.label for row in done]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(12, 0.6 * len(done) + 2), sharey=True)
    rates = [row.rates() for row in done]
    spread = [[middle - low for low, middle, _ in rates], [high - m for _, m, high in rates]]
    left.barh(names, [middle for _, middle, _ in rates], xerr=spread, color="#3b6ea5", capsize=3)
    left.set_xscale("log")
    left.set_xlabel("events/s (median, min to max)")
    right.barh(names, [row.median("own_per_million") for row in done], color="#3b6ea5", label="own")
    right.barh(
        names,
        [row.median("broker_per_million") for row in done],
        left=[row.median("own_per_million") for row in done],
        color="#c9a227",
        label="broker",
    )
    right.set_xscale("log")
    right.set_xlabel("core-seconds per million events")
    right.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return True


def _cells(row: Row) -> list[str]:
    if not row.runs:
        return [row.label, *[""] * (len(_COLUMNS) - 2), "failed"]
    low, middle, high = row.rates()
    latency = [
        f"{row.latency[p] * 1000:,.0f} ms" if p in row.latency else "" for p in ("p50", "p99")
    ]
    ratio = row.ratio()
    return [
        row.label,
        f"{row.runs[0].events:,}",
        f"{low:,.0f}",
        f"{middle:,.0f}",
        f"{high:,.0f}",
        f"{ratio:.3f}" if ratio else "",
        f"{row.median('own_per_million'):.2f}",
        f"{row.median('broker_per_million'):.2f}",
        f"{row.median('out_per_event'):.3f}",
        *latency,
        f"{row.median('peak_bytes') / 1e6:,.0f}",
        row.levels()[:60],
    ]
