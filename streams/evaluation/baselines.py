"""Computes the baselines: simple answers from counts, and a batch learner refitted weekly.

All answer a day from earlier days only. Counts become probabilities by the running rate of
rows with the same count, where a count isn't one by itself.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from features.models.signals import NAMES
from streams.evaluation.prequential import Answers

Floats = NDArray[np.float64]

# Smoothing of a frequency: a tenth of a hit in one day more.
_HITS, _DAYS = 0.1, 1.0
_START_RATE, _START_ROWS = 0.05, 20.0
#: What the signals were before presence was asked apart; the batch reference is given these and,
#: on a line of its own, all.
PLAIN = (
    "level_1d",
    "level_60d",
    "share_7d",
    "odds_7",
    "odds_28",
    "weekly_habit",
    "age",
    "yesterday",
    "population",
    "here_yesterday",
)


def baselines(answers: Answers, active: dict[tuple[int, int], list[int]]) -> dict[str, Floats]:
    """Probabilities by baseline.

    Parameters
    ----------
    active : dict of (subject, interest) to sorted list of days
        Counted by the harness itself, not by the code under test.
    """
    seven = np.zeros(len(answers))
    month, since, decayed = seven.copy(), seven.copy(), seven.copy()
    columns = zip(
        answers.subject.tolist(), answers.interest.tolist(), answers.day.tolist(), strict=True
    )
    for row, (subject, interest, day) in enumerate(columns):
        days = np.array(active[subject, interest])
        back = day - days[days < day]
        seven[row], month[row] = (back <= 7).sum(), (back <= 28).sum()
        since[row], decayed[row] = back.min(), (2.0 ** (-back / 7.0)).sum()
    levels = np.digitize(np.log2(decayed + 1e-9), np.arange(-8.0, 4.0, 0.5))
    return {
        "running base rate": running(answers, np.zeros(len(answers), np.intp)),
        "7-day frequency": (seven + _HITS) / (7.0 + _DAYS),
        "28-day frequency": (month + _HITS) / (28.0 + _DAYS),
        "7-day frequency, calibrated": running(answers, seven.astype(np.intp)),
        "7-day decayed, calibrated": running(answers, levels),
        "recency, calibrated": running(answers, np.minimum(since, 40).astype(np.intp)),
        "popularity, calibrated": running(answers, _popularity(answers)),
    }


def running(answers: Answers, group: NDArray[np.intp]) -> Floats:
    """Rate of the labels of earlier days in the same group, from 1 in 20 with weight 20."""
    hits = np.zeros(int(group.max()) + 1)
    rows = hits.copy()
    out = np.zeros(len(answers))
    for part in days_of(answers):
        own = group[part]
        out[part] = (hits[own] + _START_RATE * _START_ROWS) / (rows[own] + _START_ROWS)
        hits += np.bincount(own, answers.y[part], len(hits))
        rows += np.bincount(own, minlength=len(rows))
    return out


def days_of(answers: Answers) -> Iterable[slice]:
    """The rows of each day, in order."""
    starts = np.flatnonzero(np.diff(answers.day, prepend=-1))
    return [slice(a, b) for a, b in zip(starts, [*starts[1:], len(answers)], strict=True)]


def _popularity(answers: Answers) -> NDArray[np.intp]:
    """Octave of the number of engaged subject-days an interest had before."""
    seen = np.zeros(int(answers.interest.max()) + 1)
    out = np.zeros(len(answers), np.intp)
    for part in days_of(answers):
        out[part] = np.log2(1.0 + seen[answers.interest[part]]).astype(np.intp)
        seen += np.bincount(answers.interest[part], answers.y[part], len(seen))
    return out


def weekly_boosting(answers: Answers, names: Iterable[str] = NAMES) -> Floats:
    """LightGBM refitted each Monday on all history; the running rate before the first fit.

    Raises
    ------
    ImportError
        Where the extra ``quality`` is not installed.
    """
    import lightgbm

    x = answers.x[:, [NAMES.index(name) for name in names]]
    week = (answers.day + 3) // 7  # 1970-01-01 was a Thursday
    out = running(answers, np.zeros(len(answers), np.intp))
    for now in np.unique(week):
        known, asked = week < now, week == now
        if answers.y[known].sum() < 50:
            continue
        model = lightgbm.LGBMClassifier(
            n_estimators=100,
            learning_rate=0.05,
            num_leaves=7,
            min_child_samples=50,
            random_state=0,
            n_jobs=1,
            verbose=-1,
        )
        model.fit(x[known], answers.y[known])
        out[asked] = np.asarray(model.predict_proba(x[asked]))[:, 1]
    return out
