"""Folds a sequence of events of homes: own lines are observed, shared events get a posterior."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.household.learning_kernel import close_days, is_label, take_label
from features.household.lines_kernel import grown, local_day_of, observe, roll_line
from features.household.posterior_kernel import (
    candidates,
    excess,
    follow_chain,
    kids_share,
    signals_of,
    weigh_evidence,
    write_chain,
)
from features.household.tables import CHILD, AttributionRules, HomeTables, Viewers
from features.jit import as_int, bare, inlined


@bare
def fold_homes(
    t: HomeTables, events: Any, tags: Any, rules: AttributionRules, s: Viewers, who: Any, r: Any
) -> int:
    """Fold events in sequence.

    Parameters
    ----------
    events : ndarray of EVENT, shape (n,)
    tags : tuple of ndarray
        Interests (uint16) and weights (float32) of all events.
    who : ndarray of int32, shape (n, MOST_CANDIDATES)
        Filled with the candidates of each shared event: a line, `CHILD` or `REFUSED`; -3 for none.
    r : ndarray of float64, shape (n, MOST_CANDIDATES)
        Filled with their posteriors; 0 for events of own lines.

    Returns
    -------
    int
        Events that came too late.
    """
    late = 0
    clock = t.clock[0]
    for i in range(len(events)):
        event = events[i]
        day = local_day_of(event.ts, rules)
        if event.ts > clock.max_ts or clock.open_day < 0:
            clock.max_ts = event.ts
            watermark = local_day_of(event.ts - rules.lateness, rules)
            if clock.open_day < 0:
                clock.open_day = watermark
            close_days(t, watermark, rules)
        if day < clock.open_day:
            late += 1
        elif event.start == event.end:
            continue
        elif event.line >= 0:
            _own(t, event, tags, rules, s)
        else:
            n = _shared(t, event, tags, rules, s)
            for j in range(n):
                who[i, j], r[i, j] = s.who[j], s.r[j]
    return late


@inlined
def _own(t: HomeTables, event: Any, tags: Any, rules: AttributionRules, s: Viewers) -> None:
    line = as_int(event.line)
    if t.lines[line].gone != 0:
        return
    roll_line(t, line, as_int(t.clock[0].open_day))
    if is_label(t, event, rules):
        take_label(t, event, tags, line, rules, s)
    observe(t, event, tags, rules)


@inlined
def _shared(t: HomeTables, event: Any, tags: Any, rules: AttributionRules, s: Viewers) -> int:
    home = as_int(event.home)
    _roll_home(t, home, as_int(t.clock[0].open_day))
    kids = kids_share(t, event, tags)
    n = candidates(t, home, kids > 0.0, s)
    if event.country != 0 and event.ts >= t.homes[home].last_ts:
        t.homes[home].country = event.country
    if event.chosen >= 0:
        take_label(t, event, tags, as_int(event.chosen), rules, s)
        n = candidates(t, home, False, s)
        for j in range(n):
            s.r[j] = 1.0 if s.who[j] == event.chosen else 0.0
    else:
        acts = signals_of(t, n, event, tags, kids, rules, s)
        weigh_evidence(t, n, acts, rules, s)
        follow_chain(t, home, n, event.ts, rules, s)
    write_chain(t, home, n, event.ts, s)
    _attribute(t, home, n, event, tags, kids, rules, s)
    return n


@inlined
def _roll_home(t: HomeTables, home: int, day: int) -> None:
    own = t.homes[home]
    while as_int(own.day) < day:
        own.child += own.child_0
        own.child_0, own.child_1 = own.child_1, 0.0
        if own.child_0 == 0.0:
            own.day = np.uint16(day - 1)
        own.day = np.uint16(as_int(own.day) + 1)


@inlined
def _attribute(
    t: HomeTables,
    home: int,
    n: int,
    event: Any,
    tags: Any,
    kids: float,
    rules: AttributionRules,
    s: Viewers,
) -> None:
    factor = grown(event.ts, rules)
    own = t.homes[home]
    nobody, child = 0.0, 0.0
    for j in range(n):
        if s.who[j] < 0:
            nobody += s.r[j]
        if s.who[j] == CHILD:
            child = s.r[j] * kids
    for q in range(event.start, event.end):
        k = as_int(tags[0][q])
        mass = event.mass * np.float64(tags[1][q]) * factor
        t.household[home, k] += mass
        t.slot[home, k] += mass * nobody
        for j in range(n):
            if s.who[j] >= 0:
                t.attributed[s.who[j], k] += mass * excess(s.r[j], n, rules)
        if local_day_of(event.ts, rules) == as_int(own.day):
            own.child_0 += mass * child
        else:
            own.child_1 += mass * child
