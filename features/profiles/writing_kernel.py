"""Writes the profiles of changed subjects as JSON, in one pass over their rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.jit import as_int, inlined, njit
from features.models.signals_kernel import SIGNALS, days_since, subject_days
from features.models.stance_kernel import (
    AVOID_LIFT,
    ENGAGE_AGE,
    ENGAGE_LIFT,
    ENGAGE_SCORE,
    LIKELY_SCORE,
    RULE_CLEAR,
    RULE_LIKELY,
    RULE_NONE,
    RULE_RARE,
    RULE_SMALL,
    RULE_STILL,
    RULE_UNCLEAR,
    STILL_SCORE,
    Policy,
)
from features.moments.moments_kernel import CELLS_SHAPE, MOST_NAMED, Forecast
from features.privacy.consent import FOREVER
from features.profiles.json_kernel import (
    put,
    put_date,
    put_hundredths,
    put_int,
    put_probability,
    put_span,
)
from features.profiles.moments_text_kernel import fill_parts_of, put_moments
from features.profiles.ranking_kernel import (
    RANKED,
    SHOWN_UNITS,
    Scratch,
    Selection,
    digest,
    moved,
    ranked,
)
from features.state.layout import DAY_MS, F_DISLIKE, F_LIKE, F_QUIET, MAX_ROWS, S_CARE, S_HOLD, Live
from features.state.rows_kernel import days_before, popcount
from features.state.spans_kernel import allowed_until
from features.vocabulary import DayPart, ReasonCode, Source, Stance, Trend

#: No profile is longer: 20 interests of at most 1,000 bytes, the rest, and 16 KiB of suppressions.
ROOM = 40_960
SUPPRESSION_ROOM = 16_384

_PART_SHOWN = 0.2


def _bytes(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode(), np.uint8)


_HEAD = _bytes('{"schema":1,"subject":"')
_VERSION = _bytes('","version":')
_AS_OF = _bytes(',"as_of":')
_UNTIL = _bytes(',"valid_until":')
_MODEL = _bytes(',"model":')
_CONTEXT_HOME = _bytes(',"context":{"roaming":false,"country":')
_CONTEXT_AWAY = _bytes(',"context":{"roaming":true,"country":')
_NULL = _bytes("null")
_INTERESTS = _bytes('},"interests":[')
_LIFT = _bytes(',"lift":')
_CONFIDENCE = _bytes(',"confidence":')
_SHARE = _bytes(',"share":{"value":')
_SHARE_LOW = _bytes(',"low":')
_SHARE_HIGH = _bytes(',"high":')
_TREND = _bytes('},"trend":"')
_LAST = _bytes('","last_active":')
_PARTS = _bytes(',"dayparts":{')
_SOURCES = _bytes('},"sources":{')
_STANCE = _bytes('},"stance":"')
_SINCE = _bytes(',"first_seen":')
_REASONS = _bytes('","reasons":[')
_SUPPRESSIONS = _bytes('],"suppressions":[')
_EVIDENCE = _bytes('],"evidence":{"events":')
_DAYS = _bytes(',"days":')
_SOURCE_LIST = _bytes(',"sources":[')
_END = _bytes("]}}")
_CLOSE_OBJECT = _bytes("}")
_CLOSE_REASONS = _bytes("]}")
_COMMA = _bytes(",")
_TRENDS = tuple(_bytes(word) for word in Trend.words())
_STANCES = tuple(_bytes(word) for word in Stance.words())
_NAMES_PART = tuple(_bytes(f'"{word}":') for word in DayPart.words())
_NAMES_SOURCE = tuple(_bytes(f'"{word}"') for word in Source.words())
_COLON = _bytes(":")


def _reason(code: ReasonCode, value: str = "") -> NDArray[np.uint8]:
    return _bytes(f'}},{{"code":"{code}","value":{value}')


def _rule(code: ReasonCode, name: str, needs: float) -> tuple[NDArray[np.uint8], ...]:
    """Text before and behind a number that decided."""
    before = f'{{"code":"{code}","value":{{"{name}":'
    return _bytes(before), _bytes(f',"needs":{needs:g}}}}},')


_CLEAR = _rule(ReasonCode.LIFT_CLEAR, "low", ENGAGE_LIFT)
_LIKELY = _rule(ReasonCode.LIKELY, "score", LIKELY_SCORE)
_STILL = _rule(ReasonCode.STILL_LIKELY, "score", STILL_SCORE)
_UNCLEAR = _rule(ReasonCode.LIFT_UNCLEAR, "low", ENGAGE_LIFT)
_SMALL = _rule(ReasonCode.LIFT_SMALL, "high", AVOID_LIFT)
_RARE = _rule(ReasonCode.TOO_RARE, "score", ENGAGE_SCORE)
_NEW = _rule(ReasonCode.TOO_NEW, "days", ENGAGE_AGE)
_WHY_DAYS = _bytes(f'{{"code":"{ReasonCode.ACTIVE_DAYS_28}","value":')
_WHY_SHARE = _reason(ReasonCode.SHARE_7D)
_WHY_HABIT = _reason(ReasonCode.WEEKLY_HABIT)
_WHY_LIKE = _reason(ReasonCode.DECLARED_LIKE, "1")
_WHY_DISLIKE = _reason(ReasonCode.DECLARED_DISLIKE, "1")
_WHY_QUIET = _reason(ReasonCode.SUPPRESSED, "1")
_WHY_CARE = _reason(ReasonCode.CARE_CASE, "1")
_WHY_HOLD = _reason(ReasonCode.ON_HOLD, "1")
_WHY_FEW = _reason(ReasonCode.FEW_DATA)


class Template(NamedTuple):
    """Prepared JSON, per interest: ``{"id":..,"name":..,"parent":..,"score":``, and choices."""

    text: NDArray[np.uint8]
    at: NDArray[np.int32]
    length: NDArray[np.int32]
    choice: Selection
    model: NDArray[np.uint8]  # the value of "model"
    home: int  # country code of the operator, 0 unknown
    step: float  # material change of a score
    max_age: int  # days
    inputs: NDArray[np.uint8]  # names of the kinds of input, quoted, and where each starts
    inputs_at: NDArray[np.int32]


class Suppressions(NamedTuple):
    """Suppressions of each subject's profile, as JSON without the brackets."""

    text: NDArray[np.uint8]
    at: NDArray[np.int64]  # shape (n + 1,)


class Output(NamedTuple):
    """Profiles behind each other, and where each ends: where the one before does, for none."""

    text: NDArray[np.uint8]
    ends: NDArray[np.int64]  # shape (n,)


@njit
def write_profiles(
    live: Live,
    sids: Any,
    first: int,
    policy: Policy,
    template: Template,
    suppressions: Suppressions,
    out: Output,
) -> int:
    """Write the profiles that changed materially since they were last written.

    Parameters
    ----------
    sids : ndarray of int32, shape (n,)
    first : int
        Where to go on.

    Returns
    -------
    int
        Keys of the first subject not handled, for `out` has a limit.
    """
    s, rows = live.subjects, live.rows
    scratch = Scratch(np.zeros(3), np.zeros(SIGNALS), np.zeros(MAX_ROWS, RANKED))
    room = Forecast(np.zeros(8), np.zeros(CELLS_SHAPE), np.zeros(MOST_NAMED, np.int64))
    n = 0
    for i in range(first, sids.shape[0]):
        if n + ROOM > out.text.shape[0]:
            return i
        sid = as_int(sids[i])
        day = max((s.last_ts[sid] + live.clock.offset) // DAY_MS + 1, live.counters[0].open_day)
        count = ranked(live, sid, day, policy, template.choice, scratch)
        rank = scratch.rank[:count]
        text = suppressions.text[suppressions.at[i] : suppressions.at[i + 1]]
        said = digest(live, sid, rank, text)
        same = said == s.digest[sid] and not moved(rank, rows, template.step)
        fresh = day - as_int(s.published[sid]) < template.max_age
        if s.used[sid] == 0 or (same and fresh):
            out.ends[i] = n
            continue
        s.digest[sid] = said
        s.published[sid] = np.uint16(day)
        for q in range(count):
            rows.shown[rank[q].row] = np.uint8(rank[q].score * SHOWN_UNITS + 0.5)
        n = _write(out.text, n, live, sid, day, rank, template, text, room)
        out.ends[i] = n
    return len(sids)


@inlined
def _write(
    out: Any,
    n: int,
    live: Live,
    sid: int,
    day: int,
    rank: Any,
    template: Template,
    text: Any,
    room: Forecast,
) -> int:
    s, keys = live.subjects, live.keys.text
    n = put(out, n, _HEAD)
    n = put_span(out, n, keys, s.key_at[sid], as_int(s.key_len[sid]))
    n = put(out, n, _VERSION)
    n = put_int(out, n, as_int(s.version[sid]) + 1)
    n = put(out, n, _AS_OF)
    n = put_int(out, n, s.last_ts[sid])
    until = allowed_until(live, sid)
    if until < FOREVER:
        n = put(out, n, _UNTIL)
        n = put_int(out, n, until)
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
    held = (s.status[s.account[sid]] | s.status[sid]) & (S_CARE | S_HOLD)
    active = subject_days(s, sid, day)
    fill_parts_of(live, sid, day, room.all_parts)
    for q in range(rank.shape[0]):
        if q > 0:
            n = put(out, n, _COMMA)
        n = _write_interest(out, n, live, day, rank[q], template, held, active, room)
    n = put(out, n, _SUPPRESSIONS)
    n = put(out, n, text)
    n = put(out, n, _EVIDENCE)
    n = put_int(out, n, as_int(s.events[sid]))
    n = put(out, n, _DAYS)
    n = put_int(out, n, popcount(s.days[sid]))
    n = put(out, n, _SOURCE_LIST)
    some = False
    for kind in range(template.inputs_at.shape[0] - 1):
        if s.sources[sid] & (1 << kind):
            if some:
                n = put(out, n, _COMMA)
            name = template.inputs_at[kind]
            n = put_span(out, n, template.inputs, name, template.inputs_at[kind + 1] - name)
            some = True
    return put(out, n, _END)


@inlined
def _write_interest(
    out: Any,
    n: int,
    live: Live,
    day: int,
    best: Any,
    template: Template,
    held: int,
    active: Any,
    room: Forecast,
) -> int:
    interest, row = as_int(live.rows.interest[best.row]), live.rows.windows[best.row]
    n = put_span(
        out, n, template.text, as_int(template.at[interest]), as_int(template.length[interest])
    )
    n = put_probability(out, n, _rounded(best.score, template.step))
    n = put(out, n, _LIFT)
    n = put_hundredths(out, n, best.lift)
    n = put(out, n, _CONFIDENCE)
    n = put_hundredths(out, n, best.confidence)
    n = put(out, n, _SHARE)
    n = put_hundredths(out, n, best.share)
    n = put_hundredths(out, put(out, n, _SHARE_LOW), best.share_low)
    n = put_hundredths(out, put(out, n, _SHARE_HIGH), best.share_high)
    n = put(out, n, _TREND)
    n = put(out, n, _TRENDS[best.trend])
    n = put(out, n, _LAST)
    newest = as_int(row.day) + 1 - days_since(row.bits)
    n = put_date(out, n, max(newest, as_int(row.first)))
    n = put(out, n, _SINCE)
    n = put_date(out, n, as_int(row.first))
    if not as_int(row.known) & (F_DISLIKE | F_QUIET):  # a model's `avoid` is of tomorrow alone
        n = put_moments(out, n, row, day, active, room)
    n = put(out, n, _PARTS)
    n = _write_shares(out, n, row)
    n = put(out, n, _STANCE)
    n = put(out, n, _STANCES[best.stance])
    return _write_reasons(out, n, row, day, best, held)


@inlined
def _rounded(score: float, step: float) -> float:
    """The score to the step that is published by; what is below a step to its tenth."""
    unit = min(step, 0.1) if score >= step else min(step, 0.1) * 0.1
    return float(min(1.0, max(1e-4, np.floor(score / unit + 0.5) * unit)))


@inlined
def _write_rule(out: Any, n: int, best: Any) -> int:
    """The rule that decided by a number, none where a declared fact did."""
    rule = best.rule
    if rule == RULE_NONE:
        return n
    if rule == RULE_CLEAR:
        return put(out, put_hundredths(out, put(out, n, _CLEAR[0]), best.low), _CLEAR[1])
    if rule == RULE_SMALL:
        return put(out, put_hundredths(out, put(out, n, _SMALL[0]), best.high), _SMALL[1])
    if rule == RULE_UNCLEAR:
        return put(out, put_hundredths(out, put(out, n, _UNCLEAR[0]), best.low), _UNCLEAR[1])
    if rule == RULE_LIKELY:
        return put(out, put_probability(out, put(out, n, _LIKELY[0]), best.score), _LIKELY[1])
    if rule == RULE_STILL:
        return put(out, put_probability(out, put(out, n, _STILL[0]), best.score), _STILL[1])
    if rule == RULE_RARE:
        return put(out, put_probability(out, put(out, n, _RARE[0]), best.score), _RARE[1])
    return put(out, put_int(out, put(out, n, _NEW[0]), best.age), _NEW[1])


@inlined
def _write_shares(out: Any, n: int, row: Any) -> int:
    total = 0.0
    for k in range(8):
        total += row.part[k]
    some = False
    if total > 1e-12:
        for k in range(8):
            share = row.part[k] / total
            if share >= _PART_SHOWN:
                if some:
                    n = put(out, n, _COMMA)
                n = put(out, n, _NAMES_PART[k])
                n = put_hundredths(out, n, share)
                some = True
    n = put(out, n, _SOURCES)
    if total <= 1e-12:
        return n
    some = False
    network = max(0.0, total - row.tv - row.app)
    for k in range(3):
        share = (network if k == 0 else (row.tv if k == 1 else row.app)) / total
        if share >= 0.005:
            if some:
                n = put(out, n, _COMMA)
            n = put(out, n, _NAMES_SOURCE[k])
            n = put(out, n, _COLON)
            n = put_hundredths(out, n, share)
            some = True
    return n


@inlined
def _write_reasons(out: Any, n: int, row: Any, day: int, best: Any, held: int) -> int:
    bits = days_before(row, day)
    n = _write_rule(out, put(out, n, _REASONS), best)
    n = put(out, n, _WHY_DAYS)
    n = put_int(out, n, popcount(bits & np.uint64(0xFFFFFFF)))
    n = put(out, n, _WHY_SHARE)
    n = put_hundredths(out, n, best.share_7d)
    if best.weekly_habit >= 0.5:
        n = put(out, n, _WHY_HABIT)
        n = put_hundredths(out, n, best.weekly_habit)
    if row.known & F_LIKE:
        n = put(out, n, _WHY_LIKE)
    if row.known & F_DISLIKE:
        n = put(out, n, _WHY_DISLIKE)
    if row.known & F_QUIET:
        n = put(out, n, _WHY_QUIET)
    if held & S_CARE:
        n = put(out, n, _WHY_CARE)
    if held & S_HOLD:
        n = put(out, n, _WHY_HOLD)
    age = day - as_int(row.first)
    if age < 7:
        n = put(out, n, _WHY_FEW)
        n = put_int(out, n, age)
    n = put(out, n, _CLOSE_OBJECT)
    return put(out, n, _CLOSE_REASONS)
