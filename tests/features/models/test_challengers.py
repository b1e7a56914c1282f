"""What is particular to models whose weights are Gaussian, and to a tree."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from features.models.adpredictor import AdPredictor, GaussianProbit
from features.models.answer_kernel import answers
from features.models.hoeffding import HoeffdingTree
from features.models.signals import HABIT, NAMES, PRESENCE
from features.state import snapshots
from tests.support.made_up_days import day_rows, learned


def test_gaussian_weights_come_and_go_with_their_signals() -> None:
    model, rows = learned(AdPredictor(), range(5)), day_rows(50)
    head, arrays = snapshots.unpack(model.snapshot())
    head["habit"][head["habit"].index("odds_28")] = "a_signal_of_last_year"
    other = AdPredictor()
    other.restore(snapshots.pack(head, arrays))
    held, before = other._parts["habit"].weights, model._parts["habit"].weights
    assert held == {name: weight for name, weight in before.items() if name != "odds_28"}
    assert (other.score(rows) != model.score(rows)).any()
    assert learned(other, range(5, 7))._parts["habit"].weights["odds_28"][0] != 0.0


def test_a_tree_outlives_its_signals() -> None:
    """A branch by a signal that is no more sends rows where most went; new ones are observed."""
    model, rows = learned(HoeffdingTree(), range(40)), day_rows(50)
    head, arrays = snapshots.unpack(model.snapshot())
    split = head["nodes"][0]
    assert split[0] == "branch"
    old = split[1]
    for node in head["nodes"]:
        if node[0] == "branch" and node[1] == old:
            node[1] = "a_signal_of_last_year"
    head["signals"][head["signals"].index(old)] = "a_signal_of_last_year"
    other = HoeffdingTree()
    other.restore(snapshots.pack(head, arrays))
    assert len(np.unique(other.score(rows))) < len(np.unique(model.score(rows)))
    learned(other, range(40, 42))
    assert old in snapshots.unpack(other.snapshot())[0]["signals"]


def test_a_tree_in_bytes_is_the_same_tree() -> None:
    """Through bytes at every day, past several splits: bit for bit the one that never stopped."""
    whole, stopped = HoeffdingTree(), HoeffdingTree()
    for day in range(60):
        again = HoeffdingTree()
        again.restore(stopped.snapshot())
        stopped = again
        for model in (whole, stopped):
            learned(model, range(day, day + 1))
        assert stopped.snapshot() == whole.snapshot()
    nodes = snapshots.unpack(whole.snapshot())[0]["nodes"]
    assert sum(node[0] == "branch" for node in nodes) >= 3


@pytest.mark.parametrize("cut", ["nodes", "more"])
def test_nodes_that_are_no_tree_are_refused(cut: str) -> None:
    head, arrays = snapshots.unpack(learned(HoeffdingTree(), range(40)).snapshot())
    head["nodes"] = head["nodes"][:-1] if cut == "nodes" else head["nodes"] * 2
    with pytest.raises(ValueError, match="tree"):
        HoeffdingTree().restore(snapshots.pack(head, arrays))


def test_a_tree_stays_small() -> None:
    """Seven levels at most, whatever is learned; its bytes follow."""
    chance = np.random.default_rng(1)
    model = HoeffdingTree()
    for day in range(40):
        rows = day_rows(day)
        model.learn(
            replace(
                rows,
                y=(rows.x[:, 3 + day % 9] > 0).astype(np.uint8) ^ (chance.random(len(rows)) < 0.02),
            )
        )
    assert model._tree.height <= 7
    assert len(model.snapshot()) < 200_000


def test_a_tree_gives_way_to_a_better_trained_sibling() -> None:
    rows = day_rows(50)
    little, much = learned(HoeffdingTree(), range(2)), learned(HoeffdingTree(), range(30))
    want = much.score(rows)
    much.merge(little.snapshot())
    np.testing.assert_array_equal(much.score(rows), want)
    little.merge(much.snapshot())
    np.testing.assert_array_equal(little.score(rows), want)


def test_gaussian_weights_agree_with_integration() -> None:
    """One update is the moments of Gaussian times probit, integrated numerically."""
    model = GaussianProbit(0.5)
    model.weights["a"] = (0.3, 0.5)
    model.learn_one({"a": 1.5}, True)
    w = np.linspace(-8.0, 8.0, 200_001)
    mass = np.exp(-((w - 0.3) ** 2) / (2 * 0.5)) * np.array(
        [0.5 * math.erfc(-1.5 * v / math.sqrt(2.0)) for v in w]
    )
    mass /= mass.sum()
    mean = float((mass * w).sum())
    variance = float((mass * (w - mean) ** 2).sum())
    assert model.weights["a"] == pytest.approx((mean, variance), rel=1e-6)


@pytest.mark.parametrize("t", [-200.0, -31.0, -29.0, -5.0, 0.0, 5.0, 40.0])
def test_gaussian_weights_stay_finite_and_grow_surer(t: float) -> None:
    """However surprising a label."""
    model = GaussianProbit(1.0)
    model.weights["a"] = (t, 0.01)
    model.learn_one({"a": 1.0}, True)
    mean, variance = model.weights["a"]
    assert np.isfinite(mean) and mean >= t and 0.0 < variance <= 0.01


def test_the_kernels_form_answers_as_the_classifier_does() -> None:
    """A hurdle's answer is the product of two `predict_proba_one`."""
    model, rows = learned(AdPredictor(), range(3)), day_rows(9)
    for row, answer in zip(rows.x.tolist(), model.score(rows), strict=True):
        named = dict(zip(NAMES, row, strict=True))
        p = 1.0
        for part, names in (("habit", HABIT), ("here", PRESENCE)):
            p *= model._parts[part].predict_proba_one({n: named[n] for n in names})[True]
        assert answer == pytest.approx(p, rel=1e-9)


def test_a_probit_of_one_part_is_one_probit_over_all_signals() -> None:
    form, row = learned(AdPredictor(), range(3)).form(), day_rows(9).x[:1]
    assert form is not None
    whole = form._replace(product=np.zeros(1, np.uint8))
    out = np.zeros(1)
    answers(whole, row, np.zeros(1, np.uint16), out)
    t = (form.weights[0] @ row[0]) / math.sqrt(1.0 + form.variances[0] @ row[0] ** 2)
    assert out[0] == pytest.approx(0.5 * math.erfc(-t / math.sqrt(2.0)))


@pytest.mark.parametrize("start", [0.0, -0.4])
def test_what_is_forgotten_ends_where_it_began(start: float) -> None:
    model = GaussianProbit(1.0, {"a": start})
    for _ in range(50):
        model.learn_one({"a": 1.0}, True)
    for _ in range(500):
        model.forget(0.05)
    assert model.weights["a"] == pytest.approx((start, 1.0), abs=1e-3)
