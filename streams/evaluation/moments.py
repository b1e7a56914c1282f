"""Measures forecasts of the quarter of the day in which a person engages with an interest.

A row is a person, an interest, a day and a quarter of it, from the day after the pair's first
active day to the end of the person's diary; said in the morning from the days before, the first
quarter of each diary not judged. Weeks without an event are taken out, as of
merged homes: a panel that met twice a year says nothing of the months between.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.moments import KNOWN_DAYS, WEEKDAYS, forecast_mornings
from streams.evaluation.measures import auc, calibration_error, log_loss
from streams.evaluation.merged_homes import without_empty_weeks
from streams.evaluation.people import People

Floats = NDArray[np.float64]
_DAY_MS, _QUARTER_MS, _SAID = 86_400_000, 21_600_000, 0.5
_NEVER, _THURSDAY, _SATURDAY = 2**40, 3, 5  # 1970-01-01 was a Thursday
_KNOWN, _FADE = np.uint64(2**KNOWN_DAYS - 1), 2.0 ** (-1.0 / 60.0)


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


class _Habits:
    """What a profile's rows would hold of each pair and each person, brought forward by day."""

    def __init__(self, book: PairDays) -> None:
        self.person = np.array(book.persons)
        pairs, people = len(self.person), len(book.spans)
        self.first = np.full(pairs, _NEVER)
        self.days, self.active = np.zeros(pairs, np.uint64), np.zeros(people, np.uint64)
        self.parts, self.all_parts = np.zeros((pairs, 2, 4)), np.zeros((people, 2, 4))
        self.weekdays, self.since = np.zeros((pairs, 7, 4)), np.zeros((pairs, 7))

    def morning(self, day: int) -> Floats:
        """Probability by pair and part of a day, shape (pairs, 4)."""
        cells = np.zeros((len(self.person), WEEKDAYS + 2, 4))
        of = self.person
        forecast_mornings(
            day,
            self.days,
            self.active[of],
            np.maximum(day - self.first, 0),
            self.parts.reshape(-1, 8),
            self.all_parts[of].reshape(-1, 8),
            cells,
        )
        return np.asarray(cells[:, (day + _THURSDAY) % 7])

    def simple(self, day: int) -> Floats:
        """Share of the pair's days times the person's share of the part, to compare with."""
        age = np.clip(day - self.first, 1, KNOWN_DAYS)
        rate = (np.bitwise_count(self.days & _KNOWN) + 0.05) / (age + 1.0)
        of_parts = self.all_parts.sum(1) + 0.25
        return np.asarray(rate[:, None] * (of_parts / of_parts.sum(1, keepdims=True))[self.person])

    def weekday(self, day: int, base: float) -> Floats:
        """Share of the weeks in which the pair was there on that weekday and part."""
        of = day % 7
        return (self.weekdays[:, of] + 2.0 * base) / (self.since[:, of, None] + 2.0)

    def close(self, day: int, hit: NDArray[np.uint8]) -> None:
        """Count a day; `hit` has the bits of each pair's parts."""
        kind = int((day + _THURSDAY) % 7 >= _SATURDAY)
        parts = (hit[:, None] >> np.arange(4) & 1).astype(float)
        self.weekdays[:, day % 7] += parts
        self.since[:, day % 7] += self.first < day
        self.first[(hit > 0) & (self.first == _NEVER)] = day
        for bits in (self.days, self.active):
            bits <<= np.uint64(1)
        self.days |= (hit > 0).astype(np.uint64)
        self.active[np.unique(self.person[hit > 0])] |= np.uint64(1)
        for mass in (self.parts, self.all_parts):
            mass *= _FADE
        self.parts[:, kind] += parts
        np.add.at(self.all_parts[:, kind], self.person, parts)


def forecast(book: PairDays) -> Cells:
    """Run the forecast of a profile and the baselines over the days."""
    habits = _Habits(book)
    begins = book.spans[:, 0] + (book.spans[:, 1] - book.spans[:, 0]) // 4
    labels: list[NDArray[np.uint8]] = []
    lines: dict[str, list[Floats]] = {}
    seen, rows = 0.0, 0.0
    for day in range(int(book.spans[:, 0].min()), int(book.spans[:, 1].max()) + 1):
        there = ((book.spans[:, 0] <= day) & (day <= book.spans[:, 1]))[habits.person]
        hit = np.zeros(len(there), np.uint8)
        for pair, bits in book.hits.get(day, {}).items():
            hit[pair] = bits
        y = (hit[:, None] >> np.arange(4) & 1).astype(np.uint8)
        old = (habits.first < day) & there
        judged = old & (begins[habits.person] <= day)
        if judged.any():
            base = (seen + 1.0) / (rows + 50.0)
            said = {
                "moments": habits.morning(day),
                "own rate by person's part": habits.simple(day),
                "weekday by part": habits.weekday(day, base),
                "base rate": np.full(y.shape, base),
            }
            labels.append(y[judged].ravel())
            for name, p in said.items():
                lines.setdefault(name, []).append(p[judged].ravel())
        seen, rows = seen + y[old].sum(), rows + 4.0 * old.sum()
        habits.close(day, hit)
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
