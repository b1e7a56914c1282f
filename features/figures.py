"""Summarises an engine for whoever watches it: totals, model quality, sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from features.models import Learner, News
from features.records.inputs import Inputs
from features.state.shared_screens import Attributed
from features.state.store import Store
from features.vocabulary import Outcome


@dataclass(frozen=True)
class Totals:
    """Running totals of a partition.

    Attributes
    ----------
    outcomes : mapping of str to int
        Records by what became of them (`features.vocabulary.Outcome`).
    untagged_seconds : mapping of str to int
        Attention to contents without a tag, by kind of input.
    days_closed : int
        Since the engine was made or restored.
    learned : int
        Rows that the champion has learned.
    """

    outcomes: Mapping[str, int]
    untagged_seconds: Mapping[str, int]
    days_closed: int
    learned: int


@dataclass(frozen=True)
class Quality:
    """Quality of a model's predictions; NaN before the first row."""

    log_loss: float
    calibration_error: float


@dataclass(frozen=True)
class Figures:
    """An engine at one moment.

    Attributes
    ----------
    restored : Totals
        What of `totals` is older than this engine.
    subjects, rows, nbytes : int
        Live state, and the bytes of it that are in use.
    champion : str
        The model that answers.
    models : mapping of str to Quality
        By model.
    news : tuple of News
        What happened to the models since the last figures.
    attributed : Attributed or None
        How shared screens are attributed; None where they are not.
    """

    totals: Totals
    restored: Totals
    subjects: int
    rows: int
    nbytes: int
    champion: str
    models: Mapping[str, Quality]
    news: tuple[News, ...]
    attributed: Attributed | None = None


def totals_of(store: Store, learner: Learner, inputs: Inputs, days_closed: int) -> Totals:
    """Running totals of a partition."""
    live = store.live
    return Totals(
        dict(zip(Outcome.words(), live.outcomes.tolist(), strict=False)),
        dict(zip(inputs.names[1:], live.untagged_seconds[1:].tolist(), strict=False)),
        days_closed,
        learner.champion.learned,
    )


def figures_of(store: Store, learner: Learner, totals: Totals, restored: Totals) -> Figures:
    """An engine now; takes the learner's news."""
    tallies = {name: learner.tally(name) for name in learner.models}
    news, learner.news = tuple(learner.news), []
    return Figures(
        totals,
        restored,
        int(store.counters["live"]),
        int(store.counters["rows_live"]),
        store.nbytes(),
        learner.champion.id,
        {name: Quality(tally.log_loss, tally.calibration_error) for name, tally in tallies.items()},
        news,
        store.screens.figures(),
    )
