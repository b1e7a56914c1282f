"""Runs ``interest-streams profile SUBJECT...``: shows the published profiles of subjects."""

from __future__ import annotations

import argparse
import sys
from datetime import date, datetime, timedelta, timezone
from importlib import util
from typing import TYPE_CHECKING, Any

import orjson

from streams.client import Profile, ProfileReader
from streams.client.habits import newest_day, today_of
from streams.client.words import LANGUAGES, Wording, wording
from streams.contract import topics
from streams.errors import ExitCode
from streams.terminal import add_kafka_options, bar, settings_of

if TYPE_CHECKING:
    from rich.console import Console

NAME = "profile"
HELP = "show the published profiles of subjects"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("subjects", nargs="+", metavar="SUBJECT", help="account or account/member")
    parser.add_argument(
        "--json", action="store_true", help="one JSON object per line, as without a terminal"
    )
    parser.add_argument(
        "--language", choices=LANGUAGES, default=LANGUAGES[0], help="of the sentences"
    )
    parser.epilog = "Example: interest-streams profile acc-1 acc-1/m-2 --bootstrap kafka:9092"
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
            topic = settings.topic(topics.PROFILES)
            why = "unknown, without consent, erased, or nothing known yet"
            print(f"{subject}: no profile in {topic} ({why})", file=sys.stderr)
        elif as_json:
            print(orjson.dumps(found[subject]).decode())
        elif (stored := found.raw(subject)) is not None:
            from rich.console import Console

            console = Console(markup=False, highlight=False)
            said = wording(args.language)
            print_profile(console, found[subject], orjson.loads(stored.value), said)
    return ExitCode.DONE if wanted <= set(found) else ExitCode.FAILED


def print_profile(console: Console, profile: Profile, raw: dict[str, Any], said: Wording) -> None:
    """Print a profile as a table and sentences."""
    from rich.table import Table

    later = _counted_up_to(raw)
    table = Table(
        title=said.say(
            "shown",
            "head_later" if later else "head",
            subject=profile.subject,
            version=profile.version,
            at=_on_its_clock(profile),
            day=later or "",
        ),
        caption=said.say(
            "shown",
            "foot" if profile.interests else "bare_foot",
            events=profile.evidence.events,
            days=profile.evidence.days,
            whose=said.say("shown", "member" if "/" in profile.subject else "household"),
        ),
    )
    for code in ("interest", "chance", "sure", "advice"):
        table.add_column(said.say("shown", code))
    for item, shown in zip(profile.interests, _objects(raw, "interests"), strict=True):
        table.add_row(
            f"{item.name} ({item.id})",
            f"{bar(item.score)} {said.chance(shown)}",
            said.chance_range(shown),
            said.interest(shown, raw),
        )
    for sentence in said.place(raw):
        console.print(sentence)
    console.print(table)
    if not profile.interests:
        console.print(said.say("sentence", "no_interests"))
    for use, permission in (raw.get("contactable") or {}).items():
        console.print(said.permission(use, permission, raw.get("suppressions")))
    names = {item.id: item.name for item in profile.interests}
    for suppression in _objects(raw, "suppressions"):
        console.print(said.suppression(suppression, names))


def _objects(raw: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return list(raw.get(name) or ())


def _counted_up_to(raw: dict[str, Any]) -> date | None:
    """Day that all days are counted to, where it is a later one than the heading's."""
    today = today_of(raw)
    return today if today and today != newest_day(raw) else None


def _on_its_clock(profile: Profile) -> str:
    """Time of a profile on its subject's clock, as all days in it are; UTC where none is known."""
    minutes = profile.context.tz_offset_min or 0
    at = datetime.fromtimestamp(profile.as_of / 1000, timezone(timedelta(minutes=minutes)))
    return f"{at:%Y-%m-%d %H:%M} ({at.tzname()})"
