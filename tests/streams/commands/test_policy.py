"""``interest-streams policy`` as somebody uses it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.outcomes.contacts import DAY_MS, Contacts, Made
from features.state import changelog_keys as keys
from features.state.changelog_keys import Bound, Meta
from streams.__main__ import main
from streams.contract.topics import STATE
from streams.errors import ExitCode

_GOOD = {
    "unit": "u1", "action": "a", "propensity": 0.5, "reward": 1, "target": {"a": 0.2, "b": 0.8}
}  # fmt: skip


def _write(path: Path, lines: list[dict[str, object]]) -> str:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


def test_a_better_policy_is_worth_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generator = np.random.default_rng(6)
    lines = []
    for k in range(2_000):
        action = str(generator.choice(["mail", "none"]))
        won = bool(generator.random() < (0.4 if action == "mail" else 0.1))
        said = {"unit": f"u{k}", "action": action, "reward": int(won)}
        lines.append(_GOOD | said | {"target": {"mail": 0.9, "none": 0.1}})
    assert main(["policy", "evaluate", "--log", _write(tmp_path / "log", lines)]) == ExitCode.DONE
    printed = capsys.readouterr().out
    _, value, low, _, high = next(x for x in printed.splitlines() if x.startswith("dr ")).split()
    assert float(low) < 0.9 * 0.4 + 0.1 * 0.1 < float(high)
    assert float(value) > 0.3


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"propensity": 0}, "line 2: propensity"),
        ({"propensity": "half"}, "line 2: propensity"),
        ({"reward": None}, "line 2: reward"),
        ({"action": 7}, "line 2: action"),
        ({"unit": None}, "line 2: unit"),
        ({"target": {"a": 0.5}}, "line 2: target"),
        ({"target": {"a": 2.0, "b": -1.0}}, "line 2: target.a"),
        ({"target": {}}, "line 2: target"),
    ],
)
def test_a_bad_line_is_named(
    change: dict[str, object], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _write(tmp_path / "log", [_GOOD, _GOOD | change])
    assert main(["policy", "evaluate", "--log", path]) == ExitCode.FAILED
    assert named in capsys.readouterr().err


def test_what_is_no_json_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_bytes(b"{}\n\xff\n")
    assert main(["policy", "effect", "--log", str(tmp_path / "log")]) == ExitCode.FAILED
    assert "line 1: unit" in capsys.readouterr().err
    assert main(["policy", "evaluate", "--log", str(tmp_path / "none")]) == ExitCode.FAILED


def test_an_effect_by_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generator = np.random.default_rng(8)
    lines: list[dict[str, object]] = []
    for k in range(4_000):
        contacted = bool(generator.random() < 0.8)
        won = bool(generator.random() < (0.3 if contacted else 0.1))
        lines.append({"unit": f"u{k}", "day": f"2026-03-{1 + k // 1000:02}", "reward": int(won),
                      "contacted": contacted, "propensity": 0.8})  # fmt: skip
    assert main(["policy", "effect", "--log", _write(tmp_path / "log", lines)]) == ExitCode.DONE
    *_, last = capsys.readouterr().out.splitlines()
    assert last.split()[:2] == ["2026-03-04", "4000"] and last.endswith("decided")
    lines[1]["unit"] = "u0"
    assert main(["policy", "effect", "--log", _write(tmp_path / "log", lines)]) == ExitCode.FAILED
    assert "line 2: unit: 'u0' comes twice" in capsys.readouterr().err


def test_policies_are_played(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["policy", "simulate", "--subjects", "500", "--days", "10", "--seeds", "1"]
    assert main(arguments) == ExitCode.DONE
    first, *rows, last = capsys.readouterr().out.splitlines()
    assert first.startswith("seed 0") and last.startswith("  for what response gains")
    assert [row.split()[0] for row in rows] == ["oracle", "uplift", "response", "random"]


_SPOKEN: dict[str, object] = {
    "account_id": "acc-1", "contact_id": "c1", "ts": 1_780_000_000_000, "member_id": "m1",
    "channel": "mail", "interest": "483", "propensity": 0.5,
}  # fmt: skip
_COMPLAINED = {"account_id": "acc-1", "contact_id": "c1", "ts": 1_780_000_001_000,
               "answer": "complained"}  # fmt: skip


def test_who_complained_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # The answer comes before the contact it is about.
    path = _write(tmp_path / "log", [_COMPLAINED, _SPOKEN])
    asked = ["policy", "contacts", "--log", path, "--at", "2026-06-01T00:00:00+00:00"]
    assert main(asked) == ExitCode.DONE
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["acc-1/m1", "contact_pause"],
        ["acc-1/m1", "contacted"],
    ]
    assert lines[0].endswith("until 2027-05-28T20:26:41+00:00")
    assert main([*asked[:-1], "2028-01-01T00:00:00+00:00"]) == ExitCode.DONE
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"ts": 5}, "ts"),
        ({"propensity": 0}, "propensity"),
        ({"channel": None}, "channel"),
        ({"held_out": 1}, "held_out"),
        ({"member_id": 1}, "member_id"),
        ({"answer": "perhaps"}, "answer"),
        ({"contact_id": 3}, "contact_id"),
    ],
)
def test_a_bad_contact_is_named(
    change: dict[str, object], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _write(tmp_path / "log", [_SPOKEN, _SPOKEN | change])
    asked = ["policy", "contacts", "--log", path, "--at", "2026-06-01T00:00:00+00:00"]
    assert main(asked) == ExitCode.FAILED
    assert f"line 2: {named}" in capsys.readouterr().err


def test_draws_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "key").write_bytes(b"a key of sixteen\n")
    (tmp_path / "accounts").write_text("".join(f"acc-{k}\n" for k in range(8)))
    asked = ["policy", "holdouts", "--accounts", str(tmp_path / "accounts"), "--interest", "483",
             "--key", str(tmp_path / "key"), "--everything", "0.2"]  # fmt: skip
    assert main([*asked, "--per-interest", "0.2"]) == ExitCode.DONE
    groups = [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()]
    assert groups == ["-", "-", "-", "interest", "-", "global", "-", "-"]
    assert main([*asked, "--per-interest", "0.9"]) == ExitCode.USAGE


def test_a_report_is_printed_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 1_780_000_000_000
    meta = Meta(Bound((1.0, 7.0, 60.0), 0, "t", "k"), {}, 1, now, 1, 1, (), "r").to_bytes()
    state = {(keys.META, 0): meta, (keys.META, 1): meta}
    for n in range(200):
        contacts = Contacts()
        contacts.tell("a", Made(now - 20 * DAY_MS, None, "mail", "483", 0.5, n % 2 == 0))
        state[keys.contacts(b"acc-%d" % n), n % 2] = contacts.to_bytes() or b""

    def read(_: object, name: str, concerns: Any, timeout: float) -> dict[Any, bytes]:
        assert (name, timeout) == (STATE, 300.0) and all(concerns(key) for key, _ in state)
        return state

    monkeypatch.setattr("streams.commands.policy.read_latest", read)
    path = tmp_path / "report.json"
    asked = ["policy", "report", "--bootstrap", "127.0.0.1:1"]
    assert main([*asked, "--since", "2026-05-01", "--out", str(path)]) == ExitCode.DONE
    said = json.loads(path.read_text())
    assert [line["name"] for line in said["effects"]] == ["", "Sports", "mail", "2026-05-04"]
    assert said["at"] == now and said["contacts"][0]["made"] == 100
    printed = capsys.readouterr().out
    assert "since 2026-05-01" in printed and f"written: {path}" in printed
    assert main([*asked, "--since", "2025-05-01"]) == ExitCode.USAGE
    assert "a day of the last 25 weeks" in capsys.readouterr().err
