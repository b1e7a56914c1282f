"""Collects the signals and labels of a closed day's rows, and counts who was active."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.jit import as_int, bare, inlined, njit
from features.models.signals_kernel import evidence, fill, morning, subject_days
from features.state.layout import F_TOLD, S_GONE, Live
from features.state.rows_kernel import active_on

_SALT = np.uint64(0x9E3779B97F4A7C15)


class Columns(NamedTuple):
    """Output of `fill_training_rows`, each of length n: see `features.models.signals.DayRows`."""

    x: NDArray[np.float64]  # shape (n, SIGNALS)
    y: NDArray[np.uint8]
    interest: NDArray[np.uint16]
    subject: NDArray[np.int32]
    active_today: NDArray[np.uint8]
    source: NDArray[np.uint8]
    evidence: NDArray[np.uint8]
    known: NDArray[np.uint16]
    bits: NDArray[np.uint64]


@bare
def count_candidates(live: Live, day: int) -> int:
    """Rows that had been engaged with before `day`, or spoken of."""
    subjects = live.subjects
    n = 0
    for sid in range(live.counters[0].subjects):
        if subjects.status[sid] & S_GONE:
            continue
        start = as_int(subjects.start[sid])
        for j in range(start, start + as_int(subjects.used[sid])):
            if _is_candidate(live.rows.windows[j], day):
                n += 1
    return n


@njit
def fill_training_rows(live: Live, day: int, keep: float, log_odds: Any, out: Columns) -> int:
    """Signals and labels of a day that closes, subjects in order of arrival, rows in order.

    Parameters
    ----------
    keep : float
        Share of the subjects taken, chosen by a hash of subject and day.
    log_odds : ndarray of float64, shape (interests,)
    out : Columns
        Filled.

    Returns
    -------
    int
        Rows filled; a full array ends the pass.
    """
    subjects, rows = live.subjects, live.rows
    levels = np.zeros(3)
    n = 0
    for sid in range(live.counters[0].subjects):
        if subjects.status[sid] & S_GONE or subjects.used[sid] == 0:
            continue
        if not _taken(subjects.hash[sid], day, keep):
            continue
        began = morning(live, sid, day)
        was_active = 1 if subject_days(subjects, sid, day + 1) & np.uint64(1) else 0
        start = as_int(subjects.start[sid])
        for j in range(start, start + as_int(subjects.used[sid])):
            row = rows.windows[j]
            if not _is_candidate(row, day):
                continue
            if n == out.y.shape[0]:
                return n
            out.bits[n] = fill(live, j, began, log_odds, levels, out.x[n])
            out.y[n] = 1 if active_on(row, day) else 0
            out.interest[n] = rows.interest[j]
            out.subject[n] = sid
            out.active_today[n] = was_active
            out.source[n] = _main_source(row)
            out.evidence[n] = np.uint8(evidence(began, as_int(row.first)))
            out.known[n] = row.known
            n += 1
    return n


@inlined
def _is_candidate(row: Any, day: int) -> Any:
    """Whether a row was engaged with before `day` or spoken of, not raised by a machine alone."""
    since = (1 if active_on(row, day) else 0) + (1 if active_on(row, day + 1) else 0)
    return as_int(row.first) < day and (as_int(row.active) > since or row.known & F_TOLD != 0)


@inlined
def _main_source(row: Any) -> int:
    mass = 0.0
    for k in range(8):
        mass += row.part[k]
    network = mass - row.tv - row.app
    if row.tv > network and row.tv >= row.app:
        return 1
    return 2 if row.app > network else 0


@inlined
def _taken(h: Any, day: int, keep: float) -> Any:
    mixed = (h ^ (np.uint64(day) * _SALT)) * np.uint64(0xFF51AFD7ED558CCD)
    return np.float64(mixed >> np.uint64(11)) < keep * 9007199254740992.0


@bare
def day_counts(live: Live, day: int, hits: Any) -> int:
    """Add each interest's engaged subjects of `day` to `hits`; returns the known subjects."""
    subjects, rows = live.subjects, live.rows
    alive = 0
    for sid in range(live.counters[0].subjects):
        if subjects.status[sid] & S_GONE or subjects.used[sid] == 0:
            continue
        if as_int(subjects.first[sid]) <= day:
            alive += 1
        start = as_int(subjects.start[sid])
        for j in range(start, start + as_int(subjects.used[sid])):
            row = rows.windows[j]
            if as_int(row.day) + 1 >= day and active_on(row, day):
                hits[as_int(rows.interest[j])] += 1.0
    return alive
