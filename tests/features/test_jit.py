"""Compiled code that is kept on disk is never used where a source that it was made of changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from features.jit import Kernel, inlined, njit
from tests.support.paths import ROOT

#: Of a package in which `outer` has `inner` inlined, which takes a number from `deep`.
SOURCES = {
    "__init__.py": "from tiny import beside\n",
    "beside.py": "NOTHING = 0\n",
    "deep/__init__.py": "",
    "deep/numbers.py": "NUMBER = 1\n",
    "inner.py": """
from features.jit import inlined
from tiny.deep.numbers import (
    NUMBER,  # not as an argument (a constant)
)

@inlined
def inner(value: int) -> int:
    return value + 10 * NUMBER
""",
    "outer.py": """
from features.jit import njit
from .inner import inner

@njit
def outer(value: int) -> int:
    return inner(value) + 100
""",
}
ASKED = """
from features.jit import compilations
from tiny.outer import outer
made = []
with compilations(lambda: made.append(1)):
    print(outer(1), "from disk" if not made else "compiled")
"""


def _asked(folder: Path, kept: Path | None) -> str:
    environ = {key: value for key, value in os.environ.items() if key != "NUMBA_CACHE_DIR"}
    if kept is not None:
        environ["NUMBA_CACHE_DIR"] = str(kept)
    done = subprocess.run(
        [sys.executable, "-c", ASKED],
        cwd=folder,
        env={**environ, "PYTHONPATH": f"{folder}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in SOURCES.items():
        path = tmp_path / "tiny" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def _change(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert text.count(before) == 1
    path.write_text(text.replace(before, after))


@pytest.mark.parametrize("own_folder", [False, True], ids=["beside the source", "own folder"])
def test_what_another_file_lent_is_compiled_anew(folder: Path, own_folder: bool) -> None:
    kept = folder / "kept" if own_folder else None
    assert _asked(folder, kept) == "111 compiled"
    assert _asked(folder, kept) == "111 from disk"
    _change(folder / "tiny" / "inner.py", "10 * NUMBER", "20 * NUMBER")
    assert _asked(folder, kept) == "121 compiled"
    _change(folder / "tiny" / "deep" / "numbers.py", "1", "2")
    assert _asked(folder, kept) == "141 compiled"
    _change(folder / "tiny" / "beside.py", "0", "1")
    assert _asked(folder, kept) == "141 from disk"
    _change(folder / "tiny" / "deep" / "numbers.py", "2", "1")
    assert _asked(folder, kept) == "121 from disk"  # two releases share a folder


@njit
def _raises(value: int) -> int:
    if value < 0:
        raise ValueError("below 0")
    return value + 1


@inlined
def _within(value: int) -> int:
    return _raises(value) * 2


@njit
def _whole(value: int) -> int:
    return _within(value)


def test_what_only_kernels_call_is_no_code_by_itself() -> None:
    """Of ten kernels nine are called by others alone: wrappers and code took half of a start."""
    assert _whole(3) == 8
    for inner in (_within, _raises):
        assert isinstance(inner, Kernel)
        assert not inner.overloads and len(inner.part.overloads) == 1
    assert isinstance(_whole, Kernel) and not _whole.part.overloads


def test_what_kernels_call_python_may_call_too() -> None:
    assert (_whole(3), _within(4), _raises(5)) == (8, 10, 6)
    for kernel in (_whole, _within, _raises):
        with pytest.raises(ValueError, match="below 0"):
            kernel(-1)
