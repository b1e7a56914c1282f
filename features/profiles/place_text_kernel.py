"""Writes where a subject is as JSON: by its latest event, by all of its days, and on what clock."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.jit import as_int, inlined
from features.profiles.json_kernel import put, put_date, put_int
from features.profiles.reasons_kernel import as_text
from features.state.layout import NO_ZONE, Live
from features.state.place_kernel import is_abroad, place_since, zone_of
from features.vocabulary import Place

_HOME = as_text(',"context":{"roaming":false,"country":')
_AWAY = as_text(',"context":{"roaming":true,"country":')
_NULL = as_text("null")
_ZONE = as_text(',"tz_offset_min":')
_PLACES = tuple(as_text(f',"place":"{word}"') for word in Place.words())
_SINCE = as_text(',"place_since":')
_QUOTE = 34


@inlined
def put_context(out: Any, n: int, live: Live, sid: int, day: int) -> int:
    """Write the context of a profile of the morning of `day`, but for its end."""
    s = live.subjects
    country, zone = as_int(s.country[sid]), zone_of(s, sid, live.clock)
    n = put(out, n, _AWAY if is_abroad(country, live.clock) else _HOME)
    if country == 0:
        n = put(out, n, _NULL)
    else:
        out[n] = _QUOTE
        out[n + 1] = np.uint8(country >> 8)
        out[n + 2] = np.uint8(country & 255)
        out[n + 3] = _QUOTE
        n += 4
    n = put(out, n, _ZONE)
    n = put(out, n, _NULL) if zone == NO_ZONE else put_int(out, n, zone)
    if live.clock.home != 0:
        place = place_since(live, sid, day)
        n = put(out, n, _PLACES[place & 1])
        if place > 1:
            n = put_date(out, put(out, n, _SINCE), place >> 1)
    return n
