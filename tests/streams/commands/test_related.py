"""The command ``related``: graphs of all partitions added up, denied words refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from features.related.graph import Related
from features.state.changelog_keys import RELATED
from features.tags import taxonomy
from streams.__main__ import main
from streams.kafka import latest
from streams.kafka.compacted import CompactedTopic
from tests.support.graphs import BEACH, CARS, GAMES, RUGBY, graph

TREE = taxonomy.load()


@dataclass(frozen=True)
class Message:
    """What the command asks of a record."""

    where: int
    what: bytes
    said: bytes | None

    def key(self) -> bytes:
        return self.what

    def value(self) -> bytes | None:
        return self.said

    def partition(self) -> int:
        return self.where


def ask(monkeypatch: pytest.MonkeyPatch, records: list[Message], *words: str) -> int:
    class Topic(CompactedTopic):
        def __init__(self, *_: object, **__: object) -> None: ...

        def past(self, timeout: float = 300.0) -> Iterator[Any]:
            yield from records

        def close(self) -> None: ...

    monkeypatch.setattr(latest, "CompactedTopic", Topic)
    return main(["related", *words])


def record(found: Related, partition: int) -> Message:
    return Message(partition, RELATED, found.snapshot()[RELATED])


def pair(one: int, other: int, count: float) -> Related:
    return graph({(min(one, other), max(one, other)): count})


def test_partitions_add_up_and_the_latest_record_counts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    records = [
        record(pair(GAMES, RUGBY, 90.0), 0),
        record(pair(GAMES, BEACH, 30.0), 0),
        Message(0, b"s/acc-1", b"not asked for"),
        record(pair(GAMES, BEACH, 10.0), 1),
        record(pair(CARS, RUGBY, 500.0), 2),
    ]
    assert ask(monkeypatch, records, TREE.names[GAMES].upper(), "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["id"] == TREE.ids[GAMES]
    whole = graph(
        {(min(GAMES, BEACH), max(GAMES, BEACH)): 40.0, (min(CARS, RUGBY), max(CARS, RUGBY)): 500.0}
    )
    assert [
        (item["id"], item["relatedness"]) for item in said["related"] if item["why"] == "together"
    ] == [(TREE.ids[i], round(near, 4)) for i, near in whole.neighbours(GAMES)]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert ask(monkeypatch, records, TREE.ids[GAMES]) == 0
    shown = capsys.readouterr().out
    assert TREE.names[BEACH] in shown and "█" in shown


def test_what_means_the_same_is_said_with_its_likeness(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(monkeypatch, [], "518", "--json") == 0
    said = json.loads(capsys.readouterr().out)["related"]
    assert [(item["id"], item["why"], item["relatedness"]) for item in said] == [
        ("25", "meaning", 0.6)
    ]


@pytest.mark.parametrize(
    ("word", "says"),
    [("286", "is sensitive"), ("Politics", "is sensitive"), ("no such thing", "is no interest")],
)
def test_what_is_denied_or_unknown_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], word: str, says: str
) -> None:
    assert ask(monkeypatch, [record(pair(GAMES, BEACH, 30.0), 0)], word) == 2
    assert says in capsys.readouterr().err


def test_a_name_that_is_nearly_one_is_proposed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(monkeypatch, [], "gardenin") == 2
    assert "; is it Gardening" in capsys.readouterr().err
    assert ask(monkeypatch, [], "politic") == 2
    assert "Politics" not in capsys.readouterr().err, "of that nothing is inferred"


def test_that_nothing_goes_together_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(monkeypatch, [], "Gardening") == 1
    assert capsys.readouterr().err == (
        "related: nothing goes together with Gardening in 20 households yet\n"
    )


def test_a_graph_of_another_release_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(monkeypatch, [Message(3, RELATED, b"{}\n")], "690") == 1
    assert "[3]: m/related" in capsys.readouterr().err
