"""`make quality`: a table for each panel, and what is promised of the scores.

Figures as JSON and plots go to ``.cache/quality``; with ABLATE=1 in the environment it also prints
what each signal earns. The panels are those of the folder that DATA names, or else of the one
beside the checkout (``../shared/data``, or where REAL_DATA says); without any, the web visits that
ship with the package.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from streams.evaluation import cost, panel_files, panels, report, scores
from streams.evaluation.scores import ANSWERED, Measured
from tests.support.needs import need_data, need_extra
from tests.support.paths import CACHE, DATA_SETS

OUT = CACHE / "quality"
pytestmark = pytest.mark.quality

#: Asked for by name, a folder must be there; the one beside the checkout need not.
_NAMED = os.environ.get("DATA", "")
_FOLDER = Path(_NAMED) if _NAMED else DATA_SETS
_BUNDLED = "bundled"


def _panels() -> list[str]:
    if _NAMED or _FOLDER.exists():
        return panel_files.look(_FOLDER).panels
    return [_BUNDLED]


def _load(name: str) -> panels.Panel:
    return panels.bundled() if name == _BUNDLED else panel_files.load(name, _FOLDER)


def _shown(capsys: pytest.CaptureFixture[str], measured: Measured) -> None:
    written = report.write(measured, OUT)
    with capsys.disabled():
        print("\n" + report.summary(measured.found))
        print("\nwritten: " + ", ".join(map(str, written)))


@pytest.mark.parametrize("name", _panels())
def test_each_panel(capsys: pytest.CaptureFixture[str], name: str) -> None:
    """No count is better than what a worker answers; by how much it isn't is printed."""
    need_extra("quality", "lightgbm")
    panel = _load(name)
    measured = scores.measure(panel)
    if os.environ.get("ABLATE"):
        measured.found["ablation"] = scores.ablation(measured)
    if not panel.visits[0].topic.startswith("tv"):
        measured.found["bursts"] = scores.flood(panel, measured)
    _shown(capsys, measured)
    gains = measured.found["gains"]
    better = [
        line
        for line, gain in gains.items()
        if ("frequency" in line or "calibrated" in line) and gain["log_loss"].sign < 0
    ]
    assert not better
    assert gains["7-day frequency"]["log_loss"].sign > 0


def test_bundled_tags(capsys: pytest.CaptureFixture[str]) -> None:
    """Beside it, on the interests that the bundled tags give."""
    need_extra("quality", "lightgbm")
    measured = scores.measure(panels.bundled(), tagged=True, boosted=False)
    _shown(capsys, measured)
    assert measured.found["gains"]["7-day frequency"]["log_loss"].value > 0.0


def test_bursts_move_little() -> None:
    """Two hours of somebody else leave four of the top five."""
    if _NAMED:
        pytest.skip("a promise of the sets that it was made for")
    need_data(DATA_SETS / panels.SETS["web-visits"][0])
    panel = panels.load("web-visits", DATA_SETS)
    measured = scores.measure(panel, boosted=False)
    assert np.mean(scores.flood(panel, measured)["score"]) >= 4.0
    assert ANSWERED in measured.lines


def test_cost(capsys: pytest.CaptureFixture[str]) -> None:
    """Core-seconds per million events with models learning and without."""
    found = cost.measure()
    with capsys.disabled():
        print(f"\n{found}")
    assert found.learning > found.without > 0.0
