"""Locks are complete, hashed and free of addresses, and sorted by who needs what."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

from tests.support.paths import ROOT


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project


def _names(*groups: str) -> set[str]:
    """Packages that groups of requirements name; "" is what is installed without an extra."""
    project = _project()
    groups_of = {"": project["dependencies"], **project["optional-dependencies"]}
    named = {
        re.split(r"[<>=~!\[; ]", item)[0].lower().replace(".", "-")
        for group in groups
        for item in groups_of[group]
    }
    return named - {project["name"]}  # an extra that brings another with it


def _locked() -> dict[str, dict[str, str]]:
    text = (ROOT / "constraints.txt").read_text()
    sections = re.findall(r"^# --- ([^\n]+)\n(.*?)(?=^# --- |\Z)", text, re.S | re.M)
    return {
        name: dict(
            re.findall(
                r"^([a-z0-9.-]+)==\S+(?: ; [^\n]+)? \\\n((?:    --hash\S+(?: \\)?\n?)+)", body, re.M
            )
        )
        for name, body in sections
    }


def test_every_locked_file_has_a_hash_and_no_address() -> None:
    text = (ROOT / "constraints.txt").read_text()
    assert "://" not in text and "--index" not in text and "--find-links" not in text
    entries = re.findall(r"^[^\s#]", text, re.M)
    assert len(entries) == sum(len(section) for section in _locked().values())


def test_every_package_in_javascript_has_a_hash_and_no_address() -> None:
    text = (ROOT / "tests" / "javascript" / "package-lock.json").read_text()
    assert "://" not in text
    packages = json.loads(text)["packages"]
    assert all("integrity" in item for name, item in packages.items() if name)


def test_what_extras_of_the_image_name_is_under_their_names() -> None:
    locked = _locked()
    assert set(locked["build"]) == {"setuptools"}
    assert _names("", "worker") <= set(locked["runtime"])
    for extra in ("text", "lookup", "mcp", "traces"):
        under = {name for title, section in locked.items() if extra in title.split()
                 for name in section}  # fmt: skip
        assert _names(extra) <= under | set(locked["runtime"]), extra
    everything = [name for section in locked.values() for name in section]
    assert len(everything) == len(set(everything)), "a package in two sections"


def test_all_that_make_installs_is_locked() -> None:
    everything = {name for section in _locked().values() for name in section}
    assert _names("", *_project()["optional-dependencies"]) <= everything


def test_a_reader_needs_three_packages_and_every_extra_but_the_tools_brings_the_worker() -> None:
    assert _names("") == {"confluent-kafka", "orjson", "backports-zstd"}
    extras = _project()["optional-dependencies"]
    direct = {name for name, items in extras.items() if "interest-streams[worker]" in items}
    brings = {f"interest-streams[{name}]" for name in direct | {"worker"}}
    assert {n for n, items in extras.items() if brings & {*items}} == set(extras) - {
        "worker",
        "dev",
    }
