"""`interest-streams tags`: an operator's list, the topic, and coverage of real data."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from features.tags.exact import exact_tags
from streams.__main__ import main
from streams.commands import tags
from streams.evaluation import coverage
from tests.conftest import Names
from tests.support.needs import need_data
from tests.support.new_topics import create
from tests.support.paths import DATA_SETS


def run(*words: str) -> int:
    return main(["tags", *words])


def test_an_operators_list(tmp_path: Path) -> None:
    path = tmp_path / "ours.tsv"
    path.write_text(
        "# ours\nkey\tinterest\tweight\nhost:Shop.Example.com\t473\t0.5\n"
        "host:shop.example.com\t552\t1\n\napp:x\tinfrastructure\napp:y\tdenied\n"
    )
    entries, refused = tags.read_list(path)
    assert not refused
    assert entries["host:shop.example.com"].tags == (("552", 1.0), ("473", 0.5))
    assert entries["app:x"].infrastructure and entries["app:y"].denied
    assert all(entry.editor and entry.source == "editor:ours.tsv" for entry in entries.values())


@pytest.mark.parametrize(
    "row, complaint",
    [
        ("host:a.com", "line 1: row: expected"),
        ("a.com\t473\t1", "line 1: key: 'a.com': expected one of host"),
        ("host:co.uk\t473\t1", "line 1: key: 'co.uk' is a public suffix"),
        ("host:https://a.com/x\t473\t1", "line 1: key: 'https://a.com/x': a host has no scheme"),
        ("host:a.com\t99999\t1", "line 1: interest: '99999' is no id"),
        ("host:a.com\t386\t1", "line 1: interest: '386' (Politics) is sensitive"),
        ("host:a.com\t473\tmuch", "line 1: weight: 'much': expected a number"),
        ("host:a.com\t473\t1.5", "line 1: weight: 1.5: expected a number from 0 to 1"),
        ("host:a.com\t473\tnan", "line 1: weight: nan: expected"),
        ("host:a.com\t473\t0", "line 1: weight: 0 says nothing"),
        ("host:a.com\t473\t1\nhost:a.com\t473\t1", "line 2: interest: '473' stands twice"),
        ("host:a.com\t473\t1\nhost:a.com\tdenied", "line 2: interest: 'host:a.com' has other rows"),
        ("host:a.com\tdenied\nhost:a.com\t473\t1", "line 2: interest: 'host:a.com' is denied"),
    ],
)
def test_refused_rows_are_named(
    row: str, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ours.tsv"
    path.write_text(row + "\n")
    assert run("add", str(path), "--dry-run") == 1
    shown = capsys.readouterr().err
    assert f"{path}: {complaint}" in shown and "nothing published" in shown


def test_export_is_a_list_that_add_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "all.tsv"
    assert run("export", str(path)) == 0
    entries, refused = tags.read_list(path)
    assert not refused
    assert {key: (e.told, e.infrastructure) for key, e in entries.items()} == {
        key: (e.told, e.infrastructure) for key, e in exact_tags().items()
    }


def test_lookup(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("lookup", "host:www.netflix.com", "host:pornhub.com") == 0
    shown = capsys.readouterr().out
    assert "Entertainment > Movies" in shown and "host:pornhub.com: denied" in shown
    assert run("lookup", "host:unheard-of.com", "nonsense") == 1


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("add", str(tmp_path / "none.tsv")) == 1
    assert "none.tsv" in capsys.readouterr().err


@pytest.mark.kafka
def test_publish_twice_changes_nothing_and_editors_win(
    kafka: str,
    names: Names,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    topic = NewTopic(names.topic("content-tags"), 3, 1, config={"cleanup.policy": "compact"})
    admin = AdminClient({"bootstrap.servers": kafka})
    create(admin, topic)
    monkeypatch.setenv("INTEREST_STREAMS_TOPIC_PREFIX", names.prefix)
    ours = tmp_path / "ours.tsv"
    ours.write_text("host:netflix.com\t473\t1\nhost:new.example.com\t552\t1\n")
    total = len(exact_tags())
    assert run("add", str(ours), "--bootstrap", kafka) == 0
    assert run("publish", "--bootstrap", kafka) == 0
    assert f"produced {total - 1} " in capsys.readouterr().out
    for again in (["publish"], ["add", str(ours)]):
        assert run(*again, "--bootstrap", kafka) == 0
        assert "produced 0" in capsys.readouterr().out
    assert run("lookup", "--topic", "host:netflix.com", "--bootstrap", kafka) == 0
    assert "tagged by editor:ours.tsv" in capsys.readouterr().out
    everything = tmp_path / "topic.tsv"
    assert run("export", "--topic", str(everything), "--bootstrap", kafka) == 0
    assert f"{total + 1} contents" in capsys.readouterr().out


# -- real data


@pytest.mark.quality
def test_coverage_of_real_data() -> None:
    need_data(DATA_SETS / "web-visits")
    found = dict(coverage.measure(DATA_SETS))
    known = {
        name: covered.share("tagged", "infrastructure", "denied") for name, covered in found.items()
    }
    assert known["web-visits"] >= 0.75
    assert found["web-visits"].share("tagged", "infrastructure") >= 0.75
    assert (
        min(known[n] for n in ("app-usage", "operator-dpi", "tv-sessions", "stream-starts")) >= 0.95
    )
