"""The yardstick: intervals that hold, segments that part, folders of which nothing is ignored."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from features.models.registry import registered
from features.vocabulary import Stance
from streams.contract import topics
from streams.datasets import SourceError
from streams.evaluation import intervals, measures, panel_files, report, scores, shares, stances
from streams.evaluation.intervals import Blocks
from streams.evaluation.panels import DAY_MS
from streams.evaluation.prequential import Answers
from streams.evaluation.segments import SegmentRates, segments
from tests.support.mornings import mornings_of_one_pair
from tests.support.small_panel import played, small_panel

START_S = 1_325_500_000


def _panel_file(folder: Path, name: str = "made-up", people: int = 6, days: int = 30) -> Path:
    chance = np.random.default_rng(4)
    path = folder / "panels" / name / "events.csv"
    path.parent.mkdir(parents=True)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(panel_files.COLUMNS)
        for person in range(people):
            for day in range(days):
                for key in range(6):
                    if chance.random() < 0.8 / (1 + key):
                        at = START_S + day * 86_400 + int(chance.integers(40_000))
                        rows.writerow((f"u{person}", at, f"Key & {key}", "music", ""))
            rows.writerow((f"u{person}", START_S, "ads", "tv", ""))
    return path


# -- intervals


def _covered(seed: int, by_row: bool) -> bool:
    """Whether the 90 % interval of a mean holds the truth, where people differ much."""
    chance = np.random.default_rng(seed)
    people, days = 40, 28
    own = chance.normal(size=people)
    values = np.repeat(own, days) + 0.1 * chance.normal(size=people * days)
    subject, day = np.repeat(np.arange(people), days), np.tile(np.arange(days), people)
    if by_row:  # every row an island: what must not be
        subject = np.arange(people * days)
    found = Blocks(subject, day, times=200, seed=seed).mean(values)
    return found.low <= 0.0 <= found.high


def test_intervals_hold_what_they_promise_where_people_differ() -> None:
    held = np.mean([_covered(seed, by_row=False) for seed in range(100)])
    assert 0.8 <= held <= 0.99
    assert np.mean([_covered(seed, by_row=True) for seed in range(30)]) < 0.6


def test_the_same_draws_compare_all() -> None:
    answers = played()
    counted = measures.judged(answers, small_panel().judged_from())
    blocks = intervals.of_rows(answers, counted)
    lost = measures.row_losses(answers.y[counted], answers.p["ftrl-hurdle"][counted])
    same, half = blocks.gain(lost, lost), blocks.gain(0.5 * lost, lost)
    assert (same.low, same.high, same.sign) == (0.0, 0.0, 0)
    assert half.low == pytest.approx(0.5) == pytest.approx(half.high) and half.sign == 1
    assert blocks.gain(lost, 0.5 * lost).sign == -1


def test_of_a_handful_of_weeks_nothing_is_claimed() -> None:
    few = Blocks(np.zeros(14, np.int64), np.arange(14)).mean(np.ones(14))
    assert few.value == 1.0 and np.isnan(few.low) and few.sign == 0
    assert not SegmentRates("x", 14, 0.5, few, few).off


def test_each_persons_own_first_quarter_is_not_counted() -> None:
    """By the person, not by the time of all: who comes late isn't judged from the first day on."""
    answers, panel = played(), small_panel()
    counted = measures.judged(answers, panel.judged_from())
    for number, name in enumerate(answers.subjects):
        first, last = panel.diaries()[name]
        days = answers.day[counted & (answers.subject == number)]
        assert days.min() >= first + (last - first + 1) / 4
        assert days.max() == last


# -- calibration


