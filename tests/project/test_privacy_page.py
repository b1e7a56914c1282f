"""Each promise of the privacy officer's page names what keeps it and tests that there are."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.project.pages import ROOT

PAGE = ROOT / "features" / "README.md"
_HEAD = ["promise", "kept by", "tested in", "limit"]
_NODE = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_FILE = re.compile(r"`((?:streams/)?[a-z_]+/[\w/]*(?:\.py)?)`")


def rows(text: str) -> list[list[str]]:
    """The cells of each promise."""
    table = text[text.index(f"| {' | '.join(_HEAD)} |") :].partition("\n\n")[0]
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in table.split("\n")[2:]
    ]


@cache
def _names(path: Path) -> frozenset[str]:
    """What a module of tests defines at its top."""
    found = set()
    for item in ast.parse(path.read_text()).body:
        if isinstance(item, ast.FunctionDef | ast.ClassDef):
            found.add(item.name)
        if isinstance(item, ast.Assign):
            found |= {target.id for target in item.targets if isinstance(target, ast.Name)}
    return frozenset(found)


def faults(row: list[str]) -> list[str]:
    """What a promise lacks."""
    _, kept, tested, limit = row
    named = _NODE.findall(tested)
    found = [] if named else ["no test"]
    found += [] if limit else ["no limit"]
    for path, name in named:
        if not (ROOT / path).is_file() or name not in _names(ROOT / path):
            found.append(f"{path}::{name}")
    for path in _FILE.findall(kept):
        if not ((ROOT / path).exists() or (ROOT / "features" / path).exists()):
            found.append(path)
    return found


PROMISES = rows(PAGE.read_text())


def test_the_page_has_promises() -> None:
    assert len(PROMISES) >= 15
    assert len({row[0] for row in PROMISES}) == len(PROMISES)


@pytest.mark.parametrize("row", PROMISES, ids=lambda row: row[0])
def test_a_promise_is_shown_by_tests_that_there_are(row: list[str]) -> None:
    assert not faults(row)


@pytest.mark.parametrize(
    ("kept", "tested", "limit", "fault"),
    [
        ("a law", "`tests/project/test_pages.py`", "none", "no test"),
        ("a law", "`tests/project/test_pages.py::test_no_such`", "none", "test_no_such"),
        ("a law", "`tests/no_such.py::test_it`", "none", "no_such.py"),
        ("`privacy/no_such.py`", "`tests/project/test_pages.py::README`", "none", "no_such.py"),
        ("a law", "`tests/project/test_pages.py::README`", "", "no limit"),
    ],
)
def test_a_promise_without_is_seen(kept: str, tested: str, limit: str, fault: str) -> None:
    found = faults(["it holds", kept, tested, limit])
    assert len(found) == 1 and fault in found[0]
