"""Reads a folder of data sets: which panels lie in it, and the events of each.

The layout is that of ``panels/NAME/events.csv`` (user, ts, key, category, seconds; `ts` is local
civil time as epoch seconds) beside the sets that adaptors read. What lies in the folder and is
not measured is named with the reason; what nobody knows is an error, for a figure that silently
leaves data out is none.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import orjson

from streams.contract import topics
from streams.datasets.rows import (
    DAY_MS,
    MINUTE_MS,
    SourceError,
    pseudonym,
    rows_of,
    short_digest,
    whole_number,
)
from streams.evaluation import panels
from streams.evaluation.panels import Panel, Visit

COLUMNS = ("user", "ts", "key", "category", "seconds")
#: Sets of the layout that hold no person's days; `tests.quality` and `tag` read them.
ELSEWHERE = {
    "README.md": "the layout's description",
    "app-usage/usage_events.csv": "one day of one person",
    "stream-starts": "one day",
    "operator-dpi": "one day",
    "network-flows": "no person's",
    "open-bandit": "no person's",
    "ratings": "ratings, no use",
    "taxonomy": "no person's",
    "hosts": "no person's: for the tags",
    "apps": "no person's: for the tags",
    "programmes": "no person's: for the tags",
    "text": "no person's: for the tags",
}
#: Of television, what is no interest.
_NO_INTERESTS = {("tv", "others"), ("tv", "ads")}
_UNTIMED_MS = 5 * MINUTE_MS  # of an event whose length nobody noted
_LONGEST_MS = DAY_MS
_EARLIEST_MS = 1_000_000_000_000  # events before it are refused as no time
_WEEK_MS = 7 * DAY_MS
_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Folder:
    """Lists what a data folder holds.

    Attributes
    ----------
    panels : list of str
        Sets that can be measured, by name.
    left_out : dict of str to str
        What else lies there, and why it isn't measured.
    """

    panels: list[str]
    left_out: dict[str, str]


def look(folder: Path) -> Folder:
    """List the panels of a folder, and what it holds besides.

    Raises
    ------
    SourceError
        Where the folder is missing or holds no panel, or where something lies in it that this
        release doesn't know: it would be ignored.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder")
    found = [name for name, (place, _) in panels.SETS.items() if (folder / place).exists()]
    left_out, unknown = {}, []
    known = {place for place, _ in panels.SETS.values()}
    for path in sorted(_entries(folder, {place.split("/")[0] for place in known})):
        place = path.relative_to(folder).as_posix()
        if place in known or place.startswith("."):
            continue
        if path.parent.name == "panels" and (path / "events.csv").is_file():
            found.append(path.name)
            unknown += [p for p in path.iterdir() if p.name not in ("events.csv", "README.md")]
        elif place in ELSEWHERE:
            left_out[place] = ELSEWHERE[place]
        else:
            unknown.append(path)
    if unknown:
        names = ", ".join(p.relative_to(folder).as_posix() for p in unknown)
        raise SourceError(f"{folder}: would be ignored, for nobody knows what it is: {names}")
    if not found:
        raise SourceError(f"{folder}: no panels/NAME/events.csv and no {', '.join(sorted(known))}")
    return Folder(found, left_out)


def _entries(folder: Path, opened: set[str]) -> list[Path]:
    """Entries of the folder, of those folders in it that hold several sets, and of the panels."""
    entries = []
    for path in folder.iterdir():
        entries += [*path.iterdir()] if path.name in {*opened, "panels"} else [path]
    return entries


def load(name: str, folder: Path) -> Panel:
    """Read one set of a folder that `look` has listed.

    Raises
    ------
    SourceError
        Where it can't be read, a row of it included.
    """
    return panels.load(name, folder) if name in panels.SETS else read(name, folder)


def read(name: str, folder: Path) -> Panel:
    """Read ``panels/NAME/events.csv``.

    Keys of category ``tv`` are programmes, all others apps. A time of before September 2001,
    which the inlet refuses, is moved by whole weeks with all others of the file.
    """
    path = folder / "panels" / name / "events.csv"
    rows = []
    left_out: Counter[str] = Counter()
    for row in rows_of(path, COLUMNS):
        if (row["category"], row["key"]) in _NO_INTERESTS:
            left_out[row["key"]] += 1
            continue
        seconds = row["seconds"]
        lasted = whole_number(seconds, path) * 1000 if seconds else _UNTIMED_MS
        rows.append(
            (whole_number(row["ts"], path) * 1000, row["user"], row["key"], row["category"], lasted)
        )
    if not rows:
        raise SourceError(f"{path}: no events")
    rows.sort()
    moved = max(0, -(-(_EARLIEST_MS - rows[0][0]) // _WEEK_MS)) * _WEEK_MS
    visits = [
        visit_of(number, at + moved, user, key, category == "tv", lasted)
        for number, (at, user, key, category, lasted) in enumerate(rows)
    ]
    return Panel(name, visits, left_out=dict(left_out))


def visit_of(number: int, at: int, user: str, key: str, watched: bool, lasted: int) -> Visit:
    """An event of a panel as the inlet would get it: of television, or of an app."""
    account = pseudonym(user, "panel")
    name = key if _PLAIN.fullmatch(key) else short_digest(key)
    lasted = min(max(lasted, panels.LEAST_VISIT_MS), _LONGEST_MS)
    value = {"event_id": f"p-{number:x}", "account_id": account, "ts": at}
    if watched:
        value |= {"content_id": name, "watched_ms": lasted, "mode": "live"}
        return Visit(at, topics.TV, account, f"programme:{name}", orjson.dumps(value))
    value |= {"app_id": name, "action": "open", "duration_ms": lasted}
    return Visit(at, topics.APP, account, f"app:{name}", orjson.dumps(value))
