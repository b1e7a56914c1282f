"""Compares members' profiles made of their own line, of attributed events, and of all of them.

Each Sunday night a profile is the 28-day level of a member's interests; it is compared with what
the member really did in the week after, on whatever screen.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from features.household import SHARED, AttributionRules, Posteriors
from streams.evaluation.merged_homes import WEEK_MS, Merged

Floats = NDArray[np.float64]
_FADE = 2.0 ** (-7 / 28)
_RANKED, _TOP = 10, 5
_DISCOUNTS = 1.0 / np.log2(np.arange(2, _RANKED + 2))


def profile_kinds(merged: Merged, found: Posteriors) -> dict[str, Floats]:
    """Mass of each event for each line, shape (events, lines), by the kind of profile."""
    n, lines = len(merged.events), len(merged.home)
    line = merged.events["line"]
    own, truth = np.zeros((n, lines)), np.zeros((n, lines))
    mine = np.flatnonzero(line != SHARED)
    own[mine, line[mine]] = 1.0
    known = np.flatnonzero(merged.truth < lines)
    truth[known, merged.truth[known]] = 1.0
    everybody = merged.events["home"][:, None] == np.array(merged.home)
    shared = (line == SHARED)[:, None]
    return {
        "attributed": own + found.given(lines, AttributionRules()),
        "own line only": own,
        "household to all": own + shared * everybody,
        "oracle": truth,
    }


def profile_figures(merged: Merged, kinds: Mapping[str, Floats]) -> dict[str, dict[str, float]]:
    """Mean nDCG@10 of the next week, and share of the top five that is others' only, by kind."""
    week = (merged.events["ts"] - merged.events["ts"].min()) // WEEK_MS
    truth = {int(w): _sums(merged, kinds["oracle"], week == w) for w in np.unique(week)}
    nothing = np.zeros((len(merged.home), len(merged.names)))
    begins = int(week.max()) // 4
    found: dict[str, dict[str, float]] = {}
    for kind, mass in kinds.items():
        level, ever = nothing.copy(), nothing.copy()
        gains: list[float] = []
        others: list[float] = []
        for w in range(int(week.max())):
            level = level * _FADE + _sums(merged, mass, week == w)
            ever += truth.get(w, nothing)
            if w >= begins:
                for line in range(len(merged.home)):
                    _compare(
                        level[line], truth.get(w + 1, nothing)[line], ever[line], gains, others
                    )
        found[kind] = {"ndcg_10": float(np.mean(gains)), "others_top_5": float(np.mean(others))}
    return found


def _sums(merged: Merged, mass: Floats, among: NDArray[np.bool_]) -> Floats:
    found = np.zeros((len(merged.home), len(merged.names)))
    counts = merged.events["end"] - merged.events["start"]
    event = np.repeat(np.arange(len(counts)), counts)
    at = np.flatnonzero(among[event])
    shares = mass[event[at]] * merged.weight[at, None]
    np.add.at(found.T, merged.interest[at], shares)
    return found


def _compare(
    level: Floats, following: Floats, ever: Floats, gains: list[float], others: list[float]
) -> None:
    ranked = np.argsort(-level, kind="stable")
    ranked = ranked[level[ranked] > 0.0]
    top = ranked[:_TOP]
    if len(top):
        others.append(float((ever[top] == 0.0).mean()))
    if following.any():
        gain = np.log1p(following)
        best = np.sort(gain)[::-1][:_RANKED]
        got = gain[ranked[:_RANKED]]
        ideal = (best * _DISCOUNTS[: len(best)]).sum()
        gains.append(float((got * _DISCOUNTS[: len(got)]).sum() / ideal))
