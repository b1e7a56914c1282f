"""Signals of a morning, whatever has come to the bitmaps since."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from features.config import Config
from features.models import signals_kernel as kernel
from features.state.store import Store

MORNING = 18_100
#: Days before a morning; older than what any bitmap holds, too.
_BACK = st.sets(st.integers(1, 80))


def _signals(row_ends: int, subject_ends: int, row: set[int], subject: set[int]) -> list[float]:
    """Signals of a row active on some days, in bitmaps that end on some day."""
    store = Store(Config().clock(), 1000)
    sid = store.ensure(b"a")
    held = store.rows.windows[store.row(sid, 5, row_ends)]
    held["first"] = min(row)
    held["bits"] = sum(1 << row_ends + 1 - day for day in row if 0 <= row_ends + 1 - day < 64)
    store.subjects["day"][sid] = subject_ends
    store.subjects["days"][sid] = sum(
        1 << subject_ends - day for day in subject if 0 <= subject_ends - day < 64
    )
    levels, out = np.zeros(3), np.zeros(kernel.SIGNALS)
    began = kernel.morning(store.live, sid, MORNING)
    kernel.fill(store.live, int(store.subjects["start"][sid]), began, np.zeros(8), levels, out)
    found: NDArray[np.float64] = out
    return [float(value) for value in found]


@given(_BACK.filter(len), _BACK, st.integers(-9, 0), st.integers(-9, 1), st.booleans())
def test_it_does_not_matter_on_which_day_the_bitmaps_end(
    row: set[int], more: set[int], row_ends: int, subject_ends: int, after: bool
) -> None:
    """A row's ends up to the morning's day (its next a day later), a subject's a day later."""
    active = {MORNING - back for back in row}
    seen = active | {MORNING - back for back in more}
    later = {MORNING, MORNING + 1} if after else set()
    ends = max(MORNING + row_ends, max(active) - 1), max(MORNING + subject_ends, max(seen))
    moved = _signals(MORNING, MORNING + 1, active | later, seen | later)
    assert _signals(*ends, active, seen) == moved
