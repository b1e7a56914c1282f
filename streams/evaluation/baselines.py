"""Computes the baselines, as strong as can be: counts of days in several forms, and boosting.

All answer a day from earlier days only. Counts become probabilities by the running rate of
rows with the same count, where a count isn't one by itself. LightGBM learns the same signals as
the models do, regularised, and is refitted every other day on all days before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.models.signals import NAMES
from streams.evaluation.prequential import Answers

Floats = NDArray[np.float64]

# Smoothing of a frequency: a tenth of a hit in one day more.
_HITS, _DAYS = 0.1, 1.0
_START_RATE, _START_ROWS = 0.05, 20.0
_HALF_LIVES = (3.0, 7.0, 14.0, 28.0)
_OCTAVES = np.arange(-8.0, 6.0, 0.25)  # a decayed count is read in such steps of its logarithm
BOOSTED = "LightGBM every other day, all signals"
_REFIT_DAYS = 2
_LEAST_HITS = 50  # labels before the first fit
_MOST_ROWS = 200_000  # of one fit, sampled; five times as many took 0.1 % off, television
#: Regularised: with 7 leaves of 50 rows and no penalty it lost 0.8 to 3 % to this.
_BOOSTING: dict[str, Any] = {
    "n_estimators": 120,
    "learning_rate": 0.06,
    "num_leaves": 15,
    "min_child_samples": 200,
    "reg_lambda": 20.0,
    "colsample_bytree": 0.7,
    "subsample": 0.8,
    "subsample_freq": 1,
    "random_state": 0,
    "deterministic": True,
    "force_row_wise": True,
    "n_jobs": 1,
    "verbose": -1,
}


def baselines(answers: Answers, active: Mapping[tuple[int, int], list[int]]) -> dict[str, Floats]:
    """Probabilities by baseline.

    Parameters
    ----------
    active : mapping of (subject, interest) to sorted list of days
        Counted by the harness itself, not by the code under test.
    """
    seven, month, since, *decayed = _counts(answers, active)
    found = {
        "running base rate": running(answers, np.zeros(len(answers), np.intp)),
        "7-day frequency": (seven + _HITS) / (7.0 + _DAYS),
        "28-day frequency": (month + _HITS) / (28.0 + _DAYS),
        "7-day frequency, calibrated": running(answers, seven.astype(np.intp)),
        "28-day frequency, calibrated": running(answers, month.astype(np.intp)),
        "recency, calibrated": running(answers, np.minimum(since, 40).astype(np.intp)),
        "popularity, calibrated": running(answers, _popularity(answers)),
    }
    for half_life, count in zip(_HALF_LIVES, decayed, strict=True):
        steps = np.digitize(np.log2(count + 1e-9), _OCTAVES)
        found[f"decayed {half_life:g} days, calibrated"] = running(answers, steps)
    return found


def _counts(answers: Answers, active: Mapping[tuple[int, int], list[int]]) -> NDArray[np.float64]:
    """Days of the last 7 and 28, days since the latest, and decayed counts, of each row."""
    found = np.zeros((3 + len(_HALF_LIVES), len(answers)))
    order = np.lexsort((answers.day, answers.interest, answers.subject))
    subject, interest = answers.subject[order], answers.interest[order]
    starts = np.flatnonzero(
        (np.diff(subject, prepend=-1) != 0) | (np.diff(interest, prepend=-1) != 0)
    )
    for a, b in zip(starts, [*starts[1:], len(order)], strict=True):
        rows = order[a:b]
        days = np.array(active[int(subject[a]), int(interest[a])])
        back = answers.day[rows][:, None] - days[None, :]
        before = back > 0
        found[0, rows] = (before & (back <= 7)).sum(axis=1)
        found[1, rows] = (before & (back <= 28)).sum(axis=1)
        found[2, rows] = np.where(before, back, 10**6).min(axis=1)
        for k, half_life in enumerate(_HALF_LIVES, 3):
            found[k, rows] = np.where(before, 2.0 ** (-np.maximum(back, 0) / half_life), 0).sum(1)
    return found


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


def boosting(answers: Answers, names: Iterable[str] = NAMES) -> Floats:
    """LightGBM refitted every other day on all days before; the running rate until the first fit.

    Raises
    ------
    ImportError
        Where the extra ``quality`` is not installed.
    """
    import lightgbm

    x = answers.x[:, [NAMES.index(name) for name in names]]
    out = running(answers, np.zeros(len(answers), np.intp))
    chance = np.random.default_rng(0)
    model: lightgbm.LGBMClassifier | None = None
    fitted = 0
    for part in days_of(answers):
        now, known = int(answers.day[part][0]), part.start
        if now - fitted >= _REFIT_DAYS and answers.y[:known].sum() >= _LEAST_HITS:
            rows = np.arange(known)
            if known > _MOST_ROWS:
                rows = np.sort(chance.choice(known, _MOST_ROWS, replace=False))
            model = lightgbm.LGBMClassifier(**_BOOSTING).fit(x[rows], answers.y[rows])
            fitted = now
        if model is not None:
            out[part] = np.asarray(model.predict_proba(x[part]))[:, 1]
    return out
