"""The command line in this process, under the settings of a test."""

from __future__ import annotations

import pytest

from streams.__main__ import main
from streams.sandbox.demo_worker import environment
from streams.settings import PREFIX, Settings


def command(settings: Settings, monkeypatch: pytest.MonkeyPatch, *argv: str) -> int:
    """Run the command line under these settings; its exit code."""
    for name, value in environment(settings).items():
        if name.startswith(PREFIX):
            monkeypatch.setenv(name, value)
    return main(argv)
