"""How a program ended is told by its successor."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from streams import metrics
from streams.errors import ExitCode
from streams.worker.exits import Exits, exit_reason


def _told(program: str, reason: str) -> float | None:
    labels = {"program": program, "reason": reason}
    return metrics.REGISTRY.get_sample_value("interest_streams_exits_total", labels)


def test_each_end_is_counted_by_its_reason(tmp_path: Path) -> None:
    for code in (ExitCode.DONE, ExitCode.LOST_OFFSETS, ExitCode.LOST_OFFSETS):
        Exits("one", "w", tmp_path).ended(code)
    before = _told("one", "lost_offsets") or 0.0
    Exits("one", "w", tmp_path)
    assert (_told("one", "lost_offsets") or 0.0) - before == 2
    assert _told("one", "killed") == 0


def test_an_end_without_a_word_was_a_kill(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from streams.worker.exits import Exits; "
        "Exits('two', 'w', Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    Exits("two", "w", tmp_path)
    assert _told("two", "killed") == 1


def test_one_that_still_runs_was_not_killed(tmp_path: Path) -> None:
    Exits("three", "w", tmp_path)
    Exits("three", "w", tmp_path)
    assert _told("three", "killed") == 0


def test_a_pid_that_is_used_again_is_no_life(tmp_path: Path) -> None:
    """In a container every process is the first one."""
    Exits("four", "w", tmp_path)
    [path] = tmp_path.glob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "born": 1}))
    Exits("four", "w", tmp_path)
    assert _told("four", "killed") == 1


def test_names_and_damage_do_no_harm(tmp_path: Path) -> None:
    for text in ("", "[]", "{", '{"asked": "x"}'):
        (tmp_path / "interest-streams-five-a_b.json").write_text(text)
        Exits("five", "a/b", tmp_path).ended(ExitCode.DONE)
    assert [path.name for path in tmp_path.iterdir()] == ["interest-streams-five-a_b.json"]
    Exits("five", "w", tmp_path / "no-such-folder").ended(ExitCode.DONE)


def test_reasons_are_words() -> None:
    assert [exit_reason(code) for code in (0, 4, 70, 99)] == [
        "asked",
        "lost_offsets",
        "stuck",
        "code_99",
    ]
