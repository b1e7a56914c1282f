"""Runs ``interest-streams profile SUBJECT...``: shows the published profiles of subjects."""

from __future__ import annotations

import argparse
import re
import sys
from datetime import date, datetime, timedelta, timezone
from importlib import util
from typing import TYPE_CHECKING, Any

import orjson

from features.vocabulary import Stance
from streams.client import Profile, ProfileReader
from streams.client.habits import newest_day, today_of
from streams.client.words import LANGUAGES, Wording, wording
from streams.contract import topics
from streams.errors import ExitCode
from streams.logs import visible
from streams.terminal import add_kafka_options, bar, console_of_texts, settings_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

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
    said, console = wording(args.language), None
    for subject in args.subjects:
        if subject not in found:
            topic = settings.topic(topics.PROFILES)
            why = "unknown, without consent, erased, or nothing known yet"
            print(f"{subject}: no profile in {topic} ({why})", file=sys.stderr)
        elif as_json:
            print(visible(orjson.dumps(found[subject]).decode()))
        elif (stored := found.raw(subject)) is not None:
            console = console_of_texts()
            print_profile(console, found[subject], orjson.loads(stored.value), said)
    if console is not None:
        console.print(said.say("shown", "legend"), style="dim")
    return ExitCode.DONE if wanted <= set(found) else ExitCode.FAILED


def print_profile(console: Console, profile: Profile, raw: dict[str, Any], said: Wording) -> None:
    """Print a profile: what it may serve, what not to talk about, then its interests."""
    from rich.table import Table

    later = _counted_up_to(raw)
    console.print(
        said.say(
            "shown",
            "head_later" if later else "head",
            subject=profile.subject,
            version=profile.version,
            at=_on_its_clock(profile),
            day=later or "",
        ),
        style="bold",
    )
    suppressions = _objects(raw, "suppressions")
    uses = raw.get("contactable") or {}
    for use, permission in uses.items():
        console.print(said.permission(use, permission, raw.get("suppressions")))
    barred = {item.get("why") for item in uses.values() if item.get("value") is not True}
    names = {item.id: item.name for item in profile.interests}
    for halt in suppressions:
        told = halt.get("scope") in names or halt.get("reason") in barred
        if "channel" in halt or not told:
            console.print(said.suppression(halt, names))
    for sentence in said.place(raw):
        console.print(sentence)
    table = Table(show_lines=True)
    for code in ("interest", "chance", "sure", "advice"):
        table.add_column(said.say("shown", code))
    for item, shown in zip(profile.interests, _objects(raw, "interests"), strict=True):
        table.add_row(
            f"{item.name} ({item.id})",
            f"{bar(item.score)} {said.chance(shown)}",
            said.chance_range(shown),
            _with_advice_bold(said.interest(shown, raw, below_halts=True)),
        )
    for advice, found in _summed_up(raw, said).items():
        console.print(f"{advice}: {', '.join(found)}.")
    console.print(table if profile.interests else said.say("sentence", "no_interests"))
    console.print(
        said.say(
            "shown",
            "foot",
            events=profile.evidence.events,
            days=profile.evidence.days,
            whose=said.say("shown", "member" if "/" in profile.subject else "household"),
        ),
        style="dim",
    )
    console.print()


def _summed_up(raw: dict[str, Any], said: Wording) -> dict[str, list[str]]:
    """Names of the interests by what to do with them, what is to be talked about first."""
    found: dict[str, list[str]] = {}
    order = Stance.words().index
    for item in sorted(_objects(raw, "interests"), key=lambda item: order(item["stance"])):
        found.setdefault(said.advice(item), []).append(str(item.get("name", item.get("id"))))
    return found


def _with_advice_bold(words: str) -> Text:
    """The sentences on an interest, what to do of them in bold."""
    from rich.text import Text

    text = Text(words)
    if advice := re.search(r"[.:](?=\s)", words):
        text.stylize("bold", 0, advice.end())
    return text


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
