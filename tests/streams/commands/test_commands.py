"""The command line as a whole: every command is one file, and only the chosen one is loaded."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
import subprocess
import sys
import tomllib

import pytest

from streams.__main__ import build_parser, main
from tests.support.paths import ROOT

#: Seconds to load, each: what a command that needs no compiler must do without.
HEAVY = frozenset("numba llvmlite river faust pandas scipy sklearn lightgbm matplotlib".split())
NAMES = sorted(path.stem for path in (ROOT / "streams" / "commands").glob("[a-z]*.py"))
#: What is said or done without it; `quality` and `worth` ask what measures for their arguments.
LIGHT = [
    ["--help"],
    ["--version"],
    *([name, "--help"] for name in NAMES if name not in ("quality", "worth")),
    ["config", "check"],
    ["size", "--subjects", "1e6", "--rate", "1e4"],
    ["state", "reset"],
    ["simulate", "--households", "2", "--days", "1", "--jsonl", "/dev/null"],
    ["tag", "espn.com"],
]


def loaded(*words: str) -> set[str]:
    """Top-level modules in memory after a command, run in a process of its own."""
    code = (
        "import sys\nfrom streams.__main__ import main\n"
        f"try:\n    code = main({list(words)})\nexcept SystemExit as end:\n    code = end.code\n"
        "print('loaded', *{name.partition('.')[0] for name in sys.modules})\nsys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, timeout=300, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize("name", NAMES)
def test_a_command_has_the_four_parts_under_its_own_name(name: str) -> None:
    command = importlib.import_module(f"streams.commands.{name}")
    assert name == command.NAME
    assert command.HELP and command.add_arguments and command.run


def test_the_list_names_every_command_and_says_what_it_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for name in NAMES:
        said = importlib.import_module(f"streams.commands.{name}").HELP
        assert f" {name} {said}" in shown, name


@pytest.mark.parametrize("name", NAMES)
def test_help_ends_with_an_example_that_is_right(name: str) -> None:
    """What stands behind two spaces says what it is for."""
    examples = [
        shlex.split(line.partition("  ")[0].partition(" > ")[0])
        for line in re.findall(r"interest-streams ([^\n]+)", _epilog(name))
    ]
    assert examples and examples[0][0] == name
    for words in examples:
        build_parser(words[0]).parse_args(words)


def _epilog(name: str) -> str:
    actions = build_parser(name)._actions
    subcommands = next(a for a in actions if isinstance(a, argparse._SubParsersAction))
    return subcommands.choices[name].epilog or ""


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert capsys.readouterr().out == f"interest-streams {version}\n"


def test_an_unknown_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["no-such-command"])
    assert ended.value.code == 2
    assert "invalid choice: 'no-such-command'" in capsys.readouterr().err


@pytest.mark.parametrize("words", LIGHT, ids=" ".join)
def test_what_needs_no_compiler_loads_none(words: list[str]) -> None:
    found = loaded(*words)
    assert not found & HEAVY
    assert "streams" in found, "else nothing was looked at"
