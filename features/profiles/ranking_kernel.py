"""Ranks the interests of a profile, and tells whether it changed materially.

An interest ranks by what it tells of a subject: how far the cautious end of its score's interval
is from the population's rate, as Kullback-Leibler divergence of the two. So both what is much more
frequent than with others and what is well known come first, and what everybody has comes last.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.household import SOMEBODY_ELSE
from features.jit import as_int, inlined
from features.models.attention_kernel import LEVEL_60D, appeal_of, long_level_of, share_bounds
from features.models.signals_kernel import SHARE_7D, WEEKLY_HABIT, evidence, fill, lowest, morning
from features.models.stance_kernel import (
    AVOID,
    AVOID_LIFT,
    ENGAGE,
    HOLD,
    LIKELY_LIFT,
    RULE_NONE,
    RULE_UNCLEAR,
    Policy,
    decide,
    trend,
)
from features.moments.moments_kernel import has_own_days
from features.profiles.contact_kernel import worth_it
from features.records.hash_kernel import finish
from features.state.apart_kernel import share_apart
from features.state.layout import F_LIKE, F_TOLD, S_CARE, S_HOLD, Live, Rows
from features.state.place_kernel import gathered_abroad, left_of_trips, run_of_days, share_abroad
from features.state.rows_kernel import popcount
from features.state.spans_kernel import allowed_until

#: An interest as it is ranked: its row, and the decision on it.
RANKED: Final = np.dtype([
    ("row", "i8"), ("score", "f8"), ("lift", "f8"), ("confidence", "f8"), ("trend", "i8"),
    ("stance", "i8"), ("weekly_habit", "f8"), ("share_7d", "f8"),
    # What it tells; the ends of its interval as lifts; days since it was first seen.
    ("tells", "f8"), ("low", "f8"), ("high", "f8"), ("age", "i8"),
    # Of the attention of the next week, and its bounds.
    ("share", "f8"), ("share_low", "f8"), ("share_high", "f8"),
    ("rule", "i8"),  # what decided: `features.models.stance_kernel`
    # Local day since which profiles have said so; event time at which that ends by itself, ms.
    ("since", "i8"), ("until", "i8"),
    # Of its mass: of a member, seen on a shared screen; of a household, a child's.
    ("attributed", "f8"), ("elses", "f8"),
    # Of its mass, gathered abroad; the same where that holds it; days of the last seven that tell.
    ("abroad", "f8"), ("trip", "f8"), ("week", "i8"),
    ("taken", "i8"),  # days since the return from the trip that it was wanted for, 0 for none
    # What a contact surely brings, annoyance taken off, in interests fulfilled.
    ("gain", "f8"),
])  # fmt: skip

#: A score as it is kept to be compared: in 1/255.
SHOWN_UNITS = 255.0
#: What was declared comes first: no divergence of scores from 0.0001 to 0.9999 is above 10.
_DECLARED = 100.0
#: What is within the interval tells little, whatever the estimate itself is.
_UNCLEAR = 1e-3
_NO_MORE = 0.01  # share of what a parent tells by which it must tell more than its child
#: Share of a parent's score from which on a child of the same stance, or one to avoid, says as much
#: of it: what is left are single days of something else, and the child's name says what to do.
_MOST_OF = 0.75
_OUT = 1_000  # added to a trend: it is to be taken out
#: Days from which on a habit like everybody's, or a mere guess, is told apart from one that is
#: not known yet.
COMMON_AGE = 7
#: Active days of the last 28 from which on a guess is worth being told: two a week. On simulated
#: households 86 % of what they follow on every third day is told then, without guesses 60 %.
_HABIT_DAYS = 8
#: Share of an interest's mass beyond which it is one of a trip.
_TRIPS = 0.5
#: Active days since a return from which on something is wanted anew, and not just looked back at.
_ANEW = 2
#: What is left of a trip's mass down to which its interests are named: a fortnight of home.
_NAMED_LEFT = 0.25
#: A digest ends with so many bits of what only the profile says: where they are alike by chance, it
#: is written by its greatest age.
REST_BITS: Final = np.uint64(16)
#: Before them are those by which a record of offers differs where only the order in it does.
ORDER: Final = np.uint64(0xFFFFF) << REST_BITS
_REST: Final = np.uint64(0xFFFF)
_FNV_PRIME = np.uint64(0x100000001B3)
_FNV_START = np.uint64(0xCBF29CE484222325)


class Scratch(NamedTuple):
    """Room for one subject."""

    levels: NDArray[np.float64]  # shape (3,)
    vector: NDArray[np.float64]  # shape (SIGNALS,)
    rank: NDArray[np.void]  # of RANKED, as many as a profile may have
    found: NDArray[np.void]  # the same in the order of their rows, but for what gave way
    order: NDArray[np.int64]  # places in `found`, what tells most first
    place: NDArray[np.int32]  # by interest: 1 + its place in `rank`, 0 for none; all 0 in between
    # By row of the subject, what its share is made of: score, `SHARE_7D`, `LEVEL_60D`, and appeal.
    drawn: NDArray[np.float64]  # shape (MAX_ROWS, 4)


class Selection(NamedTuple):
    """Rules by which interests get into a profile."""

    allowed: NDArray[np.uint8]  # by interest
    parent: NDArray[np.int16]  # by interest, -1 for a root
    top: int  # most of them
    common: int  # whether those are shown, too, that tell a subject from nobody
    ending_with_trip: NDArray[np.uint8]  # by interest


@inlined
def divergence(p: float, rate: float) -> Any:
    """Kullback-Leibler divergence of two probabilities in nats, below 0 where `p` is smaller."""
    rest = (1.0 - p) * np.log((1.0 - p) / (1.0 - rate)) if p < 1.0 else 0.0
    found = (p * np.log(p / rate) if p > 0.0 else 0.0) + rest
    return found if p >= rate else -found


@inlined
def tells(score: float, low: float, high: float, rate: float) -> Any:
    """Measure what an interest tells of a subject: its score's interval against the rate."""
    rate = min(0.9999, max(0.0001, rate))
    told = _UNCLEAR * divergence(score, rate)
    if low > rate:
        told += divergence(low, rate)
    elif high < rate:
        told += divergence(high, rate)
    return told