def test_a_slope_says_what_a_calibration_error_hides() -> None:
    chance = np.random.default_rng(1)
    odds = chance.normal(-2.0, 1.5, 40_000)
    p = 1.0 / (1.0 + np.exp(-odds))
    y = (chance.random(len(p)) < p).astype(np.uint8)
    constant = np.full(len(y), y.mean())
    assert measures.calibration_error(y, constant) < 0.01
    assert measures.calibration_slope(y, constant).value == 0.0
    assert measures.calibration_slope(y, p).value == pytest.approx(1.0, abs=0.05)
    loud = 1.0 / (1.0 + np.exp(-2.0 * odds))
    blocks = Blocks(np.arange(len(y)) % 200, np.arange(len(y)) % 50)
    found = measures.calibration_slope(y, loud, blocks)
    assert found.value == pytest.approx(0.5, abs=0.03) and found.low < found.value < found.high < 1


# -- what is measured


def test_only_the_workers_own_models_take_part() -> None:
    """A bystander would be promoted, and the stances those of a model that no worker runs."""
    measured = scores.measure(small_panel(), boosted=False, others=True)
    own = {model.id for model in registered()}
    assert set(measured.answers.p) == own
    assert own < set(measured.found["lines"]) and "ftrl-logistic" in measured.found["lines"]
    np.testing.assert_array_equal(
        measured.lines[scores.ANSWERED], measured.answers.decisions["score"]
    )


def test_segments_part_the_rows_and_see_what_is_off() -> None:
    answers = played()
    counted = measures.judged(answers, small_panel().judged_from())
    blocks = intervals.of_rows(answers, counted)
    p = answers.p["ftrl-hurdle"]
    for prefix in ("score", "stance", "source"):
        parts = segments(answers, p, counted, blocks)
        assert sum(s.rows for s in parts if s.name.startswith(prefix)) == counted.sum()
    tripled = np.clip(3.0 * p, 0.0, 0.999)
    far = [s for s in segments(answers, tripled, counted, blocks) if "network" in s.name]
    assert far[0].off and far[0].ratio.value < 0.5


def test_the_report_claims_nothing_inside_an_interval() -> None:
    found = scores.measure(small_panel(), boosted=False).found
    table = report.gain_table(found["gains"])
    assert table in report.summary(found)
    lines = table.splitlines()[2:]
    assert len(lines) == len(found["gains"])
    for line in lines:
        (name,) = [name for name in found["gains"] if line.startswith(f"{name}  ")]
        gain = found["gains"][name]["log_loss"]
        assert {1: "better", 0: "undecided", -1: "worse"}[gain.sign] in line
    assert orjson.loads(orjson.dumps(found))["gains"]["7-day frequency"]["log_loss"]["low"] < 1


# -- folders


def test_a_folder_of_the_layout_is_read_whatever_its_panels(tmp_path: Path) -> None:
    _panel_file(tmp_path)
    (tmp_path / "README.md").write_text("about")
    folder = panel_files.look(tmp_path)
    assert folder.panels == ["made-up"] and list(folder.left_out) == ["README.md"]
    panel = panel_files.load("made-up", tmp_path)
    assert panel.left_out == {"ads": 6} and not panel.seen_by_prior
    assert {visit.topic for visit in panel.visits} == {topics.APP}
    assert len(panel.interests()) == 6


@pytest.mark.parametrize("extra", ["surprise.csv", "panels/made-up/more.csv", "panels/empty/x.txt"])
def test_what_would_be_ignored_is_an_error(tmp_path: Path, extra: str) -> None:
    _panel_file(tmp_path)
    (tmp_path / extra).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / extra).write_text("?")
    with pytest.raises(SourceError, match=extra.rsplit("/", 1)[0 if "empty" in extra else -1]):
        panel_files.look(tmp_path)


def test_times_before_there_are_any_are_moved_by_weeks(tmp_path: Path) -> None:
    path = _panel_file(tmp_path)
    rows = list(csv.reader(path.open()))
    with path.open("w", newline="") as file:
        early = [[u, str(int(ts) - 400_000_000), *rest] for u, ts, *rest in rows[1:]]
        csv.writer(file).writerows([rows[0], *early])
    visits = panel_files.load("made-up", tmp_path).visits
    assert visits[0].at > 1_000_000_000_000
    was = min(int(row[1]) for row in early if row[2] != "ads")
    assert (visits[0].at - was * 1000) % (7 * DAY_MS) == 0


