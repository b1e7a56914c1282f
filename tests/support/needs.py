"""What a test needs of the machine; where it is missing, the text says what to install or set."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

#: Command to the Debian package that has it.
PACKAGES = {
    "java": "openjdk-17-jre-headless",
    "javac": "openjdk-17-jdk-headless",
    "mvn": "maven",
    "node": "nodejs",
    "npm": "npm",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "chromium": "chromium",
    "kcat": "kcat",
    "cargo": "cargo",
}


def lacking(*commands: str) -> str:
    """Which of the commands is missing and what has it; empty where all are there."""
    missing = [name for name in commands if shutil.which(name) is None]
    return "; ".join(f"no {name}: apt-get install {PACKAGES[name]}" for name in missing)


def need_commands(*commands: str) -> None:
    """Skip where a command is missing."""
    reason = lacking(*commands)
    if reason:
        pytest.skip(reason)


def need_data(path: Path) -> Path:
    """Skip where a data set is missing that may not be bundled; returns where it is."""
    if not path.exists():
        pytest.skip(f"{path} is not here: put the set there or set REAL_DATA")
    return path


def need_extra(extra: str, module: str) -> None:
    """Skip where an optional extra of the package, shown by one of its modules, is missing."""
    pytest.importorskip(module, reason=f"pip install 'interest-streams[{extra}]'")