@inlined
def _idle(score: float, low: float, rate: float, bits: Any, age: int) -> bool:
    """Whether nobody could act on an interest that is held, unless it has days of its own."""
    # However sure it is, nobody would call that a difference; or it is rare, and may be avoided.
    rare = popcount(bits & np.uint64(0xFFFFFFF)) < _HABIT_DAYS
    vague = score < LIKELY_LIFT * rate or (low < AVOID_LIFT * rate and rare)
    # Nor could anybody act on what was only touched so far.
    return (vague and age >= COMMON_AGE) or bits == 0


@inlined
def ranked(
    live: Live, sid: int, day: int, policy: Policy, choice: Selection, scratch: Scratch
) -> int:
    """Fill ``scratch.rank`` with the interests that tell most; returns how many."""
    s = live.subjects
    found: Any = scratch.found
    began = morning(live, sid, day)
    left = left_of_trips(began.place, live.clock)
    held = (s.status[s.account[sid]] | s.status[sid]) & (S_CARE | S_HOLD)
    count, top = 0, choice.top
    start = as_int(s.start[sid])
    for j in range(start, start + as_int(s.used[sid])):
        interest = as_int(live.rows.interest[j])
        if choice.allowed[interest] == 0:
            continue
        row = live.rows.windows[j]
        bits = fill(live, j, began, policy.log_odds, scratch.levels, scratch.vector)
        age, days = max(0, day - as_int(row.first)), evidence(began, as_int(row.first))
        score, confidence, stance, rule, low, high = decide(
            policy, scratch.vector, bits, age, days, interest, as_int(row.known), held != 0
        )
        _keep_drawn(scratch, j - start, score)
        declared = as_int(row.known) & F_TOLD != 0
        idle = stance == HOLD and _idle(score, low, policy.rate[interest], bits, age)
        gathered = gathered_abroad(row, began.place, day - as_int(row.day), live.clock)
        abroad = share_abroad(gathered, scratch.levels[2], left)
        trip = abroad if left < 1.0 and abroad > _TRIPS and not declared else 0.0
        wanted = stance == ENGAGE and trip == 0.0 and not declared
        ends = wanted and choice.ending_with_trip[interest] != 0
        taken = days_since_trip(began.place, bits) if ends else 0
        if trip > 0.0:
            stance, rule, idle = HOLD, RULE_NONE, left < _NAMED_LEFT
        elif taken > 0:
            stance, rule = HOLD, RULE_NONE
        elif (idle or stance == AVOID) and not declared and has_own_days(day, bits, age):
            stance, rule, idle = _on_own_days(stance, rule)
        stance, rule, brings = worth_it(
            policy.worth, s.hash[sid], interest, day, scratch.vector, stance, rule
        )
        if idle and not declared and choice.common == 0:
            continue
        told = tells(score, low, high, policy.rate[interest])
        told += _DECLARED if as_int(row.known) & F_LIKE else 0.0
        at = _make_place(found, scratch.order, count, top, told)
        if at < 0:
            continue
        count = min(count + 1, top)
        best = found[at]
        best.row = j
        best.score, best.lift = score, score / policy.rate[interest]
        best.confidence, best.taken = confidence, taken
        best.trend = trend(scratch.levels, bits, age, score)
        best.stance, best.tells = stance, told
        best.weekly_habit, best.share_7d = scratch.vector[WEEKLY_HABIT], scratch.vector[SHARE_7D]
        best.low, best.high = low / policy.rate[interest], high / policy.rate[interest]
        best.age, best.rule, best.gain = age, rule, brings
        best.abroad, best.trip, best.week = abroad, trip, popcount(bits & np.uint64(0x7F))
        _tell_apart(live, sid, best, declared)
    for q in range(count):
        scratch.rank[q] = found[scratch.order[q]]
    return without_parents(live, scratch.rank, count, choice.parent, scratch.place)


