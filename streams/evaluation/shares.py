"""Measures `share`: how the attention of the next seven days was divided, against counts.

Attention is time that saturates as an event's weight does (five minutes are half), counted from the
panel's visits and not by the code under test. On every morning that counts, of everybody whose week
lies within the diary, the shares of all known interests are compared with those of the week: by
NDCG@10 with the shares as gains, as the Temporal Graph Benchmark has it, and by cross-entropy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import orjson
from numpy.typing import NDArray

from features.tags.taxonomy import Taxonomy
from streams.evaluation.intervals import Blocks, Interval
from streams.evaluation.panels import Panel
from streams.evaluation.prequential import Answers

Floats = NDArray[np.float64]

#: Days whose attention is foretold.
WEEK = 7
_HALF_LIVES = (1.0, 3.0, 7.0, 14.0, 28.0, 60.0)
_WINDOWS = (7, 14, 28, 10_000)
_HALF_S = 300.0
_UNIFORM = 0.02  # of every answer, so that none says never
_FIRST = 10
_BANDS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 1.0)


@dataclass(frozen=True)
class ShareLine:
    """Figures of one answerer, and by how much `share` is better.

    Attributes
    ----------
    ndcg, cross_entropy : float
        Means over subjects and mornings.
    ndcg_gain : Interval
        Difference.
    cross_entropy_gain : Interval
        As a share of this line's.
    """

    name: str
    ndcg: float
    cross_entropy: float
    ndcg_gain: Interval
    cross_entropy_gain: Interval


@dataclass(frozen=True)
class ShareBand:
    """Shares of one band: what was said, what came, and how often the interval held it."""

    shares: str
    rows: int
    said: float
    came: float
    held: float


@dataclass(frozen=True)
class Week:
    """Rows of the mornings that count, grouped by subject and morning.

    Attributes
    ----------
    rows : ndarray of intp, shape (n,)
        Places in the answers.
    group : ndarray of intp, shape (n,)
    came : ndarray of float64, shape (n,)
        Attention of the seven days.
    """

    rows: NDArray[np.intp]
    group: NDArray[np.intp]
    came: Floats

    def shared(self, values: Floats) -> Floats:
        """Values as shares of their group."""
        total = np.bincount(self.group, values)
        found: Floats = values / np.maximum(total, 1e-300)[self.group]
        return found


def attention(panel: Panel, taxonomy: Taxonomy) -> dict[tuple[str, int, int], float]:
    """Attention by account, interest and day."""
    raised = {key: taxonomy.index(name) for key, name in panel.interests().items()}
    found: dict[tuple[str, int, int], float] = {}
    for visit in panel.visits:
        value = orjson.loads(visit.value)
        spent = (value.get("watched_ms") or value.get("duration_ms") or 0) / 1000.0
        at = visit.account, raised[visit.key], visit.day
        found[at] = found.get(at, 0.0) + spent / (spent + _HALF_S)
    return found


def compare_shares(
    answers: Answers,
    counted: NDArray[np.bool_],
    given: Mapping[tuple[str, int, int], float],
    ends: Mapping[str, int],
) -> tuple[list[ShareLine], list[ShareBand]]:
    """Compare the shares that were said with decayed counts and moving averages.

    Parameters
    ----------
    given : mapping of (account, interest, day) to float
        Attention.
    ends : mapping of str to int
        Last day of each account's diary.
    """
    past, came = _counts(answers, given)
    last = np.array([ends[name] for name in answers.subjects])
    week = _week(answers, counted & (answers.day + WEEK - 1 <= last[answers.subject]), came)
    if not len(week.rows):
        return [], []
    firsts = week.rows[np.flatnonzero(np.diff(week.group, prepend=-1))]
    blocks = Blocks(answers.subject[firsts], answers.day[firsts])
    said = answers.decisions["share"].astype(np.float64)
    own = _measured(week, said)
    lines = []
    for name, values in {"share": said, "score": answers.decisions["score"], **past}.items():
        ndcg, lost = _measured(week, values)
        lines.append(
            ShareLine(
                name,
                float(ndcg.mean()),
                float(lost.mean()),
                blocks.mean(own[0] - ndcg),
                blocks.gain(own[1], lost),
            )
        )
    return lines, _bands(answers, week)


def _counts(
    answers: Answers, given: Mapping[tuple[str, int, int], float]
) -> tuple[dict[str, Floats], Floats]:
    """Decayed counts and moving averages of every row, and the attention of its seven days."""
    days: dict[tuple[str, int], list[tuple[int, float]]] = {}
    for (account, of, day), mass in given.items():
        days.setdefault((account, of), []).append((day, mass))
    names = [f"decayed {h:g} days" for h in _HALF_LIVES]
    names += [f"mean of {n} days" if n < 1000 else "mean of all days" for n in _WINDOWS]
    past, came = np.zeros((len(names), len(answers))), np.zeros(len(answers))
    order = np.lexsort((answers.day, answers.interest, answers.subject))
    subject, interest = answers.subject[order], answers.interest[order]
    new = (np.diff(subject, prepend=-1) != 0) | (np.diff(interest, prepend=-1) != 0)
    starts = np.flatnonzero(new)
    for a, b in zip(starts, [*starts[1:], len(order)], strict=True):
        rows = order[a:b]
        own = days[answers.subjects[int(subject[a])], int(interest[a])]
        back = answers.day[rows][:, None] - np.array([day for day, _ in own])[None, :]
        weight = np.array([mass for _, mass in own])[None, :]
        came[rows] = np.where((back <= 0) & (back > -WEEK), weight, 0.0).sum(1)
        for k, h in enumerate(_HALF_LIVES):
            fade = 2.0 ** (-np.maximum(back, 0) / h)
            past[k, rows] = np.where(back > 0, weight * fade, 0.0).sum(1)
        for k, n in enumerate(_WINDOWS, len(_HALF_LIVES)):
            past[k, rows] = np.where((back > 0) & (back <= n), weight, 0.0).sum(1)
    return dict(zip(names, past, strict=True)), came


def _week(answers: Answers, judged: NDArray[np.bool_], came: Floats) -> Week:
    """Group rows; those of mornings whose week brings nothing that is known are left out."""
    rows = np.flatnonzero(judged)
    rows = rows[np.lexsort((answers.interest[rows], answers.day[rows], answers.subject[rows]))]
    subject, day = answers.subject[rows], answers.day[rows]
    new = (np.diff(subject, prepend=-1) != 0) | (np.diff(day, prepend=-1) != 0)
    group = np.cumsum(new) - 1
    some = (np.bincount(group, came[rows]) > 0.0)[group] if len(rows) else np.zeros(0, np.bool_)
    rows, group = rows[some], np.unique(group[some], return_inverse=True)[1]
    return Week(rows, group, came[rows])


def _measured(week: Week, values: Floats) -> tuple[Floats, Floats]:
    """NDCG@10 and cross-entropy of each group."""
    own = values[week.rows].astype(np.float64)
    size = np.bincount(week.group)[week.group]
    said = (1.0 - _UNIFORM) * week.shared(own) + _UNIFORM / size
    lost: Floats = np.bincount(week.group, -week.shared(week.came) * np.log(said)).astype(
        np.float64
    )
    return _gain(week, own) / _gain(week, week.came), lost


def _gain(week: Week, by: Floats) -> Floats:
    """Discounted gain of the first ten of each group in the order of `by`, ties by chance."""
    chance = np.random.default_rng(7).random(len(by))
    order = np.lexsort((chance, -by, week.group))
    starts = np.searchsorted(week.group, np.arange(week.group[-1] + 1))
    place = np.arange(len(order)) - starts[week.group[order]]
    gain = np.where(place < _FIRST, week.came[order] / np.log2(place + 2.0), 0.0)
    found: Floats = np.bincount(week.group[order], gain).astype(np.float64)
    return found


def _bands(answers: Answers, week: Week) -> list[ShareBand]:
    decisions = answers.decisions[week.rows]
    came, said = week.shared(week.came), decisions["share"]
    held = (decisions["share_low"] <= came) & (came <= decisions["share_high"])
    found = []
    for low, high in zip(_BANDS, _BANDS[1:], strict=False):
        own = (said >= low) & (said < high + (high == 1.0))
        if own.any():
            found.append(
                ShareBand(
                    f"{low:g}-{high:g}",
                    int(own.sum()),
                    float(said[own].mean()),
                    float(came[own].mean()),
                    float(held[own].mean()),
                )
            )
    return found
