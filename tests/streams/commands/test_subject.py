"""Subject access: one member sees that member alone, in words that a customer understands."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from streams.__main__ import main
from streams.apps.customer_sheet import SECTIONS, as_html, sheet
from streams.client.words import LANGUAGES, wording
from streams.commands import subject
from streams.contract.topics import STATE
from streams.settings import Settings
from tests.oracle.views import Run
from tests.support import generators as gen
from tests.support.generators import START, config


@pytest.fixture(scope="module")
def topics() -> dict[str, dict[bytes, bytes]]:
    """What the topics hold of a household with two members."""
    done = Run(config())
    done.apply(
        [
            gen.consent(0),
            gen.rugby(1, START),
            gen.fact(0, "purchase", START, interest="529", member_id="m-2"),
            gen.fact(0, "declaration", START + 1, interest="515", stance="like", member_id="m-1"),
        ]
    )
    done.commit()
    profiles = {
        name: json.dumps({"version": 1, "interests": [], "suppressions": []}).encode()
        for name in (b"acc-0", b"acc-0/m-1", b"acc-0/m-2")
    }
    return {STATE: done.changelog, "interest-profiles": profiles, "offers": profiles}


@pytest.fixture(autouse=True)
def _read(topics: dict[str, dict[bytes, bytes]], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def latest(
        settings: Settings, name: str, wants: Callable[[bytes], bool], timeout: float
    ) -> dict[tuple[bytes, int], bytes]:
        return {(key, 0): value for key, value in topics[name].items() if wants(key)}

    monkeypatch.setattr(subject, "read_latest", latest)
    yield


def test_an_account_sees_its_members_and_a_member_itself_alone() -> None:
    household = subject.held(Settings(), "acc-0")
    for published in ("profiles", "offers"):
        assert set(household[published]) == {"acc-0", "acc-0/m-1", "acc-0/m-2"}
    assert {fact.get("member") for fact in household["facts"]["facts"]} == {"m-1", "m-2"}
    own = subject.held(Settings(), "acc-0/m-1")
    assert set(own["profiles"]) == {"acc-0/m-1"} and set(own["state"]) <= {"acc-0/m-1"}
    assert [fact["member"] for fact in own["facts"]["facts"]] == ["m-1"]
    assert [item["purpose"] for item in own["facts"]["consent"]] != []
    assert "m-2" not in json.dumps(own) and "529" not in json.dumps(own)
    assert subject.held(Settings(), "acc-0/m")["profiles"] == {}, "no member, and no prefix of one"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sheet_says_everything_in_words(language: str) -> None:
    said = wording(language)
    made = sheet(subject.held(Settings(), "acc-0"), Settings(), said)
    assert all(made[name] for name in ("facts", "purposes", "sources", "retention", "logic"))
    text = Text()
    text.feed(as_html(made, said))
    assert all(line in text.said for name in SECTIONS for line in made[name])
    assert not text.tags & {"script", "img", "a", "link"}


def test_nothing_in_the_sheet_is_markup() -> None:
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    item = {"id": "1", "name": hostile, "stance": hostile, "reasons": [{"code": hostile}]}
    quiet = {"scope": hostile, "reason": hostile, "until": None}
    found = {"subject": hostile, "profiles": {"a": {"interests": [item], "suppressions": [quiet]}},
             "facts": {"consent": [], "facts": [{"at": hostile, "kind": hostile}]},
             "permissions": [{"purpose": hostile, "member_id": hostile, "value": False,
                              "why": hostile, "until": None}],
             "erased": None, "also": [hostile]}  # fmt: skip
    text = Text()
    text.feed(as_html(sheet(found, Settings(), wording()), wording()))
    assert not text.tags & {"script", "img"} and hostile in "".join(text.said)


def test_the_command_shows_a_sheet(capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    assert main(["subject", "acc-0/m-1", "--html", "--language", "de"]) == 0
    assert capsys.readouterr().out.startswith('<!doctype html><html lang="de">')
    assert main(["subject", "acc-0/m-1"]) == 0
    assert json.loads(capsys.readouterr().out)["held"]["subject"] == "acc-0/m-1"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["subject", "acc-0"]) == 0
    assert "acc-0" in capsys.readouterr().out
    assert main(["subject", "nobody"]) == 1
    assert capsys.readouterr().err == "subject: nothing is stored of nobody\n"


class Text(HTMLParser):
    """The texts and the tags of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self.tags: set[str] = set()

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
