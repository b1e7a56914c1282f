"""Writes when an interest is likely: its moments, and the next time."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.jit import as_int, inlined
from features.moments.moments_kernel import (
    PARTS,
    Forecast,
    Habit,
    fill_cells,
    following,
    name_moments,
    worth_naming,
)
from features.profiles.json_kernel import put, put_date, put_hundredths, put_span
from features.state.layout import Live
from features.state.rows_kernel import days_before, decay
from features.vocabulary import DayType, Part, Weekday


def _text(words: list[str]) -> tuple[Any, Any]:
    """Words behind each other, and where each begins; the last place is the end."""
    ends = np.cumsum([0, *map(len, words)])
    return np.frombuffer("".join(words).encode(), np.uint8), ends


_MOMENTS, _ = _text([',"moments":['])
_CELLS, _CELLS_AT = _text([
    f'{{"{kind}":"{day}","part":"{part}","p":'
    for kind, days in (("weekday", Weekday.words()), ("day_type", DayType.words()))
    for day in days
    for part in Part.words()
])  # fmt: skip
_NEXT, _ = _text([',"next":{"date":'])
_PARTS_TEXT, _PARTS_AT = _text([f',"part":"{part}"}}' for part in Part.words()])
_COMMA, _CLOSE, _END = (_text([word])[0] for word in (",", "}", "]"))


@inlined
def fill_parts_of(live: Live, sid: int, day: int, parts: Any) -> None:
    """Fill the mass of all rows of a subject by part of the day, as of the start of `day`."""
    s, rows = live.subjects, live.rows
    for k in range(2 * PARTS):
        parts[k] = 0.0
    start = as_int(s.start[sid])
    for j in range(start, start + as_int(s.used[sid])):
        row = rows.windows[j]
        left = decay(live.clock, 2, max(0, day - as_int(row.day)))
        for k in range(2 * PARTS):
            parts[k] += left * row.part[k]


@inlined
def put_moments(out: Any, n: int, row: Any, day: int, active: Any, room: Forecast) -> int:
    """Write the moments of a row as of the morning of `day`; nothing where none is likely.

    Parameters
    ----------
    active : uint64
        Active days of the subject, bit 0 is the day before.
    room : Forecast
        With the parts of the subject.
    """
    age = day - as_int(row.first)
    habit = Habit(day, days_before(row, day), active, age, row.part, room.all_parts)
    if not worth_naming(habit):
        return n
    fill_cells(habit, room.cells)
    count = name_moments(room.cells, room.named)
    for k in range(count):
        cell = room.named[k]
        n = put(out, n, _MOMENTS if k == 0 else _COMMA)
        n = put_span(out, n, _CELLS, _CELLS_AT[cell], _CELLS_AT[cell + 1] - _CELLS_AT[cell])
        n = put_hundredths(out, n, room.cells[cell // PARTS, cell % PARTS])
        n = put(out, n, _CLOSE)
    if count > 0:
        n = put(out, n, _END)
    after = following(room.cells, day)
    if after >= 0:
        n = put(out, n, _NEXT)
        n = put_date(out, n, day + after // PARTS)
        part = after % PARTS
        n = put_span(out, n, _PARTS_TEXT, _PARTS_AT[part], _PARTS_AT[part + 1] - _PARTS_AT[part])
    return n
