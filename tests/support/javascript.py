"""The JavaScript packages that tests use, installed once a run from their lock."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.needs import need_commands
from tests.support.paths import ROOT

SOURCE = ROOT / "tests" / "javascript"


@pytest.fixture(scope="session")
def javascript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the programs of ``tests/javascript`` and the packages that its lock names."""
    need_commands("node", "npm")
    folder = tmp_path_factory.mktemp("javascript")
    shutil.copytree(SOURCE, folder, dirs_exist_ok=True)
    subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=folder, check=True, capture_output=True, timeout=600,
    )  # fmt: skip
    return folder
