"""Measures what each source and field is worth: the same log replayed without it.

The production engine folds the records once whole and once without each of them; nothing else
differs, and facts always stay, for rights rest on them. Truth is what the *whole* log shows: every
(subject, interest, day) that it scored. A replay that lacks a subject's row answers with that of
its household, and where that lacks it too with the running rate of such rows, so all are judged on
the same rows and a difference is paired. Intervals draw accounts with their members.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.tags.exact import TagEntry
from features.tags.taxonomy import Taxonomy
from features.vocabulary import Outcome
from streams.contract.record import Record
from streams.evaluation.counterfactual import (
    FIELDS,
    KINDS,
    SOURCES,
    Replay,
    replay_without,
    row_days,
    row_subjects,
    with_subject,
)
from streams.evaluation.intervals import TAIL, Interval
from streams.evaluation.measures import row_losses

Floats = NDArray[np.float64]

EVERYTHING = (*SOURCES, *FIELDS)
#: Share of what the whole log gives that the minimal set has to keep.
KEEP = 0.99

_BINS, _TIMES, _SEED, _LEAST_DAYS = 15, 400, 20_251, 4
_PRIOR, _PRIOR_ROWS = 0.05, 20.0  # of the running rate
_COUNTED = int(Outcome.COUNTED)
_REFUSED = (int(Outcome.SUPPRESSED), int(Outcome.NO_CONSENT))


class Worth(NamedTuple):
    """Says what a replay without something keeps, against the whole log's.

    Attributes
    ----------
    without : tuple of str
    size : float
        Share of the bytes that go in.
    log_loss, ece : Interval
    gain : Interval
        Share that is kept of what the whole log tells beyond the running rate, in log-loss.
    reach, moments, attributed : Interval
        Shares that are kept; NaN where the whole log has none.
    unprotected : int
        Records that rights keep out of the whole log, and that would be counted.
    same : bool
        Not a bit differs: it is not read at all.
    """

    without: tuple[str, ...]
    size: float
    log_loss: Interval
    ece: Interval
    gain: Interval
    reach: Interval
    moments: Interval
    attributed: Interval
    unprotected: int
    same: bool

    @property
    def kept(self) -> float:
        """The least of what is kept of accuracy and of reach."""
        return min(self.gain.value, self.reach.value)


class Study(NamedTuple):
    """Says what a log is worth, whole and in parts.

    Attributes
    ----------
    records, accounts, subjects, rows : int
    whole : Worth
    parts : tuple of Worth
        Without each single source or field, the least missed first.
    minimal : Worth
        Without all that may go together.
    needed : tuple of str
        What the minimal set holds.
    """

    records: int
    accounts: int
    subjects: int
    rows: int
    whole: Worth
    parts: tuple[Worth, ...]
    minimal: Worth
    needed: tuple[str, ...]


def measure_worth(
    records: Iterable[Record],
    tree: Taxonomy,
    table: Mapping[str, TagEntry],
    tell: Callable[[str], None] = lambda _: None,
    parts: Sequence[str] = EVERYTHING,
) -> Study:
    """Replay a log whole, without each part, and without all that may go together.

    Parameters
    ----------
    tell : callable
        Told what is being replayed.
    parts : sequence of str
        Of `EVERYTHING`.

    Raises
    ------
    ValueError
        Where the log is too short for a figure: two days have to close.
    """
    log = [record for record in records if record.topic in KINDS]
    names: dict[str, int] = {}

    def without(gone: tuple[str, ...]) -> Worth:
        tell(f"without {', '.join(gone)}" if gone else "whole")
        return _compare(names, whole, replay_without(log, gone, tree, table, names), gone)

    tell("whole")
    whole = replay_without(log, (), tree, table, names)
    if len(np.unique(row_days(whole.code))) < _LEAST_DAYS:
        raise ValueError(f"fewer than {_LEAST_DAYS} days with something to score")
    singles = sorted((without((part,)) for part in parts), key=lambda found: -found.kept)
    best = _compare(names, whole, whole, ())
    study = Study(
        len(log),
        len({record.key for record in log}),
        len(set(row_subjects(whole.code).tolist())),
        len(whole.code),
        best,
        tuple(singles),
        best,
        tuple(parts),
    )
    gone: tuple[str, ...] = ()
    for part in singles:
        if not _may_go(part):
            continue
        found = without((*gone, *part.without)) if gone else part
        if _may_go(found):
            best, gone = found, found.without
    return study._replace(minimal=best, needed=tuple(part for part in parts if part not in gone))


def _may_go(found: Worth) -> bool:
    return found.kept >= KEEP and found.unprotected == 0


# -- comparison


def _compare(
    names: Mapping[str, int], whole: Replay, other: Replay, gone: tuple[str, ...]
) -> Worth:
    day = row_days(whole.code)
    days = np.unique(day)
    counted = day >= days[len(days) // 4]
    account = _accounts(names)
    draws = _Draws(account, row_subjects(whole.code)[counted])
    y = whole.y[counted]
    nothing = row_losses(whole.y, _running_rate(day, whole.y, np.ones(len(day), np.bool_)))[counted]
    own = row_losses(y, whole.score[counted])
    answered = _answers(names, whole, other)
    p = answered[counted]
    lost = row_losses(y, p)
    bins = np.minimum((p * _BINS).astype(np.int64), _BINS - 1)
    kept = int(np.count_nonzero(np.isin(whole.outcomes, _REFUSED) & (other.outcomes == _COUNTED)))
    ones = np.ones(len(y))
    return Worth(
        gone,
        other.size / whole.size,
        draws.of_rows(lambda loss, n: loss / n, lost, ones),
        draws.calibration(bins, p - y),
        draws.of_rows(lambda none, loss, best: (none - loss) / (none - best), nothing, lost, own),
        draws.of_subjects(names, other.reach, whole.reach),
        draws.of_subjects(names, other.moments, whole.moments),
        draws.of_subjects(names, other.attributed, whole.attributed),
        kept,
        other.digest == whole.digest,
    )


def _accounts(names: Mapping[str, int]) -> NDArray[np.int64]:
    """Number of the account of each subject."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name.partition("/")[0], len(numbers)) for name in names])


