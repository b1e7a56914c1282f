"""Reads real people's days as a sequence of records, for measuring scores.

The protocol. Interest = key: the registrable domain of a host, the package of an app, the
channel. Every key is an interest of its own in a flat taxonomy, so the tagger's quality stays
out of it. Each set is a panel of its own, in event time. A panelist is there
from the first event to the day of the last one and is then erased, as a customer who left is:
absence after the end of a diary means nothing. A pair of panelist and key is a candidate from
the day after its first active day; a row is a panelist, a key and a day, its label whether
there was an event. A tick at each day's lateness closes the day before, so that the last day
of everybody is closed before the erasure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

import numpy as np
import orjson

from features.tags.exact import TagEntry, registrable
from features.tags.taxonomy import Taxonomy
from features.vocabulary import FactKind
from streams.contract import topics
from streams.contract.record import Record
from streams.datasets import ADAPTORS, Skipped, SourceError, bundled_web_visits

DAY_MS = 86_400_000
#: Where each set lies below the data folder, and who reads it.
SETS = {
    "web-visits": ("web-visits/visits.csv", "web-visits"),
    "snapshots": ("app-usage/foreground_snapshots.csv", "snapshots"),
    "tv-sessions": ("tv-sessions/sessions.csv", "tv-sessions"),
}
# A visit that a set notes is one, however short, or its length unknown: the label of the protocol
# is that there was a visit, and ten seconds are enough to count (`rows_kernel.ENGAGED`).
LEAST_VISIT_MS = 10_000
#: Account whose events close the days.
CLOCK = "panel-clock"
_UNJUDGED = 0.25  # share of a panelist's span, from its first day on, that isn't counted


@dataclass(frozen=True)
class Visit:
    """One event of a panelist."""

    at: int
    topic: str
    account: str
    key: str  # content key, such as ``host:www.bbc.co.uk``
    value: bytes

    @property
    def day(self) -> int:
        """Local day since 1970; the sets' times are taken as they are."""
        return self.at // DAY_MS


@dataclass(frozen=True)
class Panel:
    """Visits in order of time.

    Attributes
    ----------
    name : str
    visits : list of Visit
    ends : dict of str to int, optional
        Last day of a diary where it is not that of the last visit.
    seen_by_prior : bool
        The shipped prior was learned on it, so a fair run starts without.
    left_out : dict of str to int
        Rows of the file that are none of its visits, by what they are.
    """

    name: str
    visits: list[Visit]
    ends: dict[str, int] = field(default_factory=dict)
    seen_by_prior: bool = False
    left_out: dict[str, int] = field(default_factory=dict)

    def interests(self) -> dict[str, str]:
        """Interest by content key: the registrable domain, or the key itself."""
        return {visit.key: interest_of(visit.key) for visit in self.visits}

    def diaries(self) -> dict[str, tuple[int, int]]:
        """First and last day of each panelist."""
        found: dict[str, tuple[int, int]] = {}
        for visit in self.visits:
            first, _ = found.get(visit.account, (visit.day, 0))
            found[visit.account] = first, self.ends.get(visit.account, visit.day)
        return found

    def judged_from(self) -> dict[str, int]:
        """First day of each panelist that counts: a quarter of the own span has passed by then."""
        return {
            account: first + ceil(_UNJUDGED * (last - first + 1))
            for account, (first, last) in self.diaries().items()
        }

    def records(self, lateness_ms: int) -> Iterator[tuple[str, str, bytes]]:
        """Topic, key and value of visits, ticks and erasures, in the sequence."""
        leaving: dict[int, list[str]] = {}
        for account, (_, last) in self.diaries().items():
            leaving.setdefault(last, []).append(account)
        at = 0
        closed = self.visits[0].day - 1 if self.visits else 0
        for end in sorted(leaving):
            for day in range(closed + 1, end + 1):
                tick = (day + 1) * DAY_MS + lateness_ms
                while at < len(self.visits) and self.visits[at].at < tick:
                    visit = self.visits[at]
                    yield visit.topic, visit.account, visit.value
                    at += 1
                yield (
                    topics.APP,
                    CLOCK,
                    orjson.dumps(
                        {
                            "event_id": f"tick-{day}",
                            "account_id": CLOCK,
                            "ts": tick,
                            "app_id": CLOCK,
                            "action": "close",
                        }
                    ),
                )
                for account in leaving.get(day, ()):
                    yield (
                        topics.FACTS,
                        account,
                        orjson.dumps(
                            {
                                "event_id": f"left-{account}",
                                "account_id": account,
                                "ts": tick,
                                "kind": FactKind.ERASURE,
                            }
                        ),
                    )
            closed = end


def load(name: str, folder: Path) -> Panel:
    """Read a set that an adaptor knows.

    Raises
    ------
    SourceError
        Where the set is not there or can't be read.
    """
    place, adaptor = SETS[name]
    skipped: Skipped = Counter()
    return _panel(name, ADAPTORS[adaptor](folder / place, skipped), skipped)


def bundled() -> Panel:
    """The web visits that ship with the package."""
    return _panel("web-visits", bundled_web_visits(), Counter())


def _panel(name: str, records: Iterable[Record], skipped: Skipped) -> Panel:
    visits: list[Visit] = []
    for record in records:
        if record.topic not in (topics.NETWORK, topics.TV, topics.APP):
            continue
        value = orjson.loads(record.value) if isinstance(record.value, bytes) else record.value
        for length in ("duration_ms", "watched_ms"):
            if length in value:
                value[length] = max(LEAST_VISIT_MS, value[length])
        visits.append(Visit(record.at, record.topic, record.key, _key(value), orjson.dumps(value)))
    if not visits:
        raise SourceError(f"{name}: no visits")
    visits.sort(key=lambda visit: visit.at)
    return Panel(name, visits, seen_by_prior=True, left_out=dict(skipped))


def _key(value: dict[str, str]) -> str:
    if "host" in value:
        return "host:" + value["host"].lower().rstrip(".")
    if "content_id" in value:
        return "programme:" + value["content_id"].lower()
    return "app:" + value.get("app_id", value.get("app", "")).lower()


def interest_of(key: str) -> str:
    """The interest that a content key stands for."""
    prefix, _, text = key.partition(":")
    return prefix + ":" + (registrable(text) or text) if prefix == "host" else key


def flat(interests: list[str]) -> Taxonomy:
    """A taxonomy without a tree: every interest for itself."""
    n = len(interests)
    return Taxonomy(
        ids=tuple(interests),
        names=tuple(interests),
        paths=tuple((name,) for name in interests),
        parent=np.full(n, -1, np.int16),
        children=((),) * n,
        sensitive=np.zeros(n, np.bool_),
        reasons={},
        version="keys",
        fingerprint="keys",
        _index={name: i for i, name in enumerate(interests)},
    )


def one_each(interests: dict[str, str]) -> dict[str, TagEntry]:
    """A tag table that maps every content key to its interest."""
    return {key: TagEntry(((interest, 1.0),), "panel", 1.0) for key, interest in interests.items()}
