"""Measures one panel: who answers how well, each comparison with its interval.

The contest is that of a worker and of nobody else, for a bystander in it changes who is champion.
What is measured first is what the worker *answered*: the probability of that morning's champion,
or of the frequency before a cold model has learned enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.models import Learner
from features.models.linear import Hurdle
from features.models.registry import references, registered
from features.models.signals import LINEAR, NAMES
from features.tags import taxonomy
from features.tags.exact import exact_tags
from streams.evaluation import bursts, intervals, shares, stances
from streams.evaluation import prequential as runs
from streams.evaluation.baselines import BOOSTED, baselines, boosting
from streams.evaluation.intervals import Blocks, Interval
from streams.evaluation.measures import (
    calibration_slope,
    judged,
    log_loss,
    measures,
    ranking,
    row_losses,
)
from streams.evaluation.panels import Panel, flat, one_each
from streams.evaluation.prequential import Answers, count_active_days, replay, row_by_row
from streams.evaluation.segments import segments
from streams.evaluation.trends import trends

Floats = NDArray[np.float64]

#: The line of what a worker would have said.
ANSWERED = "answered"


@dataclass(frozen=True)
class Measured:
    """A panel's figures, and what they were made from.

    Attributes
    ----------
    found : dict
        Figures, as they are printed and written.
    answers : Answers
    counted : ndarray of bool, shape (rows,)
        Rows that are judged.
    lines : dict of str to ndarray of float64, shape (rows,)
        Probabilities by answerer.
    """

    found: dict[str, Any]
    answers: Answers
    counted: NDArray[np.bool_]
    lines: dict[str, Floats]


def measure(
    panel: Panel, tagged: bool = False, boosted: bool = True, others: bool = False
) -> Measured:
    """Run a panel through the engine and measure all answerers.

    Parameters
    ----------
    tagged : bool
        Interests of the bundled tags instead of the panel's keys.
    boosted : bool
        Compare with LightGBM too.
    others : bool
        Compare also with models that no worker runs, on the recorded rows.
    """
    tree, table = _interests(panel, tagged)
    # Cold on what the shipped prior was learned from.
    learner = Learner(len(tree), registered(primed=not panel.seen_by_prior))
    answers = runs.run(panel, tree, table, learner)
    lines = {ANSWERED: answers.decisions["score"].astype(np.float64)} | dict(answers.p)
    lines |= baselines(answers, _active(panel, answers, tree, table))
    if others:
        lines |= {model.id: replay(answers, model) for model in references()}
        lines["ftrl-logistic, row by row (leaks the day)"] = row_by_row(answers)
    if boosted:
        lines[BOOSTED] = boosting(answers)
    counted = judged(answers, panel.judged_from())
    blocks = intervals.of_rows(answers, counted)
    y, own = answers.y[counted], lines[ANSWERED][counted]
    found: dict[str, Any] = {
        "panel": panel.name,
        "level": "taxonomy" if tagged else "key",
        "primed": not panel.seen_by_prior,
        "left_out": panel.left_out,
        "subjects": len(np.unique(answers.subject[counted])),
        "rows": len(answers),
        "counted": int(counted.sum()),
        "rate": blocks.mean(y.astype(np.float64)),
        "log_loss": blocks.mean(row_losses(y, own)),
        "slope": calibration_slope(y, own, blocks),
        "champion": learner.champion.id,
        "lines": {name: measures(answers, p, counted) for name, p in lines.items()},
        "gains": gains(answers, lines, counted, blocks),
        "first_days": first_days(answers, lines),
        "segments": segments(answers, lines[ANSWERED], counted, blocks),
        "stances": stances.stances(answers, counted, blocks),
        "abstention": stances.abstention(answers, counted),
        "changes": asdict(stances.changes(answers, counted)),
        "trends": [asdict(rates) for rates in trends(answers, counted)],
        "exactness": [asdict(band) for band in stances.exactness(answers, counted)],
        "coverage": [asdict(band) for band in stances.coverage(answers, counted)],
        **_shares(panel, answers, counted, tree, tagged),
        "news": [asdict(news) for news in learner.news],
    }
    return Measured(found, answers, counted, lines)


def _interests(panel: Panel, tagged: bool) -> tuple[taxonomy.Taxonomy, Any]:
    if tagged:
        return taxonomy.load(), exact_tags()
    interests = panel.interests()
    return flat(sorted(set(interests.values()))), one_each(interests)


def _shares(
    panel: Panel,
    answers: Answers,
    counted: NDArray[np.bool_],
    tree: taxonomy.Taxonomy,
    tagged: bool,
) -> dict[str, Any]:
    """Shares of attention, where an interest is a key."""
    if tagged:
        return {}
    ends = {account: last for account, (_, last) in panel.diaries().items()}
    given = shares.attention(panel, tree)
    lines, bands = shares.compare_shares(answers, counted, given, ends)
    return {"shares": [asdict(line) for line in lines], "share_bands": [asdict(b) for b in bands]}


def _active(
    panel: Panel, answers: Answers, tree: taxonomy.Taxonomy, table: Any
) -> dict[tuple[int, int], list[int]]:
    number = {name: k for k, name in enumerate(answers.subjects)}
    return {
        (number[account], interest): days
        for (account, interest), days in count_active_days(panel, tree, table).items()
        if account in number
    }


def gains(
    answers: Answers, lines: Mapping[str, Floats], counted: NDArray[np.bool_], blocks: Blocks
) -> dict[str, dict[str, Interval]]:
    """By how much what was answered is better than each other line.

    Returns
    -------
    dict of str to dict
        ``log_loss`` as a share of the other's, ``recall_5`` and ``ndcg_10`` as differences.
    """
    y = answers.y[counted]
    own = row_losses(y, lines[ANSWERED][counted])
    best = ranking(answers, lines[ANSWERED], counted)
    days = Blocks(best.subject, best.day)
    found = {}
    for name, p in lines.items():
        if name != ANSWERED:
            other = ranking(answers, p, counted)
            found[name] = {
                "log_loss": blocks.gain(own, row_losses(y, p[counted])),
                "recall_5": days.mean(best.recall - other.recall),
                "ndcg_10": days.mean(best.ndcg - other.ndcg),
            }
    return found


def first_days(answers: Answers, lines: Mapping[str, Floats]) -> dict[str, float]:
    """Log-loss of the first tenth of the rows: what a prior is good for."""
    early = answers.day <= answers.day[len(answers) // 10]
    shown = (ANSWERED, "running base rate", "7-day frequency")
    return {name: log_loss(answers.y[early], lines[name][early]) for name in shown}


def ablation(measured: Measured) -> dict[str, Interval]:
    """By what share the hurdle's log-loss rises when a signal is taken away."""
    answers, counted = measured.answers, measured.counted
    blocks = intervals.of_rows(answers, counted)
    y = answers.y[counted]
    whole = row_losses(y, replay(answers, Hurdle())[counted])
    rises = {
        name: blocks.interval(
            lambda without, with_it: without / with_it - 1.0,
            row_losses(y, replay(answers, Hurdle(), name)[counted]),
            whole,
        )
        for k, name in enumerate(NAMES[:LINEAR])
        if answers.x[:, k].any()
    }
    return dict(sorted(rises.items(), key=lambda item: -item[1].value))


def flood(panel: Panel, measured: Measured) -> dict[str, list[int]]:
    """Top five kept per burst, by the answered score and by a level of one half-life."""
    flooded_panel, planted = bursts.plant(panel)
    tree, table = _interests(panel, tagged=False)
    learner = Learner(len(tree), registered(primed=not panel.seen_by_prior))
    flooded = runs.run(flooded_panel, tree, table, learner)
    return bursts.kept(measured.answers, flooded, planted)
