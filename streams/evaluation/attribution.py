"""Measures posteriors of merged homes by sitting, against what is simpler.

A sitting counts once: the mean of its events. Figures are means over homes of means over
sittings. Intervals (90 %) come from 400 bootstrap samples of people or, where there are fewer than
eight, of weeks of a person, for the same person sits in several homes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from features.household import SHARED, Attribution, AttributionRules, Posteriors
from streams.evaluation.merged_homes import WEEK_MS, Merged

Floats = NDArray[np.float64]
MEASURES = ("accuracy", "log_loss", "ece", "sure_share", "sure_right")
_LEAST, _SURE, _BINS, _SAMPLES, _FEW_PEOPLE = 1e-5, 0.8, 10, 400, 8
_LAST_SURE = 0.9  # of the baseline that names the line that was active last

_NOTHING = AttributionRules(
    taste=0.0, contents=0.0, presence=0.0, activity=0.0, silence=0.0, rate=0.0, forget=1e-9,
    few=1e-9, floor=1e-6,
)  # fmt: skip
#: Baselines that are the model with but one thing in it.
_PARTS = {
    "uniform": _NOTHING,
    "majority member": _NOTHING._replace(activity=1.0),
    "time": _NOTHING._replace(presence=1.0),
    "taste": _NOTHING._replace(taste=1.0),
    "time and taste": _NOTHING._replace(presence=1.0, taste=1.0),
}
#: What each part of the model earns: a signal whose weight begins at 0 and has to be learned, the
#: chain, the learning.
ABLATIONS = {
    "taste from 0": AttributionRules(taste=0.0),
    "contents from 0": AttributionRules(contents=0.0),
    "presence from 0": AttributionRules(presence=0.0),
    "activity from 0": AttributionRules(activity=0.0),
    "silence from 0": AttributionRules(silence=0.0),
    "without the chain": AttributionRules(forget=1e-9),
    "without learning": AttributionRules(rate=0.0),
}


class Judged(NamedTuple):
    """Judged events of one or more draws, side by side.

    Attributes
    ----------
    home, sitting, block : ndarray of int64, shape (n,)
        `block` is the unit that the bootstrap draws.
    p : ndarray of float64, shape (n,)
        Given to whom it was.
    right : ndarray of float64, shape (n,)
        1 where he was the most probable, a share of it at a tie.
    best : ndarray of float64, shape (n,)
        The greatest probability.
    """

    home: NDArray[np.int64]
    sitting: NDArray[np.int64]
    block: NDArray[np.int64]
    p: Floats
    right: Floats
    best: Floats


def attributed_homes(
    merged: Merged, rules: AttributionRules | None = None, childrens: Collection[str] = ()
) -> tuple[Attribution, Posteriors]:
    """Run the model."""
    model = Attribution(merged.home, np.isin(merged.names, list(childrens)), rules)
    return model, model.fold(merged.events, merged.interest, merged.weight)


def last_line(merged: Merged) -> Floats:
    """Posterior by line of the baseline that names whose own line was active last."""
    found = np.zeros((len(merged.events), len(merged.home)))
    members = {home: merged.lines_of(home) for home in set(merged.home)}
    last: dict[int, int] = {}
    for i, (home, line) in enumerate(
        zip(merged.events["home"], merged.events["line"], strict=True)
    ):
        if line != SHARED:
            last[int(home)] = int(line)
            continue
        of = members[int(home)]
        if int(home) not in last:
            found[i, of] = 1.0 / len(of)
        else:
            found[i, of] = (1.0 - _LAST_SURE) / max(1, len(of) - 1)
            found[i, last[int(home)]] = _LAST_SURE
    return found


def judge_draw(merged: Merged, posterior: Floats, among: NDArray[np.bool_] | None = None) -> Judged:
    """Judge the posterior by line of a draw's events, or of some of them."""
    chosen = merged.judged & (merged.truth < len(merged.home))
    at = np.flatnonzero(chosen if among is None else chosen & among)
    truth = merged.truth[at]
    r = posterior[at]
    p, best = r[np.arange(len(at)), truth], r.max(1)
    ties = (r >= best[:, None] - 1e-12).sum(1)
    home = merged.events["home"][at].astype(np.int64)
    few = len(set(merged.person)) < _FEW_PEOPLE
    week = merged.events["ts"][at] // WEEK_MS if few else np.zeros(len(at), np.int64)
    block = [
        crc32(f"{merged.person[line]} {w}".encode())
        for line, w in zip(truth.tolist(), week.tolist(), strict=True)
    ]
    right = np.where(p >= best - 1e-12, 1.0 / ties, 0.0)
    return Judged(home, merged.sitting[at], np.array(block), p, right, best)


