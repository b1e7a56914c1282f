"""Merges real people into homes and hides who was at the shared screen: the test of attribution.

The protocol. Two to four people make a home; weeks without an event are taken out of each diary
and diaries begin in the same week, so that people of different years live side by side, each on
his weekdays and hours. A home lasts as long as anybody in it. Where people have a second device
(web: the desktop is shared, the mobile is one's own line), who was at the shared device is hidden;
else *whole sittings* (events without a pause of 30 minutes) are, 40 % of them by lot. Never single
events: their neighbours would tell.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from features.household import EVENT, SHARED
from streams.evaluation.people import People, Seen

DAY_MS, WEEK_MS = 86_400_000, 7 * 86_400_000
_BEGIN = 17_896 * DAY_MS  # Monday 2018-12-31, when every home begins
_PAUSE_MS = 30 * 60_000
_HIDDEN = 0.4  # of sittings


@dataclass(frozen=True)
class Merged:
    """Homes as one sequence of events, and what is hidden of it.

    Attributes
    ----------
    events : ndarray of EVENT, shape (n,)
    interest, weight : ndarray, shape (tags,)
    names : list of str
        Interests, by number.
    home : list of int
        Of each own line.
    person : list of str
        Of each own line, then of each person without one; a person is in several homes where
        people are few.
    truth : ndarray of int64, shape (n,)
        Position in `person` of whom each event is.
    sitting : ndarray of int64, shape (n,)
        Number of the sitting.
    judged : ndarray of bool, shape (n,)
        Shared events with an interest, after the first quarter of their home.
    together : ndarray of bool, shape (n,)
        Before the first diary of their home ends: later a line is silent because it ended.
    """

    events: NDArray[np.void]
    interest: NDArray[np.uint16]
    weight: NDArray[np.float32]
    names: list[str]
    home: list[int]
    person: list[str]
    truth: NDArray[np.int64]
    sitting: NDArray[np.int64]
    judged: NDArray[np.bool_]
    together: NDArray[np.bool_]

    def lines_of(self, home: int) -> list[int]:
        """Own lines of a home."""
        return [line for line, of in enumerate(self.home) if of == home]


def sittings(times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of the sitting of each of one person's ascending times."""
    return np.cumsum(np.diff(times, prepend=times[:1]) > _PAUSE_MS)


def without_empty_weeks(times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Times with the weeks taken out in which nothing was, from `_BEGIN` on."""
    week = (times - _BEGIN) // WEEK_MS
    _, kept = np.unique(week, return_inverse=True)
    return times - (week - kept) * WEEK_MS


def draw(
    people: People, least_sittings: int, rng: random.Random, of: Sequence[int] = (2, 3, 4)
) -> list[list[str]]:
    """Homes of people who have enough sittings, nobody in two of them."""
    left = sorted(
        person
        for person, events in people.items()
        if sittings(without_empty_weeks(_times(events)))[-1] + 1 >= least_sittings
    )
    rng.shuffle(left)
    homes = []
    while len(left) >= max(of):
        size = rng.choice(of)
        homes.append(left[:size])
        left = left[size:]
    return homes


def _times(events: list[Seen]) -> NDArray[np.int64]:
    return np.array([seen.ts for seen in events], np.int64)


def merge(
    people: People,
    homes: Sequence[Sequence[str]],
    rng: random.Random,
    *,
    devices: bool = False,
    without_line: Sequence[str | None] = (),
) -> Merged:
    """Make homes of people, and hide who was at the shared screen.

    Parameters
    ----------
    homes : sequence of sequence of str
        Members, who have a line.
    devices : bool
        Hide what is not on the own device, instead of whole sittings.
    without_line : sequence of str or None
        By home somebody who has no line: a child, or who refused. All his events are shared.
    """
    made: list[tuple[int, int, int, int, bool, Seen]] = []
    lines = sum(len(members) for members in homes)
    person = [name for members in homes for name in members]
    home = [number for number, members in enumerate(homes) for _ in members]
    whose = list(zip(range(lines), home, person, strict=True))
    for number, name in enumerate(without_line):
        if name is not None:
            whose.append((len(person), number, name))
            person.append(name)
    numbered = 0
    for at, number, name in whose:
        events = people[name]
        times = without_empty_weeks(_times(events))
        own = np.array([bool(seen.own) for seen in events])
        sitting = sittings(times)
        if devices:  # a pause of the shared device is one, whatever the mobile did
            sitting[~own] = sittings(times[~own]) if not own.all() else 0
        else:
            shown = np.array([rng.random() >= _HIDDEN for _ in range(sitting[-1] + 1)])
            own = shown[sitting] & (at < lines)
        for ts, seen, mine, s in zip(times.tolist(), events, own, sitting.tolist(), strict=True):
            made.append((ts, number, at, numbered + s, bool(mine), seen))
        numbered += int(sitting.max()) + 1
    made.sort(key=lambda item: item[:3])
    return _columns(made, home, person)


def _columns(
    made: list[tuple[int, int, int, int, bool, Seen]], home: list[int], person: list[str]
) -> Merged:
    names: dict[str, int] = {}
    interest, weight, ends = [], [], []
    for *_, seen in made:
        for name, share in seen.interests:
            interest.append(names.setdefault(name, len(names)))
            weight.append(share)
        ends.append(len(interest))
    events = np.zeros(len(made), EVENT)
    events["ts"] = [item[0] for item in made]
    events["home"] = [item[1] for item in made]
    events["line"] = [item[2] if item[4] else SHARED for item in made]
    events["chosen"] = SHARED
    events["content"] = [crc32(item[5].key.encode()) for item in made]
    events["start"], events["end"] = [0, *ends[:-1]], ends
    events["mass"] = 1.0
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for ts, number, *_ in made:
        first.setdefault(number, ts)
        last[number] = ts
    ends_of: dict[int, int] = {}
    for ts, _, at, *_ in made:
        ends_of[at] = ts
    over = {n: min(ends_of[at] for at in range(len(home)) if home[at] == n) for n in first}
    begins = np.array([first[n] + (last[n] - first[n]) // 4 for n in sorted(first)])
    return Merged(
        events,
        np.array(interest, np.uint16),
        np.array(weight, np.float32),
        list(names),
        home,
        person,
        np.array([item[2] for item in made]),
        np.array([item[3] for item in made]),
        (events["line"] == SHARED)
        & (events["start"] < events["end"])
        & (events["ts"] >= begins[events["home"]]),
        np.array([item[0] <= over[item[1]] for item in made]),
    )
