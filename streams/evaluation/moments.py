"""Measures forecasts of the quarter of the day in which a person engages with an interest.

A row is a person, an interest, a day and a quarter of it, from the day after the pair's first
active day to the end of the person's diary; said in the morning, a whole day scored before it is
learned, the first quarter of each diary not judged. Weeks without an event are taken out, as of
merged homes: a panel that met twice a year says nothing of the months between.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.moments import Moments
from streams.evaluation.measures import auc, calibration_error, log_loss
from streams.evaluation.merged_homes import without_empty_weeks
from streams.evaluation.people import People

Floats = NDArray[np.float64]
_DAY_MS, _QUARTER_MS, _SAID = 86_400_000, 21_600_000, 0.5


class PairDays(NamedTuple):
    """Holds which pair was active when.

    Attributes
    ----------
    persons : list of int
        The person of each pair, ascending.
    hits : dict of int to dict of int to int
        Day to pair to bits of quarters.
    spans : ndarray of int64, shape (persons, 2)
        First and last day of each diary.
    """

    persons: list[int]
    hits: dict[int, dict[int, int]]
    spans: NDArray[np.int64]


def pair_days(people: People) -> PairDays:
    """Count diaries by pair, day and quarter."""
    seen: dict[tuple[int, str], dict[int, int]] = {}
    spans = []
    for person, name in enumerate(sorted(people)):
        times = without_empty_weeks(np.array([event.ts for event in people[name]], np.int64))
        spans.append((times[0] // _DAY_MS, times[-1] // _DAY_MS))
        for ts, event in zip(times.tolist(), people[name], strict=True):
            for interest, _ in event.interests:
                bits = seen.setdefault((person, interest), {})
                day, quarter = ts // _DAY_MS, ts % _DAY_MS // _QUARTER_MS
                bits[day] = bits.get(day, 0) | 1 << quarter
    pairs = sorted(seen)
    hits: dict[int, dict[int, int]] = {}
    for number, pair in enumerate(pairs):
        for day, bits_of_day in seen[pair].items():
            hits.setdefault(day, {})[number] = bits_of_day
    return PairDays([person for person, _ in pairs], hits, np.array(spans))


class Cells(NamedTuple):
    """Judged cells: label, and probabilities by line of the table."""

    y: NDArray[np.uint8]
    p: dict[str, Floats]


def forecast(book: PairDays) -> Cells:
    """Run the model and the baselines over the days."""
    model = Moments(book.persons)
    person = np.array(book.persons)
    begins = book.spans[:, 0] + (book.spans[:, 1] - book.spans[:, 0]) // 4
    labels: list[NDArray[np.uint8]] = []
    lines: dict[str, list[Floats]] = {}
    seen, rows = 0.0, 0.0
    cells = np.zeros((len(person), 7, 4))  # counts by weekday
    since = np.zeros((len(person), 7))
    for day in range(int(book.spans[:, 0].min()), int(book.spans[:, 1].max()) + 1):
        there = (book.spans[:, 0] <= day) & (day <= book.spans[:, 1])
        hit = np.zeros(len(person), np.uint8)
        for pair, bits in book.hits.get(day, {}).items():
            hit[pair] = bits
        y = (hit[:, None] >> np.arange(4) & 1).astype(np.uint8)
        old = (model.tables.first < day) & there[person]
        judged = old & (begins[person] <= day)
        if judged.any():
            base = np.full((len(person), 4), (seen + 1.0) / (rows + 50.0))
            weekday = (cells[:, day % 7] + base * 2.0) / (since[:, day % 7, None] + 2.0)
            said = {
                "moments": model.morning(day),
                "own rate by person's quarter": model.simple(day),
                "weekday by quarter": weekday,
                "base rate": base,
            }
            labels.append(y[judged].ravel())
            for name, p in said.items():
                lines.setdefault(name, []).append(p[judged].ravel())
        seen, rows = seen + y[old].sum(), rows + 4.0 * old.sum()
        cells[:, day % 7] += y
        since[:, day % 7] += old
        model.close(day, there.astype(np.uint8), hit)
    return Cells(np.concatenate(labels), {name: np.concatenate(of) for name, of in lines.items()})


def moment_figures(cells: Cells) -> dict[str, dict[str, float]]:
    """Log-loss, AUC, ECE, and what was said to be likelier than not, by line."""
    found = {}
    for name, p in cells.p.items():
        said = p >= _SAID
        hits = float(cells.y.sum())
        found[name] = {
            "log_loss": log_loss(cells.y, p),
            "auc": auc(cells.y, p),
            "ece": calibration_error(cells.y, p),
            "said_right": float(cells.y[said].mean()) if said.any() else float("nan"),
            "caught": float(cells.y[said].sum()) / hits,
        }
    return found
