"""Learning: the weights are River's own, and no signal knows the day it has to foretell."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import linear_model, optim

from features.models import learner, signals
from features.models import training_kernel as kernel
from features.models.base import PoisonedRow
from features.models.ftrl import Ftrl
from features.models.linear import Hurdle
from features.models.signals import HABIT, NAMES, PRESENCE, DayRows
from features.state import layout as lay
from features.tags.taxonomy import load
from tests.oracle.arithmetic import HABIT as TWIN_HABIT
from tests.oracle.arithmetic import SIGNALS
from tests.oracle.partition import Partition
from tests.oracle.views import Run
from tests.support import generators as gen
from tests.support.generators import DAY_MS, START, TABLE, Record, config

SIZE = len(NAMES)
_SEED = st.integers(0, 2**32 - 1)


def _rows(seed: int, n: int, day: int = 0) -> DayRows:
    """Made-up rows of a day, two of each subject."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, SIZE))
    subject = np.arange(n, dtype=np.int32) // 2
    here = (rng.random(n // 2 + 1) < 0.6).astype(np.uint8)[subject]
    y = (rng.random(n) < 1 / (1 + np.exp(-x[:, 1]))).astype(np.uint8) * here
    none = np.zeros(n, np.uint16)
    evidence = np.full(n, 20, np.uint8)
    return DayRows(
        day,
        x,
        y,
        none,
        subject,
        here,
        none.astype(np.uint8),
        evidence,
        none,
        none.astype(np.uint64),
    )


def test_the_signals_are_the_twins() -> None:
    assert NAMES == SIGNALS
    assert HABIT == TWIN_HABIT


# -- River


@given(_SEED, st.lists(st.integers(0, 60), min_size=1, max_size=4))
@settings(max_examples=25)
def test_weights_are_those_of_river_told_row_by_row(seed: int, sizes: list[int]) -> None:
    """However rows were cut, and through bytes after every cut."""
    ours = Ftrl(NAMES, 0.05)
    river = linear_model.LogisticRegression(
        optimizer=optim.FTRLProximal(alpha=0.05, beta=1.0, l1=0.0, l2=1e-3), intercept_lr=0.0
    )
    for n, size in enumerate(sizes):
        rows = _rows(seed + n, size)
        ours.learn(rows.x, rows.y)
        for row, label in zip(rows.x.tolist(), rows.y.tolist(), strict=True):
            river.learn_one(dict(zip(NAMES, row, strict=True)), bool(label))
        resumed = Ftrl(NAMES, 0.05)
        resumed.take(*ours.arrays())
        ours = resumed
    assert ours.weights() == {name: river.weights.get(name, 0.0) for name in NAMES}


@given(_SEED, st.integers(0, 120))
@settings(max_examples=25)
def test_the_kernels_form_answers_as_river_does(seed: int, count: int) -> None:
    """A hurdle's two dot products are the product of two `predict_proba_one`."""
    model = Hurdle()
    model.learn(_rows(seed, count))
    asked = _rows(seed + 1, 6)
    for row, answer in zip(asked.x.tolist(), model.score(asked), strict=True):
        named = dict(zip(NAMES, row, strict=True))
        p = 1.0
        for part, names in (("habit", HABIT), ("here", PRESENCE)):
            held = model._parts[part]._model
            p *= held.predict_proba_one({name: named[name] for name in names})[True]
        assert answer == pytest.approx(p, rel=1e-9)


@given(_SEED, st.sampled_from([math.nan, math.inf, -math.inf]), st.data())
@settings(max_examples=25)
def test_a_poisoned_row_stops_the_close_before_anything_is_learned(
    seed: int, poison: float, data: st.DataObject
) -> None:
    run = Run(config())
    run.apply([gen.consent(0), gen.event(0, 0, START)])
    taught = run.engine.learner
    rows = _rows(seed, 20)
    taught.champion.learn(rows)
    before = taught.snapshot()
    column = data.draw(st.integers(0, SIZE - 1))
    rows.x[data.draw(st.integers(0, 19)), column] = poison
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learner, "training_rows", lambda *_: rows)
        with pytest.raises(PoisonedRow, match=NAMES[column]):
            taught.close_day(run.engine.store, gen.FIRST_DAY, 100)
    assert taught.snapshot() == before


# -- no label leaks into the signals of its day


def _closed_day(records: list[Record], day: int) -> DayRows:
    """What is learned of `day` when it closes after `records`."""
    found = [_rows(0, 0, day)]
    done = Run(config(row_epsilon=0.0))
    done.engine.learner.observer = lambda rows, _: found.append(rows)
    done.apply(records)
    return [rows for rows in found if rows.day == day][-1]


@st.composite
def _two_futures(draw: st.DrawFn) -> tuple[list[Record], list[Record], list[Record], int]:
    """A past, two different goings-on from a day on, and that day."""
    past = draw(gen.sequences(days=4, events=60, with_facts=False, least=20))
    day = gen.FIRST_DAY + draw(st.integers(2, 4))
    start = day * DAY_MS - config().day_offset_ms
    past = [r for r in past if r.kind == gen.FACTS or r.doc["ts"] < start]
    futures = []
    for salt in (1, 2):
        codes = draw(st.lists(st.integers(0, 2**30 - 1), max_size=15))
        futures.append(
            [
                r
                for n, code in enumerate(codes)
                if (r := gen.event(code, 1000 * salt + n, start + n * 3 * gen.HOUR_MS)).doc["ts"]
                >= start
            ]
        )
    return past, futures[0], futures[1], day


def _end(day: int) -> list[Record]:
    """What closes a day: an event that says nothing, well after it."""
    return [
        Record(
            gen.APP,
            {
                "event_id": "end",
                "account_id": "acc-0",
                "app_id": "nobody.knows",
                "action": "view",
                "ts": (day + 3) * DAY_MS,
            },
        )
    ]


def _assert_no_leak(drawn: tuple[list[Record], list[Record], list[Record], int]) -> None:
    past, one, other, day = drawn
    x1 = _closed_day([*past, *one, *_end(day)], day).x
    x2 = _closed_day([*past, *other, *_end(day)], day).x
    assert x1.shape == x2.shape
    # rows are brought forward at other times, so float32 rounds them in other places
    np.testing.assert_allclose(x1, x2, rtol=1e-4, atol=1e-6)


@given(_two_futures())
@settings(max_examples=40)
def test_what_a_day_brings_is_no_signal_of_that_day(
    drawn: tuple[list[Record], list[Record], list[Record], int],
) -> None:
    """Events of the day and later change labels, never signals."""
    _assert_no_leak(drawn)


def _one_leaky_day() -> tuple[list[Record], list[Record], list[Record], int]:
    rugby = {
        "account_id": "acc-0",
        "line": "mobile",
        "host": "rugby.example",
        "duration_ms": 3_600_000,
    }

    def at(number: int, ts: int) -> Record:
        return Record(gen.NETWORK, {**rugby, "event_id": f"r-{number}", "ts": ts})

    day = gen.FIRST_DAY + 2
    past = [gen.consent(0), at(0, START), at(1, START + DAY_MS)]
    return past, [at(2, day * DAY_MS + gen.HOUR_MS)], [], day


def test_a_planted_leak_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signals as of the next morning know the day's own events: the test above must fail."""
    real = kernel.fill_training_rows

    def one_day_early(live: lay.Live, day: int, keep: float, odds: Any, out: kernel.Columns) -> int:
        n = int(real(live, day, keep, odds, out))
        labels = [column.copy() for column in out[1:]]
        real(live, day + 1, keep, odds, out)
        for column, kept in zip(cast(Any, out[1:]), labels, strict=True):
            column[:] = kept
        return n

    _assert_no_leak(_one_leaky_day())
    monkeypatch.setattr(kernel, "fill_training_rows", one_day_early)
    with pytest.raises(AssertionError):
        _assert_no_leak(_one_leaky_day())


def test_labels_are_of_the_day_that_closes() -> None:
    past, active, idle, day = _one_leaky_day()
    rows = _closed_day([*past, *active, *_end(day)], day)
    assert len(rows) and rows.y.tolist() == rows.active_today.tolist() == [1] * len(rows)
    rows = _closed_day([*past, *idle, *_end(day)], day)
    assert len(rows) and rows.y.tolist() == rows.active_today.tolist() == [0] * len(rows)


# -- what is learned of a partition


@pytest.fixture
def taught() -> Iterator[tuple[Run, Partition]]:
    """An engine and its twin after eight days."""
    records = [gen.consent(account) for account in range(4)]
    records += [gen.event(n * 48_271_997 % 2**30, n, START + n * DAY_MS // 30) for n in range(240)]
    done, twin = Run(config()), Partition(config(), load(), TABLE)
    done.apply(records)
    twin.apply((r.kind, r.doc) for r in records)
    yield done, twin


def test_a_silent_subject_is_a_label_of_nought(taught: tuple[Run, Partition]) -> None:
    done, twin = taught
    assert {model.learned for model in done.engine.learner.models.values()} == {twin.learned}
    labels = [label for _, _, ys in twin.closed for label in ys]
    assert 0 < sum(labels) < len(labels)


def test_a_sample_of_a_large_close_is_by_subject_and_bounded(taught: tuple[Run, Partition]) -> None:
    store, population = taught[0].engine.store, taught[0].engine.learner.population
    day = int(store.counters["open_day"])
    whole = signals.training_rows(store, day, 10**6, population)
    limit = len(whole) // 3
    some, again = (signals.training_rows(store, day, limit, population) for _ in range(2))
    assert 0 < len(some) <= 2 * limit
    assert some.x.tolist() == again.x.tolist()
    taken = set(some.subject.tolist())
    assert len(some) == sum(subject in taken for subject in whole.subject.tolist())
    other = signals.training_rows(store, day + 1, limit, population)
    assert set(other.subject.tolist()) != taken, "another day takes others"


def test_it_answers_only_once_it_has_seen_enough(
    taught: tuple[Run, Partition], monkeypatch: pytest.MonkeyPatch
) -> None:
    learned = taught[0].engine.learner.champion.learned
    for enough, trained in ((learned, 1), (learned + 1, 0)):
        monkeypatch.setattr(learner, "_ENOUGH_ROWS", enough)
        monkeypatch.setattr(taught[0].engine.learner.champion, "primed", False)
        assert taught[0].engine.learner.policy().trained == trained
