"""Plans what a population does on one day: columns of sessions, flows, zaps and noise.

`plan_day` is vectorised over all households; a row becomes a dict only in `records`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.sandbox.contents import (
    GENERAL_CHANNELS,
    INFRASTRUCTURE_HOSTS,
    INTERESTS,
    NEUTRAL_HOSTS,
    PROGRAMMES_PER_INTEREST,
)
from streams.sandbox.people import MAX_MEMBERS, Households

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000

FACT, FLOW, TV, APP = range(4)
PHONE, ROUTER, BOX = range(3)
NOISE, NEUTRAL, ZAP, BURST, LATE, AGAIN = 1, 2, 4, 8, 16, 32

#: Where people live and where they go, with the time zone there (minutes east of UTC).
COUNTRIES: tuple[tuple[str, int], ...] = (
    ("DE", 60),
    ("FR", 60),
    ("GB", 0),
    ("US", -300),
    ("TR", 180),
    ("TH", 420),
)
HOME = COUNTRIES[0][0]

ROW = np.dtype(
    [
        ("at", "i8"),
        ("ts", "i8"),
        ("n", "i8"),
        ("amount", "i8"),
        ("duration", "i8"),
        ("person", "i4"),
        ("content", "i4"),
        ("interest", "i2"),
        ("kind", "u1"),
        ("device", "u1"),
        ("country", "u1"),
        ("flags", "u1"),
    ]
)
"""One record to come. `at` is when it reaches the operator, `ts` when it happened; `amount` is
bytes of a flow; `content` counts within the interest's hosts, programmes or apps."""

_PART_START_H = np.array([0, 6, 12, 18])
_SHOWN = np.array([[bool(x.hosts), bool(x.channels), bool(x.apps)] for x in INTERESTS])
_HOSTS = np.array([len(x.hosts) for x in INTERESTS])
_APPS = np.array([len(x.apps) for x in INTERESTS])
_CHILDREN = next(i for i, x in enumerate(INTERESTS) if x.id == "645")

LATE_SHARE, LATEST_MS = 0.01, 2 * HOUR_MS
TOO_LATE_SHARE, TOO_LATE_MS = 0.0003, 9 * HOUR_MS  # beyond what a worker accepts by default
AGAIN_SHARE, AGAIN_MS = 0.005, 10 * MINUTE_MS
ZAP_SHARE, TRIP_CHANCE, BURST_CHANCE = 0.35, 0.004, 0.02
NOISE_PER_FLOW, NEUTRAL_PER_PERSON, IDLE_PER_HOUSEHOLD = 0.45, 4.0, 5.0

#: No record of local day d reaches the operator before UTC midnight of d less this.
EARLIEST_MS = max(offset for _, offset in COUNTRIES) * MINUTE_MS


