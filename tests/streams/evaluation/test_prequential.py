"""The measuring of quality: rows are the protocol's, nothing looks ahead, figures are right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from features.models.linear import Hurdle
from features.models.signals import NAMES
from features.models.stance_kernel import DECISION
from streams.datasets.record_files import jsonl
from streams.evaluation import (
    baselines,
    bursts,
    cost,
    intervals,
    measures,
    panels,
    prequential,
    stances,
)
from streams.evaluation.panels import DAY_MS, Panel
from streams.evaluation.prequential import Answers
from tests.support.small_panel import START, play, played, small_panel, visit


def test_the_rows_are_those_of_the_protocol() -> None:
    panel, answers = small_panel(), played()
    interests = panel.interests()
    tree = panels.flat(sorted(set(interests.values())))
    want = prequential.expected(
        panel, prequential.count_active_days(panel, tree, panels.one_each(interests))
    )
    assert answers.pairs() == set(want)
    labels = [
        bool(want[answers.subjects[s], i, d])
        for s, i, d in zip(
            answers.subject.tolist(), answers.interest.tolist(), answers.day.tolist(), strict=True
        )
    ]
    assert answers.y.astype(bool).tolist() == labels
    assert (answers.active_today >= answers.y).all()
    assert (np.diff(answers.day) >= 0).all()


def _openings(panel: Panel, day: int) -> dict[tuple[str, int], list[float]]:
    answers = play(panel, small_panel().interests())
    return {
        (answers.subjects[answers.subject[k]], int(answers.interest[k])): [
            *answers.x[k].tolist(),
            float(answers.p["ftrl-hurdle"][k]),
        ]
        for k in np.flatnonzero(answers.day == day)
    }


def _same(
    one: dict[tuple[str, int], list[float]], other: dict[tuple[str, int], list[float]]
) -> bool:
    """Up to the rounding of single precision: rows roll forward on other days."""
    return one.keys() == other.keys() and all(
        np.allclose(one[pair], other[pair], rtol=1e-5, atol=1e-7) for pair in one
    )


def _as_known_that_morning(panel: Panel, day: int) -> Panel:
    """Everything before `day`, with diaries that go on."""
    ends = {account: last for account, (_, last) in panel.diaries().items()}
    return Panel("cut", [v for v in panel.visits if v.day < day], ends)


@pytest.mark.parametrize("day", [START + 9, START + 25])
def test_a_morning_knows_nothing_of_its_day(day: int) -> None:
    """Signals and score of a day are the same when neither it nor a later one ever happens."""
    panel = small_panel()
    have = _openings(panel, day)
    assert len(have) > 40
    assert _same(have, _openings(_as_known_that_morning(panel, day), day))


def test_a_label_planted_a_day_early_is_seen() -> None:
    day = START + 25
    panel = small_panel()
    told = next(v for v in panel.visits if v.day == day)
    value = orjson.loads(told.value) | {"event_id": "early", "ts": told.at - DAY_MS}
    early = replace(told, at=told.at - DAY_MS, value=orjson.dumps(value))
    leaking = Panel("leaking", sorted([*panel.visits, early], key=lambda v: v.at))
    known = _openings(_as_known_that_morning(panel, day), day)
    assert not _same(_openings(leaking, day), known)


def test_recorded_rows_replayed_give_the_same_answers() -> None:
    """Which is what lets ablations and priors be judged without feeding the events anew."""
    answers = played()
    np.testing.assert_array_equal(prequential.replay(answers, Hurdle()), answers.p["ftrl-hurdle"])


def test_a_replayed_file_gives_the_scores_of_the_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written to a file, read as ``replay`` reads it, and polled by the handful: bit for bit."""
    path = tmp_path / "panel.jsonl"
    path.write_bytes(
        b"".join(
            orjson.dumps({"topic": topic, "key": key, "value": orjson.loads(value)}) + b"\n"
            for topic, key, value in small_panel().records(prequential.CONFIG.lateness_ms)
        )
    )

    class FromFile(Panel):
        def records(self, lateness_ms: int) -> Iterator[tuple[str, str, bytes]]:
            for record in jsonl(path):
                yield record.topic, record.key, orjson.dumps(record.value)

    monkeypatch.setattr(prequential, "_BATCH", 37)
    replayed = play(FromFile("file", small_panel().visits))
    for column in ("day", "subject", "interest", "y", "active_today", "x", "decisions"):
        np.testing.assert_array_equal(getattr(replayed, column), getattr(played(), column))
    np.testing.assert_array_equal(replayed.p["ftrl-hurdle"], played().p["ftrl-hurdle"])


