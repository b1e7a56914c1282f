"""Builds the wheel that brings its kernels, as `make wheel` does, and unpacks it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT


def compiled_wheel(folder: Path) -> Path:
    """Build the wheel with compiled kernels into a folder.

    For the processors that this process compiles for, whose kernels mostly lie in Numba's cache.
    """
    cpu = os.environ.get("NUMBA_CPU_NAME", "native")
    environ = {**os.environ, "PYTHON": sys.executable, "CPU": cpu}
    _run([ROOT / ".ci" / "wheel", folder], environ)
    [wheel] = folder.glob("*.whl")
    return wheel


def installed(wheel: Path, folder: Path) -> Path:
    """Install a wheel without what it needs into a folder, for PYTHONPATH."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    _run([*pip, "--target", folder, wheel], dict(os.environ))
    return folder


def _run(words: list[str | Path], environ: dict[str, str]) -> None:
    done = subprocess.run(words, env=environ, timeout=500, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