def join_draws(draws: list[Judged]) -> Judged:
    """Join several draws: homes and sittings of different draws are different, people are not."""

    def apart(columns: list[NDArray[np.int64]]) -> NDArray[np.int64]:
        sizes = [int(values.max(initial=-1)) + 1 for values in columns]
        begins = np.cumsum([0, *sizes[:-1]])
        return np.concatenate([v + b for v, b in zip(columns, begins, strict=True)])

    return Judged(
        apart([judged.home for judged in draws]),
        apart([judged.sitting for judged in draws]),
        np.concatenate([judged.block for judged in draws]),
        np.concatenate([judged.p for judged in draws]),
        np.concatenate([judged.right for judged in draws]),
        np.concatenate([judged.best for judged in draws]),
    )


class SittingFigures(NamedTuple):
    """Each measure with its interval: value, low, high."""

    accuracy: tuple[float, float, float]
    log_loss: tuple[float, float, float]
    ece: tuple[float, float, float]
    sure_share: tuple[float, float, float]
    sure_right: tuple[float, float, float]


def figures(judged: Judged, seed: int = 1) -> SittingFigures:
    """Measures of judged events with 90 % intervals."""
    rng = np.random.default_rng(seed)
    _, block = np.unique(judged.block, return_inverse=True)
    judged = judged._replace(block=block)
    blocks = int(block.max()) + 1
    whole = _measured(judged, np.ones(blocks))
    samples = np.array(
        [_measured(judged, rng.multinomial(blocks, np.full(blocks, 1 / blocks)).astype(np.float64))
         for _ in range(_SAMPLES)]
    )  # fmt: skip
    samples[:, np.isnan(samples).all(0)] = 0.0
    low, high = np.nanquantile(samples, [0.05, 0.95], axis=0)
    return SittingFigures(*zip(whole.tolist(), low.tolist(), high.tolist(), strict=True))


def _measured(judged: Judged, times: Floats) -> Floats:
    """`MEASURES`, each block taken so many times."""
    event = 1.0 / np.bincount(judged.sitting)[judged.sitting]
    # A home's weight is that of all its sittings, drawn or not: else whoever is drawn alone of his
    # home would stand for all of it.
    event = times[judged.block] * event / np.bincount(judged.home, event)[judged.home]
    event = event / event.sum()
    bins = np.minimum((judged.best * _BINS).astype(np.intp), _BINS - 1)
    gaps = np.bincount(bins, event * (judged.right - judged.best), _BINS)
    sure = event * (judged.best >= _SURE)
    return np.array(
        [
            (event * judged.right).sum(),
            -(event * np.log(np.maximum(judged.p, _LEAST))).sum(),
            np.abs(gaps).sum(),
            sure.sum(),
            (sure * judged.right).sum() / sure.sum() if sure.sum() > 0.0 else np.nan,
        ]
    )


def lines_of_table(ablate: bool = False) -> dict[str, Callable[[Merged], Floats]]:
    """Name what is compared, each a posterior by line of merged homes."""

    def ruled(rules: AttributionRules | None) -> Callable[[Merged], Floats]:
        return lambda merged: attributed_homes(merged, rules)[1].of_lines(len(merged.home))

    parts = {name: ruled(rules) for name, rules in _PARTS.items()}
    extra = {name: ruled(rules) for name, rules in ABLATIONS.items()} if ablate else {}
    return {"household": ruled(None), **parts, "last own line": last_line, **extra}