def test_taking_a_signal_away_takes_its_weight_away() -> None:
    answers, model = played(), Hurdle()
    prequential.replay(answers, model, "odds_28")
    form = model.form()
    assert form.weights[0, NAMES.index("odds_28")] == 0.0
    assert answers.x[:, NAMES.index("odds_28")].any()


def test_row_by_row_looks_better_than_it_is() -> None:
    """Why a day is scored as a whole: row by row, the day's own rows give it away."""
    answers = played()
    counted = measures.judged(answers, small_panel().judged_from())
    y = answers.y[counted]
    leaking = measures.log_loss(y, prequential.row_by_row(answers)[counted])
    assert leaking < measures.log_loss(y, answers.p["ftrl-hurdle"][counted])


# -- baselines and measures


def test_a_baseline_knows_earlier_days_only() -> None:
    answers = played()
    group = np.zeros(len(answers), np.intp)
    rate = baselines.running(answers, group)
    for part in list(baselines.days_of(answers))[::7]:
        before = answers.day < answers.day[part][0]
        want = (answers.y[before].sum() + 1.0) / (before.sum() + 20.0)
        np.testing.assert_allclose(rate[part], want)


def test_frequencies_are_those_of_the_days() -> None:
    answers, panel = played(), small_panel()
    interests = panel.interests()
    tree = panels.flat(sorted(set(interests.values())))
    days = prequential.count_active_days(panel, tree, panels.one_each(interests))
    active = {(answers.subjects.index(a), i): own for (a, i), own in days.items()}
    found = baselines.baselines(answers, active)
    k = int(np.flatnonzero(answers.day == START + 30)[3])
    own = active[int(answers.subject[k]), int(answers.interest[k])]
    hits = sum(1 <= START + 30 - day <= 7 for day in own)
    assert found["7-day frequency"][k] == pytest.approx((hits + 0.1) / 8.0)
    assert all(((p > 0) & (p < 1)).all() for p in found.values())


def test_ranking_measures_agree_with_counting_pairs() -> None:
    chance = np.random.default_rng(2)
    y = (chance.random(300) < 0.2).astype(np.uint8)
    p = np.round(0.3 * y + chance.random(300), 1)
    pairs = [(float(a > b) + 0.5 * float(a == b)) for a in p[y == 1] for b in p[y == 0]]
    assert measures.auc(y, p) == pytest.approx(np.mean(pairs))
    precision = [(y[p >= at].mean(), y[p >= at].sum() / y.sum()) for at in np.unique(p)[::-1]]
    area = sum(
        a * (r - b) for (a, r), (_, b) in zip(precision, [(0.0, 0.0), *precision[:-1]], strict=True)
    )
    assert measures.pr_auc(y, p) == pytest.approx(area)


def test_calibration_error_takes_the_worse_of_two_binnings() -> None:
    y = np.zeros(1500, np.uint8)
    y[:15] = 1
    p = np.where(y == 1, 0.04, 0.0001)  # far too low for the few, hidden by wide bins
    assert measures.calibration_error(y, p) == pytest.approx(15 * 0.96 / 1500, rel=0.2)
    assert measures.calibration_error(y, y.astype(float)) == 0.0


def test_ranks_are_of_what_was_engaged_with() -> None:
    answers = played()
    every = np.ones(len(answers), np.bool_)
    right = measures.ranking(answers, answers.y.astype(float), every)
    wrong = measures.ranking(answers, -answers.y.astype(float), every)
    assert (right.recall == 1.0).all() and right.ndcg == pytest.approx(np.ones(len(right.ndcg)))
    assert wrong.recall.mean() < 0.5 and wrong.ndcg.mean() < 0.8
    days = {(s, d) for s, d, y in zip(answers.subject, answers.day, answers.y, strict=True) if y}
    assert set(zip(right.subject, right.day, strict=True)) == days


def test_ties_are_ranked_by_chance_and_not_by_the_order_of_rows() -> None:
    """A constant finds five of twenty with five guesses as often as chance does."""
    n, days = 20, 600
    zeros = np.zeros(n * days, np.uint8)
    y = np.tile(np.arange(n) < 1, days).astype(np.uint8)
    answers = Answers(
        np.repeat(np.arange(days), n),
        np.zeros(n * days, np.int64),
        ["a"],
        np.tile(np.arange(n), days),
        y,
        zeros,
        zeros,
        zeros,
        zeros.astype(np.uint16),
        np.zeros((n * days, 0)),
        {},
        np.zeros(n * days, DECISION),
        zeros.astype(np.uint64),
    )
    constant = measures.ranking(answers, np.full(n * days, 0.1), np.ones(n * days, np.bool_))
    assert constant.recall.mean() == pytest.approx(5 / n, abs=0.06)