def _answers(names: Mapping[str, int], whole: Replay, other: Replay) -> Floats:
    """What a replay answers for the whole log's rows."""
    home = np.array([names.get(name.partition("/")[0], -1) for name in names], np.int64)
    subject = row_subjects(whole.code)
    of_home = with_subject(whole.code, home[subject])
    found = np.full(len(whole.code), np.nan)
    for code in (of_home, whole.code) if len(other.code) else ():  # the subject's own wins
        at = np.minimum(np.searchsorted(other.code, code), len(other.code) - 1)
        has = other.code[at] == code
        found[has] = other.score[at[has]]
    absent = np.isnan(found)
    day = row_days(whole.code)
    found[absent] = _running_rate(day, whole.y, absent)[absent]
    return found


def _running_rate(day: NDArray[np.int64], y: NDArray[np.uint8], among: NDArray[np.bool_]) -> Floats:
    """Rate of engagement of some rows on the days before each row's."""
    days, at = np.unique(day, return_inverse=True)
    hits = np.bincount(at, y * among, len(days))
    rows = np.bincount(at, among.astype(np.float64), len(days))
    before = np.cumsum(hits) - hits, np.cumsum(rows) - rows
    rate: Floats = (before[0] + _PRIOR * _PRIOR_ROWS) / (before[1] + _PRIOR_ROWS)
    return rate[at]


class _Draws:
    """Draws accounts, always the same."""

    def __init__(self, account: NDArray[np.int64], subject: NDArray[np.int64]) -> None:
        self._account, self._of_row = account, account[subject]
        self._count = int(account.max()) + 1
        chance = np.random.default_rng(_SEED)
        even = np.full(self._count, 1.0 / self._count)
        self._times = chance.multinomial(self._count, even, _TIMES).astype(np.float64)

    def of_rows(self, figure: Callable[..., Any], *values: Floats) -> Interval:
        sums = [self._sums(value) for value in values]
        return self._interval(figure, *sums)

    def _sums(self, values: Floats) -> Floats:
        found: Floats = np.bincount(self._of_row, values, self._count).astype(np.float64)
        return found

    def calibration(self, bins: NDArray[np.int64], gap: Floats) -> Interval:
        """Expected calibration error."""
        sums = np.array([
            np.bincount(self._of_row, gap * (bins == b), self._count) for b in range(_BINS)
        ])  # fmt: skip
        rows = np.bincount(self._of_row, minlength=self._count).astype(np.float64)
        drawn = np.abs(self._times @ sums.T).sum(axis=1) / (self._times @ rows)
        value = float(np.abs(sums.sum(axis=1)).sum() / rows.sum())
        low, high = np.quantile(drawn, (TAIL, 1.0 - TAIL))
        return Interval(value, float(low), float(high))

    def of_subjects(
        self, names: Mapping[str, int], own: Mapping[str, int], whole: Mapping[str, int]
    ) -> Interval:
        """Share of a count that is kept; more of one subject makes up for no other."""
        kept, all_of = np.zeros(self._count), np.zeros(self._count)
        for name, count in whole.items():
            if name in names:
                at = self._account[names[name]]
                all_of[at] += count
                kept[at] += min(count, own.get(name, 0))
        return self._interval(lambda some, most: some / most, kept, all_of)

    def _interval(self, figure: Callable[..., Any], *sums: Floats) -> Interval:
        with np.errstate(divide="ignore", invalid="ignore"):
            value = float(figure(*(column.sum() for column in sums)))
            drawn = figure(*(self._times @ column for column in sums))
        drawn = drawn[np.isfinite(drawn)]
        if not len(drawn):
            return Interval(value, float("nan"), float("nan"))
        low, high = np.quantile(drawn, (TAIL, 1.0 - TAIL))
        return Interval(value, float(low), float(high))
