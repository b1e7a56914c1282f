"""Runs ``interest-streams profile SUBJECT...``: shows the published profiles of subjects."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from importlib import util
from typing import Any

import orjson

from streams.client import Profile, ProfileReader
from streams.contract import topics
from streams.errors import ExitCode
from streams.terminal import add_kafka_options, settings_of

NAME = "profile"
HELP = "show the published profiles of subjects"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("subjects", nargs="+", metavar="SUBJECT", help="account or account/member")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    parser.add_argument(
        "--timeout",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="for reading the topic (default 60)",
    )
    add_kafka_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Print the profiles, a table on a terminal, else JSON lines; FAILED if one is missing."""
    wanted, settings = set(args.subjects), settings_of(args)
    with ProfileReader(
        settings.bootstrap_servers,
        settings.topic(topics.PROFILES),
        kafka=settings.kafka,
        wants=wanted.__contains__,
    ) as reader:
        found = reader.bootstrap(args.timeout)
    # Tables need a package that those who have installed the reader alone don't have.
    as_json = args.json or not sys.stdout.isatty() or util.find_spec("rich") is None
    for subject in args.subjects:
        if subject not in found:
            print(f"{subject}: no profile", file=sys.stderr)
        elif as_json:
            print(orjson.dumps(found[subject]).decode())
        else:
            _print_table(found[subject])
    return ExitCode.DONE if wanted <= set(found) else ExitCode.FAILED


def _print_table(profile: Profile) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=f"{profile.subject}  version {profile.version}  {_utc(profile.as_of)}",
        caption=f"{profile.evidence.events} events on {profile.evidence.days} days; "
        f"model {profile.model_id} {profile.model_version}",
    )
    for name in ("interest", "score", "lift", "confidence", "trend", "stance", "why"):
        table.add_column(
            name, justify="right" if name in ("score", "lift", "confidence") else "left"
        )
    for i in profile.interests:
        table.add_row(
            f"{i.name} ({i.id})",
            f"{i.score:.3f}",
            f"{i.lift:.2f}",
            f"{i.confidence:.2f}",
            i.trend,
            i.stance,
            ", ".join(_shown(r.code, r.value) for r in i.reasons),
        )
    console = Console(markup=False, highlight=False)
    console.print(table)
    for s in profile.suppressions:
        until = "until further notice" if s.until is None else f"until {_utc(s.until)}"
        console.print(f"suppressed: {s.scope} ({s.reason}) {until}")


def _shown(code: str, value: Any) -> str:
    return code if value is None else f"{code}={value}"


def _utc(epoch_ms: int) -> str:
    return f"{datetime.fromtimestamp(epoch_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
