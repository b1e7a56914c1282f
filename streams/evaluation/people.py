"""Reads public data sets as diaries: what each person saw when, and on which kind of device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from features.state.contents import Contents
from features.tags import taxonomy
from features.tags.exact import exact_tags, registrable
from streams.contract import topics
from streams.contract.record import Record
from streams.datasets import ADAPTORS, bundled_web_visits
from streams.datasets.rows import rows_of

#: Channels for children.
CHILDRENS = frozenset({"live-cartoon-network", "live-boomerang"})

#: Keys of panels that say nothing of anybody.
_LEFTOVERS = frozenset({"others", "ads"})
#: What a content stands for, with weights that sum to 1.
Interests = tuple[tuple[str, float], ...]


class Seen(NamedTuple):
    """One event of a person: when, what, its interests, and whether on a device of his own."""

    ts: int
    key: str
    interests: Interests
    own: bool | None  # none where the set has one device


#: Events of each person, in order of time.
People = dict[str, list[Seen]]


def web(folder: Path | None, tagged: bool = False) -> People:
    """Web panelists: the mobile is the own line, the desktop the shared screen.

    Parameters
    ----------
    folder : Path, optional
        Else the sample that ships with the package.
    tagged : bool
        Interests are the bundled tags instead of registrable domains.
    """
    place = "web-visits/visits.csv"
    records = (
        bundled_web_visits()
        if folder is None
        else ADAPTORS["web-visits"](folder / place, Counter())
    )
    named = _tagger() if tagged else _domain_of
    interests: dict[str, Interests] = {}
    found: People = {}
    for record in records:
        value = _value(record)
        host = value["host"].lower().rstrip(".")
        if host not in interests:
            interests[host] = named(host)
        seen = Seen(record.at, host, interests[host], value["line"] == "mobile")
        found.setdefault(record.key, []).append(seen)
    return found


def apps(folder: Path) -> People:
    """Snapshots of the app in the foreground."""
    found: People = {}
    place = folder / "app-usage/foreground_snapshots.csv"
    for record in ADAPTORS["snapshots"](place, Counter()):
        if record.topic == topics.APP:
            app = _value(record)["app_id"]
            found.setdefault(record.key, []).append(Seen(record.at, app, ((app, 1.0),), None))
    return found


def television(folder: Path) -> People:
    """Sessions of linear television; an interest is a channel, a zap of no length is left out."""
    found: People = {}
    for record in ADAPTORS["tv-sessions"](folder / "tv-sessions/sessions.csv", Counter()):
        if record.topic == topics.TV and _value(record)["watched_ms"] > 0:
            channel = _value(record)["content_id"]
            seen = Seen(record.at, channel, ((channel, 1.0),), None)
            found.setdefault(record.key, []).append(seen)
    return found


def films(folder: Path) -> People:
    """Rated films; interests are genres."""
    genres = {
        row["movieId"]: row["genres"].split("|")
        for row in rows_of(folder / "ratings/movies.csv", ("movieId", "genres"))
    }
    found: People = {}
    for row in rows_of(folder / "ratings/ratings.csv", ("userId", "movieId", "timestamp")):
        of = genres[row["movieId"]]
        seen = Seen(
            int(row["timestamp"]) * 1000,
            row["movieId"],
            tuple((genre, 1.0 / len(of)) for genre in of),
            None,
        )
        found.setdefault(row["userId"], []).append(seen)
    return {person: sorted(events) for person, events in found.items()}


def panel(folder: Path, name: str) -> People:
    """One of the panels of many people: what of, when; leftovers are no interest."""
    found: People = {}
    place = folder / "panels" / name / "events.csv"
    for row in rows_of(place, ("user", "ts", "key")):
        if row["key"] not in _LEFTOVERS:
            seen = Seen(int(row["ts"]) * 1000, row["key"], ((row["key"], 1.0),), None)
            found.setdefault(row["user"], []).append(seen)
    return {person: sorted(events) for person, events in found.items()}


def _value(record: Record) -> dict[str, Any]:
    value = record.value
    return orjson.loads(value) if isinstance(value, bytes) else value


def _domain_of(host: str) -> Interests:
    return ((registrable(host) or host, 1.0),)


def _tagger() -> Callable[[str], Interests]:
    tree = taxonomy.load()
    contents = Contents(tree, exact_tags())

    def tags_of(host: str) -> Interests:
        found = contents.slot_tags("host:" + host)
        total = sum(weight for _, weight in found)
        return tuple((tree.ids[i], weight / total) for i, weight in found)

    return tags_of
