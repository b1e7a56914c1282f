"""Says who was probably there: evidence of each candidate, and the chain along a sitting.

With evidence *e* (a softmax over candidates of weights times signals, mixed with an even share
where little is known) and the last posterior *q* of the shared screen, forgotten by
``exp(-gap / forget)``, an event's posterior is ``q * e ** t`` normalised. Events in quick
succession say the same thing again, so ``t = 1 - exp(-gap / refresh)``, and not below a least.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from features.household.lines_kernel import bucket_of, day_type, faded, grown, hour_of, local_day_of
from features.household.tables import (
    BUCKETS,
    CELLS,
    CHILD,
    N_SIGNALS,
    REFUSED,
    STEP,
    AttributionRules,
    LineTables,
    Showing,
    Viewers,
)
from features.jit import as_int, inlined

_HALF_TASTE = 0.5  # events' worth of an even taste in the home's
_HALF_BUCKET = 0.1  # touched days' worth of each bucket
_EVEN_HOURS = 3.0  # touched hours' worth of an even day
_NEIGHBOUR, _OTHER_TYPE = 0.5, 0.5  # weight of the hour beside, and of the other kind of day


@inlined
def add_slots(n: int, child: Any, refused: Any, s: Viewers) -> int:
    """List the slots that are open behind the `n` lines that may have been there.

    Returns
    -------
    int
        How many candidates there are.
    """
    if child:
        s.who[n] = CHILD
        n += 1
    if refused:
        s.who[n] = REFUSED
        n += 1
    return n


@inlined
def kids_share(t: LineTables, tags: int, s: Viewers) -> Any:
    """Share of an event's weight that children's contents have."""
    total, kids = 0.0, 0.0
    for q in range(tags):
        total += s.weight[q]
        kids += s.weight[q] * t.childrens[as_int(s.interest[q])]
    return kids / total if total > 0.0 else 0.0


@inlined
def _child_mass(t: LineTables, home: int, day: int, rules: AttributionRules) -> Any:
    """Mass that had fallen to the child's slot when `day` began."""
    own = t.homes[home]
    return (own.child + (own.child_0 if day > as_int(own.day) else 0.0)) * faded(day, rules)


@inlined
def signals_of(t: LineTables, n: int, e: Showing, rules: AttributionRules, s: Viewers) -> Any:
    """Fill the signals of all candidates, from the openings of the event's day.

    Each is against the home's own average, so that a slot, of which nothing is known, has zeros.

    Returns
    -------
    float
        Mean number of own events of the lines, decayed.
    """
    day = local_day_of(e.ts, rules)
    fade = faded(day, rules)
    lines = 0
    child_mass = _child_mass(t, e.home, day, rules)
    acts, masses, kid_mass, touched, in_bucket = 0.0, 0.0, 0.0, 0.0, 0.0
    b = bucket_of(e.content, rules)
    for j in range(n):
        for f in range(N_SIGNALS):
            s.x[j, f] = 0.0
        line = as_int(s.who[j])
        s.evidence[j] = 0.0
        if line < 0:
            if line == CHILD and not e.children:
                s.evidence[j] = math.log((child_mass + rules.child_doubt) / (child_mass + 1.0))
            continue
        lines += 1
        own = t.lines[line]
        today = 1.0 if day > as_int(own.day) else 0.0
        acts += (own.act + today * own.act_0) * fade
        masses += (own.mass + today * own.mass_0) * fade
        kid_mass += (own.kids + today * own.kids_0) * fade
        count, total = _bucket(t, line, b, day)
        in_bucket += count
        touched += total
    if lines == 0:
        return 0.0
    even = masses + _HALF_TASTE * t.childrens.shape[0]
    usual = (in_bucket + _HALF_BUCKET) / (touched + _HALF_BUCKET * BUCKETS)
    mean_act = 0.0
    for j in range(n):
        line = as_int(s.who[j])
        if line < 0:
            s.x[j, 4] = 1.0
            continue
        own = t.lines[line]
        today = 1.0 if day > as_int(own.day) else 0.0
        mass = (own.mass + today * own.mass_0) * fade
        s.x[j, 0] = _taste(n, j, e.tags, mass, even, rules, s)
        count, total = _bucket(t, line, b, day)
        few = rules.smoothing
        s.x[j, 1] = math.log((count + few * usual) / ((total + few) * usual))
        s.x[j, 2] = _presence(t, line, e.ts, day, rules)
        s.x[j, 3] = math.log(1.0 + (own.act + today * own.act_0) * fade)
        mean_act += s.x[j, 3] / lines
        seen = as_int(own.day) if today > 0.0 and own.hours_0 != 0 else as_int(own.seen)
        s.x[j, 4] = min(rules.longest_silence, day - 1 - seen)
    for j in range(n):
        if s.who[j] >= 0:
            s.x[j, 3] -= mean_act
        elif s.who[j] == CHILD:
            usual_kids = (kid_mass + _HALF_TASTE) / (masses + 2.0 * _HALF_TASTE)
            s.x[j, 0] = e.kids * math.log(rules.child_share / usual_kids) + (
                1.0 - e.kids
            ) * math.log((1.0 - rules.child_share) / (1.0 - usual_kids))
    return acts / lines


@inlined
def _taste(
    n: int, at: int, tags: int, mass: float, even: float, rules: AttributionRules, s: Viewers
) -> Any:
    share, usual = 0.0, 0.0
    for q in range(tags):
        all_of = 0.0
        for j in range(n):
            if s.who[j] >= 0:
                all_of += s.level[j, q]
        prior = (all_of + _HALF_TASTE) / even
        share += s.weight[q] * (s.level[at, q] + rules.smoothing * prior) / (mass + rules.smoothing)
        usual += s.weight[q] * prior
    return math.log(share / usual)


