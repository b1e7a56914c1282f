"""Profiles of changed subjects as JSON, scored and ranked in one pass over their rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.kernels.bet import Bet, trend, weigh
from features.kernels.jit import as_int, bare, njit
from features.kernels.jsontext import put, put_date, put_fixed, put_int, put_span
from features.kernels.layout import (
    F_DISLIKE,
    F_LIKE,
    F_QUIET,
    R_APP,
    R_FIRST,
    R_FLAGS,
    R_PART,
    R_TV,
    S_CARE,
    S_HOLD,
    Clock,
    Index,
    Rows,
    Subjects,
)
from features.kernels.signals import (
    SHARE_7D,
    SIGNALS,
    WEEKLY_HABIT,
    days_since,
    fill,
    subject_days,
    subject_total,
)
from features.kernels.windows import popcount

#: No profile is longer: 20 interests of at most 700 bytes, the rest, and 16 KiB of suppressions.
ROOM = 32_768
NOTE_ROOM = 16_384

_PART_SHOWN = 0.2
_SHOWN_UNITS = 255.0
_FNV_PRIME = np.uint64(0x100000001B3)
_FNV_START = np.uint64(0xCBF29CE484222325)


def _bytes(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode(), np.uint8)


_HEAD = _bytes('{"schema":1,"subject":"')
_VERSION = _bytes('","version":')
_AS_OF = _bytes(',"as_of":')
_MODEL = _bytes(',"model":')
_CONTEXT_HOME = _bytes(',"context":{"roaming":false,"country":')
_CONTEXT_AWAY = _bytes(',"context":{"roaming":true,"country":')
_NULL = _bytes("null")
_INTERESTS = _bytes('},"interests":[')
_LIFT = _bytes(',"lift":')
_CONFIDENCE = _bytes(',"confidence":')
_TREND = _bytes(',"trend":"')
_LAST = _bytes('","last_active":')
_PARTS = _bytes(',"dayparts":{')
_SOURCES = _bytes('},"sources":{')
_STANCE = _bytes('},"stance":"')
_REASONS = _bytes('","reasons":[{"code":"active_days_28","value":')
_SUPPRESSIONS = _bytes('],"suppressions":[')
_EVIDENCE = _bytes('],"evidence":{"events":')
_DAYS = _bytes(',"days":')
_SOURCE_LIST = _bytes(',"sources":[')
_END = _bytes("]}}")
_CLOSE_OBJECT = _bytes("}")
_CLOSE_REASONS = _bytes("]}")
_COMMA = _bytes(",")
_TRENDS = tuple(_bytes(t) for t in ("new", "rising", "steady", "fading", "burst"))
_STANCES = tuple(_bytes(t) for t in ("engage", "hold", "avoid"))
_NAMES_PART = tuple(
    _bytes(f'"{week}-{part}":')
    for week in ("weekday", "weekend")
    for part in ("night", "morning", "afternoon", "evening")
)
_NAMES_SOURCE = tuple(_bytes(f'"{name}"') for name in ("network", "tv", "app"))
_COLON = _bytes(":")
_WHY_SHARE = _bytes('},{"code":"share_7d","value":')
_WHY_HABIT = _bytes('},{"code":"weekly_habit","value":')
_WHY_LIKE = _bytes('},{"code":"declared_like","value":1')
_WHY_DISLIKE = _bytes('},{"code":"declared_dislike","value":1')
_WHY_QUIET = _bytes('},{"code":"suppressed","value":1')
_WHY_CARE = _bytes('},{"code":"care_case","value":1')
_WHY_HOLD = _bytes('},{"code":"on_hold","value":1')
_WHY_FEW = _bytes('},{"code":"few_data","value":')


class Template(NamedTuple):
    """Prepared JSON, per interest: ``{"id":..,"name":..,"score":`` and whether it may be said."""

    text: NDArray[np.uint8]
    at: NDArray[np.int32]
    length: NDArray[np.int32]
    allowed: NDArray[np.uint8]
    model: NDArray[np.uint8]  # the value of "model"
    top: int
    home: int  # country code of the operator, 0 unknown
    step: float  # material change of a score
    max_age: int  # days


@njit
def write_profiles(
    sids: Any,
    first: int,
    s: Subjects,
    r: Rows,
    x: Index,
    bet: Bet,
    template: Template,
    clock: Clock,
    open_day: int,
    notes: Any,
    note_at: Any,
    out: Any,
    ends: Any,
) -> int:
    """Write the profiles that changed materially since they were last written.

    Parameters
    ----------
    sids : ndarray of int32, shape (n,)
    first : int
        Where to go on.
    notes, note_at : ndarray of uint8, ndarray of int64 shape (n + 1,)
        Suppressions per subject, as JSON without the brackets.
    out : ndarray of uint8
    ends : ndarray of int64, shape (n,)
        End of each profile in `out`; equal to the previous end where nothing is published.

    Returns
    -------
    int
        Index of the first subject not handled, for `out` has a limit.
    """
    levels = np.zeros(3)
    vector = np.zeros(SIGNALS)
    rank = np.zeros((1024, 8))
    n = 0
    for i in range(first, sids.shape[0]):
        if n + ROOM > out.shape[0]:
            return i
        sid = as_int(sids[i])
        day = max((s.last_ts[sid] + clock.offset) // 86_400_000 + 1, open_day)
        count = _rank(s, r, sid, day, bet, template, clock, levels, vector, rank)
        note = note_at[i + 1] - note_at[i]
        digest = _digest(rank, count, notes, note_at[i], note, s, sid)
        same = digest == s.digest[sid] and not _moved(rank, count, r, template.step)
        fresh = day - as_int(s.published[sid]) < template.max_age
        if s.used[sid] == 0 or (same and fresh):
            ends[i] = n
            continue
        s.digest[sid] = digest
        s.published[sid] = np.uint16(day)
        for q in range(count):
            r.shown[as_int(rank[q, 0])] = np.uint8(rank[q, 1] * _SHOWN_UNITS + 0.5)
        n = _write(
            out, n, s, r, x, sid, day, rank, count, template, clock, notes, note_at[i], note, levels
        )
        ends[i] = n
    return len(sids)


@bare
def _rank(
    s: Subjects,
    r: Rows,
    sid: int,
    day: int,
    bet: Bet,
    template: Template,
    clock: Clock,
    levels: Any,
    vector: Any,
    rank: Any,
) -> int:
    """Best interests by score: columns row, score, lift, confidence, trend, stance, habit, share"""
    total = subject_total(s, r, sid, day, clock, levels)
    busy = subject_days(s, sid, day)
    held = (s.flags[s.account[sid]] | s.flags[sid]) & (S_CARE | S_HOLD)
    count = 0
    start = as_int(s.start[sid])
    for j in range(start, start + as_int(s.used[sid])):
        interest = as_int(r.interest[j])
        if template.allowed[interest] == 0:
            continue
        bits = fill(s, r, sid, j, day, total, busy, bet.log_odds, clock, levels, vector)
        age = max(0, day - as_int(r.u2[j, R_FIRST]))
        score, lift, confidence, stance = weigh(
            bet, vector, bits, age, interest, as_int(r.u2[j, R_FLAGS]), held != 0
        )
        at = count
        if count == template.top:
            if rank[count - 1, 1] >= score:
                continue
            at = count - 1
        else:
            count += 1
        while at > 0 and rank[at - 1, 1] < score:
            for k in range(8):
                rank[at, k] = rank[at - 1, k]
            at -= 1
        rank[at, 0] = j
        rank[at, 1] = score
        rank[at, 2] = lift
        rank[at, 3] = confidence
        rank[at, 4] = trend(levels, bits, age)
        rank[at, 5] = stance
        rank[at, 6] = vector[WEEKLY_HABIT]
        rank[at, 7] = vector[SHARE_7D]
    return count


@bare
def _digest(
    rank: Any, count: int, notes: Any, note_at: int, note: int, s: Subjects, sid: int
) -> Any:
    """Hash of what is material whatever its size: which interests, their trends and stances."""
    h = _FNV_START ^ np.uint64(s.country[sid])
    for k in range(note):
        h = (h ^ np.uint64(notes[note_at + k])) * _FNV_PRIME
    for q in range(count):
        # The row's place stands for the interest, for rows of a subject keep their order; added
        # up, for a mere change of rank is not material.
        place = np.uint64(rank[q, 0] - s.start[sid])
        said = np.uint64(rank[q, 4] * 8 + rank[q, 5])
        h += (((_FNV_START ^ place) * _FNV_PRIME) ^ said) * _FNV_PRIME
    return h


@bare
def _moved(rank: Any, count: int, r: Rows, step: float) -> bool:
    """Whether a score is a step or more away from the one published last."""
    for q in range(count):
        if abs(rank[q, 1] * _SHOWN_UNITS - r.shown[as_int(rank[q, 0])]) >= step * _SHOWN_UNITS:
            return True
    return False


@bare
def _write(
    out: Any,
    n: int,
    s: Subjects,
    r: Rows,
    x: Index,
    sid: int,
    day: int,
    rank: Any,
    count: int,
    template: Template,
    clock: Clock,
    notes: Any,
    note_at: int,
    note: int,
    levels: Any,
) -> int:
    n = put(out, n, _HEAD)
    n = put_span(out, n, x.keys, s.key_at[sid], as_int(s.key_len[sid]))
    n = put(out, n, _VERSION)
    n = put_int(out, n, as_int(s.version[sid]) + 1)
    n = put(out, n, _AS_OF)
    n = put_int(out, n, s.last_ts[sid])
    n = put(out, n, _MODEL)
    n = put(out, n, template.model)
    country = as_int(s.country[sid])
    away = country != 0 and template.home != 0 and country != template.home
    n = put(out, n, _CONTEXT_AWAY if away else _CONTEXT_HOME)
    if country == 0:
        n = put(out, n, _NULL)
    else:
        out[n] = 34
        out[n + 1] = np.uint8(country >> 8)
        out[n + 2] = np.uint8(country & 255)
        out[n + 3] = 34
        n += 4
    n = put(out, n, _INTERESTS)
    held = (s.flags[s.account[sid]] | s.flags[sid]) & (S_CARE | S_HOLD)
    for q in range(count):
        if q > 0:
            n = put(out, n, _COMMA)
        n = _write_interest(out, n, r, day, rank[q], template, held)
    n = put(out, n, _SUPPRESSIONS)
    n = put_span(out, n, notes, note_at, note)
    n = put(out, n, _EVIDENCE)
    n = put_int(out, n, as_int(s.events[sid]))
    n = put(out, n, _DAYS)
    n = put_int(out, n, popcount(s.days[sid]))
    n = put(out, n, _SOURCE_LIST)
    some = False
    for kind in range(3):
        if s.sources[sid] & (2 << kind):
            if some:
                n = put(out, n, _COMMA)
            n = put(out, n, _NAMES_SOURCE[kind])
            some = True
    return put(out, n, _END)


@bare
def _write_interest(
    out: Any, n: int, r: Rows, day: int, ranked: Any, template: Template, held: int
) -> int:
    j = as_int(ranked[0])
    interest = as_int(r.interest[j])
    n = put_span(
        out, n, template.text, as_int(template.at[interest]), as_int(template.length[interest])
    )
    n = put_fixed(out, n, ranked[1], 4)
    n = put(out, n, _LIFT)
    n = put_fixed(out, n, ranked[2], 2)
    n = put(out, n, _CONFIDENCE)
    n = put_fixed(out, n, ranked[3], 2)
    n = put(out, n, _TREND)
    n = put(out, n, _TRENDS[as_int(ranked[4])])
    n = put(out, n, _LAST)
    newest = as_int(r.u2[j, 4]) + 1 - days_since(_bits(r, j))
    n = put_date(out, n, max(newest, as_int(r.u2[j, R_FIRST])))
    n = put(out, n, _PARTS)
    n = _write_shares(out, n, r, j)
    n = put(out, n, _STANCE)
    n = put(out, n, _STANCES[as_int(ranked[5])])
    return _write_reasons(out, n, r, j, day, ranked, held)


@bare
def _bits(r: Rows, j: int) -> Any:
    return np.uint64(r.u4[j, 0]) | (np.uint64(r.u4[j, 1]) << np.uint64(32))


@bare
def _write_shares(out: Any, n: int, r: Rows, j: int) -> int:
    total = 0.0
    for k in range(8):
        total += r.f4[j, R_PART + k]
    some = False
    if total > 1e-12:
        for k in range(8):
            share = r.f4[j, R_PART + k] / total
            if share >= _PART_SHOWN:
                if some:
                    n = put(out, n, _COMMA)
                n = put(out, n, _NAMES_PART[k])
                n = put_fixed(out, n, share, 2)
                some = True
    n = put(out, n, _SOURCES)
    if total <= 1e-12:
        return n
    some = False
    network = max(0.0, total - r.f4[j, R_TV] - r.f4[j, R_APP])
    for k in range(3):
        share = (network if k == 0 else (r.f4[j, R_TV] if k == 1 else r.f4[j, R_APP])) / total
        if share >= 0.005:
            if some:
                n = put(out, n, _COMMA)
            n = put(out, n, _NAMES_SOURCE[k])
            n = put(out, n, _COLON)
            n = put_fixed(out, n, share, 2)
            some = True
    return n


@bare
def _write_reasons(out: Any, n: int, r: Rows, j: int, day: int, ranked: Any, held: int) -> int:
    steps = day - as_int(r.u2[j, 4])
    bits = _bits(r, j)
    bits = bits << np.uint64(min(steps - 2, 63)) if steps >= 2 else bits >> np.uint64(2 - steps)
    n = put(out, n, _REASONS)
    n = put_int(out, n, popcount(bits & np.uint64(0xFFFFFFF)))
    n = put(out, n, _WHY_SHARE)
    n = put_fixed(out, n, ranked[7], 2)
    if ranked[6] >= 0.5:
        n = put(out, n, _WHY_HABIT)
        n = put_fixed(out, n, ranked[6], 2)
    flags = r.u2[j, R_FLAGS]
    if flags & F_LIKE:
        n = put(out, n, _WHY_LIKE)
    if flags & F_DISLIKE:
        n = put(out, n, _WHY_DISLIKE)
    if flags & F_QUIET:
        n = put(out, n, _WHY_QUIET)
    if held & S_CARE:
        n = put(out, n, _WHY_CARE)
    if held & S_HOLD:
        n = put(out, n, _WHY_HOLD)
    age = day - as_int(r.u2[j, R_FIRST])
    if age < 7:
        n = put(out, n, _WHY_FEW)
        n = put_int(out, n, age)
    n = put(out, n, _CLOSE_OBJECT)
    return put(out, n, _CLOSE_REASONS)
