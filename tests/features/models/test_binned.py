"""The model of bins: its kernel's arithmetic, its bounds, and its state in the changelog."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.models import base
from features.models.binned import Binned
from features.models.binned_kernel import BETA, L2, PAIR_RATE, RATE
from features.models.bins_kernel import (
    BINS,
    BY_INTEREST,
    COARSE,
    FINE,
    HASHED,
    INTERESTS,
    ODDS,
    PAIRED,
    PAIRS,
    SIZE,
    blocks,
)
from features.models.learner import Learner
from features.models.linear import Hurdle
from features.models.registry import registered
from features.models.signals import NAMES, DayRows
from features.models.signals_kernel import TABLE
from features.state import changelog_keys as keys
from features.state import snapshots
from tests.support.made_up_days import INTERESTS as MADE_UP
from tests.support.made_up_days import day_rows, learned

_RANGES = {signal.name: (signal.low, signal.high) for signal in TABLE} | {ODDS: (-7.0, 3.0)}


def _place(name: str, value: float, bins: int) -> int:
    low, high = _RANGES[name]
    return min(bins - 1, max(0, math.floor((value - low) / (high - low) * bins)))


def _bins(row: list[float], odds: float, interest: int) -> list[tuple[str, int]]:
    """Twin: block and place of every bin of a row, in order."""
    values = dict(zip(NAMES, row, strict=True)) | {ODDS: odds}
    found = [(name, _place(name, value, FINE)) for name, value in values.items()]
    side = {name: _place(name, values[name], COARSE) for name in PAIRED}
    found += [(f"{a}*{b}", side[a] * COARSE + side[b]) for a, b in PAIRS]
    found.append(("interest", interest % INTERESTS))
    return found + [
        (f"interest*{name}", (interest * COARSE + side[name]) % HASHED) for name in BY_INTEREST
    ]


_Fact = tuple[float, list[float], int, int]


def _log_odds(p: float) -> float:
    return math.log(p / (1.0 - p))


def _logistic(odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-odds))


class _Twin:
    """FTRL over named bins in slow Python, correcting a model that stays what it is."""

    def __init__(self) -> None:
        self.z: dict[tuple[str, int], float] = {}
        self.n: dict[tuple[str, int], float] = {}
        self.pull, self.weighed = 5.0, 10.0  # half, with the weight of ten

    def rate(self, name: str) -> float:
        return PAIR_RATE if "*" in name and not name.startswith("interest") else RATE

    def weight(self, key: tuple[str, int]) -> float:
        n = self.n.get(key, 0.0)
        return -self.z.get(key, 0.0) / ((BETA + math.sqrt(n)) / self.rate(key[0]) + L2)

    @property
    def trust(self) -> float:
        return min(1.25, max(0.0, self.pull / self.weighed))

    def added(self, p: float, row: list[float], interest: int) -> float:
        return sum(self.weight(key) for key in _bins(row, _log_odds(p), interest))

    def probability(self, p: float, row: list[float], interest: int) -> float:
        return _logistic(_log_odds(p) + self.trust * self.added(p, row, interest))

    def learn_day(self, facts: list[_Fact]) -> None:
        """Weigh the whole day's answers, then learn it row by row."""
        pull, weight = 0.0, 0.0
        for p, row, interest, y in facts:
            added, said = self.added(p, row, interest), self.probability(p, row, interest)
            weight += said * (1.0 - said) * added**2
            pull += said * (1.0 - said) * added**2 * self.trust - (said - y) * added
        fade = 0.5 ** (1.0 / 128.0)
        self.pull = 5.0 + (self.pull - 5.0) * fade + pull
        self.weighed = 10.0 + (self.weighed - 10.0) * fade + weight
        for fact in facts:
            self.learn(*fact)

    def learn(self, p: float, row: list[float], interest: int, y: int) -> None:
        slope = _logistic(_log_odds(p) + self.added(p, row, interest)) - y
        for key in _bins(row, _log_odds(p), interest):
            n, w = self.n.get(key, 0.0), self.weight(key)
            step = (math.sqrt(n + slope**2) - math.sqrt(n)) / self.rate(key[0])
            self.z[key] = self.z.get(key, 0.0) + slope - step * w
            self.n[key] = n + slope**2


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_the_kernel_does_what_the_twin_does(seed: int) -> None:
    below = learned(Hurdle(), range(2))
    model, twin = Binned(below), _Twin()
    for day in (5, 6, 7):
        rows = day_rows(day, seed)
        said, labels = below.score(rows).tolist(), rows.y.tolist()
        facts = list(zip(said, rows.x.tolist(), rows.interest.tolist(), labels, strict=True))
        want = [twin.probability(p, row, interest) for p, row, interest, _ in facts]
        np.testing.assert_allclose(model.score(rows), want, rtol=1e-4)
        model.learn(rows)
        twin.learn_day(facts)
        assert model.trust == pytest.approx(twin.trust, rel=1e-4)


def test_every_weight_has_one_name_and_every_bin_a_weight() -> None:
    spans = sorted(blocks().values())
    ends = [at + size for at, size in spans]
    assert spans[0][0] == 0 and [at for at, _ in spans[1:]] == ends[:-1] and ends[-1] == SIZE
    assert len(_bins(day_rows(1).x[0].tolist(), 0.0, 3)) == BINS


def _extreme(value: float) -> DayRows:
    rows = day_rows(3)
    other = np.full_like(rows.interest, 65_535)
    return replace(rows, x=np.full_like(rows.x, value), interest=other)