@inlined
def _bucket(t: LineTables, line: int, b: int, day: int) -> Any:
    """Touched days of a bucket and of all buckets, at the opening of `day`."""
    own = t.lines[line]
    count, total = as_int(t.sketch[line, b]), as_int(own.touched)
    if day > as_int(own.day) and own.hours_0 != 0:
        total += STEP * as_int(own.touched_0)
        if (t.touched[line, 0, b >> 3] >> (b & 7)) & 1:
            count += STEP
    return count / STEP, total / STEP


@inlined
def _presence(t: LineTables, line: int, ts: int, day: int, rules: AttributionRules) -> Any:
    own = t.lines[line]
    hour, half = hour_of(ts, rules), CELLS // 2
    row = day_type(day) * half
    found, total = 0.0, as_int(own.present) / STEP
    open_row = day_type(day - 1) * half
    bits = as_int(own.hours_0) if day > as_int(own.day) else 0
    for d in range(-1, 2):
        h = (hour + d + half) % half
        weight = 1.0 if d == 0 else _NEIGHBOUR
        same = t.presence[line, row + h] / STEP
        other = t.presence[line, half - row + h] / STEP
        if (bits >> h) & 1:
            if open_row == row:
                same += 1.0
            else:
                other += 1.0
        found += 0.5 * weight * (same + _OTHER_TYPE * other)
    total += as_int(own.there_0) if bits != 0 else 0
    return math.log((CELLS * found + _EVEN_HOURS) / (total + _EVEN_HOURS))


@inlined
def weigh_evidence(t: LineTables, n: int, acts: float, rules: AttributionRules, s: Viewers) -> None:
    """Complete the evidence: a softmax, mixed with an even share where little is known."""
    most = -1e300
    for j in range(n):
        for f in range(N_SIGNALS):
            s.evidence[j] += t.weights[f] * s.x[j, f]
        most = max(most, s.evidence[j])
    total, child = 0.0, 0.0
    for j in range(n):
        s.evidence[j] = math.exp(s.evidence[j] - most)
        total += s.evidence[j]
        if s.who[j] == CHILD:
            child = s.evidence[j]
    even = rules.few / (rules.few + acts)
    others = n - (1 if child > 0.0 else 0)
    for j in range(n):
        share = s.evidence[j] / total
        if s.who[j] != CHILD and others > 0:
            # Few own events tell lines apart badly; what children see is known all the same.
            share = even * (total - child) / total / others + (1.0 - even) * share
        s.evidence[j] = share


@inlined
def follow_chain(
    t: LineTables, home: int, n: int, ts: int, rules: AttributionRules, s: Viewers
) -> None:
    """Posterior of each candidate, from the home's last one and the evidence."""
    own = t.homes[home]
    gap = abs(np.float64(ts - own.last_ts)) if own.last_ts != 0 else 1e15
    kept = math.exp(-gap / rules.forget)
    tempered = max(rules.least_evidence, 1.0 - math.exp(-gap / rules.refresh))
    total = 0.0
    for j in range(n):
        q = _last(t, home, as_int(s.who[j]))
        q = max(rules.floor / n, 1.0 / n + (q - 1.0 / n) * kept)
        s.r[j] = q * s.evidence[j] ** tempered
        total += s.r[j]
    for j in range(n):
        s.r[j] = rules.floor / n + (1.0 - rules.floor) * s.r[j] / total


@inlined
def _last(t: LineTables, home: int, who: int) -> Any:
    own = t.homes[home]
    if who >= 0:
        return t.lines[who].r if t.lines[who].step == own.step else 0.0
    return own.child_r if who == CHILD else own.refused_r


@inlined
def write_chain(t: LineTables, home: int, n: int, ts: int, s: Viewers) -> None:
    """Keep a posterior for the home's next event; a late one is not kept."""
    own = t.homes[home]
    if ts < own.last_ts:
        return
    own.step = np.uint32(own.step + 1)
    own.child_r, own.refused_r = 0.0, 0.0
    for j in range(n):
        who = as_int(s.who[j])
        if who >= 0:
            t.lines[who].r, t.lines[who].step = s.r[j], own.step
        elif who == CHILD:
            own.child_r = s.r[j]
        else:
            own.refused_r = s.r[j]
    own.last_ts = ts


@inlined
def give_child(
    t: LineTables, home: int, day: int, ts: int, mass: float, rules: AttributionRules
) -> None:
    """Add mass that fell to the child's slot; `day` is open, and the event's day it or the next."""
    own = t.homes[home]
    while as_int(own.day) < day:
        own.child += own.child_0
        own.child_0, own.child_1 = own.child_1, 0.0
        if own.child_0 == 0.0:
            own.day = np.uint16(day - 1)
        own.day = np.uint16(as_int(own.day) + 1)
    if local_day_of(ts, rules) == as_int(own.day):
        own.child_0 += mass * grown(ts, rules)
    else:
        own.child_1 += mass * grown(ts, rules)


@inlined
def excess(r: float, n: int, rules: AttributionRules) -> Any:
    """Share of an event that is given to one of `n` candidates: what is beyond chance.

    Nothing where it was more likely not he: little bits of much would fill an empty profile.
    """
    if n <= 1 or r < rules.given_from:  # alone, nothing says that it was he
        return 0.0
    return (r - 1.0 / n) / (1.0 - 1.0 / n)