def test_ndcg_is_that_of_the_formula() -> None:
    answers = played()
    chance = np.random.default_rng(3)
    p = chance.random(len(answers))
    found = measures.ranking(answers, p, np.ones(len(answers), np.bool_))
    own = (answers.subject == found.subject[5]) & (answers.day == found.day[5])
    y = answers.y[own][np.argsort(-p[own])]
    gain = sum(hit / np.log2(place + 2) for place, hit in enumerate(y[:10]))
    best = sum(1 / np.log2(place + 2) for place in range(min(10, int(y.sum()))))
    assert found.ndcg[5] == pytest.approx(gain / best)


# -- stances and bursts


def test_the_interval_holds_its_mass() -> None:
    chance = np.random.default_rng(4)
    for a, b in ((0.5, 20.0), (5.0, 5.0), (30.0, 3.0)):
        low, high = stances._interval(a, b)
        days = chance.binomial(stances.AHEAD_DAYS, chance.beta(a, b, 20_000))
        assert ((days >= low) & (days <= high)).mean() >= 0.79


def _fortnights(held: bool) -> Answers:
    """Forty pairs over 28 days, scores of 0.3, coming back on 3 days in 10 or on none."""
    pairs, days = 40, 28
    n = pairs * days
    chance = np.random.default_rng(6)
    rate = chance.beta(1.2, 2.8, pairs) if held else np.where(np.arange(pairs) % 2, 0.0, 1.0)
    y = (chance.random((days, pairs)) < rate).astype(np.uint8).ravel()
    said = np.full(n, np.array((0.3, 3.0, 0.8, 1, 4.0, 5.0, 0.3, 0.1, 0.5), DECISION))
    zeros = np.zeros(n, np.uint8)
    return Answers(
        np.repeat(np.arange(days), pairs),
        np.zeros(n, np.int64),
        ["a"],
        np.tile(np.arange(pairs), days),
        y,
        zeros,
        zeros,
        zeros,
        zeros.astype(np.uint16),
        np.zeros((n, 0)),
        {},
        said,
        zeros.astype(np.uint64),
    )


def test_intervals_are_held_against_the_fortnight() -> None:
    """Rates as the Beta says are held as promised, all or nothing is not."""
    every = np.ones(40 * 28, np.bool_)
    found, other = (stances.coverage(_fortnights(so), every)[0] for so in (True, False))
    assert found.scores == "0.3-0.45" and found.mornings == 15 * 40 and found.pairs == 40
    assert found.held >= 0.75 > 0.6 > other.held
    answers = _fortnights(True)
    first = answers.day < 15
    assert found.tomorrow == pytest.approx(answers.y[first].mean())
    windows = [
        answers.y[(answers.day >= day) & (answers.day < day + 14)].mean() for day in range(15)
    ]
    assert found.fortnight == pytest.approx(np.mean(windows))


def test_stances_part_the_rows() -> None:
    answers = played()
    counted = measures.judged(answers, small_panel().judged_from())
    found = stances.stances(answers, counted, intervals.of_rows(answers, counted))
    assert sum(row["share"] for row in found.values()) == pytest.approx(1.0)
    assert sum(row["rows"] for row in found.values()) == counted.sum()


def test_half_of_a_flooded_day_is_foreign_and_in_two_hours() -> None:
    visits = [
        visit("a", START + day, 60 + m, f"own{m}.com", 1000 * day + m)
        for day in range(30)
        for m in range(12)
    ]
    visits += [
        visit("b", START + day, 300 + m, f"foreign{m}.com", 10**6 + 1000 * day + m)
        for day in range(30)
        for m in range(12)
    ]
    panel = Panel("two", sorted(visits, key=lambda v: v.at))
    flooded, planted = bursts.plant(panel)
    assert planted
    for account, day in planted:
        own = [v for v in flooded.visits if v.account == account and v.day == day]
        foreign = [v for v in own if v not in panel.visits]
        assert len(foreign) * 2 == len(own)
        hours = {v.at % DAY_MS // 3_600_000 for v in foreign}
        assert hours <= {20, 21}
        assert not {v.key for v in foreign} & {v.key for v in own if v not in foreign}


def test_the_cost_of_learning_is_that_of_its_rows() -> None:
    found = cost.measure(households=10, days=4, repeats=1)
    assert found.events > 500 and found.days == 4 and found.rows > 100
    assert found.without > 0.0 and found.row_us >= 0.0
    assert f"{found.rows:,} rows" in str(found)
