"""The node property sets of the Temporal Graph Benchmark, on a made-up one."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from streams.datasets import SourceError
from streams.evaluation import node_affinity
from streams.evaluation.node_affinity import measure_affinity, ndcg

START = 1_325_500_000 // 86_400 * 86_400
DAYS, NODES, LABELS = 130, 12, 8


def _made_up(folder: Path, leak: int = 0) -> Path:
    """Nodes with tastes of their own that change once; labels are the week that follows."""
    chance = np.random.default_rng(5)
    taste = chance.dirichlet(np.full(LABELS, 0.3), (2, NODES))
    count = np.zeros((DAYS, NODES, LABELS))
    edges = []
    for day in range(DAYS):
        for node in range(NODES):
            for label in chance.choice(LABELS, 3, p=taste[int(day > 60), node]):
                at = START + day * 86_400 + int(chance.integers(80_000))
                edges.append((at, f"n{node}", f"genre & {label}", 1.0))
                count[day, node, label] += 1
    with (folder / "tgbn-made-up_edgelist.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("time", "user_id", "genre", "weight"), *sorted(edges)])
    with (folder / "tgbn-made-up_node_labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("time", "user_id", "genre", "weight"))
        for day in range(7, DAYS - 7, 7):
            for node in range(NODES):
                week = count[day - leak : day - leak + 7, node].sum(0)
                for label in np.flatnonzero(week):
                    at = START + day * 86_400
                    rows.writerow((at, f"n{node}", f"genre & {label}", week[label] / week.sum()))
    return folder


def test_a_taste_is_found_and_beats_the_last_label(tmp_path: Path) -> None:
    found = measure_affinity(_made_up(tmp_path))
    assert list(found) == list(node_affinity.ANSWERERS)
    assert found["share"][0] > 0.85
    assert found["share"][0] > found["persistent forecast"][0]
    assert "share" in node_affinity.affinity_report(found)


def test_nothing_of_the_labels_own_week_is_known(tmp_path: Path) -> None:
    """Labels of the week before, which the engine does know, are foretold far better."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    honest = measure_affinity(_made_up(tmp_path / "a"))
    leaking = measure_affinity(_made_up(tmp_path / "b", leak=7))
    assert leaking["share"][0] > honest["share"][0] + 0.01


def test_ties_are_averaged_and_ten_are_looked_at() -> None:
    """Against the mean over all orders of what is tied."""
    chance = np.random.default_rng(1)
    truth = chance.dirichlet(np.full(14, 0.5))
    said = chance.integers(0, 3, 14).astype(float)
    discount = 1 / np.log2(np.arange(2, 12))
    best = (np.sort(truth)[::-1][:10] * discount).sum()
    drawn = [
        (truth[np.lexsort((chance.random(14), -said))][:10] * discount).sum() / best
        for _ in range(20_000)
    ]
    assert ndcg(truth, said) == pytest.approx(np.mean(drawn), abs=0.005)


@pytest.mark.parametrize(
    ("line", "said"),
    [("x,n1,genre & 1,1", "no time or number"), ("1325500000,n1", "too few columns")],
)
def test_a_file_that_is_not_of_the_layout_is_refused(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(SourceError, match="0 files"):
        measure_affinity(tmp_path)
    folder = _made_up(tmp_path)
    with (folder / "tgbn-made-up_node_labels.csv").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(SourceError, match=said):
        measure_affinity(folder)