@inlined
def _make_place(found: Any, order: Any, count: int, top: int, told: float) -> int:
    """Make a place in `found` for what tells so much, in order; -1 where all `top` tell more."""
    at = place = count
    if count == top:
        at = count - 1
        place = as_int(order[at])
        if found[place].tells >= told:
            return -1
    while at > 0 and found[order[at - 1]].tells < told:
        order[at] = order[at - 1]
        at -= 1
    order[at] = place
    return place


@inlined
def days_since_trip(place: Any, bits: Any) -> int:
    """Days that a subject is back from abroad without looking for an interest anew, 0 for none.

    Parameters
    ----------
    place : uint64
        Days abroad, as `days_abroad` says them.
    bits : uint64
        Active days of the interest, whose bit 0 is the same.
    """
    if place & np.uint64(1) != np.uint64(0) or place == np.uint64(0):
        return 0
    back = run_of_days(place)
    return back if popcount(bits & lowest(back)) < _ANEW else 0


@inlined
def _on_own_days(stance: int, rule: int) -> Any:
    """Stance, rule and idleness: neither dull nor unwanted on the eve of another day."""
    return HOLD, RULE_UNCLEAR if stance == AVOID else rule, False


@inlined
def _tell_apart(live: Live, sid: int, best: Any, declared: Any) -> None:
    """Say what of an interest was seen on a shared screen; hold what is somebody else's."""
    share = share_apart(live, as_int(best.row))
    best.attributed, best.elses = share, 0.0
    if live.subjects.account[sid] == sid:
        best.attributed, best.elses = 0.0, 0.0 if declared or share <= SOMEBODY_ELSE else share
        if best.elses > 0.0:
            best.stance, best.rule = HOLD, RULE_NONE


@inlined
def _keep_drawn(scratch: Scratch, at: int, score: float) -> None:
    scratch.drawn[at, 0] = score
    scratch.drawn[at, 1] = scratch.vector[SHARE_7D]
    scratch.drawn[at, 2] = scratch.vector[LEVEL_60D]


@inlined
def divide_attention(
    live: Live, sid: int, powers: Any, allowed: Any, scratch: Scratch, rank: Any
) -> None:
    """Fill the shares of what `ranked` has ranked, of the appeals of all that it looked at.

    Only what is published needs them.
    """
    start, attention, level = as_int(live.subjects.start[sid]), 0.0, 0.0
    for k in range(as_int(live.subjects.used[sid])):
        if allowed[as_int(live.rows.interest[start + k])] == 0:
            continue
        of = scratch.drawn[k]
        of[3] = appeal_of(powers, of[0], of[1], of[2])
        attention += of[3]
        level += long_level_of(of[2])
    for q in range(rank.shape[0]):
        best = rank[q]
        best.share = scratch.drawn[best.row - start, 3] / attention
        best.share_low, best.share_high = share_bounds(best.share, level)


