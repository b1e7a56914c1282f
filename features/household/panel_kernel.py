"""Folds events of homes that stand alone: observes own lines, says who saw what is shared."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.household.learning_kernel import close_days, is_label, take_label
from features.household.lines_kernel import (
    faded,
    give_mass,
    grown,
    is_still,
    local_day_of,
    observe,
    roll_line,
)
from features.household.panel_tables import PanelTables
from features.household.posterior_kernel import (
    add_slots,
    excess,
    follow_chain,
    give_child,
    kids_share,
    signals_of,
    weigh_evidence,
    write_chain,
)
from features.household.tables import CHILD, MOST_LINES, AttributionRules, Showing, Viewers
from features.jit import as_int, bare, inlined


@bare
def fold_panel(
    p: PanelTables, events: Any, tags: Any, rules: AttributionRules, s: Viewers, who: Any, r: Any
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
    clock = p.known.clock[0]
    for i in range(len(events)):
        event = events[i]
        if event.ts > p.time[0] or clock.open_day < 0:
            p.time[0] = event.ts
            watermark = local_day_of(event.ts - rules.lateness, rules)
            if clock.open_day < 0:
                clock.open_day = watermark
            close_days(p.known, watermark, rules)
        if local_day_of(event.ts, rules) < clock.open_day:
            late += 1
        elif event.start == event.end:
            continue
        elif event.line >= 0:
            _own(p, event, tags, rules, s)
        else:
            n = _shared(p, event, tags, rules, s)
            for j in range(n):
                who[i, j], r[i, j] = s.who[j], s.r[j]
    return late


@inlined
def _read(event: Any, tags: Any, s: Viewers) -> int:
    """Fill an event's interests in; returns how many there are."""
    for q in range(event.start, event.end):
        s.interest[q - event.start] = tags[0][q]
        s.weight[q - event.start] = np.float64(tags[1][q])
    return as_int(event.end - event.start)


@inlined
def _roll(p: PanelTables, line: int, day: int) -> None:
    own = p.known.lines[line]
    steps = day - as_int(own.day)
    if own.day != 0 and steps > 0 and not is_still(own):
        for k in range(p.opening.shape[1]):
            p.opening[line, k] += p.today[line, k]
            if steps > 1:
                p.opening[line, k] += p.tomorrow[line, k]
            p.today[line, k] = p.tomorrow[line, k] if steps == 1 else 0.0
            p.tomorrow[line, k] = 0.0
    roll_line(p.known, line, day)


@inlined
def _candidates(
    p: PanelTables, home: int, tags: int, ts: int, child: Any, rules: AttributionRules, s: Viewers
) -> int:
    """List the lines of a home that may have been there, their tastes, and the open slots.

    Whose line was last seen in another country than the home was not at the screen.
    """
    place, n = p.places[home], 0
    day = local_day_of(ts, rules)
    fade = faded(day, rules)
    line = as_int(place.line)
    while line >= 0:
        person = p.people[line]
        at_home = person.country == 0 or place.country == 0 or person.country == place.country
        if person.gone == 0 and at_home and n < MOST_LINES:
            _roll(p, line, as_int(p.known.clock[0].open_day))
            s.who[n] = line
            today = 1.0 if day > as_int(p.known.lines[line].day) else 0.0
            for q in range(tags):
                k = as_int(s.interest[q])
                s.level[n, q] = (p.opening[line, k] + today * p.today[line, k]) * fade
            n += 1
        line = as_int(person.next)
    return add_slots(n, child or place.children != 0, place.refused != 0, s)


@inlined
def _own(p: PanelTables, event: Any, tags: Any, rules: AttributionRules, s: Viewers) -> None:
    line, ts = as_int(event.line), event.ts
    person = p.people[line]
    if person.gone != 0:
        return
    n_tags = _read(event, tags, s)
    kids = kids_share(p.known, n_tags, s)
    _roll(p, line, as_int(p.known.clock[0].open_day))
    _place(person, event)
    if is_label(p.known, line, ts, rules):
        _label(p, event, line, as_int(person.home), n_tags, rules, s)
    factor, total = grown(ts, rules), 0.0
    ahead = local_day_of(ts, rules) - as_int(p.known.lines[line].day)
    for q in range(n_tags):
        mass = event.mass * s.weight[q]
        total += mass
        if ahead == 0:
            p.today[line, s.interest[q]] += mass * factor
        else:
            p.tomorrow[line, s.interest[q]] += mass * factor
    give_mass(p.known, line, ts, total, kids, rules)
    observe(p.known, line, ts, event.content, rules)


@inlined
def _place(of: Any, event: Any) -> None:
    """Note the country of a person or a home, if it is the latest that was named."""
    if event.country != 0 and event.ts >= of.placed_at:
        of.placed_at, of.country = event.ts, event.country


@inlined
def _label(
    p: PanelTables, event: Any, line: int, home: int, tags: int, rules: AttributionRules, s: Viewers
) -> None:
    n = _candidates(p, home, tags, event.ts, False, rules, s)
    children = p.places[home].children != 0
    e = Showing(home, event.ts, event.content, tags, 0.0, children)
    take_label(p.known, n, e, line, rules, s)


@inlined
def _shared(p: PanelTables, event: Any, tags: Any, rules: AttributionRules, s: Viewers) -> int:
    home, n_tags = as_int(event.home), _read(event, tags, s)
    place, t = p.places[home], p.known
    kids = kids_share(t, n_tags, s)
    _place(place, event)
    n = _candidates(p, home, n_tags, event.ts, kids > 0.0, rules, s)
    if event.chosen >= 0:
        _label(p, event, as_int(event.chosen), home, n_tags, rules, s)
        n = _candidates(p, home, n_tags, event.ts, False, rules, s)
        for j in range(n):
            s.r[j] = 1.0 if s.who[j] == event.chosen else 0.0
    else:
        e = Showing(home, event.ts, event.content, n_tags, kids, place.children != 0)
        acts = signals_of(t, n, e, rules, s)
        weigh_evidence(t, n, acts, rules, s)
        follow_chain(t, home, n, event.ts, rules, s)
    write_chain(t, home, n, event.ts, s)
    _give(p, home, n, event, n_tags, kids, rules, s)
    return n


@inlined
def _give(
    p: PanelTables,
    home: int,
    n: int,
    event: Any,
    tags: int,
    kids: float,
    rules: AttributionRules,
    s: Viewers,
) -> None:
    factor, total = grown(event.ts, rules), 0.0
    nobody, child = 0.0, 0.0
    for j in range(n):
        if s.who[j] < 0:
            nobody += s.r[j]
        if s.who[j] == CHILD:
            child = s.r[j] * kids
    for q in range(tags):
        k = as_int(s.interest[q])
        total += event.mass * s.weight[q]
        mass = event.mass * s.weight[q] * factor
        p.household[home, k] += mass
        p.slot[home, k] += mass * nobody
        for j in range(n):
            if s.who[j] >= 0:
                p.attributed[s.who[j], k] += mass * excess(s.r[j], n, rules)
    give_child(p.known, home, as_int(p.known.clock[0].open_day), event.ts, total * child, rules)
