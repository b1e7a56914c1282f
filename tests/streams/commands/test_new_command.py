"""A new command is one file: the worked example of .github/CONTRIBUTING.md, done."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams import commands
from streams.__main__ import main
from streams.errors import ExitCode
from streams.sandbox.embedded_broker import EmbeddedBroker
from tests.project import architecture, code_rules

EXAMPLE = '''\
"""``interest-streams behind``: how many records the group has still to read."""

from __future__ import annotations

import argparse

from streams.errors import ExitCode
from streams.kafka.consumer_group import Group
from streams.terminal import add_kafka_options, settings_of

NAME = "behind"
HELP = "how many records the group has still to read"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--most", type=int, default=0, metavar="N", help="more is a failure (0)")
    add_kafka_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Print it; FAILED where it is more than allowed."""
    with Group(settings_of(args)) as group:
        behind = group.lag().behind
    print(f"{behind:,} records")
    return ExitCode.DONE if behind <= args.most else ExitCode.FAILED
'''


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The file lies in the package."""
    (tmp_path / "behind.py").write_text(EXAMPLE)
    monkeypatch.setattr(commands, "__path__", [*commands.__path__, str(tmp_path)])
    yield
    sys.modules.pop("streams.commands.behind", None)


@pytest.mark.usefixtures("added")
def test_it_is_found_and_listed_and_fails_as_all_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = r"(?m)^ +behind +how many records the group has still to read$"
    assert re.search(listed, capsys.readouterr().out)
    assert "streams.commands.behind" not in sys.modules, "it is loaded when somebody calls it"
    with EmbeddedBroker() as broker:
        assert main(["behind", "--bootstrap", broker.bootstrap_servers]) == ExitCode.DONE
    assert capsys.readouterr().out == "0 records\n"
    monkeypatch.setattr("streams.kafka.consumer_group._TIMEOUT_S", 0.5)
    assert main(["behind", "--bootstrap", "127.0.0.1:1"]) == ExitCode.UNREACHABLE
    assert capsys.readouterr().err.startswith("behind: lag of interest-streams: ")


def test_it_obeys_the_rules_of_the_house() -> None:
    source = {"streams.commands.behind": EXAMPLE}
    assert architecture.check(source) == code_rules.check(source) == []
