"""Keeps, of a row's mass, what came by way of a shared screen apart, and takes it out again."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.jit import as_int, bare, inlined
from features.state.layout import D_PROFILE, D_STATE, F_TOLD, Clock, Live
from features.state.place_kernel import days_abroad, gathered_abroad
from features.state.rows_kernel import decay, long_level, opening_level, popcount, roll, shifted
from features.state.slabs_kernel import drop_row
from features.state.subjects_kernel import mark

#: Every interest.
ALL_INTERESTS = -1
_RESIDUE = 1e-5  # what rounding leaves of a difference


@inlined
def bring(live: Live, sid: int, j: int, day: int) -> None:
    """Bring a subject's row forward to `day`, with what is kept of its mass beside it."""
    row = live.rows.windows[j]
    steps = day - as_int(row.day)
    if steps > 0:
        row.abroad = np.float32(
            gathered_abroad(row, days_abroad(live.subjects, sid, day), steps, live.clock)
        )
        if live.clock.attribution != 0:
            apart = live.rows.apart[j]
            apart.level = np.float32(_opening_apart(apart, steps, live.clock))
            apart.today = apart.tomorrow if steps == 1 else np.float32(0.0)
            apart.tomorrow = np.float32(0.0)
            apart.days = shifted(apart.days, steps)
    roll(row, day, live.clock)


@inlined
def _opening_apart(apart: Any, steps: int, clock: Clock) -> Any:
    level = np.float64(apart.level)
    if steps <= 0:
        return level
    level = (level + apart.today) * decay(clock, 2, 1)
    if steps >= 2:
        level = (level + apart.tomorrow) * decay(clock, 2, steps - 1)
    return level


@inlined
def own_level(live: Live, j: int, day: int) -> Any:
    """Level of the longest half-life of a row as `day` began, of what its subject did himself."""
    row = live.rows.windows[j]
    steps = day - as_int(row.day)
    apart = _opening_apart(live.rows.apart[j], steps, live.clock)
    return max(0.0, opening_level(row, 2, steps, live.clock) - apart)


@inlined
def share_apart(live: Live, j: int) -> Any:
    """Share of a row's level, its open days included, that is kept apart; 0 to 1."""
    if live.clock.attribution == 0:
        return 0.0
    apart, level = live.rows.apart[j], np.float64(long_level(live.rows.windows[j]))
    mass = np.float64(apart.level) + apart.today + apart.tomorrow
    return min(1.0, mass / level) if mass > 0.0 and level > 0.0 else 0.0


@inlined
def note_day(live: Live, j: int, ahead: int, attributed: Any) -> None:
    """Note whose a day of a row is that has just become active, or would have by itself."""
    apart, bit = live.rows.apart[j], np.uint64(2 if ahead <= 0 else 1)
    apart.days = apart.days | bit if attributed else apart.days & ~bit


@inlined
def put_apart(live: Live, j: int, mass: float, ahead: int) -> None:
    """Keep mass of a row's day, or with `ahead` of the next, apart; as of that day's start."""
    apart = live.rows.apart[j]
    if ahead <= 0:
        apart.today = np.float32(apart.today + mass)
    else:
        apart.tomorrow = np.float32(apart.tomorrow + mass)


@bare
def take_apart(live: Live, sid: int, interest: int) -> None:
    """Take what is kept apart out of a subject's rows, of one interest or of `ALL_INTERESTS`.

    The long level and the days of what he did himself stay. The shorter half-lives lose as much as
    it may have been there, and parts of the day and sources keep their shape.
    """
    s, rows = live.subjects, live.rows
    j, changed = as_int(s.start[sid]), False
    while j < as_int(s.start[sid]) + as_int(s.used[sid]):
        row = rows.windows[j]
        share = share_apart(live, j)
        if share <= 0.0 or interest not in (ALL_INTERESTS, as_int(rows.interest[j])):
            j += 1
            continue
        changed = True
        if long_level(row) * (1.0 - share) < _RESIDUE and row.known & F_TOLD == 0:
            drop_row(s, rows, live.counters, sid, j)
            continue
        _take(row, rows.apart[j], 1.0 - share)
        j += 1
    if changed:
        mark(s, live.keys, live.counters, sid, D_STATE | D_PROFILE)


@inlined
def _take(row: Any, apart: Any, left: float) -> None:
    """Take what is apart out of a row of which a share is `left`."""
    for k in range(3):
        # Of a past day a shorter half-life has left less; of an open one, at most twice as much.
        most = 1.0 if k == 2 else 2.0
        row.level[k] = np.float32(max(0.0, row.level[k] - np.float64(apart.level)))
        row.today[k] = np.float32(max(0.0, row.today[k] - most * apart.today))
        row.tomorrow[k] = np.float32(max(0.0, row.tomorrow[k] - most * apart.tomorrow))
    for k in range(8):
        row.part[k] = np.float32(row.part[k] * left)
    row.tv, row.app = np.float32(row.tv * left), np.float32(row.app * left)
    row.abroad = np.float32(row.abroad * left)
    row.bits = row.bits & ~apart.days
    row.active = np.uint16(as_int(row.active) - popcount(apart.days))
    apart.level = apart.today = apart.tomorrow = np.float32(0.0)
    apart.days = np.uint64(0)
