"""The pages: what they name exists, what exists is named, and their tables are current."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from features.vocabulary import ReasonCode, Refusal, SuppressionReason
from streams.__main__ import main
from streams.errors import ExitCode
from tests.conftest import SEED_VARIABLE
from tests.project import pages

ROOT = pages.ROOT
README = ROOT / "README.md"
CONTRACT = ROOT / "deploy" / "contract" / "README.md"
PAGES = (
    README,
    pages.PAGE,
    ROOT / "deploy" / "RUNBOOK.md",
    CONTRACT,
    ROOT / "features" / "README.md",
    ROOT / "features" / "data" / "README.md",
    ROOT / "streams" / "README.md",
    ROOT / "tests" / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / ".github" / "CONTRIBUTING.md",
    ROOT / ".github" / "SECURITY.md",
)
#: Names old paths on purpose.
HISTORY = ROOT / "CHANGELOG.md"

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)*(?:/|\.(?:py|md|toml|tsv|json|yml|yaml)))`")
_SNIPPET = re.compile(r"```python\n(.*?)```", re.S)
_TITLE = re.compile(r"^#+ (.+)$", re.M)

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def test_the_tables_are_current() -> None:
    text = pages.PAGE.read_text()
    assert text == pages.renewed(text), "run python -m tests.project.pages"


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="'settings'"):
        pages.renewed("# A page\n")


def test_every_setting_has_a_meaning_and_is_on_the_page() -> None:
    text = pages.PAGE.read_text()
    for name, (_, meaning) in pages.settings_meanings().items():
        assert meaning, f"{name} has no comment in streams/settings.py"
        assert f"| `{name}` |" in text


def test_every_metric_and_alert_is_on_the_page() -> None:
    text = pages.PAGE.read_text()
    names = pages.metric_names()
    assert len(names) > 20
    assert [name for name in names if f"| `{name}` |" not in text] == []
    assert [name for name in pages.alerts() if f"[{name}]" not in text] == []


def test_every_command_is_on_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    commands = re.findall(r"^    ([a-z]+)(?:\s|$)", capsys.readouterr().out, re.M)
    assert {"worker", "topics", "config", "offsets", "contract"} <= set(commands)
    text = pages.PAGE.read_text() + CONTRACT.read_text()
    assert [name for name in commands if not re.search(rf"`{name}\b", text)] == []


def test_every_reason_is_on_the_page_of_the_contract() -> None:
    text = CONTRACT.read_text()
    reasons = {word.value for words in (ReasonCode, SuppressionReason, Refusal) for word in words}
    assert [name for name in sorted(reasons) if f"| `{name}` |" not in text] == []


def test_every_topic_is_on_the_page_of_the_contract() -> None:
    topics = json.loads((CONTRACT.parent / "asyncapi.json").read_text())["channels"]
    text = CONTRACT.read_text()
    assert [name for name in topics if f"| `{name}` |" not in text] == []


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 120


def test_the_seed_is_named_as_it_is_read() -> None:
    assert f"`{SEED_VARIABLE}=<seed> " in (ROOT / "tests" / "README.md").read_text()


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text()):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link}: nothing there"
        if anchor and target.suffix == ".md":
            assert anchor in _anchors(target), f"{link}: no such title"


@every_page
def test_named_files_exist(page: Path) -> None:
    """A path is from the root, or from the page's folder."""
    if page == HISTORY:
        return
    named = {path for path in _PATH.findall(page.read_text()) if "/" in path}
    assert [path for path in sorted(named)
            if not (ROOT / path).exists() and not (page.parent / path).exists()] == []  # fmt: skip


@every_page
def test_snippets_are_python(page: Path) -> None:
    for snippet in _SNIPPET.findall(page.read_text()):
        compile(snippet, str(page), "exec")


@every_page
def test_no_page_names_a_registry(page: Path) -> None:
    text = page.read_text()
    assert not re.search(r"https?://(?!github\.com|creativecommons\.org|localhost)", text)


def _anchors(page: Path) -> set[str]:
    titles = _TITLE.findall(page.read_text())
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_exit_code_is_on_the_page() -> None:
    text = (ROOT / "deploy" / "README.md").read_text()
    table = text.partition("| code | means |")[2].partition("\n\n")[0]
    codes = re.findall(r"^\| ([\d, ]+) \| ", table, re.M)
    assert sorted(int(code) for row in codes for code in row.split(", ")) == sorted(ExitCode)
