"""Learns the weights of the evidence from events whose person is known, at each day's close.

An event of an own line is a label: had it happened on the shared screen, who would the evidence
have named? The first event of a person in an hour counts, scored before it is learned; one step
of gradient descent per day on the log-loss, by the root of the number of labels.
"""

from __future__ import annotations

import math
from typing import Any

from features.household.lines_kernel import hour_of, local_day_of
from features.household.posterior_kernel import signals_of, weigh_evidence
from features.household.tables import N_SIGNALS, AttributionRules, LineTables, Showing, Viewers
from features.jit import as_int, inlined


@inlined
def take_label(
    t: LineTables, n: int, e: Showing, line: int, rules: AttributionRules, s: Viewers
) -> None:
    """Score and keep the gradient of an event of a person whose line is known.

    Parameters
    ----------
    n : int
        Candidates, whose tastes stand in `s`.
    """
    clock = t.clock[0]
    at = -1
    for j in range(n):
        if s.who[j] == line:
            at = j
    if at < 0 or n < 2:
        return
    acts = signals_of(t, n, e, rules, s)
    weigh_evidence(t, n, acts, rules, s)
    clock.scored += 1
    clock.loss -= math.log(s.evidence[at])
    sure = 1.0 - rules.few / (rules.few + acts)
    ahead = local_day_of(e.ts, rules) - as_int(clock.open_day)
    _softmax(t, n, s)
    for f in range(N_SIGNALS):
        step = s.x[at, f]
        for j in range(n):
            step -= s.r[j] * s.x[j, f]
        t.gradient[ahead, f] += sure * step
    if ahead == 0:
        clock.labels_0 += 1.0
    else:
        clock.labels_1 += 1.0


@inlined
def _softmax(t: LineTables, n: int, s: Viewers) -> None:
    most, total = -1e300, 0.0
    for j in range(n):
        s.r[j] = 0.0
        for f in range(N_SIGNALS):
            s.r[j] += t.weights[f] * s.x[j, f]
        most = max(most, s.r[j])
    for j in range(n):
        s.r[j] = math.exp(s.r[j] - most)
        total += s.r[j]
    for j in range(n):
        s.r[j] /= total


@inlined
def is_label(t: LineTables, line: int, ts: int, rules: AttributionRules) -> Any:
    """Whether an event of an own line is the person's first of its hour."""
    own = t.lines[line]
    ahead = local_day_of(ts, rules) - as_int(own.day)
    bits = own.hours_0 if ahead == 0 else own.hours_1
    return (as_int(bits) >> hour_of(ts, rules)) & 1 == 0


@inlined
def close_days(t: LineTables, day: int, rules: AttributionRules) -> None:
    """Learn what the days before `day` have shown."""
    clock = t.clock[0]
    while clock.open_day < day:
        if clock.labels_0 == 0.0 and clock.labels_1 == 0.0:
            clock.open_day = day
            return
        if clock.labels_0 > 0.0:
            for f in range(N_SIGNALS):
                w = t.weights[f] + rules.rate * t.gradient[0, f] / math.sqrt(clock.labels_0)
                # Whatever a day shows: taste, hours and activity speak for, silence against.
                t.weights[f] = min(0.0, w) if f == N_SIGNALS - 1 else max(0.0, w)
        for f in range(N_SIGNALS):
            t.gradient[0, f] = t.gradient[1, f]
            t.gradient[1, f] = 0.0
        clock.labels_0, clock.labels_1 = clock.labels_1, 0.0
        clock.open_day += 1
