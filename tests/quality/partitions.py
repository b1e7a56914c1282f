"""Compares one partition with many: each with a model of its own, and with one for all.

``python -m tests.quality.partitions --data DIR [--panel NAME] [--partitions 1,8,32,72]`` runs a
panel through as many engines, which close their days together, and prints the log-loss of what was
answered, of all rows that count and of the first days.
"""

from __future__ import annotations

import argparse
import zlib
from pathlib import Path

import numpy as np

from features.engine import Engine
from features.models import Learner, exchange
from features.models.adoption import Adoption
from features.models.lessons import PARTS
from features.models.registry import registered
from features.state.contents import Contents
from streams.evaluation import panel_files, prequential, scores
from streams.evaluation.measures import judged, log_loss
from streams.evaluation.panels import CLOCK, Panel, flat, one_each
from streams.evaluation.prequential import CONFIG, Answers


class Deployment:
    """Engines of so many partitions that share their models, or don't."""

    def __init__(self, panel: Panel, partitions: int, shared: bool) -> None:
        self.panel, self.shared = panel, shared
        interests = panel.interests()
        self.tree = flat(sorted(set(interests.values())))
        contents = Contents(self.tree, one_each(interests))
        self.engines = [Engine(CONFIG, self.tree, contents) for _ in range(partitions)]
        for engine in self.engines:
            engine.learner = self._learner()
        self.recorders = [prequential.Recorder(engine) for engine in self.engines]
        for engine, recorder in zip(self.engines, self.recorders, strict=True):
            engine.learner.observer = recorder
        self._pool = self._learner().pool
        self._merged: exchange.SharedModel | None = None

    def _learner(self) -> Learner:
        models = registered(primed=not self.panel.seen_by_prior)
        return Learner(len(self.tree), models, shared=self.shared)

    def run(self) -> Answers:
        """Feed the panel; what a day taught is exchanged when all have closed it."""
        waiting: list[list[tuple[str, str, bytes]]] = [[] for _ in self.engines]
        for record in self.panel.records(CONFIG.lateness_ms):
            if record[1] != CLOCK:
                waiting[zlib.crc32(record[1].encode()) % len(self.engines)].append(record)
                continue
            for engine, records in zip(self.engines, waiting, strict=True):
                prequential.feed(engine, [*records, record])
                records.clear()
            self._exchange()
        for engine, records in zip(self.engines, waiting, strict=True):
            prequential.feed(engine, records)
        return prequential.joined_answers([r for r in self.recorders if r.days])

    def _exchange(self) -> None:
        if self._pool is None:
            return
        given = {}
        for number, engine in enumerate(self.engines):
            assert engine.learner.pool is not None
            data = exchange.contribution(engine.learner.pool)
            if data is not None:
                given[number] = exchange.read_contribution(self._pool, data)
        merged = exchange.merge_lessons(self._pool, self._merged, given)
        if merged is None:
            return
        self._merged = merged
        parts = {part: exchange.part_bytes(self._pool, merged, part) for part in PARTS}
        for number, engine in enumerate(self.engines):
            until, _ = merged.until.get(number, (-1, -1))
            engine.adopt(Adoption(0, "", merged.day, until, parts))


def measure(panel: Panel, partitions: int, shared: bool) -> tuple[float, float]:
    """Log-loss of what was answered: of the rows that count, and of the first tenth of all."""
    answers = Deployment(panel, partitions, shared).run()
    p = answers.decisions["score"].astype(np.float64)
    counted = judged(answers, panel.judged_from())
    lines = dict.fromkeys((scores.ANSWERED, "running base rate", "7-day frequency"), p)
    early = scores.first_days(answers, lines)[scores.ANSWERED]
    return log_loss(answers.y[counted], p[counted]), early


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--panel", default="tv-sessions")
    parser.add_argument("--partitions", default="1,8,32,72")
    args = parser.parse_args()
    panel = panel_files.load(args.panel, args.data)
    one: tuple[float, float] | None = None
    print(f"{panel.name:22}{'log-loss':>10}{'':9}{'first days':>10}")
    for count in map(int, args.partitions.split(",")):
        for shared in (False, True):
            found = measure(panel, count, shared)
            one = found if one is None else one
            words = f"{count:3} {'one model' if shared else 'of their own':16}"
            cells = [f"{v:10.4f} ({v / w - 1:+.2%})" for v, w in zip(found, one, strict=True)]
            print(words, *cells, flush=True)


if __name__ == "__main__":
    main()