class Trips:
    """The people who are abroad: the only memory from one day to the next, a number per person."""

    def __init__(self, people: int) -> None:
        self.left = np.zeros(people, np.int64)
        self.country = np.zeros(people, np.uint8)

    def advance(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Country index of every person today (0 is home)."""
        self.left = np.maximum(self.left - 1, 0)
        leaving = (self.left == 0) & (rng.random(len(self.left)) < TRIP_CHANCE)
        self.left[leaving] = rng.integers(2, 15, int(leaving.sum()))
        self.country[leaving] = rng.integers(1, len(COUNTRIES), int(leaving.sum()))
        self.country[self.left == 0] = 0
        return self.country


def plan_day(
    rng: np.random.Generator,
    people: Households,
    trips: Trips,
    day: int,
    weekday: int,
    midnight_ms: int,
    scale: float,
) -> NDArray[np.void]:
    """All records of one local day, in no order, without event numbers.

    Parameters
    ----------
    day : int
        Days since the start of the simulation.
    weekday : int
        0 is Monday.
    midnight_ms : int
        UTC midnight of the day's date, epoch milliseconds.
    scale : float
        Multiplies how often things are done.

    Returns
    -------
    ROW[n]
    """
    abroad = trips.advance(rng)
    sessions = _sessions(rng, people, day, weekday, scale)
    tv = sessions[sessions["kind"] == TV]
    flows = _spread_flows(rng, sessions[sessions["kind"] == FLOW])
    parts = [
        tv,
        sessions[sessions["kind"] == APP],
        flows,
        _zaps(rng, tv),
        _noise(rng, flows),
        _background(rng, people, scale),
        _bursts(rng, people),
    ]
    rows = np.concatenate(parts)
    rows = rows[day <= people.gone[people.household[rows["person"]]]]
    # The set-top box and the router stay at home; so do flows of whoever is there.
    rows["country"] = np.where(rows["device"] == PHONE, abroad[rows["person"]], 0)
    at_home = (rows["device"] == PHONE) | (abroad[rows["person"]] == 0)
    rows = rows[at_home]
    offsets = np.array([offset for _, offset in COUNTRIES])[rows["country"]]
    rows["ts"] += midnight_ms - offsets * MINUTE_MS
    return _faults(rng, rows)


def _sessions(
    rng: np.random.Generator, people: Households, day: int, weekday: int, scale: float
) -> NDArray[np.void]:
    h = people.habits
    on = (rng.random(len(h.person)) < h.chance[:, weekday]) & (h.since <= day) & (day < h.until)
    active = np.flatnonzero(on)
    count = 1 + rng.poisson(h.rate[active] * scale)
    habit = np.repeat(active, count)
    rows = np.zeros(len(habit), ROW)
    rows["person"], rows["interest"] = h.person[habit], h.interest[habit]
    part = (rng.random(len(habit))[:, None] > h.dayparts[habit]).sum(axis=1).clip(max=3)
    rows["ts"] = _PART_START_H[part] * HOUR_MS + rng.integers(0, 6 * HOUR_MS, len(habit))

    # A habit has its way of showing: television, app or browser, mostly the favourite one.
    draw = np.where(
        rng.random(len(habit)) < 0.5, (h.favourite[habit] % 97) / 97.0, rng.random(len(habit))
    )
    shown = _SHOWN[rows["interest"]]
    kind = np.where(draw < 0.5, FLOW, np.where(draw < 0.75, TV, APP))
    kind = np.where((kind == TV) & ~shown[:, 1], FLOW, kind)
    kind = np.where((kind == APP) & ~shown[:, 2], FLOW, kind)
    kind = np.where((kind == FLOW) & ~shown[:, 0], TV, kind)
    rows["kind"] = kind
    at_home = rng.random(len(habit)) < 0.35
    rows["device"] = np.where(kind == TV, BOX, np.where((kind == FLOW) & at_home, ROUTER, PHONE))
    choices = np.where(
        kind == FLOW,
        _HOSTS[rows["interest"]],
        np.where(kind == TV, PROGRAMMES_PER_INTEREST, _APPS[rows["interest"]]),
    )
    pick = np.where(
        rng.random(len(habit)) < 0.6, h.favourite[habit], rng.integers(0, 1 << 20, len(habit))
    )
    rows["content"] = pick % choices
    rows["duration"] = (rng.gamma(2.0, 4.0, len(habit)) * MINUTE_MS).astype(np.int64) + 5_000
    # Television is watched longer; nobody watches beyond the end of a 90-minute programme.
    rows["duration"] = np.where(
        kind == TV, np.minimum(rows["duration"] * 4, 90 * MINUTE_MS), rows["duration"]
    )
    return rows


def _spread_flows(rng: np.random.Generator, visits: NDArray[np.void]) -> NDArray[np.void]:
    """A visit is several flows, one after the other."""
    rows = np.repeat(visits, 1 + rng.poisson(1.5, len(visits)))
    rows["ts"] += rng.integers(0, 5 * MINUTE_MS, len(rows))
    rows["amount"] = np.exp(rng.normal(13.0, 1.6, len(rows))).astype(np.int64)
    rows["duration"] = rows["duration"] // 3 + 1_000
    return rows


def _noise(rng: np.random.Generator, flows: NDArray[np.void]) -> NDArray[np.void]:
    """Trackers and content delivery follow what people open."""
    rows = np.repeat(flows, rng.poisson(NOISE_PER_FLOW, len(flows)))
    rows["flags"], rows["interest"] = NOISE, -1
    rows["content"] = rng.integers(0, len(INFRASTRUCTURE_HOSTS), len(rows))
    rows["ts"] += rng.integers(0, MINUTE_MS, len(rows))
    rows["amount"] = rng.integers(200, 60_000, len(rows))
    rows["duration"] = rng.integers(50, 5_000, len(rows))
    return rows


def _background(rng: np.random.Generator, people: Households, scale: float) -> NDArray[np.void]:
    """Mail and search of people, and what the router does when nobody looks."""
    who = np.repeat(
        np.arange(len(people.household)),
        rng.poisson(NEUTRAL_PER_PERSON * scale, len(people.household)),
    )
    idle = np.repeat(people.first, rng.poisson(IDLE_PER_HOUSEHOLD * scale, people.households))
    rows = np.zeros(len(who) + len(idle), ROW)
    neutral = np.arange(len(rows)) < len(who)
    rows["person"] = np.concatenate((who, idle))
    rows["kind"], rows["interest"] = FLOW, -1
    rows["flags"] = np.where(neutral, NEUTRAL, NOISE)
    rows["device"] = np.where(neutral & (rng.random(len(rows)) < 0.6), PHONE, ROUTER)
    rows["content"] = np.where(
        neutral,
        rng.integers(0, len(NEUTRAL_HOSTS), len(rows)),
        rng.integers(0, len(INFRASTRUCTURE_HOSTS), len(rows)),
    )
    awake = rng.integers(6 * HOUR_MS, 24 * HOUR_MS, len(rows))
    rows["ts"] = np.where(neutral, awake, rng.integers(0, DAY_MS, len(rows)))
    rows["amount"] = rng.integers(500, 400_000, len(rows))
    rows["duration"] = rng.integers(100, 90_000, len(rows))
    return rows


def _zaps(rng: np.random.Generator, tv: NDArray[np.void]) -> NDArray[np.void]:
    """A few seconds of other programmes before the one that is watched."""
    rows = np.repeat(tv, rng.poisson(ZAP_SHARE, len(tv)))
    rows["flags"] = ZAP
    rows["interest"] = rng.integers(0, len(INTERESTS), len(rows))
    general = ~_SHOWN[rows["interest"], 1]
    rows["interest"][general] = -1
    rows["content"] = rng.integers(0, PROGRAMMES_PER_INTEREST, len(rows))
    rows["content"][general] %= len(GENERAL_CHANNELS)
    rows["duration"] = rng.integers(0, 45_000, len(rows))
    rows["ts"] = np.maximum(rows["ts"] - rng.integers(1_000, 5 * MINUTE_MS, len(rows)), 0)
    return rows


def _bursts(rng: np.random.Generator, people: Households) -> NDArray[np.void]:
    """Visiting children: one evening of children's television in a household without."""
    children = np.zeros(people.households, bool)
    children[people.household[~people.adult]] = True
    hosts = np.flatnonzero(~children & (rng.random(people.households) < BURST_CHANCE))
    rows = np.repeat(np.zeros(1, ROW), len(hosts) * MAX_MEMBERS)
    rows["person"] = np.repeat(people.first[hosts], MAX_MEMBERS)
    rows["kind"], rows["device"], rows["interest"], rows["flags"] = TV, BOX, _CHILDREN, BURST
    rows["content"] = rng.integers(0, PROGRAMMES_PER_INTEREST, len(rows))
    rows["ts"] = 16 * HOUR_MS + rng.integers(0, 4 * HOUR_MS, len(rows))
    rows["duration"] = rng.integers(10 * MINUTE_MS, 40 * MINUTE_MS, len(rows))
    return rows


def _faults(rng: np.random.Generator, rows: NDArray[np.void]) -> NDArray[np.void]:
    """Delays; duplicates get their number later, with their original, by position."""
    rows["at"] = rows["ts"]
    draw = rng.random(len(rows))
    late = draw < LATE_SHARE
    rows["at"][late] += rng.integers(MINUTE_MS, LATEST_MS, int(late.sum()))
    too_late = draw > 1.0 - TOO_LATE_SHARE
    rows["at"][too_late] += TOO_LATE_MS + rng.integers(0, HOUR_MS, int(too_late.sum()))
    rows["flags"][late | too_late] |= LATE
    return rows


def with_duplicates(rng: np.random.Generator, rows: NDArray[np.void]) -> NDArray[np.void]:
    """Rows, and some of them once more a little later with the same event number."""
    again = rows[rng.random(len(rows)) < AGAIN_SHARE]
    again["at"] += rng.integers(1_000, AGAIN_MS, len(again))
    again["flags"] |= AGAIN
    return np.concatenate((rows, again))
