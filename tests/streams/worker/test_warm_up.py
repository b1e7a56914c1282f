"""After the warm-up no compiler stands between a poll and its commit."""

from __future__ import annotations

import subprocess
import sys

import pytest

from streams.worker import wiring
from tests.support.paths import ROOT


@pytest.mark.timeout(900)  # all is compiled where nobody did before
def test_a_workers_first_days_compile_nothing() -> None:
    command = [sys.executable, "-m", "tests.support.uncompiled"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_start_says_how_far_it_is() -> None:
    said: list[str] = []
    wiring.warm_up(tell=said.append)
    parts = len(said)
    assert said == [f"compiling, part {number} of {parts}" for number in range(1, parts + 1)]
    assert parts > 5
