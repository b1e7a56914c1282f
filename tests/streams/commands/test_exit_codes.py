"""Every command fails alike: one line that says why, and a code that means the same in all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams import commands, terminal
from streams.__main__ import main
from streams.errors import (
    Abandon,
    ExitCode,
    ExtraMissing,
    KafkaFailed,
    LostOffsets,
    NoBroker,
    UsageError,
)
from streams.settings import SettingsError
from tests.support.paths import ROOT

NOBODY = ("--bootstrap", "127.0.0.1:1")
FACT = {
    "event_id": "e-1",
    "account_id": "acc",
    "ts": 1_551_434_400_000,
    "kind": "consent",
    "purpose": "profiling",
    "status": "granted",
}
#: Every command that talks to Kafka, as it is called.
ASKING = [
    ("worker",),
    ("topics", "plan"),
    ("topics", "apply"),
    ("topics", "check"),
    ("replay", "--source", "jsonl", "FACTS"),
    ("replay", "--from", "2026-01-01", "--to-prefix", "canary-"),
    ("compare", "--to-prefix", "canary-"),
    ("simulate", "--households", "1", "--days", "1"),
    ("demo", "--once"),
    ("profile", "acc-1"),
    ("accounting",),
    ("tags", "publish"),
    ("tags", "export", "--topic", "/dev/null"),
    ("tags", "lookup", "--topic", "host:bbc.co.uk"),
    ("untagged",),
    ("related", "483"),
    ("subject", "acc-1"),
    ("state", "reset", "--yes"),
    ("state", "export", "--file", "/dev/null/none"),
    ("upgrade", "check"),
    ("offsets", "reset"),
    ("offsets", "repair"),
    ("redrive",),
    ("lag",),
    ("repartition", "--to-prefix", "v2-", "--partitions", "24"),
]
#: And those that don't, or, as `lookup`, want their keys first.
ALONE = {
    "compile",
    "mcp",
    "config",
    "contract",
    "lookup",
    "policy",
    "quality",
    "size",
    "tag",
    "worth",
}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Short deadlines; a file of facts in the folder."""
    for name, value in {
        "CALL_DEADLINE_MS": "600",
        "CATCH_UP_INTERVAL_MS": "300",
        "HTTP_PORT": "0",
        "STRICT_LIMITS": "true",  # else a worker waits for its broker
    }.items():
        monkeypatch.setenv("INTEREST_STREAMS_" + name, value)
    monkeypatch.setattr("streams.kafka.compacted._METADATA_S", 0.6)
    monkeypatch.setattr("streams.kafka.topic_plan._TIMEOUT_S", 0.6)
    monkeypatch.setattr("streams.kafka.producing._ANSWER_S", 0.6)
    monkeypatch.setattr("streams.commands.state._TIMEOUT_S", 0.6)
    monkeypatch.setattr("streams.kafka.copying._TIMEOUT_S", 0.6)
    monkeypatch.setattr("streams.kafka.lag._TIMEOUT_S", 0.6)
    monkeypatch.setattr("streams.commands.demo._ANSWER_S", 0.6)
    monkeypatch.setattr("streams.worker.worker.warm_up", lambda *_: None)
    path = tmp_path / "subscriber-facts.jsonl"
    path.write_text(json.dumps(FACT) + "\n")
    yield path


def test_every_command_is_here() -> None:
    names = {path.stem for path in Path(commands.__path__[0]).glob("[a-z]*.py")}
    assert names == {words[0] for words in ASKING} | ALONE


@pytest.mark.parametrize("words", ASKING, ids=" ".join)
def test_no_broker_is_one_line_and_one_code(
    words: tuple[str, ...],
    impatient: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    given = [str(impatient) if word == "FACTS" else word for word in words]
    assert main([*given, *NOBODY]) == ExitCode.UNREACHABLE
    said = capsys.readouterr().err.splitlines() + caplog.messages
    assert len([line for line in said if "Traceback" not in line and line]) == 1, said
    assert said[0].startswith(words[0] + ": ") or words[0] == "worker", said


@pytest.mark.parametrize("words", [*ASKING, ("config", "check")], ids=" ".join)
def test_wrong_settings_are_one_line_and_one_code(
    words: tuple[str, ...],
    impatient: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("INTEREST_STREAMS_NO_SUCH", "1")
    given = [str(impatient) if word == "FACTS" else word for word in words]
    assert main([*given, *(NOBODY if words[0] != "config" else ())]) == ExitCode.USAGE
    assert capsys.readouterr().err == (
        f"{words[0]}: settings: INTEREST_STREAMS_NO_SUCH: unknown setting 'no_such'\n"
    )


def test_a_key_that_the_client_library_does_not_know_is_a_wrong_setting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INTEREST_STREAMS_KAFKA__NO_SUCH", "1")
    assert main(["profile", "acc-1", *NOBODY]) == ExitCode.USAGE
    assert '"no.such"' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("give one"), 2, "x: give one"),
        (SettingsError("a = 1"), 2, "x: settings: a = 1"),
        (ExtraMissing("demo", "a broker"), 2, "x: a broker is not installed: pip install 'in"),
        (ModuleNotFoundError("no", name="numba.core"), 2, "x: numba is not installed: pip inst"),
        (ModuleNotFoundError("no", name="streams.no"), 1, "x: ModuleNotFoundError: no"),
        (KafkaFailed("t"), 1, "x: t"),
        (Abandon("t", TimeoutError()), 69, "x: t: no answer in time"),
        (NoBroker("gone"), 69, "x: gone"),
        (LostOffsets("moved"), 4, "x: moved"),
        (FileNotFoundError(2, "No such file", "f"), 1, "x: [Errno 2] No such file: 'f'"),
        (ZeroDivisionError("by zero"), 1, "x: ZeroDivisionError: by zero"),
    ],
)
def test_an_error_has_its_code_and_its_line(
    error: Exception, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert terminal.report("x", error) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(said)


def test_an_interrupted_command_says_so_by_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("streams.commands.size.plan", interrupted)
    assert main(["size", "--subjects", "1e6", "--rate", "1e4"]) == ExitCode.INTERRUPTED


def test_a_reader_that_went_away_is_no_error_of_ours() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "streams", "config", "check"],
        cwd=ROOT,
        timeout=300,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (ExitCode.BROKEN_PIPE, "")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [(LostOffsets("moved"), 4, "worker: moved"), (ZeroDivisionError("by zero"), 1, "Traceback")],
)
def test_a_worker_names_why_it_cannot_start_and_logs_where_a_fault_of_ours_is(
    error: Exception,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr("streams.worker.worker.Worker", broken)
    assert main(["worker", *NOBODY]) == code
    assert said in capsys.readouterr().err + caplog.text