def test_the_command_prints_a_table_for_each_panel(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from streams.__main__ import main

    _panel_file(tmp_path, "one")
    _panel_file(tmp_path, "two", people=3)
    assert main(["quality", "--data", str(tmp_path), "--no-boosting"]) == 0
    said = capsys.readouterr().out
    assert "== one (key): 6 subjects" in said and "== two (key): 3 subjects" in said
    assert "left out of the file: 6 ads" in said


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_a_folder_without_panels_is_said_and_not_thrown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: str
) -> None:
    from streams.__main__ import main

    assert main(["quality", "--data", str(tmp_path / folder)]) == 1
    assert str(tmp_path) in capsys.readouterr().err


def test_figures_are_json_and_nan_is_null(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    measured = scores.measure(small_panel(), boosted=False)
    measured = replace(measured, found=measured.found | {"nothing": float("nan")})
    written = report.write(measured, tmp_path / "new")
    assert orjson.loads(written[0].read_bytes())["nothing"] is None
    assert len(written) == 4 and all(path.stat().st_size for path in written)


# -- stances and shares


def _days(engaged: list[int], y: list[int]) -> Answers:
    """One pair's mornings: whether it was to be engaged, and whether it was engaged with."""
    stance = np.where(engaged, Stance.ENGAGE, Stance.HOLD)
    return mornings_of_one_pair(y, stance=stance)


def test_what_comes_and_goes_is_counted_and_what_comes_late() -> None:
    """A habit from day 20 on that is engaged from day 23, and leaves for a day."""
    y = [0] * 20 + [1] * 30
    engaged = [0] * 23 + [1] * 10 + [0] + [1] * 16
    found = stances.changes(_days(engaged, y), np.ones(50, np.bool_))
    assert found.comes == pytest.approx(2 / (50 / 7))
    assert found.ends == pytest.approx(1 / (50 / 7))
    assert found.back.value == pytest.approx(1 / (50 / 7))
    assert (found.onsets, found.lag) == (1, 3.0)


def test_the_shares_of_a_morning_are_one_together() -> None:
    answers = played()
    said = answers.decisions["share"]
    morning = answers.subject * 100_000 + answers.day
    _, place = np.unique(morning, return_inverse=True)
    assert np.bincount(place, said) == pytest.approx(np.ones(place.max() + 1))
    assert (answers.decisions["share_low"] <= said).all()
    assert (said <= answers.decisions["share_high"]).all()


def test_shares_are_held_against_the_seven_days_that_follow() -> None:
    """What came itself ranks perfectly; on the morning's own past nothing of it is counted."""
    panel, answers = small_panel(), played()
    tree, _ = scores._interests(panel, False)
    ends = {account: last for account, (_, last) in panel.diaries().items()}
    given = shares.attention(panel, tree)
    past, came = shares._counts(answers, given)
    for at in range(0, len(answers), 7):
        own = answers.subjects[answers.subject[at]], int(answers.interest[at])
        today = int(answers.day[at])
        after, before = (
            sum(given.get((*own, day), 0.0) for day in days)
            for days in (range(today, today + 7), range(today - 7, today))
        )
        assert (came[at], past["mean of 7 days"][at]) == pytest.approx((after, before))
    decisions = answers.decisions.copy()
    decisions["share"] = came
    answers = replace(answers, decisions=decisions)
    lines, _ = shares.compare_shares(answers, np.ones(len(answers), np.bool_), given, ends)
    best = next(line for line in lines if line.name == "share")
    assert best.ndcg == pytest.approx(1.0)
    assert all(line.cross_entropy >= best.cross_entropy for line in lines)