@pytest.mark.parametrize("value", [-1e300, -1e9, 0.0, 1e9, 1e300])
def test_what_lies_outside_falls_into_the_outermost_bin(value: float) -> None:
    model, rows = learned(Binned(Hurdle()), range(3)), _extreme(value)
    model.learn(rows)
    assert np.isfinite(model.score(rows)).all()


def test_it_starts_as_what_it_corrects_and_learns_what_a_line_cannot() -> None:
    """A habit that comes on middling odds alone: no line has it, bins do."""
    below = learned(Hurdle(), range(20))
    model = Binned(below)
    np.testing.assert_allclose(model.score(day_rows(50)), below.score(day_rows(50)), rtol=1e-9)

    def bent(day: int) -> DayRows:
        rows = day_rows(day)
        y = (np.abs(rows.x[:, NAMES.index("odds_28")]) < 0.3).astype(np.uint8)
        return replace(rows, y=y, active_today=np.ones_like(y))

    for day in range(150):
        model.learn(bent(day))
        below.learn(bent(day))
    rows = bent(500)
    lost = [base.score_form(m.form(), rows) for m in (below, model)]
    line, bins = (float(-np.where(rows.y == 1, np.log(p), np.log1p(-p)).mean()) for p in lost)
    assert bins < 0.8 * line


def test_labels_that_nothing_foretells_take_the_trust_and_what_helps_earns_it() -> None:
    below = learned(Hurdle(), range(20))
    noise, helps = Binned(below), Binned(below)
    chance = np.random.default_rng(3)
    for day in range(120):
        rows = day_rows(day)
        said = below.score(rows)
        noise.learn(replace(rows, y=(chance.random(len(rows)) < said).astype(np.uint8)))
        odd = (np.abs(rows.x[:, NAMES.index("odds_28")]) < 0.3).astype(np.uint8)
        helps.learn(replace(rows, y=odd))
    assert noise.trust < 0.2 < 0.9 < helps.trust <= 1.25
    rows = day_rows(500)
    whole = base.score_form(noise.form()._replace(steps=noise._weights), rows)
    moved = [float(np.abs(p - below.score(rows)).mean()) for p in (noise.score(rows), whole)]
    assert moved[0] < 0.2 * moved[1]


def test_a_state_of_before_trust_goes_on_answering_with_the_whole_correction() -> None:
    model = learned(Binned(Hurdle()), range(5))
    head, arrays = snapshots.unpack(model.snapshot())
    del arrays["trusted"]
    again = Binned(Hurdle())
    again.restore(snapshots.pack(head, arrays))
    assert again.trust == 1.0 > model.trust > 0.0
    np.testing.assert_allclose(again.form().steps * model.trust, model.form().steps, rtol=1e-12)


def test_a_form_that_was_given_out_stays_what_it_is() -> None:
    model = learned(Binned(Hurdle()), range(3))
    form, rows = model.form(), day_rows(9)
    before = base.score_form(form, rows)
    model.learn(day_rows(4))
    np.testing.assert_array_equal(base.score_form(form, rows), before)


def test_its_state_is_bounded_whatever_it_learns() -> None:
    model, chance = Binned(Hurdle()), np.random.default_rng(0)
    for day in range(4):
        n = 5000
        flags = np.ones(n, np.uint8)
        x = chance.normal(0.0, 3.0, (n, len(NAMES)))
        interest = chance.integers(0, 2**16, n).astype(np.uint16)
        y = chance.integers(0, 2, n).astype(np.uint8)
        model.learn(
            DayRows(
                day,
                x,
                y,
                interest,
                np.arange(n, dtype=np.int32),
                flags,
                flags,
                flags,
                flags.astype(np.uint16),
                flags.astype(np.uint64),
            )
        )
    assert len(model.snapshot()) < 12 * SIZE + 4000 < 500_000


def test_a_block_that_is_known_no_more_is_dropped() -> None:
    """As after a signal went or its pairs changed: the rest goes on."""
    model = learned(Binned(Hurdle()), range(5))
    head, arrays = snapshots.unpack(model.snapshot())
    head["blocks"][NAMES.index("odds_28")][0] = "a_signal_of_last_year"
    head["blocks"][NAMES.index("odds_7")][1] = 2 * FINE
    again = Binned(Hurdle())
    again.restore(snapshots.pack(head, arrays))
    old, new = model.form().steps, again.form().steps
    lost = np.zeros(SIZE, np.bool_)
    for name in ("odds_28", "odds_7"):
        at, size = blocks()[name]
        lost[at : at + size] = True
    assert old[lost].any() and not new[lost].any()
    np.testing.assert_array_equal(new[~lost], old[~lost])


def test_a_changelog_from_before_it_restores_and_it_starts_cold() -> None:
    """The models of a release without it, and the contest that they were in."""
    older = Learner(MADE_UP, tuple(m for m in registered() if m.id != "binned"))
    newer, rows = Learner(MADE_UP), day_rows(1)
    for model in older.models.values():
        model.learn(rows)
    records = older.snapshot()
    assert keys.model("binned") not in records
    newer.restore(records)
    assert newer.champion.id == older.champion.id
    assert newer.models["binned"].learned == 0 < newer.models["mixture"].learned
    np.testing.assert_allclose(
        newer.models["binned"].score(rows), newer.models["mixture"].score(rows), rtol=1e-9
    )
    newer.models["binned"].learn(rows)
    assert keys.model("binned") in newer.snapshot()
