"""The game day in short: two steps for every test run, some more by ``pytest -m chaos``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gameday.run import run
from tests.gameday.stage import Stage
from tests.gameday.table import BY_NAME
from tests.support.needs import need_commands
from tests.support.verifier import violated

#: One of each manner that takes less than a minute: people, brokers, records, apps.
SOME = ("roll", "kill -9", "offsets by hand", "bad facts", "outage")


@pytest.mark.kafka
@pytest.mark.usefixtures("kafka_jars")
def test_alerts_fire_and_resolve_on_a_live_worker(tmp_path: Path) -> None:
    need_commands("promtool")  # of the same package as the server
    with Stage(tmp_path / "stage", brokers=1, workers=1, apps=("catalogue", "audiences")) as stage:
        verdicts = run(stage, [BY_NAME["hanging transaction"], BY_NAME["app down"]])
    assert violated(verdicts) == []


@pytest.mark.kafka
@pytest.mark.chaos
@pytest.mark.usefixtures("kafka_jars")
@pytest.mark.timeout(900)
def test_a_short_day(tmp_path: Path) -> None:
    need_commands("promtool", "prometheus-alertmanager")
    with Stage(tmp_path / "stage", outage_s=20.0) as stage:
        verdicts = run(stage, [BY_NAME[name] for name in SOME])
    assert violated(verdicts) == []
