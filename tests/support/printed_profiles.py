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
_PERCENT = r"([\d.,]+) ?%"


class _Patterns(NamedTuple):
    """What the sentences of a language are known by."""

    talks: str  # of a row by which one talks about it, or would
    worst: str  # chance at worst, where it is said
    needs: str  # what an offer takes at worst
    likely: str  # chance and times of what is likely
    stays: str  # best case, and where it ends
    kept: str  # it is of the first week, or liked
    away: str  # days since it was seen
    last: str  # the day
    began: str  # since when something holds
    heading: str  # day that a profile is of; the last of them counts


_SAID = {
    "en": _Patterns(
        r"Talk about it|would talk about it|itself is strong enough",
        r"At worst (?:it|the chance) is|at worst the chance is",
        rf"takes at least {_PERCENT} at worst(?: with a chance of at least {_PERCENT})?",
        rf"a chance of about {_PERCENT}, (?:about|more than) ([\d.,]+) times",
        rf"now {_PERCENT}, falls below {_PERCENT}",
        r"week|says that it is liked",
        r"last seen (\d+) days ago|not seen for (\d+) days|after (\d+) days without",
        rf"last on ({_DAY})|Seen on ({_DAY}) alone",
        rf"(?:since|interest by|new, from) ({_DAY})",
        rf"at ({_DAY}) \d\d:\d\d \(UTC[^)]*\)(?:, counted up to ({_DAY}))?",
    ),
    "de": _Patterns(
        r"Darauf ansprechen:|würde man darauf ansprechen|Interesse selbst reicht für",
        r"[Ii]m schlechtesten Fall ist (?:sie|die Chance)",
        rf"braucht im schlechtesten Fall mindestens {_PERCENT}"
        rf"(?: bei einer Chance von mindestens {_PERCENT})?",
        rf"eine Chance von etwa {_PERCENT}, (?:etwa|mehr als) ([\d.,]+)-mal",
        rf"jetzt {_PERCENT}, unter {_PERCENT} fällt",
        r"Woche|nach Angabe des Kunden gemocht",
        r"vor (\d+) Tagen gesehen|seit (\d+) Tagen nicht|nach (\d+) Tagen ohne",
        rf"zuletzt am ({_DAY})|Nur am ({_DAY}) gesehen",
        rf"(?:seit|spätestens am|ab) ({_DAY})",
        rf"Stand ({_DAY})|gezählt bis ({_DAY})|zuletzt gesehen ({_DAY}) \d\d:",
    ),
}


def printed(raw: Mapping[str, Any], language: str) -> str:
    """What the command prints of a profile (JSON), each sentence on one line."""
    text, value = io.StringIO(), orjson.dumps(raw)
    console = Console(file=text, width=4_000, markup=False, highlight=False)
    subject = str(raw["subject"])
    print_profile(console, Profile.from_record(subject, value), dict(raw), wording(language))
    return text.getvalue()


def faults(text: str, language: str) -> Iterator[str]:
    """Rows of a printed profile whose figures or dates contradict the rest of what is printed."""
    of = _SAID[language]
    heading = max(date.fromisoformat(_first(found)) for found in re.finditer(of.heading, text))
    if re.search(r"\{\w*\}|\?", text):
        yield "a place is left open"
    for row in rows(text):
        for began in re.finditer(of.began, row):
            if date.fromisoformat(began[1]) > heading:
                yield f"begins after {heading}: {began[0]}: {row}"
        last = re.search(of.last, row)
        for away in re.finditer(of.away, row):
            if not last or (heading - date.fromisoformat(_first(last))).days != int(_first(away)):
                yield f"not seen so long on {heading}: {away[0]}: {row}"
        if re.search(of.talks, row) and not _is_enough(row, of):
            yield f"not enough to talk about: {row}"
        elif not re.search(of.talks, row) and re.search(of.needs, row) and _exceeds(row, of):
            yield f"enough to talk about: {row}"


def rows(text: str) -> Iterator[str]:
    """Rows of a printed table, each on one line."""
    for row in re.findall(r"(?:^│.*\n?)+", text, re.MULTILINE):
        yield re.sub(r"[│\s]+", " ", row).strip()


def _is_enough(row: str, of: _Patterns) -> bool:
    """Whether a row says by what one talks about it, and its figures are as it says."""
    if stays := re.search(of.stays, row):
        return _number(stays[1]) >= _number(stays[2])
    if re.search(of.needs, row):
        return _exceeds(row, of)
    if likely := re.search(of.likely, row):
        return _number(likely[1]) >= 50 and _number(likely[2]) >= 2
    return bool(re.search(of.kept, row))


def _exceeds(row: str, of: _Patterns) -> bool:
    worst, needs = re.search(rf"(?:{of.worst}) {_PERCENT}", row), re.search(of.needs, row)
    chance = re.search(_PERCENT, row)  # the column before the sentences
    if not worst or not needs or not chance:
        return False
    least = _number(needs[2]) if needs[2] else 0.0
    return _number(worst[1]) >= _number(needs[1]) and _number(chance[1]) >= least


def _first(found: re.Match[str]) -> str:
    return next(reversed([group for group in found.groups() if group]))


def _number(text: str) -> float:
    return float(text.replace(",", "."))
