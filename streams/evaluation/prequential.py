"""Runs a panel through the engine, and records every row, label and answer of each morning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.config import Config
from features.engine import Engine
from features.models import Learner
from features.models.base import Model
from features.models.ftrl import Ftrl
from features.models.signals import NAMES, DayRows
from features.records.batch import parse_log
from features.state.contents import Contents
from features.tags.exact import TagEntry
from features.tags.taxonomy import Taxonomy
from streams.contract import topics
from streams.evaluation.panels import Panel

_BATCH = 2000
_KINDS = {name: kind for kind, name in enumerate(topics.INPUTS)}
#: What the protocol needs of an engine: rows never fade and no subject has too many.
CONFIG = Config(
    consent_default_grant=True,
    row_epsilon=0.0,
    rows_per_subject=1024,
    retention_days=3650,
    learn_rows_per_close=1_000_000,
)


@dataclass
class Answers:
    """Rows of all closed days in order, with every model's predictions before it learned them.

    Attributes
    ----------
    day : ndarray of int64, shape (n,)
    subject : ndarray of int64, shape (n,)
        Position in `subjects`.
    subjects : list of str
        Keys of subjects as in the topic.
    interest : ndarray of int64, shape (n,)
        Dense index in the taxonomy.
    y, active_today, source, evidence : ndarray of uint8, shape (n,)
    known : ndarray of uint16, shape (n,)
    x : ndarray of float64, shape (n, signals)
    p : dict of str to ndarray of float64, shape (n,)
        By model.
    decisions : structured ndarray, shape (n,)
        Score, lift, confidence and stance as a profile of that morning would have them, and the
        independent days that its interval assumes: `features.models.Learner.decisions`.
    bits : ndarray of uint64, shape (n,)
        Days on which the row was engaged with, bit 0 is the eve.
    """

    day: NDArray[np.int64]
    subject: NDArray[np.int64]
    subjects: list[str]
    interest: NDArray[np.int64]
    y: NDArray[np.uint8]
    active_today: NDArray[np.uint8]
    source: NDArray[np.uint8]
    evidence: NDArray[np.uint8]
    known: NDArray[np.uint16]
    x: NDArray[np.float64]
    p: dict[str, NDArray[np.float64]]
    decisions: NDArray[np.void]
    bits: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.y)

    def pairs(self) -> set[tuple[str, int, int]]:
        """Subject, interest and day of every row."""
        names = [self.subjects[i] for i in self.subject.tolist()]
        return set(zip(names, self.interest.tolist(), self.day.tolist(), strict=True))


@dataclass
class Recorder:
    """Records what an engine's models answer each morning; to be its learner's observer."""

    engine: Engine
    days: list[DayRows] = field(default_factory=list)
    said: list[Mapping[str, NDArray[np.float64]]] = field(default_factory=list)
    names: list[NDArray[np.int64]] = field(default_factory=list)
    decisions: list[NDArray[np.void]] = field(default_factory=list)
    number: dict[str, int] = field(default_factory=dict)

    def __call__(self, rows: DayRows, answers: Mapping[str, NDArray[np.float64]]) -> None:
        # A subject's number in the store is used anew after compaction: keep its key.
        keys = {sid: self.engine.store.key(sid).decode() for sid in set(rows.subject.tolist())}
        for key in keys.values():
            self.number.setdefault(key, len(self.number))
        self.decisions.append(self.engine.learner.decisions(rows))
        self.days.append(rows)
        self.said.append(answers)
        self.names.append(
            np.array([self.number[keys[sid]] for sid in rows.subject.tolist()], np.int64)
        )


def run(
    panel: Panel,
    taxonomy: Taxonomy,
    table: Mapping[str, TagEntry],
    learner: Learner | None = None,
    config: Config = CONFIG,
) -> Answers:
    """Feed a panel to an engine and record what it answered.

    Parameters
    ----------
    table : mapping of str to TagEntry
        Which interests a content key raises.
    learner : Learner, optional
        Models other than the engine's own.
    """
    engine = Engine(config, taxonomy, Contents(taxonomy, table))
    if learner is not None:
        engine.learner = learner
    recorder = Recorder(engine)
    engine.learner.observer = recorder
    feed(engine, panel.records(config.lateness_ms))
    return joined_answers([recorder])


def feed(engine: Engine, records: Iterable[tuple[str, str, bytes]]) -> None:
    """Fold records of (topic, key, value)."""
    pending: list[tuple[str, str, bytes]] = []
    for record in records:
        pending.append(record)
        if len(pending) == _BATCH:
            _fold(engine, pending)
            pending = []
    if pending:
        _fold(engine, pending)


def _fold(engine: Engine, records: list[tuple[str, str, bytes]]) -> None:
    batch, refused = parse_log(
        [value for _, _, value in records],
        [key.encode() for _, key, _ in records],
        [_KINDS[topic] for topic, _, _ in records],
    )
    for letter in refused.values():
        raise ValueError(f"{letter.value!r}: {letter.message}")
    engine.apply(batch)
    engine.collect({})


def joined_answers(recorders: Sequence[Recorder]) -> Answers:
    """All that was recorded, in order of days; of several engines one behind the other."""
    subjects = [name for recorder in recorders for name in recorder.number]
    begins = np.cumsum([0, *(len(recorder.number) for recorder in recorders)])
    days = [rows for recorder in recorders for rows in recorder.days]
    said = [answers for recorder in recorders for answers in recorder.said]
    day = np.concatenate([np.full(len(rows), rows.day, np.int64) for rows in days])
    order = np.argsort(day, kind="stable")

    def column(parts: Iterable[NDArray[Any]]) -> Any:
        return np.concatenate(list(parts))[order]

    def of_rows(name: str) -> Any:
        return column(getattr(rows, name) for rows in days)

    return Answers(
        day=day[order],
        subject=column(
            names + begin
            for recorder, begin in zip(recorders, begins.tolist(), strict=False)
            for names in recorder.names
        ),
        subjects=subjects,
        interest=of_rows("interest").astype(np.int64),
        y=of_rows("y"),
        active_today=of_rows("active_today"),
        source=of_rows("source"),
        evidence=of_rows("evidence"),
        known=of_rows("known"),
        x=of_rows("x"),
        p={name: column(answers[name] for answers in said) for name in said[0]},
        decisions=column(d for recorder in recorders for d in recorder.decisions),
        bits=of_rows("bits"),
    )


def count_active_days(
    panel: Panel, taxonomy: Taxonomy, table: Mapping[str, TagEntry]
) -> dict[tuple[str, int], list[int]]:
    """Active days by subject and interest, counted without the engine."""
    contents = Contents(taxonomy, table)
    raised = {
        key: [interest for interest, _ in contents.slot_tags(key)]
        for key in {visit.key for visit in panel.visits}
    }
    found: dict[tuple[str, int], set[int]] = {}
    for visit in panel.visits:
        for interest in raised[visit.key]:
            found.setdefault((visit.account, interest), set()).add(visit.day)
    return {pair: sorted(days) for pair, days in found.items()}


def expected(
    panel: Panel, active: Mapping[tuple[str, int], list[int]]
) -> dict[tuple[str, int, int], bool]:
    """Every row of the protocol and its label, from a ledger."""
    diaries = panel.diaries()
    found = {}
    for (account, interest), days in active.items():
        own = set(days)
        for day in range(days[0] + 1, diaries[account][1] + 1):
            found[account, interest, day] = day in own
    return found


def replay(answers: Answers, model: Model, without: str = "") -> NDArray[np.float64]:
    """Predictions of a new model for the recorded rows, a day scored before it is learned.

    Parameters
    ----------
    without : str
        A signal to take away: always 0, a linear model never moves its weight.
    """
    x = answers.x
    if without:
        x = x.copy()
        x[:, NAMES.index(without)] = 0.0
    out = np.zeros(len(answers))
    starts = np.flatnonzero(np.diff(answers.day, prepend=-1))
    for a, b in zip(starts, [*starts[1:], len(answers)], strict=True):
        rows = DayRows(
            int(answers.day[a]),
            x[a:b],
            answers.y[a:b],
            answers.interest[a:b].astype(np.uint16),
            answers.subject[a:b].astype(np.int32),
            answers.active_today[a:b],
            answers.source[a:b],
            answers.evidence[a:b],
            answers.known[a:b],
            np.zeros(b - a, np.uint64),  # no model reads them
        )
        out[a:b] = model.score(rows)
        model.learn(rows)
    return out


def row_by_row(answers: Answers) -> NDArray[np.float64]:
    """Logistic regression scored and learned row after row: what a leak within the day gives.

    The other rows of the same subject and day tell whether it was here, which no score of the
    morning can know. Printed beside the honest figure, for comparison with figures made so.
    """
    model = Ftrl(NAMES, 0.1)
    out = np.zeros(len(answers))
    for i in range(len(answers)):
        weights = np.array(list(model.weights().values()))
        out[i] = 1.0 / (1.0 + np.exp(-answers.x[i] @ weights))
        model.learn(answers.x[i : i + 1], answers.y[i : i + 1])
    return out
