"""Measures how much of real attention the bundled tags can name, data set by data set.

Data sets go through the same adaptors, catalogue tagger and resolution as in production. An
event counts by rows, so that the figure doesn't depend on how a set measures time. Own lists
were written with these very sets at hand, so their figure is no forecast. *Public lists alone*
(compiled host lists; no own lists, no genres, no categories) is nearer to a stranger's web.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from features.tags.exact import TagEntry, TagError, exact_tags, resolve, tag_catalogue
from streams.contract import topics
from streams.contract.record import Record
from streams.datasets import ADAPTORS

#: Data set -> adaptor and file below the data folder.
SETS = {
    "web-visits": ("web-visits", "web-visits/visits.csv"),
    "app-usage": ("app-usage", "app-usage/usage_events.csv"),
    "snapshots": ("snapshots", "app-usage/foreground_snapshots.csv"),
    "operator-dpi": ("operator-dpi", "operator-dpi/app_hours.csv"),
    "tv-sessions": ("tv-sessions", "tv-sessions/sessions.csv"),
    "stream-starts": ("stream-starts", "stream-starts/starts.csv"),
    "network-flows": ("flows", "network-flows/flows.csv"),
}
KINDS = ("tagged", "infrastructure", "denied", "unknown")


@dataclass
class Coverage:
    """Events and distinct contents of a data set by what is known about them.

    Attributes
    ----------
    events, contents : Counter of str
        By kind: tagged, infrastructure, denied, unknown.
    compiled : Counter of str
        Events by kind, by the compiled public lists alone.
    unknown : Counter of str
        Events by unknown content key.
    """

    events: Counter[str] = field(default_factory=Counter)
    contents: Counter[str] = field(default_factory=Counter)
    compiled: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)

    def share(self, *kinds: str) -> float:
        """Share of the events that are of these kinds."""
        return sum(self.events[kind] for kind in kinds) / max(1, self.events.total())


def measure(data: Path) -> Iterator[tuple[str, Coverage]]:
    """Coverage of every data set that is there.

    Raises
    ------
    streams.datasets.SourceError
        If a file cannot be read.
    """
    for name, (adaptor, file) in SETS.items():
        path = data / file
        if path.exists():
            yield name, cover(ADAPTORS[adaptor](path, Counter()))


def cover(records: Iterable[Record]) -> Coverage:
    """Coverage of a stream of records."""
    events: Counter[tuple[str, str]] = Counter()
    catalogue: dict[str, Mapping[str, Any]] = {}
    for record in records:
        if isinstance(record.value, bytes):
            continue
        if record.topic == topics.CATALOGUE:
            catalogue[record.key] = record.value
        else:
            events[_keys(record.topic, record.value)] += 1
    compiled = exact_tags(own=False)
    covered = Coverage()
    for keys, count in events.items():
        kind = _kind(_lookup(keys, exact_tags(), catalogue))
        covered.events[kind] += count
        covered.contents[kind] += 1
        covered.compiled[_kind(_lookup(keys, compiled, {}))] += count
        if kind == "unknown":
            covered.unknown[keys[0]] += count
    return covered


def _keys(topic: str, value: Mapping[str, Any]) -> tuple[str, str]:
    """Content key of an event, and the one to fall back on."""
    if topic == topics.NETWORK:
        host = value.get("host")
        return (f"host:{_host(host)}" if host else f"app:{value['app']}".lower(), "")
    if topic == topics.TV:
        channel = value.get("channel")
        return (
            f"programme:{value['content_id']}".lower(),
            f"channel:{channel}".lower() if channel else "",
        )
    return f"app:{value['app_id']}".lower(), ""


def _host(text: str) -> str:
    host = text.lower().rstrip(".")
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() and ":" not in name else host


def _lookup(
    keys: tuple[str, str], table: Mapping[str, TagEntry], catalogue: Mapping[str, Mapping[str, Any]]
) -> TagEntry | None:
    for key in keys:
        entry = _catalogued(catalogue[key]) if key in catalogue else None
        entry = resolve(key, table) if entry is None and key else entry
        if entry is not None:
            return entry
    return None


def _catalogued(entry: Mapping[str, Any]) -> TagEntry | None:
    """Entry that the catalogue gives, None where the app would refuse the entry."""
    try:
        return tag_catalogue(entry)
    except TagError:
        return None


def _kind(entry: TagEntry | None) -> str:
    if entry is None:
        return "unknown"
    if entry.told:
        return "tagged"
    return "denied" if entry.denied else "infrastructure"
