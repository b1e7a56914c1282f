"""Texts of others act on nothing: not on a terminal, a log, a page or what reads JSON."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.__main__ import main
from streams.apps.customer_sheet import as_html, sheet
from streams.client.words import wording
from streams.commands import subject, untagged
from streams.contract.topics import STATE
from streams.contract.untagged import Heavy
from streams.logs import TextFormatter, visible
from streams.settings import Settings
from streams.terminal import console_of_texts, report

HOSTILE = (
    "\x1b[2J\x1b]0;title\x07", "\x9b31m", "a\rb", "a\nsubject: nothing is stored", "a\u2028b",
    "\u202egnirts", "\u2066a\u2069", "\u200fa", "\ufeffa", "\x00\x08\x7f", "\ud800",
    "<script>alert(1)</script>", '","x":"', "=HYPERLINK(1)", "x" * 5_000, "[red]x[/red] :smile:",
)  # fmt: skip
#: What acts on a terminal, ends a line, or hides and turns text.
ACTS = {
    *map(chr, (*range(32), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A))),
    *"\u061c\u200b\u200e\u200f\ufeff\ud800",
}


@given(st.text() | st.sampled_from(HOSTILE))
def test_what_is_shown_is_one_line_and_reads_as_the_same_json(text: str) -> None:
    assert not ACTS & set(visible(text)) and visible(text).encode() is not None
    assert visible(visible(text)) == visible(text)
    assert visible(text) == text or ACTS & set(text) or not text.isprintable()
    assert json.loads(visible(json.dumps({text: text}, ensure_ascii=False))) == {text: text}


@pytest.mark.parametrize("text", HOSTILE)
def test_a_log_of_people_has_one_line_for_an_event(text: str) -> None:
    record = logging.LogRecord("a.b", logging.WARNING, __file__, 1, "said %s", (text,), None)
    record.__dict__["about"] = {"topic": text}
    assert not ACTS & set(TextFormatter().format(record))


@pytest.mark.parametrize("text", HOSTILE)
def test_so_has_a_failure(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    report("x", ValueError(text))
    assert not ACTS & set(capsys.readouterr().err.removesuffix("\n"))


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("plain", (False, True))
def test_what_has_no_tags_is_listed_a_line_each(
    text: str, plain: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    heavy = Heavy(f"programme:{text}", text, 1.0, 0)
    monkeypatch.setattr(untagged, "read", lambda *_: [heavy])
    monkeypatch.setattr(sys.stdout, "isatty", lambda: plain)
    main(["untagged"])
    line = capsys.readouterr().out.splitlines()[-1]
    assert not ACTS & set(line)
    if not plain:
        assert json.loads(line)["key"] == heavy.key


@pytest.mark.parametrize("text", HOSTILE)
def test_a_console_shows_texts_and_styles_of_ours_alone(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.table import Table

    table = Table("column")
    table.add_row(text)
    console = console_of_texts()
    console.print(text, soft_wrap=True)
    console.print(table)
    said = capsys.readouterr().out
    assert not (ACTS - {"\n"}) & set(said)
    assert visible(text, "\n") in said


@pytest.fixture(autouse=True)
def _published(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account whose profile holds one hostile text after another."""
    interests = [{"id": "1", "name": t, "stance": t, "reasons": [{"code": t}]} for t in HOSTILE]
    quiet = [{"scope": text, "reason": text, "until": None} for text in HOSTILE]
    profile = json.dumps({"version": 1, "interests": interests, "suppressions": quiet}).encode()
    held: dict[str, dict[bytes, bytes]] = {"interest-profiles": {b"acc-0": profile}}

    def latest(
        settings: Settings, name: str, wants: Callable[[bytes], bool], timeout: float
    ) -> dict[tuple[bytes, int], bytes]:
        return {(key, 0): value for key, value in held.get(name, {}).items() if wants(key)}

    monkeypatch.setattr(subject, "read_latest", latest)
    assert STATE not in held
    yield


def test_an_export_is_the_json_that_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    main(["subject", "acc-0", "--json"])
    said = capsys.readouterr().out
    assert not (ACTS - {"\n"}) & set(said)
    told = json.loads(said)["held"]["profiles"]["acc-0"]["interests"]
    assert [item["name"] for item in told] == [*HOSTILE]


def test_a_sheet_has_no_markup_and_no_letter_that_hides_others() -> None:
    found: dict[str, Any] = subject.held(Settings(), "acc-0")
    made = as_html(sheet(found, Settings(), wording()), wording())
    assert not ACTS & set(made) and made.encode() is not None
    assert "<script" not in made and "&lt;script&gt;" in made and "\\u202egnirts" in made
