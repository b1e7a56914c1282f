"""What `streams.commands.size` reckons with, written from what was measured here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.paths import ROOT

TARGET = ROOT / "streams" / "data" / "measured.json"


def write(folder: Path, target: Path = TARGET) -> Path:
    """Write the figures file from the results of ``side``, ``scale`` and ``restore``.

    Raises
    ------
    FileNotFoundError
        Where one of the three was not measured yet.
    """
    side, scale, restore = (
        json.loads((folder / f"{name}.json").read_text()) for name in ("result", "scale", "restore")
    )
    target.write_text(
        json.dumps(figures(side, scale["scale"], restore["restore"]), indent=2) + "\n"
    )
    return target


def figures(side: dict[str, Any], scale: dict[str, Any], restore: dict[str, Any]) -> dict[str, Any]:
    """The figures, of the median run where there are several."""
    row = next(row for row in side["rows"] if row["runs"] and row["runs"][0]["contender"] == "ours")
    floor = next(
        row for row in side["rows"] if row["runs"] and row["runs"][0]["contender"] == "floor"
    )
    run, machine = row["runs"][-1], side["machine"]
    return {
        "date": machine["date"],
        "machine": f"{machine['cores']} cores of {machine['cpu']}, with the broker on them, "
        f"Python {machine['python']}",
        "core_s_per_million": round(row["core_s_per_million"], 2),
        "broker_core_s_per_million": round(row["broker_core_s_per_million"], 2),
        "state_bytes_per_event": round(run["state_bytes"] / run["events"], 1),
        "profile_bytes_per_event": round(run["profile_bytes"] / run["events"], 1),
        "input_bytes_per_event": 269,
        "bytes_per_row": round(scale["bytes_per_row"], 1),
        "bytes_per_subject_head": round(scale["bytes_per_subject_head"], 1),
        "record_bytes_per_row": round(restore["folded_bytes"] / restore["rows"], 1),
        "load_rows_per_s": round(scale["points"][-1]["restore_rows_s"]),
        "read_records_per_s": round(floor["events_per_s"]["median"]),
        "slope": round(scale["slope"], 3),
    }
