"""The wheel that brings its kernels: nothing is compiled where it starts, and nothing written."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from numba.core import config

from features import jit
from tests.support.wheel import compiled_wheel, installed

#: Prints where the package is, what was compiled, and for which processors.
WARMED = """
from features import jit
from streams.worker.wiring import warm_up
from numba.core import config
told = []
with jit.compilations(lambda: told.append(1)):
    warm_up()
print(jit.__file__, len(told), config.CPU_NAME)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled_wheel(tmp_path_factory.mktemp("wheel"))


def _warmed(site: Path) -> tuple[int, str]:
    """Functions compiled in a process that has the package and nothing kept; the target's name."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    done = subprocess.run(
        [sys.executable, "-c", WARMED],
        env={**environ, "PYTHONPATH": str(site), "HOME": "/nonexistent"},
        cwd="/", timeout=500, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    place, compiled, target = done.stdout.split()
    assert Path(place).is_relative_to(site)
    return int(compiled), target


def test_a_start_compiles_nothing_and_writes_nothing(wheel: Path, tmp_path: Path) -> None:
    version = "".join(map(str, sys.version_info[:2]))
    platform = sysconfig.get_platform().replace("-", "_")
    assert wheel.name.endswith(f"-cp{version}-none-{platform}.whl")
    site = installed(wheel, tmp_path / "site")
    before = {path for path in site.rglob("*") if path.suffix in (".nbi", ".nbc")}
    assert _warmed(site) == (0, os.environ.get("NUMBA_CPU_NAME", "None"))
    assert {path for path in site.rglob("*") if path.suffix in (".nbi", ".nbc")} == before

    # It would be seen: without one of them, that one is compiled.
    [index] = (site / "features" / "data" / "compiled").glob("*.sweep_kernel.sweep.*.nbi")
    index.unlink()
    compiled, _ = _warmed(site)
    assert compiled > 0  # it, and what is a part of it


@pytest.mark.parametrize(
    ("level", "can", "named", "aim"),
    [
        ("x86-64-v3", jit.LEVELS["x86-64-v3"], None, ("x86-64-v3", "")),
        ("x86-64-v3", jit.LEVELS["x86-64-v3"] - {"avx2"}, None, (None, None)),
        ("generic", frozenset(), None, ("generic", "")),
        ("None", jit.LEVELS["x86-64-v3"], None, (None, None)),  # compiled for one machine
        ("", jit.LEVELS["x86-64-v3"], None, (None, None)),  # nothing is shipped
        ("generic", frozenset(), "x86-64-v3", ("x86-64-v3", "")),  # as somebody asked
    ],
)
def test_what_is_compiled_for(
    level: str,
    can: frozenset[str],
    named: str | None,
    aim: tuple[str | None, str | None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if level:
        (tmp_path / "level").write_text(level + "\n")
    features = {**dict.fromkeys(jit.LEVELS["x86-64-v3"], False), **dict.fromkeys(can, True)}
    monkeypatch.setattr(jit, "_LEVEL", tmp_path / "level")
    monkeypatch.setattr(jit, "get_host_cpu_features", lambda: features)
    monkeypatch.setitem(vars(config), "CPU_NAME", named)
    monkeypatch.setitem(vars(config), "CPU_FEATURES", None)
    jit._aim()
    assert (vars(config)["CPU_NAME"], vars(config)["CPU_FEATURES"]) == aim


def test_where_nothing_can_be_written_it_compiles_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jit._KeptAs, "_locator_classes", [jit._Nowhere])
    kernel = jit.njit(_twice)
    assert kernel(21) == 42
    assert not jit.SHIPPED.exists()


def _twice(number: int) -> int:
    return 2 * number
