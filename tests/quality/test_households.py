"""`make quality`: who was at a shared screen, and what is promised on the development data."""

from __future__ import annotations

import pytest

from streams.evaluation import households
from tests.support.needs import need_data
from tests.support.paths import DATA_SETS

pytestmark = pytest.mark.quality


def test_shared_screens(capsys: pytest.CaptureFixture[str]) -> None:
    """No set is worse than uniform, and where people have a second device the promises hold."""
    for place in ("web-visits", "app-usage", "ratings", "tv-sessions"):
        need_data(DATA_SETS / place)
    found = households.measure_households(DATA_SETS)
    with capsys.disabled():
        print("\n" + households.households_report(found))
    missed = [target.what for target in found["targets"] if not target.met]
    assert not [what for what in missed if what.startswith(("web", "apps"))]
    assert not [what for what in missed if "below uniform" in what]
    profiles = found["profiles"]["web device, keys"]
    assert profiles["attributed"]["ndcg_10"] > profiles["own line only"]["ndcg_10"]
    assert profiles["attributed"]["others_top_5"] <= 0.01
