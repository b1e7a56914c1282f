"""Does the graph of related interests say anything that the scores don't know already?

    python -m tests.quality.related [--data DIR] [--sets NAME ...]

Real days through the engine, interests as the bundled tags have them. Two questions, each asked
on the morning of a day before any of it is learned; the first quarter of the days is not counted.

1. Scores: a logistic regression over the champion's log-odds, with and without what a row's
   neighbours give it (`features.related.graph.Related.spread` over the subject's shares of
   attention). Log-loss of both.
2. New interests: of what a subject does for the first time, the share that is among the ten
   likeliest by popularity, by the graph, and by both (popularity times one plus what is given).
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.engine import Engine
from features.models.signals import DayRows
from features.models.signals_kernel import SHARE_7D
from features.related.graph import SHARE
from features.state.contents import Contents
from features.tags import taxonomy
from features.tags.exact import STRUCTURAL, exact_tags
from streams.evaluation import panels, prequential
from tests.support.paths import DATA_SETS

TREE = taxonomy.load()
TOP = 10
_RATE = 0.05  # of AdaGrad
_GIVEN_SCALE = 10.0  # brings what neighbours give to order one
_BOOST = 10.0 / SHARE  # popularity counts up to eleven times where all is given


@dataclass
class _Second:
    """A logistic regression on top of the champion's log-odds, learned online."""

    signals: int
    weights: NDArray[np.float64] = field(init=False)
    squares: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.weights = np.array([1.0, *[0.0] * (self.signals - 1)])
        self.squares = np.full(self.signals, 1e-8)

    def score(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(1.0 / (1.0 + np.exp(-x @ self.weights)))

    def learn(self, x: NDArray[np.float64], y: NDArray[np.uint8]) -> None:
        for row, label in zip(x, y, strict=True):
            step = (1.0 / (1.0 + np.exp(-row @ self.weights)) - label) * row
            self.squares += step * step
            self.weights -= _RATE * step / np.sqrt(self.squares)


class Watch:
    """Asks both questions of every day that closes."""

    def __init__(self, engine: Engine, first: Mapping[tuple[str, int], int]) -> None:
        self.engine = engine
        self.new: dict[tuple[str, int], set[int]] = defaultdict(set)
        for (account, interest), day in first.items():
            if not TREE.sensitive[interest] and TREE.ids[interest] not in STRUCTURAL:
                self.new[account, day].add(interest)
        self.models = {"without": _Second(2), "with": _Second(3)}
        self.losses: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
        self.hits: list[dict[str, tuple[int, int]]] = []

    def __call__(self, rows: DayRows, answers: Mapping[str, NDArray[np.float64]]) -> None:
        p = np.clip(answers[self.engine.learner.champion.id], 1e-6, 1.0 - 1e-6)
        gifts = np.zeros(len(rows))
        found = {name: (0, 0) for name in ("popularity", "graph", "both")}
        rate = self.engine.learner.population.rate()
        starts = rows.firsts().tolist()
        for a, b in zip(starts, [*starts[1:], len(rows)], strict=True):
            own = rows.interest[a:b].tolist()
            weights = dict(zip(own, rows.x[a:b, SHARE_7D].tolist(), strict=True))
            spread = self.engine.related.spread(weights)
            gifts[a:b] = [spread.get(i, 0.0) - weights[i] for i in own]
            key = self.engine.store.key(int(rows.subject[a])).decode()
            wanted = self.new.get((key, rows.day), set()) - set(own)
            if wanted:
                self._rank(found, wanted, set(own), spread, rate)
        self.hits.append(found)
        odds = np.log(p / (1.0 - p))
        plain = np.column_stack([odds, np.ones(len(rows))])
        for name, x in (
            ("without", plain),
            ("with", np.column_stack([plain, _GIVEN_SCALE * np.maximum(gifts, 0.0)])),
        ):
            q = np.clip(self.models[name].score(x), 1e-6, 1.0 - 1e-6)
            self.losses[name].append(-np.where(rows.y == 1, np.log(q), np.log(1.0 - q)))
            self.models[name].learn(x, rows.y)
        self.losses["champion"].append(-np.where(rows.y == 1, np.log(p), np.log(1.0 - p)))

    def _rank(
        self,
        found: dict[str, tuple[int, int]],
        wanted: set[int],
        own: set[int],
        spread: Mapping[int, float],
        rate: NDArray[np.float64],
    ) -> None:
        free = [
            i
            for i in range(len(TREE))
            if i not in own and not TREE.sensitive[i] and TREE.ids[i] not in STRUCTURAL
        ]
        given = np.array([spread.get(i, 0.0) for i in free])
        popular = rate[free]
        for name, values in (
            ("popularity", popular),
            ("graph", given + 1e-9 * popular),
            ("both", popular * (1.0 + _BOOST * given)),
        ):
            best = {free[k] for k in np.argsort(-values, kind="stable")[:TOP].tolist()}
            hit, count = found[name]
            found[name] = hit + len(best & wanted), count + len(wanted)


def measure(panel: panels.Panel) -> bool:
    """Print both answers; whether the scores got better."""
    table = exact_tags()
    engine = Engine(prequential.CONFIG, TREE, Contents(TREE, table))
    active = prequential.count_active_days(panel, TREE, table)
    watch = Watch(engine, {pair: days[0] for pair, days in active.items()})
    engine.learner.observer = watch
    prequential.feed(engine, panel.records(prequential.CONFIG.lateness_ms))
    begin = len(watch.hits) // 4
    loss = {name: float(np.concatenate(days[begin:]).mean()) for name, days in watch.losses.items()}
    differ = np.concatenate(watch.losses["without"][begin:]) - np.concatenate(
        watch.losses["with"][begin:]
    )
    days = np.array(
        [
            a.mean() - b.mean()
            for a, b in zip(
                watch.losses["without"][begin:], watch.losses["with"][begin:], strict=True
            )
        ]
    )
    error = float(days.std() / np.sqrt(len(days)))
    print(
        f"\n{panel.name}: {len(differ):,} rows of {len(days)} days, "
        f"{len(engine.related.key):,} pairs\n"
        f"  log-loss: champion {loss['champion']:.5f}, calibrated again {loss['without']:.5f}, "
        f"with what neighbours give {loss['with']:.5f}\n"
        f"  gain {differ.mean():+.6f} a row; by days {days.mean():+.6f}, "
        f"standard error {error:.6f}; weight {watch.models['with'].weights[2]:+.3f}"
    )
    for name in ("popularity", "graph", "both"):
        hit = sum(day[name][0] for day in watch.hits[begin:])
        count = sum(day[name][1] for day in watch.hits[begin:])
        print(
            f"  new interests among the first {TOP} by {name:10} {hit / max(1, count):.3f} "
            f"of {count}"
        )
    return bool(days.mean() > 2 * error)


def show(base: Path, names: Sequence[str] = ("web-visits", "snapshots")) -> int:
    """Measure the sets that are there; returns how many."""
    done = 0
    for name in names:
        if not (base / panels.SETS[name][0]).exists():
            print(f"{name}: not there, skipped", file=sys.stderr)
            continue
        done += 1
        measure(panels.load(name, base))
    return done


def main() -> int:
    """Measure; 2 if there was nothing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the data sets")
    parser.add_argument(
        "--sets", nargs="+", default=["web-visits", "snapshots"], choices=sorted(panels.SETS)
    )
    args = parser.parse_args()
    base = args.data or DATA_SETS
    return 0 if show(base, args.sets) else 2


if __name__ == "__main__":
    sys.exit(main())
