"""Adds up what days and partitions taught, and says what a model makes of the sum.

A sum is, by part of a model: of a regression the curvature and pull of the rows
(`features.models.pooled_kernel`), of the weights of bins FTRL's n and where it was pulled, of
rates, the contest and the trust in bins the counts themselves, which fade by the day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.models import adpredictor, binned, measures, rarity, signals
from features.models.binned_kernel import BETA
from features.models.bins_kernel import BINS, SIZE
from features.models.comparison import MOST_DAYS
from features.models.signals import HABIT, PRESENCE

Floats = NDArray[np.float64]
#: Arrays by name: sums of some days, or parts of a model.
Sums = dict[str, Floats]
REGRESSIONS: Final = ("habit", "here")
PROBITS: Final = {
    "probit habit": ("habit", HABIT, adpredictor.HABIT_FORGETS),
    "probit here": ("here", PRESENCE, adpredictor.PRESENCE_FORGETS),
}
#: Counts, and what the close of a day leaves of those of earlier ones.
TRUST: Final = "trust"
FADING: Final = {
    "population": signals.DECAY,
    "rarity": rarity.DECAY,
    "tallies": measures.DECAY,
    TRUST: binned.DECAY,
}
CONTEST: Final = "contest"
#: Rows that days had, by `MOST_DAYS`, and of those how many were in partitions that found a drift.
ROWS: Final = "rows"
_WIDTH: Final = 4_000  # weights of bins in a part: 32 kB
BINNED: Final = {f"bins {at}": slice(at, at + _WIDTH) for at in range(0, SIZE, _WIDTH)}
#: What a merged model consists of.
PARTS: Final = (*FADING, CONTEST, *REGRESSIONS, *PROBITS, *BINNED)


class Given(NamedTuple):
    """Lessons of some days.

    Attributes
    ----------
    day : int
        The last of them.
    sums : Sums
        By names of `PARTS`, of a regression two.
    """

    day: int
    sums: Sums

    def aged(self, day: int) -> Given:
        """Let what was counted fade until the close of `day`."""
        return Given(day, {name: aged(name, own, self.day, day) for name, own in self.sums.items()})


def summed(items: Iterable[Given]) -> Given:
    """Sum up what some days, or some partitions, taught.

    Parameters
    ----------
    items : iterable of Given
        At least one; the order decides the last bits.
    """
    items = list(items)
    day = max(item.day for item in items)
    total: Sums = {}
    for item in items:
        for name, own in item.aged(day).sums.items():
            total[name] = total[name] + own if name in total else own
    return Given(day, total)


def averaged(part: str, helds: Sequence[Floats]) -> Floats:
    """Average a part of the models of partitions that learned apart, by what is behind each weight.

    Counts add up; a weight is as certain as where it is most so, for all may have seen the same.
    """
    if part in FADING or part == CONTEST:
        total: Floats = np.sum(helds, axis=0)
        return total
    weights, seen = np.stack(helds, axis=1)
    behind = seen.sum(axis=0)
    mean = (weights * seen).sum(axis=0) / np.where(behind > 0.0, behind, 1.0)
    return np.stack([np.where(behind > 0.0, mean, weights[0]), seen.max(axis=0)])


def names_of(part: str) -> tuple[str, ...]:
    """Name the sums that a part learns from."""
    if part in REGRESSIONS or part in PROBITS:
        return f"{part} pairs", f"{part} sums"
    return (part,)


def doubts(sums: Sums) -> float:
    """Times that the world changed: each partition counts for its share of the rows of a day."""
    if ROWS not in sums:
        return 0.0
    rows, drifted = sums[ROWS]
    return float(np.sum(drifted[rows > 0.0] / rows[rows > 0.0]))


def aged(name: str, own: Floats, since: int, day: int) -> Floats:
    """Let counts of the close of `since` fade until that of `day`; all else stays as it is."""
    if name in FADING:
        return own * FADING[name] ** max(0, day - since)
    if name == CONTEST and day > since:  # the columns of the days that closed are theirs
        own = own.copy()
        own[:, [d % MOST_DAYS for d in range(max(since, day - MOST_DAYS) + 1, day + 1)]] = 0.0
    return own


def pulled(held: Floats, sums: Floats, where: slice) -> Floats:
    """Weights of bins, pulled as far as learning so many rows pulls them.

    A row moves the weights of all its bins at once, so each needs that much less of a pull.
    """
    seen, pull = sums
    reach = _reach(held[1], seen, where)
    some = seen > 0.0
    target = np.where(some, pull / np.where(some, seen, 1.0), held[0])
    return np.stack([held[0] + reach * (target - held[0]), held[1] + seen])


def _reach(before: Floats, seen: Floats, where: slice) -> Floats:
    """Share of the way to their targets that weights go while `seen` is added to FTRL's n."""
    step = binned.RATES[where] / (BETA + np.sqrt(before + 0.5 * seen))
    found: Floats = -np.expm1(-BINS * step * seen)
    return found


def asked_of_bins(before: Floats, after: Floats, where: slice) -> Floats:
    """FTRL's n that a day added, and its product with where the day pulled the weights."""
    seen = np.maximum(after[1] - before[1], 0.0)
    reach = _reach(before[1], seen, where)
    moved = np.where(seen > 0.0, (after[0] - before[0]) / np.where(seen > 0.0, reach, 1.0), 0.0)
    return np.stack([seen, seen * (before[0] + moved)])


def rounded(own: Floats) -> Floats:
    """Round to what is written: 32 bits, and one zero, for a weight that is restored may have two.

    Examples
    --------
    >>> rounded(np.array([-0.0, 1.0 + 1e-9])).tolist()
    [0.0, 1.0]
    """
    return own.astype(np.float32).astype(np.float64) + 0.0
