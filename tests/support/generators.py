"""Inputs for properties: events, facts, and whole partitions over several days.

A sequence is drawn as a length and a seed, so that hundreds of events are drawn fast and a
failing sequence shrinks to its shortest failing beginning. Facts are drawn one by one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from hypothesis import strategies as st

from features.config import Config
from features.records.batch import Batch, parse_log
from features.tags.entry import CHILDREN
from features.tags.exact import TagEntry
from tests.oracle import arithmetic

FACTS, NETWORK, TV, APP = range(4)
DAY_MS = arithmetic.DAY_MS
#: A Saturday, so that seven days hold a weekend at either end.
FIRST_DAY = 18_019
START = FIRST_DAY * DAY_MS
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
ACCOUNTS = 5
MEMBERS = (None, None, "m-1", "m-2")
SENSITIVE = "286"  # medical health

#: Contents of the tests: single interests, several, ancestors in common, machinery, denied ones.
TABLE: Mapping[str, TagEntry] = {
    "host:rugby.example": TagEntry((("529", 1.0),), "test", 1.0),
    "host:hockey.example": TagEntry((("515", 0.8), ("551", 0.3)), "test", 0.9),
    "host:clinic.example": TagEntry(((SENSITIVE, 1.0),), "test", 1.0),
    "host:secret.example": TagEntry((), "test", 1.0),
    "host:cdn.example": TagEntry((), "test", 1.0, infrastructure=True),
    "host:static.rugby.example": TagEntry((), "test", 1.0, infrastructure=True),
    "app:com.cars": TagEntry((("11", 0.9), ("19", 0.5)), "test", 0.8),
    "app:com.games": TagEntry((("690", 1.0), (SENSITIVE, 0.9)), "test", 0.8),
    "programme:p-1": TagEntry((("655", 0.7), ("1", 0.4)), "test", 1.0),
    "programme:p-2": TagEntry((("529", 0.5), ("690", 0.01)), "test", 1.0),
    "channel:sports": TagEntry((("541", 0.6),), "test", 0.7),
    "channel:toons": TagEntry((("641", 0.6),), "test", 0.7, audience=CHILDREN),
    "host:anime.example": TagEntry((("641", 1.0),), "test", 1.0),
    "section:beach": TagEntry((("673", 0.5),), "test", 0.7),
}
INTERESTS = ("529", "515", "11", "690", "655", "483", "1", SENSITIVE)

_CONTENTS: list[tuple[int, dict[str, Any]]] = [
    (NETWORK, {"line": "mobile", "host": "rugby.example"}),
    (NETWORK, {"line": "broadband", "host": "www.Hockey.example."}),
    (TV, {"content_id": "p-1", "mode": "live", "content_ms": 5_400_000}),
    (TV, {"content_id": "P-2", "mode": "vod"}),
    (APP, {"app_id": "com.cars", "action": "open"}),
    (APP, {"app_id": "com.games", "action": "search"}),
    (TV, {"content_id": "unheard-of", "channel": "Sports", "mode": "catchup"}),
    (APP, {"app_id": "unheard.of", "action": "close", "section": "beach"}),
    (NETWORK, {"line": "mobile", "host": "static.rugby.example"}),
    (NETWORK, {"line": "mobile", "host": "cdn.example", "app": "com.cars"}),
    (NETWORK, {"line": "mobile", "app": "nobody.knows"}),
    (APP, {"app_id": "com.cars", "action": "close"}),
    (NETWORK, {"line": "mobile", "host": "clinic.example"}),
    (NETWORK, {"line": "mobile", "host": "secret.example"}),
    (TV, {"content_id": "p-1", "mode": "live", "content_ms": 600_000_000}),
    (NETWORK, {"line": "mobile", "host": "nowhere.test"}),
    (TV, {"content_id": "p-1", "channel": "Toons", "mode": "live"}),
]
_CONTENTS = [*_CONTENTS, *2 * _CONTENTS[:8]]  # what counts comes more often
_SPENT_MS = (300_000, 4_000, 90_000, 2_400_000, 7_200_000, 61_234, 0, 1)
_MOVED = (0, 900, 5_000_000, 80_000_000)
_COUNTRIES: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"country": "DE"},
    {"country": "FR", "tz_offset_min": 120},
    {"country": "US", "tz_offset_min": -480},
    {},
    {"tz_offset_min": 840},
    {},
)
#: What an entry of the registry says beside the device.
_REGISTERED: tuple[dict[str, Any], ...] = (
    {},
    {"adult": False},
    {"adult": True},
    {"owner_member_id": "m-1", "adult": False},
    {"owner_member_id": "m-1", "adult": True},
    {"owner_member_id": "m-9", "adult": False},
    {"owner_member_id": "m-9"},
)
_LATE_MIN = (0, 0, 0, 0, 3, 45, 200, 359, 361, 900)  # the lateness allowed is 360


Item = TypeVar("Item")


@dataclass(frozen=True)
class Record:
    """One input record: its kind and what the producer wrote."""

    kind: int
    doc: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"{self.kind}:{self.raw.decode()}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))  # Hypothesis would spread it over ten lines

    @property
    def raw(self) -> bytes:
        """The bytes on the wire."""
        return json.dumps(self.doc, separators=(",", ":")).encode()


def config(**changed: Any) -> Config:
    """An engine's configuration with room for every row, and an operator one hour east."""
    return Config(
        **{"day_offset_ms": HOUR_MS, "rows_per_subject": 512, "home_country": "DE", **changed}
    )


