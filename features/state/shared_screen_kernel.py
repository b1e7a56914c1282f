"""Takes the events of a home: own lines are observed, shared ones given to who was there.

What is known of lines and screens is `features.household`'s; here tastes lie in the rows of the
home's subjects, and what a member is given goes into his rows, kept apart.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from features.household.learning_kernel import close_days, is_label, take_label
from features.household.lines_kernel import give_mass, observe, roll_line
from features.household.posterior_kernel import (
    add_slots,
    excess,
    follow_chain,
    kids_share,
    signals_of,
    weigh_evidence,
    write_chain,
)
from features.household.tables import BANDS, CHILD, MOST_LINES, Showing
from features.jit import as_int, bare, inlined
from features.state.apart_kernel import own_level, put_apart
from features.state.counting_kernel import PROBABLE, SURE, count
from features.state.layout import D_PROFILE, D_STATE, DAY_MS, S_AGREED, S_ASK, S_OTHERS, Live
from features.state.slabs_kernel import find_row
from features.state.subjects_kernel import mark
from features.vocabulary import Source

#: An account of more members is no home.
_MOST_MEMBERS = 64
#: Posterior from which on an event makes the member's day.
_SURE_FROM = 0.8
_TV = int(Source.TV)


@inlined
def has_room(live: Live) -> Any:
    """Whether there is room for one more line and home."""
    c = live.counters[0]
    return c.lines < live.known.lines.shape[0] and c.homes < live.known.homes.shape[0]


@inlined
def attribute(
    live: Live, account: int, sid: int, slot: int, weight: float, e: Any, at: int, ages: Any
) -> None:
    """Learn from a member's event that was counted; give one of the household to who was there.

    The account has members.

    Parameters
    ----------
    weight : float
        Engagement.
    at : int
        Event time that it counts as of, ms.
    ages : tuple of three float
        What `features.state.counting_kernel.ages_of` gives of it.
    """
    s, t, rules = live.subjects, live.known, live.attribution
    if as_int(s.members[account]) > _MOST_MEMBERS:
        return
    tags = _read(live, slot)
    kids = kids_share(t, tags, live.viewers)
    if sid == account:
        _shared(live, account, slot, weight, e, at, ages, tags, kids)
        return
    if s.status[sid] & S_AGREED == 0:
        return
    line, home = _line_of(live, sid), _home_of(live, account)
    roll_line(t, line, live.counters[0].open_day)
    chosen = live.clock.source[e.kind] == _TV  # the profile that a viewer chose
    if chosen or is_label(t, line, at, rules):
        n = _candidates(live, account, tags, at, False)
        children = s.status[account] & S_ASK != 0
        known = Showing(home, at, e.content_hash, tags, 0.0, children)
        take_label(t, n, known, line, rules, live.viewers)
        if chosen:
            for j in range(n):
                live.viewers.r[j] = 1.0 if live.viewers.who[j] == line else 0.0
            write_chain(t, home, n, at, live.viewers)
            mark(s, live.keys, live.counters, account, D_STATE)
    if not chosen:
        observe(t, line, at, e.content_hash, rules)
    total = 0.0
    for q in range(tags):
        total += weight * live.viewers.weight[q]
    give_mass(t, line, at, total, kids, rules)


@inlined
def _read(live: Live, slot: int) -> int:
    """Fill the interests of a content in; returns how many there are."""
    first, tags = as_int(live.contents.start[slot]), 0
    for k in range(first, as_int(live.contents.start[slot + 1])):
        live.viewers.interest[tags] = live.contents.interest[k]
        live.viewers.weight[tags] = np.float64(live.contents.weight[k])
        tags += 1
    return tags


@inlined
def _candidates(live: Live, account: int, tags: int, at: int, child: Any) -> int:
    """List the lines that may have been there, with their tastes, and the slots that are open.

    Whose line was last seen in another country than the household was not there.
    """
    s, t, viewers = live.subjects, live.known, live.viewers
    day, here = (at + live.clock.offset) // DAY_MS, s.country[account]
    n, others = 0, s.status[account] & S_OTHERS != 0
    sid = as_int(s.sibling[account])
    while sid >= 0:
        line = as_int(s.line[sid]) - 1
        if s.status[sid] & S_AGREED == 0:
            others = True
        elif line >= 0 and n < MOST_LINES:
            if here == 0 or s.country[sid] == 0 or s.country[sid] == here:
                if as_int(t.lines[line].day) < live.counters[0].open_day:
                    roll_line(t, line, live.counters[0].open_day)
                    mark(s, live.keys, live.counters, sid, D_STATE)
                viewers.who[n], viewers.subject[n] = np.int32(line), np.int32(sid)
                for q in range(tags):
                    j = find_row(s, live.rows, sid, as_int(viewers.interest[q]))
                    viewers.level[n, q] = 0.0 if j < 0 else own_level(live, j, day)
                n += 1
        sid = as_int(s.sibling[sid])
    return n if n == 0 else add_slots(n, child, others, viewers)


@inlined
def _shared(
    live: Live,
    account: int,
    slot: int,
    weight: float,
    e: Any,
    at: int,
    ages: Any,
    tags: int,
    kids: float,
) -> None:
    t, rules, viewers = live.known, live.attribution, live.viewers
    children = live.subjects.status[account] & S_ASK != 0
    n = _candidates(live, account, tags, at, children)
    if n == 0:
        return
    home = _home_of(live, account)
    known = Showing(home, at, e.content_hash, tags, kids, children)
    acts = signals_of(t, n, known, rules, viewers)
    weigh_evidence(t, n, acts, rules, viewers)
    follow_chain(t, home, n, at, rules, viewers)
    write_chain(t, home, n, at, viewers)
    _note(live, n)
    child = 0.0
    for j in range(n):
        if viewers.who[j] == CHILD:
            child = weight * viewers.r[j]
    if child > 0.0:
        _put_child(live, account, tags, child * ages[2], at)
    for j in range(n):
        share = excess(viewers.r[j], n, rules) if viewers.who[j] >= 0 else 0.0
        if share > 0.0:  # of one at most, for it begins at a half
            sid = as_int(viewers.subject[j])
            how = SURE if viewers.r[j] >= _SURE_FROM else PROBABLE
            count(live, sid, slot, weight * share, e, at, ages, how)
            mark(live.subjects, live.keys, live.counters, sid, D_STATE | D_PROFILE)
            return


@inlined
def _put_child(live: Live, account: int, tags: int, weight: float, at: int) -> None:
    """Keep what fell to a child apart in the household's rows, which have the event already."""
    ahead = (at + live.clock.offset) // DAY_MS - live.counters[0].open_day
    for q in range(tags):
        j = find_row(live.subjects, live.rows, account, as_int(live.viewers.interest[q]))
        if j >= 0:
            put_apart(live, j, weight * live.viewers.weight[q], ahead)


