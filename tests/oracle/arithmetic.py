"""Slow twins of the kernels' arithmetic: obvious, in float64, from all events every time.

Nothing here is incremental. A twin is given everything that ever happened and says what it
comes to; `oracle_partition` keeps the events, `oracle_profile` writes the document.

Tolerances. Live rows are float32 and are brought forward day by day, so levels and masses agree
to `REL` (about a hundred roundings of 6e-8) and, near zero, to `ABS`. Whatever is a count, a
day, a bit or a name agrees exactly.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

NETWORK, TV, APP = 1, 2, 3
DAY_MS = 86_400_000
REL, ABS = 1e-5, 1e-7

SOURCES = {NETWORK: "network", TV: "tv", APP: "app"}
DAY_PARTS = tuple(
    f"{week}-{part}"
    for week in ("weekday", "weekend")
    for part in ("night", "morning", "afternoon", "evening")
)


def engagement(kind: int, event: Mapping[str, Any]) -> float:
    """How much an event, as the producer wrote it, says about an interest."""
    spent = event.get("watched_ms" if kind == TV else "duration_ms", 0)
    sitting = spent / (spent + 5 * 60_000)
    if kind == TV:
        if spent >= 4 * 3_600_000:  # asleep
            return 0.0
        length = event.get("content_ms")
        if length is None:
            return float(sitting)
        if spent < 0.05 * length:
            return 0.05 * float(sitting)
        return float(max(sitting, min(1.0, spent / length)))
    if kind == NETWORK:
        moved = event.get("bytes_down", 0) + event.get("bytes_up", 0)
        if by_machine(moved, spent):
            return 0.0
        if 0 < spent < 60_000:
            return float(sitting)
        return float(max(sitting, moved / (moved + 20_000_000)))
    if event["action"] == "close" and spent == 0:
        return 0.0
    return float(max(sitting, 0.5 if event["action"] == "search" else 0.35))


def by_machine(moved: int, spent: int) -> bool:
    """Whether nobody sat before a flow: a call, an idle connection, a download."""
    if not moved:
        return spent < 1000
    if spent < 60_000:
        return moved < 20_000 or (spent > 0 and moved > 4000 * max(spent, 1000))
    return moved * 10 < spent or moved > 4000 * spent


def local_day(ts: int, offset_ms: int) -> int:
    """Days since 1970 on a clock `offset_ms` east of UTC."""
    return (ts + offset_ms) // DAY_MS


def day_part(ts: int, zone_ms: int) -> int:
    """Index into `DAY_PARTS` of an event time on a clock `zone_ms` east of UTC."""
    moment = _EPOCH + timedelta(milliseconds=ts + zone_ms)
    return moment.hour // 6 + (4 if moment.weekday() >= 5 else 0)


def iso_date(day: int) -> str:
    """``YYYY-MM-DD`` of a day since 1970."""
    return date.fromordinal(_EPOCH_DAY + day).isoformat()


def popcount(bits: int) -> int:
    """Set bits."""
    return bin(bits).count("1")


def number(value: float, decimals: int) -> str:
    """A number in a profile: rounded half up, at least one decimal, no trailing zeros."""
    scale = 10**decimals
    whole = math.floor(abs(value) * scale + 0.5)
    text = f"{whole // scale}.{whole % scale:0{decimals}d}".rstrip("0")
    text += "0" if text.endswith(".") else ""
    return "-" + text if value < 0 and whole else text


@dataclass(frozen=True)
class Given:
    """What one event gave to one interest.

    Attributes
    ----------
    ts : int
        Epoch ms.
    weight : float
        Engagement times the tag's weight.
    kind : int
        Source.
    zone_ms : int
        The clock that decides its part of the day.
    """

    ts: int
    weight: float
    kind: int
    zone_ms: int


def level(given: Iterable[Given], at_ms: int, half_life_days: float) -> float:
    """Sum of the weights, each as it has decayed (or is yet to decay) at `at_ms`."""
    return math.fsum(g.weight * 2.0 ** (-(at_ms - g.ts) / DAY_MS / half_life_days) for g in given)


def bitmap(days: Iterable[int], newest: int) -> int:
    """64-bit word whose bit *n* says whether ``newest - n`` is among `days`."""
    return sum(1 << (newest - day) for day in set(days) if 0 <= newest - day < 64)


@dataclass
class Row:
    """One subject and one interest, with all that was ever given.

    Attributes
    ----------
    interest : int
        Dense index.
    first : int
        Day on which the row came to be: of its first event, or of a declaration.
    flags : set of str
        ``like``, ``dislike``, ``quiet``.
    engaged : bool
        Whether it was to be engaged on the morning of the open day.
    mornings : int
        For how many more it surely is.
    """

    interest: int
    first: int
    given: list[Given] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    engaged: bool = False
    mornings: int = 0

    def days(self, offset_ms: int) -> set[int]:
        """Days on which its events together came to an engagement."""
        given: dict[int, list[float]] = {}
        for g in self.given:
            day = local_day(g.ts, offset_ms)
            passed = (g.ts + offset_ms) / DAY_MS - day
            given.setdefault(day, []).append(g.weight * 2.0 ** (passed / 60.0))
        return {day for day, weights in given.items() if math.fsum(weights) >= 0.03}

    def first_day(self, offset_ms: int) -> int:
        """Earliest day with an event, and the day it came to be."""
        return min({local_day(g.ts, offset_ms) for g in self.given} | {self.first})

    def before(self, day: int, offset_ms: int) -> list[Given]:
        """What earlier days gave."""
        return [g for g in self.given if local_day(g.ts, offset_ms) < day]

    def opening(self, day: int, offset_ms: int, half_lives: Sequence[float]) -> list[float]:
        """Levels when `day` began, from earlier days only: opening balances."""
        start = day * DAY_MS - offset_ms
        return [level(self.before(day, offset_ms), start, h) for h in half_lives]

    def parts(self, day: int, offset_ms: int, half_life: float) -> list[float]:
        """Mass per part of the day, as of the start of `day`."""
        start = day * DAY_MS - offset_ms
        return [
            level([g for g in self.given if day_part(g.ts, g.zone_ms) == part], start, half_life)
            for part in range(8)
        ]

    def masses(self, day: int, offset_ms: int, half_life: float) -> dict[int, float]:
        """Mass per source, as of the start of `day`."""
        start = day * DAY_MS - offset_ms
        return {
            kind: level([g for g in self.given if g.kind == kind], start, half_life)
            for kind in (NETWORK, TV, APP)
        }

    def gathered(self, days: set[int], day: int, offset_ms: int, half_life: float) -> float:
        """Mass of some days, as of the start of `day`."""
        given = [g for g in self.given if local_day(g.ts, offset_ms) in days]
        return level(given, day * DAY_MS - offset_ms, half_life)


class Seen(NamedTuple):
    """An event that counted for a subject: where, and whether that is abroad, if it said so."""

    ts: int
    kind: int
    country: str | None = None
    zone_min: int | None = None
    abroad: bool = False


@dataclass
class Subject:
    """A household or a member of it, with all events that counted for it."""

    rows: dict[int, Row] = field(default_factory=dict)
    events: list[Seen] = field(default_factory=list)
    spoken: tuple[int, int] = (0, 0)  # when a like came before any event: ms, day
    engaged: set[int] = field(default_factory=set)  # days on which a row of it was engaged with
    answered: dict[tuple[int, int, int], set[int]] = field(default_factory=dict)

    def known_days(self, offset_ms: int) -> set[int]:
        """Days with an event or, before its first one, spoken of."""
        return {local_day(seen.ts, offset_ms) for seen in self.events} or {self.spoken[1]}

    @property
    def last_ts(self) -> int:
        """Latest event time or, before the first event, when it was spoken of."""
        return max((seen.ts for seen in self.events), default=self.spoken[0])

    @property
    def placed(self) -> Seen:
        """The latest event that says a country; within a second the greatest of them."""
        return max(
            (seen for seen in self.events if seen.country),
            key=lambda seen: (
                seen.ts // 1000,
                seen.country or "",
                -(2**15) if seen.zone_min is None else seen.zone_min,
            ),
            default=Seen(0, 0),
        )

    def abroad(self, day: int, offset_ms: int) -> set[int]:
        """Days abroad before `day`: a day that tells little is as the one before it."""
        asked = len(self.events), day, offset_ms
        if asked not in self.answered:
            self.answered[asked] = self._abroad(day, offset_ms)
        return self.answered[asked]

    def _abroad(self, day: int, offset_ms: int) -> set[int]:
        quarters: dict[tuple[int, bool], set[int]] = {}
        for seen in self.events:
            on = local_day(seen.ts, offset_ms)
            if seen.country and on < day:
                quarter = (seen.ts + offset_ms) % DAY_MS * 4 // DAY_MS
                quarters.setdefault((on, seen.abroad), set()).add(quarter)
        found, away = set(), False
        for on in range(min((on for on, _ in quarters), default=day), day):
            out, home = (len(quarters.get((on, side), ())) for side in (True, False))
            away = (away or out >= 2) if out > home else away and home == out
            found |= {on} if away else set()
        return found

    def left_of_trips(self, day: int, offset_ms: int) -> float:
        """What is left of mass gathered abroad on the morning of `day`."""
        away = self.abroad(day, offset_ms)
        return math.exp2(-min(64, day - 1 - max(away, default=0)) / 7.0)

    def not_telling(self, day: int, offset_ms: int) -> set[int]:
        """Days that say nothing of the next: at home, those abroad."""
        away = self.abroad(day, offset_ms)
        return set() if day - 1 in away else away


#: Names and order of the model's signals, said once more.
SIGNALS = (
    "bias",
    "level_1d",
    "level_60d",
    "share_7d",
    "odds_7",
    "odds_28",
    "odds_64",
    "weekly_habit",
    "odds_weekday",
    "odds_daytype",
    "own_recency",
    "per_day",
    "age",
    "yesterday",
    "population",
    "liked",
    "disliked",
    "here_bias",
    "here_yesterday",
    "here_recency",
    "weekday",
    "here_7",
    "here_weekday",
    "met_yesterday",
    "streak",
    "longest_streak",
    "gap_ratio",
)
HABIT, PRESENCE = SIGNALS[:17], SIGNALS[17:20]


#: Days before a morning that signals know of: two fewer than a bitmap holds.
KNOWN_DAYS = 62


def _odds(hits: int, trials: int, prior: float, weight: float) -> float:
    misses = max(0, trials - hits)
    return 0.5 * math.log((hits + prior * weight) / (misses + (1.0 - prior) * weight))


def _since(days: set[int], day: int) -> int:
    return min([day - 1 - d for d in days if day - d <= KNOWN_DAYS], default=64)


def signals(
    subject: Subject, row: Row, day: int, offset_ms: int, half_lives: Sequence[float], rate: float
) -> list[float]:
    """What a row says on the morning of `day`; `rate` is the interest's in the population."""
    short, middle, long = row.opening(day, offset_ms, half_lives)
    total = math.fsum(r.opening(day, offset_ms, half_lives)[1] for r in subject.rows.values())
    known = set(range(day - KNOWN_DAYS, day))
    told, here = known - subject.not_telling(day, offset_ms), known & subject.engaged
    days, busy = told & row.days(offset_ms), told & here
    age = min(64, max(1, day - row.first_day(offset_ms)))
    weeks = {day - 7 * week for week in (1, 2, 3, 4)}

    def again(among: set[int], back: int) -> set[int]:
        return {d for d in among if day - d <= min(back, age - 1)}

    def kind(d: int) -> bool:
        return (d + 3) % 7 >= 5

    same = {d for d in range(day - 28, day) if kind(d) == kind(day)}
    since = _since(days, day)
    values = [
        1.0,
        math.log(1.0 + short),
        math.log(1.0 + long),
        middle / total if total > 1e-9 else 0.0,
        *(_odds(len(again(days, back)), len(again(busy, back)), 0.05, 2.0) for back in (7, 28, 64)),
        len(days & weeks) / min(4, age // 7) if age >= 7 else 0.0,
        _odds(len(days & weeks), len(busy & weeks), 0.05, 1.0),
        _odds(len(again(days, 64) & same), len(again(busy, 64) & same), 0.05, 2.0),
        math.log(1.0 + len([d for d in busy if day - d <= since])),
        math.log(1.0 + long / max(1, len(days))),
        math.log(1.0 + age) / 4.0,
        float(day - 1 in days),
        math.log(rate / (1.0 - rate)) / 4.0,
        float("like" in row.flags),
        float("dislike" in row.flags),
    ]
    values += [1.0, float(day - 1 in here), math.log(1.0 + _since(here, day))]
    met = [r for r in subject.rows.values() if day - 1 in r.days(offset_ms)]
    spell = next(n for n in range(KNOWN_DAYS + 1) if day - 1 - n not in days)
    spells = [next(n for n in range(KNOWN_DAYS + 2) if d - n not in days) for d in days]
    gaps = max(days) - min(days) + 14.0 if days else 14.0
    return values + [
        ((day + 3) % 7 + 0.5) / 7.0,
        (len([d for d in here if day - d <= 7]) + 0.5) / 8.0,
        (len(here & weeks) + 0.5) / 5.0,
        math.log(1.0 + len(met)),
        math.log(1.0 + spell),
        math.log(1.0 + max(spells, default=0)),
        math.log((since + 1.0) * max(1, len(days)) / gaps),
    ]


def compact_json(value: object) -> bytes:
    """JSON without spaces."""
    return json.dumps(value, separators=(",", ":")).encode()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.date().toordinal()


def content_keys(kind: int, doc: Mapping[str, Any]) -> list[str]:
    """Keys under which an event's content may be tagged, best first."""
    if kind == NETWORK:
        pairs = [("host", doc.get("host")), ("app", doc.get("app"))]
    elif kind == TV:
        pairs = [("programme", doc["content_id"]), ("channel", doc.get("channel"))]
    else:
        pairs = [("app", doc["app_id"]), ("section", doc.get("section"))]
    return [f"{prefix}:{text}".lower() for prefix, text in pairs if text is not None]


def text_hash(text: bytes) -> int:
    """FNV-1a with the finaliser of MurmurHash3; 0 is given up for 1."""
    state = 0xCBF29CE484222325
    for byte in text:
        state = ((state ^ byte) * 0x100000001B3) % 2**64
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        state = ((state ^ (state >> 33)) * factor) % 2**64
    return (state ^ (state >> 33)) or 1