def event(code: int, number: int, arrival_ms: int) -> Record:
    """The event that a number below 2**30 stands for; `arrival_ms` is when it came."""

    def take(options: Sequence[Any]) -> Any:
        nonlocal code
        code, index = divmod(code, len(options))
        return options[index]

    kind, content = take(_CONTENTS)
    device = (None, None, "d-1", "d-2")[number % 4]
    account, member = take(range(ACCOUNTS)), take(MEMBERS)
    late, spent, where, moved = take(_LATE_MIN), take(_SPENT_MS), take(_COUNTRIES), take(_MOVED)
    doc: dict[str, Any] = {
        "event_id": f"e-{number}",
        "account_id": f"acc-{account}",
        "ts": arrival_ms - late * MINUTE_MS,
        **where,
        **content,
        ("watched_ms" if kind == TV else "duration_ms"): spent,
    }
    if member:
        doc["member_id"] = member
    if device:
        doc["device_id"] = device
    if kind == NETWORK:
        doc |= {"bytes_down": moved, "bytes_up": moved // 10}
    return Record(kind, doc)


def rugby(number: int, ts: int = START, account: int = 0, **more: Any) -> Record:
    """Ten minutes with one host."""
    return Record(
        NETWORK,
        {
            "event_id": f"n-{number}",
            "account_id": f"acc-{account}",
            "ts": ts,
            "line": "mobile",
            "host": "rugby.example",
            "duration_ms": 600_000,
            **more,
        },
    )


def consent(account: int, ts: int = START - DAY_MS, status: str = "granted", **more: Any) -> Record:
    """A word about profiling."""
    return fact(account, "consent", ts, purpose="profiling", status=status, **more)


def fact(account: int, kind: str, ts: int, **more: Any) -> Record:
    """A fact; its id follows from what it says."""
    said = "".join(str(value) for value in more.values())
    return Record(
        FACTS,
        {
            "event_id": f"f-{kind[:3]}{ts}{said}"[:64],
            "account_id": f"acc-{account}",
            "ts": ts,
            "kind": kind,
            **more,
        },
    )


@st.composite
def facts(draw: st.DrawFn, span_ms: int = 4 * DAY_MS, account: int | None = None) -> Record:
    """Any fact about one of the accounts."""
    who = draw(st.integers(0, ACCOUNTS - 1)) if account is None else account
    ts = START + MINUTE_MS * draw(st.integers(0, span_ms // MINUTE_MS))
    member = draw(st.sampled_from(({}, {"member_id": "m-1"}, {"member_id": "m-9"})))
    interest = {"interest": draw(st.sampled_from(INTERESTS))}
    days = draw(st.sampled_from(({}, {"quiet_days": 0}, {"quiet_days": 1}, {"quiet_days": 3})))
    ends = draw(
        st.sampled_from(
            ({}, {}, {"expires_at": ts + 7 * HOUR_MS}, {"expires_at": ts + 30 * HOUR_MS})
        )
    )
    options: list[tuple[str, dict[str, Any]]] = [
        *[
            ("declaration", {"stance": s, **interest, **member})
            for s in ("like", "dislike", "neutral")
        ],
        ("purchase", {**interest, **member, **days}),
        ("purchase", {**interest, **member, "returned": True}),
        ("decision_against", {**interest, **days}),
        ("care_case", {"case_id": "c-1", "status": "opened"}),
        ("care_case", {"case_id": "c-1", "status": "closed"}),
        ("registry", {"device_id": "d-1", "owner_member_id": "m-1"}),
        ("registry", {"device_id": "d-1", **draw(st.sampled_from(_REGISTERED))}),
        ("registry", {"device_id": "d-2", **draw(st.sampled_from(_REGISTERED))}),
        *[
            ("consent", {"purpose": purpose, "status": status, **member, **ends})
            for purpose in ("profiling", "offers", "audiences")
            for status in ("granted", "withdrawn")
        ],
        ("erasure", {**member}),
        ("consent", {"purpose": "profiling", "status": "granted", **ends}),
        ("consent", {"purpose": "profiling", "status": "withdrawn"}),
        ("consent", {"purpose": "marketing", "status": "denied"}),
        ("erasure", {}),
    ]
    kind, fields = draw(st.sampled_from(options))
    return fact(who, kind, ts, **fields)


@st.composite
def sequences(
    draw: st.DrawFn, days: int = 4, events: int = 60, with_facts: bool = True, least: int = 1
) -> list[Record]:
    """A partition's sequence over `days`: as it arrives, so event times run back and forth.

    Every account but the last has agreed before the first day. Some events come twice, a few
    too late; facts come whenever they come.
    """
    chance = Random(draw(st.integers(0, 2**32)))
    pace = 2 * days * DAY_MS // events
    records, at = [consent(account) for account in range(ACCOUNTS - 1)], START
    for number in range(draw(st.integers(least, events))):
        at += chance.randrange(pace)
        records.append(event(chance.randrange(2**30), number, at))
        if chance.random() < 0.1:
            records.insert(-chance.randrange(1, 5), records[-1])
    for record in draw(st.lists(facts(days * DAY_MS), max_size=6)) if with_facts else ():
        records.insert(draw(st.integers(0, len(records))), record)
    return records


def batch(records: Sequence[Record], first_offset: int = 0) -> Batch:
    """What the inlet makes of records."""
    parsed, refused = parse_log(
        [record.raw for record in records],
        [str(record.doc["account_id"]).encode() for record in records],
        [record.kind for record in records],
        first_offset,
    )
    assert not refused, refused[0]
    return parsed


def cuts(least: int = 0, most: int = 4) -> st.SearchStrategy[list[float]]:
    """Places to cut a sequence, as shares of its length in thousandths."""
    return st.lists(st.integers(0, 1000).map(lambda n: n / 1000), min_size=least, max_size=most)


def cut(records: Sequence[Item], places: Sequence[float]) -> list[list[Item]]:
    """A sequence in pieces, some of which may be empty."""
    ends = sorted(round(place * len(records)) for place in places)
    return [list(records[a:b]) for a, b in zip([0, *ends], [*ends, len(records)], strict=True)]
