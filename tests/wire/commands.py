"""What the command line says, for `tests.wire`: exit codes, texts, files and options.

Commands that read a topic read the one in memory; no other command here wants a broker.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from streams.__main__ import build_parser, main
from streams.commands import accounting, topics, untagged
from streams.contract.topics import TOPICS
from streams.kafka.compacted import CompactedTopic
from streams.kafka.offsets import offsets_at
from streams.kafka.topic_plan import Found
from tests.broker.memory_broker import MemoryBroker
from tests.broker.memory_clients import ports
from tests.wire import run

_PREFIX = "INTEREST_STREAMS_"
_ENVIRON = {
    "BOOTSTRAP_SERVERS": "kafka-1:9092,kafka-2:9092",
    "GROUP_ID": run.GROUP,
    "INSTANCE_ID": "w0",
    "PARTITIONS": "2",
    "ERASURE_KEY": "wire",
    "HALF_LIVES_DAYS": "2,10,50",
    "KAFKA__SASL_PASSWORD": "hush",
    "KAFKA__SECURITY_PROTOCOL": "sasl_ssl",
}
_SCREEN = {"COLUMNS": "120", "LINES": "40", "TERM": "xterm", "NO_COLOR": "1"}
_FILES = {
    "good.toml": 'group_id = "from-file"\nstandby = true\nhome_country = "DE"\n'
    '[kafka]\n"client.id" = "c"\n',
    "unknown.toml": "commit_intervall_ms = 5\n",
    "wrong.toml": 'poll_events = "many"\n',
    "refused.toml": '[kafka]\n"acks" = "1"\n',
    "own.tsv": "# ours\nkey\tinterest\tweight\nhost:my-shop.com\t483\t0.9\n"
    "host:my-shop.com\t210\t0.4\napp:com.my\tinfrastructure\n"
    "host:secret-shop.com\tdenied\n",
    "bad.tsv": "host:my-shop.com\t483\t2\nnonsense\t483\t1\nhost:a-shop.com\tnobody\t1\n",
    "entries.jsonl": '{"key":"programme:1","title":"Up","genres":["Comedy"]}\n{broken\n[1]\n'
    '{"key":"nonsense"}\n',
}
#: Each with what it is called in the fixture: its words.
_COMMANDS = (
    "config check",
    "config check --config good.toml",
    "config check --config unknown.toml",
    "config check --config wrong.toml",
    "config check --config refused.toml",
    "config check --config none.toml",
    "contract --out contract",
    "contract --against contract",
    "size --subjects 30e6 --rate 2e6",
    "size --subjects 30e6 --rate 2e6 --json",
    "size --subjects 1e6 --rate 1e4 --rows 12 --load 0.3 --lost 2",
    "size --subjects 0 --rate 1",
    "tag espn.com bbc.co.uk com.spotify.music googleapis.com unheard-of.example.com",
    "tag --json espn.com bbc.co.uk com.spotify.music googleapis.com unheard-of.example.com",
    "tag --json channel:arte genre:comedy app:com.netflix.mediaclient section:beach host:",
    "tag --kind programme --json programme:1",
    "tag",
    "tags export tags.tsv",
    "tags lookup host:espn.com app:com.whatsapp channel:arte host:pornhub.com nonsense:1",
    "tags add own.tsv --dry-run",
    "tags add bad.tsv --dry-run",
    "topics plan",
    "topics check",
    "state reset",
    "related 483",
    "related sports --json",
    "related 286",
    "related nobody",
    "profile wire-purposes wire-purposes/m1 nobody",
    "profile wire-facts --json",
    "subject wire-facts",
    "subject wire-erased",
    "subject wire-denied --json",
    "subject nobody",
    "untagged",
    "untagged --top 3 --json",
    "accounting",
    "accounting --json",
)
#: Those that say it otherwise on a terminal.
_ON_A_TERMINAL = (
    "profile wire-purposes wire-facts nobody",
    "subject wire-purposes",
    "subject wire-erased",
)


def commands(broker: MemoryBroker) -> tuple[dict[str, Any], dict[str, str]]:
    """Exit code and texts of each command, and the digest of each file that one wrote."""
    found = {}
    with tempfile.TemporaryDirectory() as folder, chdir(folder), _reading(broker):
        for name, text in _FILES.items():
            Path(name).write_text(text)
        for words in _COMMANDS:
            found[words] = _said(words.split())
        for words in _ON_A_TERMINAL:
            found[f"{words} (on a terminal)"] = _said(words.split(), _Terminal())
        with mock.patch.object(topics, "fetch", lambda admin, settings: _differing()):
            found["topics plan (of others)"] = _said(["topics", "plan"])
            found["topics check (of others)"] = _said(["topics", "check"])
        files = {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(Path().rglob("*"))
            if path.is_file() and str(path) not in _FILES
        }
    return found, files


def options() -> dict[str, list[str]]:
    """Every option of every subcommand: names, default, choices, how many, whether it must be."""
    whole = build_parser()
    commands = next(a for a in whole._actions if isinstance(a, argparse._SubParsersAction))
    found = dict(_options("interest-streams", whole))
    for name in commands.choices:
        found |= _options("interest-streams", build_parser(name))
    return found


def _options(name: str, parser: argparse.ArgumentParser) -> Iterator[tuple[str, list[str]]]:
    own = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, below in action.choices.items():
                yield from _options(f"{name} {word}", below)
        elif not isinstance(action, argparse._HelpAction):
            names = "|".join(action.option_strings) or action.dest
            choices = (
                "" if action.choices is None else "{" + ",".join(map(str, action.choices)) + "}"
            )
            own.append(
                f"{names} {choices} nargs={action.nargs} default={action.default} "
                f"required={action.required}"
            )
    yield name, sorted(own)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _said(argv: list[str], out: io.StringIO | None = None) -> dict[str, Any]:
    out, err = out or io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code: Any = main(argv)
        except SystemExit as error:
            code = f"SystemExit {error.code}"
    return {"exit": code, "out": out.getvalue().splitlines(), "err": err.getvalue().splitlines()}


@contextmanager
def _reading(broker: MemoryBroker) -> Iterator[None]:
    """An environment of its own, and readers of the broker in memory."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith(_PREFIX)}
    environ |= {_PREFIX + name: text for name, text in _ENVIRON.items()} | _SCREEN
    begin, reader = CompactedTopic.__init__, ports(broker, "reader")

    def init(self: CompactedTopic, *args: Any, **more: Any) -> None:
        begin(self, *args, **{"make": reader.consumer, **more})

    with (
        mock.patch.dict(os.environ, environ, clear=True),
        mock.patch.object(CompactedTopic, "__init__", init),
        mock.patch.object(accounting, "offsets_at", partial(offsets_at, ports=reader)),
        mock.patch.object(untagged, "time", SimpleNamespace(time=reader.wall)),
        mock.patch.object(topics, "clients", SimpleNamespace(admin=lambda settings: None)),
        mock.patch.object(topics, "fetch", lambda admin, settings: {}),
    ):
        yield


def _differing() -> dict[str, Found]:
    """Topics of a cluster in which one has other partitions and one another configuration."""
    found = {topic.name: Found(2, dict(topic.config)) for topic in TOPICS}
    found["tv-viewing"] = Found(3, found["tv-viewing"].config)
    found["network-usage"] = Found(2, {**found["network-usage"].config, "retention.ms": "5"})
    return found
