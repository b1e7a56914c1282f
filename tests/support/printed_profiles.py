"""Reads printed profiles as a person does, and finds figures and dates that contradict them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

import orjson
from rich.console import Console

from streams.client import Profile
from streams.client.words import wording
from streams.commands.profile import print_profile

_DAY = r"\d{4}-\d\d-\d\d"


class _Patterns(NamedTuple):
    """What the sentences of a language are known by."""

    away: str  # days since it was seen
    last: str  # the day
    began: str  # since when something holds
    heading: str  # day that a profile is of; the last of them counts


_SAID = {
    "en": _Patterns(
        r"last seen (\d+) days ago|not seen for (\d+) days|after (\d+) days without",
        rf"last on ({_DAY})|Seen on ({_DAY}) alone",
        rf"(?:since|interest by|new, from) ({_DAY})",
        rf"at ({_DAY}) \d\d:\d\d \(UTC[^)]*\)(?:, counted up to ({_DAY}))?",
    ),
    "de": _Patterns(
        r"vor (\d+) Tagen gesehen|seit (\d+) Tagen nicht|nach (\d+) Tagen ohne",
        rf"zuletzt am ({_DAY})|Nur am ({_DAY}) gesehen",
        rf"(?:seit|spätestens am|ab) ({_DAY})",
        rf"Stand ({_DAY})|gezählt bis ({_DAY})|zuletzt gesehen ({_DAY}) \d\d:",
    ),
}


def printed(raw: Mapping[str, Any], language: str) -> str:
    """What the command prints of a profile (JSON), each row on one line."""
    text, value = io.StringIO(), orjson.dumps(raw)
    console = Console(file=text, width=4_000, markup=False, highlight=False)
    subject = str(raw["subject"])
    print_profile(console, Profile.from_record(subject, value), dict(raw), wording(language))
    return text.getvalue()


def faults(text: str, language: str) -> Iterator[str]:
    """Rows of a printed profile whose dates contradict the rest of what is printed."""
    of = _SAID[language]
    heading = max(date.fromisoformat(_first(found)) for found in re.finditer(of.heading, text))
    if re.search(r"\{\w*\}|\?", text):
        yield "a place is left open"
    for row in (line for line in text.splitlines() if line.startswith("│")):
        for began in re.finditer(of.began, row):
            if date.fromisoformat(began[1]) > heading:
                yield f"begins after {heading}: {began[0]}: {row}"
        last = re.search(of.last, row)
        for away in re.finditer(of.away, row):
            if not last or (heading - date.fromisoformat(_first(last))).days != int(_first(away)):
                yield f"not seen so long on {heading}: {away[0]}: {row}"


def _first(found: re.Match[str]) -> str:
    return next(reversed([group for group in found.groups() if group]))
