"""`make quality`: the table, and the promises on the development data.

With ABLATE=1 in the environment it also prints what each signal earns.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from streams import quality, quality_panels, quality_report

SETS = Path(os.environ.get("REAL_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
pytestmark = [
    pytest.mark.quality,
    pytest.mark.skipif(not (SETS / "web-visits").is_dir(), reason=f"no real data in {SETS}"),
]


def test_keys(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("lightgbm", reason="the extra 'quality' is not installed")
    panel = quality_panels.load(["web-visits", "snapshots"], SETS)
    found, answers, _ = quality.measure(panel)
    if os.environ.get("ABLATE"):
        found["ablation"] = quality.ablation(answers)
    found["bursts"] = quality.flood(panel, answers)
    with capsys.disabled():
        print("\n" + quality_report.summary(found))
    missed = [target["what"] for target in found["targets"] if not target["met"]]
    assert not missed
    assert np.mean(found["bursts"]["score"]) >= 4.0


def test_taxonomy(capsys: pytest.CaptureFixture[str]) -> None:
    """Beside it, on the interests that the bundled tags give: no promise but to be honest."""
    panel = quality_panels.load(["web-visits", "snapshots"], SETS)
    found, _, _ = quality.measure(panel, tagged=True, boosting=False)
    with capsys.disabled():
        print("\n" + quality_report.summary(found))
    lines = found["lines"]
    assert lines[found["champion"]]["log_loss"] < lines["7-day frequency"]["log_loss"]
