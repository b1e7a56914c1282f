"""Writes the profiles of changed subjects as JSON, in one pass over their rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.jit import as_int, inlined, njit
from features.models.signals_kernel import SIGNALS, days_since, next_day, subject_days
from features.models.stance_kernel import AVOID, ENGAGE, Policy
from features.moments.moments_kernel import CELLS_SHAPE, MOST_NAMED, Forecast
from features.privacy.consent import FOREVER
from features.profiles.json_kernel import (
    DATE,
    DATES,
    Dates,
    put,
    put_hundredths,
    put_int,
    put_known_date,
    put_probability,
    put_span,
)
from features.profiles.moments_text_kernel import fill_parts_of, put_moments
from features.profiles.place_text_kernel import put_context
from features.profiles.ranking_kernel import (
    ORDER,
    RANKED,
    SHOWN_UNITS,
    Scratch,
    Selection,
    digest,
    divide_attention,
    moved,
    ranked,
)
from features.profiles.reasons_kernel import LEAST_SHARE, as_text, write_reasons
from features.profiles.stances_kernel import fill_ends, remember_shown
from features.state.layout import F_DISLIKE, F_QUIET, MAX_ROWS, S_CARE, S_HOLD, Live
from features.state.place_kernel import place_since
from features.state.rows_kernel import popcount
from features.state.spans_kernel import allowed_until
from features.vocabulary import DayPart, PermissionBasis, Purpose, Source, Stance, Trend

#: What is said of a subject's rights takes no more: 50 suppressions with names, and permissions.
NOTES_ROOM = 16_384
#: Texts of `features.privacy.notes.Notes`; the last says less than the second, of the same.
NOTES = 5
#: No profile with its offers is longer: 20 interests of at most 1,000 bytes, their ids once more,
#: the rest, and suppressions twice.
ROOM = 40_960 + NOTES_ROOM

_PART_SHOWN = 0.2

_HEAD = as_text('{"schema":1,"subject":"')
_VERSION = as_text('","version":')
_AS_OF = as_text(',"as_of":')
_COMPUTED = as_text(',"computed_at":')
_VALID_UNTIL = as_text(',"valid_until":')
_UNTIL = as_text(',"until":')
_MODEL = as_text(',"model":')
_NULL = as_text("null")
_INTERESTS = as_text('},"interests":[')
_LIFT = as_text(',"lift":')
_CONFIDENCE = as_text(',"confidence":')
_SHARE = as_text(',"share":{"value":')
_SHARE_LOW = as_text(',"low":')
_SHARE_HIGH = as_text(',"high":')
_ATTRIBUTED = as_text(',"attributed":')
_ABROAD = as_text(',"abroad":')
_TREND = as_text(',"trend":"')
_LAST = as_text('","last_active":')
_PARTS = as_text(',"dayparts":{')
_SOURCES = as_text('},"sources":{')
_STANCE = as_text('},"stance":"')
_STANCE_SINCE = as_text('","stance_since":')
_FIRST_SEEN = as_text(',"first_seen":')
_SUPPRESSIONS = as_text('],"suppressions":[')
_CONTACTABLE = as_text(f'],"contactable":{{"{Purpose.PROFILING}":')
_FOR_OFFERS = as_text(f',"{Purpose.OFFERS}":')
_AUDIENCES = as_text(f',"{Purpose.AUDIENCES}":')
_ALLOWED = as_text(f'{{"value":true,"why":"{PermissionBasis.CONSENT}","until":')
_EVIDENCE = as_text('},"evidence":{"events":')
_OFFERS = as_text(f',"contactable":{{"{Purpose.OFFERS}":')
_ENGAGE = as_text('},"engage":[')
_AVOID = as_text('],"avoid":[')
_DAYS = as_text(',"days":')
_SOURCE_LIST = as_text(',"sources":[')
_END = as_text("]}}")
_CLOSE_OBJECT = as_text("}")
_CLOSE_LIST = as_text("]}")
_COMMA = as_text(",")
_TRENDS = tuple(as_text(word) for word in Trend.words())
_STANCES = tuple(as_text(word) for word in Stance.words())
_NAMES_PART = tuple(as_text(f'"{word}":') for word in DayPart.words())
_NAMES_SOURCE = tuple(as_text(f'"{word}"') for word in Source.words())
_COLON = as_text(":")


class Template(NamedTuple):
    """Prepared JSON, per interest: ``{"id":..,"name":..,"parent":..,"score":``, and choices."""

    text: NDArray[np.uint8]
    at: NDArray[np.int32]
    length: NDArray[np.int32]
    ids: NDArray[np.int32]  # length of ``{"id":..`` alone
    choice: Selection
    model: NDArray[np.uint8]  # the value of "model"
    step: float  # material change of a score
    max_age: int  # days
    inputs: NDArray[np.uint8]  # names of the kinds of input, quoted, and where each starts
    inputs_at: NDArray[np.int32]


class Rights(NamedTuple):
    """The texts of `features.privacy.notes.Notes`, of each subject `NOTES`, and its ends."""

    text: NDArray[np.uint8]
    at: NDArray[np.int64]  # shape (NOTES * n + 1,)
    ends: NDArray[np.void]  # of END
    ends_at: NDArray[np.int64]  # shape (n + 1,)


class Output(NamedTuple):
    """Profiles, each with its offers behind it, and where both end.

    Where the ones before do, for none.
    """

    text: NDArray[np.uint8]
    ends: NDArray[np.int64]  # shape (n, 2)


@njit
def write_profiles(
    live: Live,
    sids: Any,
    first: int,
    policy: Policy,
    template: Template,
    rights: Rights,
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
    s, rows, choice = live.subjects, live.rows, template.choice
    ranks, found = np.zeros(MAX_ROWS, RANKED), np.zeros(MAX_ROWS, RANKED)
    order, place = np.zeros(MAX_ROWS, np.int64), np.zeros(choice.parent.shape[0], np.int32)
    drawn = np.zeros((MAX_ROWS, 4))
    scratch = Scratch(np.zeros(3), np.zeros(SIGNALS), ranks, found, order, place, drawn)
    room = Forecast(np.zeros(8), np.zeros(CELLS_SHAPE), np.zeros(MOST_NAMED, np.int64))
    dates = Dates(np.full(DATES, -1, np.int64), np.zeros(DATES * DATE, np.uint8))
    n = 0
    for i in range(first, sids.shape[0]):
        if n + ROOM > out.text.shape[0]:
            return i
        sid = as_int(sids[i])
        day = next_day(live, sid)
        count = ranked(live, sid, day, policy, choice, scratch)
        rank = scratch.rank[:count]
        note = NOTES * i
        ends = rights.ends[rights.ends_at[i] : rights.ends_at[i + 1]]
        fill_ends(live, rank, ends, allowed_until(live, sid))
        at = rights.at[note : note + NOTES]
        said = digest(live, sid, place_since(live, sid, day), rank, rights.text, at)
        same = (said ^ s.digest[sid]) | ORDER == ORDER and not moved(rank, rows, template.step)
        fresh = day - as_int(s.published[sid]) < template.max_age
        if s.used[sid] == 0 or (same and fresh):
            out.ends[i, 0] = out.ends[i, 1] = n
            continue
        s.digest[sid] = said
        s.published[sid] = np.uint16(day)
        divide_attention(live, sid, policy.powers, choice.allowed, scratch, rank)
        remember_shown(live, sid, rank, SHOWN_UNITS)
        n = _write(out.text, n, live, sid, day, rank, template, rights, note, room, dates)
        out.ends[i, 0] = n
        n = _write_offers(out.text, n, live, sid, rank, template, rights, note)
        out.ends[i, 1] = n
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
    rights: Rights,
    note: int,
    room: Forecast,
    dates: Dates,
) -> int:
    s, until = live.subjects, allowed_until(live, sid)
    n = _write_head(out, n, live, sid, until)
    n = put(out, n, _MODEL)
    n = put(out, n, template.model)
    n = put_context(out, n, live, sid, day)
    n = put(out, n, _INTERESTS)
    held = (s.status[s.account[sid]] | s.status[sid]) & (S_CARE | S_HOLD)
    active = subject_days(s, sid, day)
    fill_parts_of(live, sid, day, room.all_parts)
    for q in range(rank.shape[0]):
        if q > 0:
            n = put(out, n, _COMMA)
        n = _write_interest(out, n, live, day, rank[q], template, held, active, room, dates)
    n = put(out, n, _SUPPRESSIONS)
    n = _write_note(out, n, rights, note)
    if rights.at[note] < rights.at[note + 1] < rights.at[note + 2]:
        n = put(out, n, _COMMA)
    n = _write_note(out, n, rights, note + 1)
    n = put(out, n, _CONTACTABLE)
    n = _write_allowed(out, n, until)
    n = put(out, n, _FOR_OFFERS)
    n = _write_permission(out, n, rights, note + 2, until)
    n = put(out, n, _AUDIENCES)
    n = _write_permission(out, n, rights, note + 3, until)
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
def _write_offers(
    out: Any, n: int, live: Live, sid: int, rank: Any, template: Template, rights: Rights, note: int
) -> int:
    """Write what who makes offers needs; of a subject that must get none, no more than that."""
    s, until = live.subjects, allowed_until(live, sid)
    n = _write_head(out, n, live, sid, until)
    n = put(out, n, _OFFERS)
    n = _write_permission(out, n, rights, note + 2, until)
    held = (s.status[s.account[sid]] | s.status[sid]) & (S_CARE | S_HOLD)
    for stance in (ENGAGE, AVOID):
        n = put(out, n, _ENGAGE if stance == ENGAGE else _AVOID)
        some = False
        for q in range(0 if held else rank.shape[0]):
            if rank[q].stance == stance:
                if some:
                    n = put(out, n, _COMMA)
                interest = as_int(live.rows.interest[rank[q].row])
                at, length = as_int(template.at[interest]), as_int(template.ids[interest])
                n = put(out, put_span(out, n, template.text, at, length), _CLOSE_OBJECT)
                some = True
    n = put(out, n, _SUPPRESSIONS)
    if not held:
        n = _write_note(out, n, rights, note + 4)
    return put(out, n, _CLOSE_LIST)


@inlined
def _write_head(out: Any, n: int, live: Live, sid: int, until: int) -> int:
    s, keys = live.subjects, live.keys.text
    n = put(out, n, _HEAD)
    n = put_span(out, n, keys, s.key_at[sid], as_int(s.key_len[sid]))
    n = put(out, n, _VERSION)
    n = put_int(out, n, as_int(s.version[sid]) + 1)
    n = put(out, n, _AS_OF)
    n = put_int(out, n, s.last_ts[sid])
    n = put(out, n, _COMPUTED)
    n = put_int(out, n, live.counters[0].max_ts)
    if until < FOREVER:
        n = put(out, n, _VALID_UNTIL)
        n = put_int(out, n, until)
    return n


@inlined
def _write_permission(out: Any, n: int, rights: Rights, note: int, until: int) -> int:
    """Write a permission; where nothing else is noted, it lasts as long as the profile."""
    if rights.at[note] < rights.at[note + 1]:
        return _write_note(out, n, rights, note)
    return _write_allowed(out, n, until)


@inlined
def _write_allowed(out: Any, n: int, until: int) -> int:
    n = put(out, n, _ALLOWED)
    n = put_int(out, n, until) if until < FOREVER else put(out, n, _NULL)
    return put(out, n, _CLOSE_OBJECT)


@inlined
def _write_note(out: Any, n: int, rights: Rights, note: int) -> int:
    at = rights.at[note]
    return put_span(out, n, rights.text, at, rights.at[note + 1] - at)


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
    dates: Dates,
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
    n = put(out, n, _CLOSE_OBJECT)
    if best.attributed >= LEAST_SHARE:
        n = put_hundredths(out, put(out, n, _ATTRIBUTED), best.attributed)
    if best.abroad >= LEAST_SHARE:
        n = put_hundredths(out, put(out, n, _ABROAD), best.abroad)
    n = put(out, n, _TREND)
    n = put(out, n, _TRENDS[best.trend])
    n = put(out, n, _LAST)
    newest = as_int(row.day) + 1 - days_since(row.bits)
    n = put_known_date(out, n, max(newest, as_int(row.first)), dates)
    n = put(out, n, _FIRST_SEEN)
    n = put_known_date(out, n, as_int(row.first), dates)
    if not as_int(row.known) & (F_DISLIKE | F_QUIET):  # a model's `avoid` is of tomorrow alone
        n = put_moments(out, n, row, day, active, room)
    n = put(out, n, _PARTS)
    n = _write_shares(out, n, row)
    n = put(out, n, _STANCE)
    n = put(out, n, _STANCES[best.stance])
    n = put_known_date(out, put(out, n, _STANCE_SINCE), as_int(best.since), dates)
    if best.until < FOREVER:
        n = put_int(out, put(out, n, _UNTIL), best.until)
    return write_reasons(out, n, row, day, best, held)


@inlined
def _rounded(score: float, step: float) -> float:
    """The score to the step that is published by; what is below a step to its tenth."""
    unit = min(step, 0.1) if score >= step else min(step, 0.1) * 0.1
    return float(min(1.0, max(1e-4, np.floor(score / unit + 0.5) * unit)))


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
