"""`make quality`: the table, and the promises on the development data.

With ABLATE=1 in the environment it also prints what each signal earns. Figures as JSON and plots
go to ``.cache/quality``. The sets stand beside the checkout (``../shared/data``) or where
REAL_DATA says.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from streams.commands import quality
from streams.evaluation import cost, panels, report
from streams.evaluation.measures import first_quarter_out
from tests.support.needs import need_data, need_extra
from tests.support.paths import CACHE, DATA_SETS

OUT = CACHE / "quality"
pytestmark = pytest.mark.quality


def _measured(
    capsys: pytest.CaptureFixture[str],
    sets: list[str],
    *,
    tagged: bool = False,
    boosting: bool = True,
    bursts: bool = False,
) -> dict[str, Any]:
    """Measure, print, and write figures and plots."""
    need_extra("quality", "lightgbm")
    for name in sets:
        need_data(DATA_SETS / panels.SETS[name][0])
    panel = panels.load(sets, DATA_SETS)
    found, answers, lines = quality.measure(panel, tagged, boosting)
    if os.environ.get("ABLATE"):
        found["ablation"] = quality.ablation(answers)
    if bursts:
        found["bursts"] = quality.flood(panel, answers)
    written = OUT / f"{report.file_stem(found)}.json"
    report.write_json(found, written)
    plots = report.plots(answers, found, first_quarter_out(answers), lines, OUT)
    with capsys.disabled():
        print("\n" + report.summary(found))
        print("\nwritten: " + ", ".join(str(path) for path in (written, *plots)))
    return found


def test_keys(capsys: pytest.CaptureFixture[str]) -> None:
    """What was promised, on the sets it was promised for."""
    found = _measured(capsys, ["web-visits", "snapshots"], bursts=True)
    assert not [target["what"] for target in found["targets"] if not target["met"]]
    assert np.mean(found["bursts"]["score"]) >= 4.0
    stances = found["stances"]
    assert stances["engage"]["engaged"] > 0.4 > 0.01 > stances["avoid"]["engaged"]


@pytest.mark.parametrize("name", [*panels.SETS])
def test_each_set(capsys: pytest.CaptureFixture[str], name: str) -> None:
    """Each set by itself: no promise but to beat the frequency, few panelists as there are."""
    lines = _measured(capsys, [name], boosting=False)["lines"]
    assert lines["mixture"]["log_loss"] < lines["7-day frequency"]["log_loss"]


def test_taxonomy(capsys: pytest.CaptureFixture[str]) -> None:
    """Beside it, on the interests that the bundled tags give: no promise but to be honest."""
    found = _measured(capsys, ["web-visits", "snapshots"], tagged=True, boosting=False)
    lines = found["lines"]
    assert lines[found["champion"]]["log_loss"] < lines["7-day frequency"]["log_loss"]


def test_cost(capsys: pytest.CaptureFixture[str]) -> None:
    """Core-seconds per million events with models learning and without."""
    found = cost.measure()
    with capsys.disabled():
        print(f"\n{found}")
    assert found.learning > found.without > 0.0