@inlined
def without_parents(live: Live, rank: Any, count: int, parent: Any, place: Any) -> int:
    """Take out parents that say no more than an interest below them; returns how many stay.

    Parameters
    ----------
    place : ndarray of int32, shape (interests,)
        Zeros, and so again afterwards.
    """
    kept, interests = 0, live.rows.interest
    for q in range(count):
        place[as_int(interests[rank[q].row])] = q + 1
    for k in range(count):
        node = as_int(parent[as_int(interests[rank[k].row])])
        while node >= 0:
            q = place[node] - 1
            # Marked first: what is taken out still speaks for what is above it.
            if q >= 0 and rank[q].trend < _OUT and _says_as_much(rank[k], rank[q]):
                rank[q].trend = rank[q].trend + _OUT
            node = as_int(parent[node])
    for q in range(count):
        place[as_int(interests[rank[q].row])] = 0
    for q in range(count):
        if rank[q].trend < _OUT:
            rank[kept] = rank[q]
            kept += 1
    return kept


@inlined
def _says_as_much(below: Any, above: Any) -> bool:
    """Whether what is below another interest says as much of it as that itself."""
    told, alike = above.tells, above.stance == below.stance
    forbids = below.stance == AVOID and above.stance == ENGAGE
    if told >= _DECLARED or (above.stance != HOLD and not alike and not forbids):
        return False
    most = (alike or forbids) and below.score >= _MOST_OF * above.score
    return bool(most or (not forbids and below.tells >= told - _NO_MORE * abs(told) - 1e-6))


@inlined
def digest(live: Live, sid: int, place: int, rank: Any, text: Any, at: Any) -> Any:
    """Hash of what is material, however small: place, what is engaged or avoided, rights, ends.

    All but its last `REST_BITS` is of what the record of offers says, so that one is written only
    where that differs: 48 bits, for what forbids is said there, and no age brings it again. A mere
    change of rank is in the bits `ORDER`, and not material to the profile. Of what is on hold a
    declared like is told; the rest is brought along by what a reader can act on, or by the greatest
    age.

    Parameters
    ----------
    place : int
        What `place_since` says.
    rank : ndarray of RANKED
    text : ndarray of uint8
    at : ndarray of int64
        Where in it each of the texts of `Notes` on the subject's rights begins.
    """
    acted, ordered = _digests_of_offers(live, sid, rank, text, at)
    h = _FNV_START ^ np.uint64(live.subjects.country[sid])
    h = (h ^ np.uint64(place)) * _FNV_PRIME
    for k in range(at[0], at[4]):
        h = (h ^ np.uint64(text[k])) * _FNV_PRIME
    for q in range(rank.shape[0]):
        if rank[q].stance != HOLD:
            said = np.uint64(rank[q].trend * 8 + rank[q].stance) ^ np.uint64(rank[q].until)
        elif as_int(live.rows.windows[rank[q].row].known) & F_LIKE:
            said = np.uint64(HOLD)
        else:
            continue
        # The row's number stands for the interest, for rows of a subject keep their order; added
        # up, for a mere change of rank is not material.
        number = np.uint64(rank[q].row - live.subjects.start[sid])
        # Mixed before it is added: else what one row gains in a bit another may lose.
        h += finish(((_FNV_START ^ number) * _FNV_PRIME) ^ said)
    return (acted & ~(ORDER | _REST)) | (ordered & ORDER) | (finish(h) & _REST)


@inlined
def _digests_of_offers(live: Live, sid: int, rank: Any, text: Any, at: Any) -> Any:
    """Hashes of a record of offers, of any order and of its own, but for version and times."""
    s = live.subjects
    held = (s.status[s.account[sid]] | s.status[sid]) & (S_CARE | S_HOLD)
    h = (_FNV_START ^ np.uint64(allowed_until(live, sid))) * _FNV_PRIME
    first = at[2] if held else at[1]  # of single interests, then of the permission
    for k in range(first, at[3]):
        h = (h ^ np.uint64(text[k])) * _FNV_PRIME
    any_order = own = h
    if held:
        return finish(h), finish(h)  # no more than that is said of who must get none
    for stance in (ENGAGE, AVOID):
        for q in range(rank.shape[0]):
            if rank[q].stance == stance:
                said = np.uint64(as_int(live.rows.interest[rank[q].row]) * 4 + stance + 1)
                any_order += finish(said)
                own = (own ^ said) * _FNV_PRIME
    return finish(any_order), finish(own)


@inlined
def moved(rank: Any, rows: Rows, step: float) -> bool:
    """Whether a score that is acted on is a step or more away from the one published last."""
    for q in range(rank.shape[0]):
        if (
            rank[q].stance != HOLD
            and abs(rank[q].score * SHOWN_UNITS - rows.shown[rank[q].row].score)
            >= step * SHOWN_UNITS
        ):
            return True
    return False