@inlined
def _note(live: Live, n: int) -> None:
    """Count a posterior for the figures."""
    clock, most, entropy = live.known.clock[0], 0.0, 0.0
    for j in range(n):
        r = live.viewers.r[j]
        if live.viewers.who[j] >= 0:
            most = max(most, r)
        if r > 0.0:
            entropy -= r * math.log(r)
    clock.said += 1
    clock.entropy += entropy
    live.known.bands[min(BANDS - 1, int(most * BANDS))] += 1


@inlined
def _place(places: Any, free: int, made: int) -> Any:
    """Take a free place, or a new one: 1 + the place, and what is free and how many there are then.

    Parameters
    ----------
    places : ndarray
        Of records with a ``next``.
    free : int
        1 + the first place that is free, 0 for none.
    made : int
        Places that were ever taken.
    """
    if free == 0:
        return made + 1, free, made + 1
    after = as_int(places[free - 1].next)
    places[free - 1].next = np.int32(0)
    return free, after, made


@inlined
def _line_of(live: Live, sid: int) -> int:
    """A member's line, made where it is not there yet."""
    s, t, c = live.subjects, live.known, live.counters[0]
    if s.line[sid] == 0:
        at, c.free_line, c.lines = _place(t.lines, as_int(c.free_line), as_int(c.lines))
        s.line[sid] = np.int32(at)
    return as_int(s.line[sid]) - 1


@inlined
def _home_of(live: Live, account: int) -> int:
    """An account's home, made where it is not there yet; then it is to be written."""
    s, t, c = live.subjects, live.known, live.counters[0]
    if s.line[account] == 0:
        at, c.free_home, c.homes = _place(t.homes, as_int(c.free_home), as_int(c.homes))
        s.line[account] = np.int32(at)
        mark(s, live.keys, live.counters, account, D_STATE)
    return as_int(s.line[account]) - 1


@bare
def free_line(live: Live, sid: int) -> None:
    """Forget a member's line, or an account's home; its chain changes with either."""
    s, t, c = live.subjects, live.known, live.counters[0]
    at, account = as_int(s.line[sid]), as_int(s.account[sid])
    if at == 0:
        return
    s.line[sid] = np.int32(0)
    mark(s, live.keys, live.counters, sid, D_STATE)
    mark(s, live.keys, live.counters, account, D_STATE)
    if account == sid:
        other = as_int(s.sibling[sid])
        while other >= 0:
            if s.line[other] > 0:
                t.lines[as_int(s.line[other]) - 1].r = 0.0
                t.lines[as_int(s.line[other]) - 1].step = np.uint32(0)
            other = as_int(s.sibling[other])
        home = t.homes[at - 1]
        home.last_ts, home.step, home.day = 0, np.uint32(0), np.uint16(0)
        home.child_r = home.refused_r = home.child = home.child_0 = home.child_1 = 0.0
        home.next, c.free_home = np.int32(c.free_home), at
        return
    _clear(t.lines[at - 1])
    t.lines[at - 1].next, c.free_line = np.int32(c.free_line), at
    for b in range(t.sketch.shape[1]):
        t.sketch[at - 1, b] = np.uint8(0)
    for b in range(t.touched.shape[2]):
        t.touched[at - 1, 0, b] = t.touched[at - 1, 1, b] = np.uint8(0)
    for b in range(t.presence.shape[1]):
        t.presence[at - 1, b] = np.uint8(0)


@inlined
def _clear(own: Any) -> None:
    own.r = own.act = own.act_0 = own.act_1 = 0.0
    own.mass = own.mass_0 = own.mass_1 = own.kids = own.kids_0 = own.kids_1 = 0.0
    own.hours_0 = own.hours_1 = own.touched = own.present = own.step = np.uint32(0)
    own.touched_0 = own.touched_1 = own.day = own.seen = np.uint16(0)
    own.there_0 = own.there_1 = np.uint8(0)


@bare
def learn_days(live: Live, day: int) -> None:
    """Close the days before `day`: learn what their labels have shown."""
    close_days(live.known, day, live.attribution)
