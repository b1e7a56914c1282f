"""What partitions learn apart goes into one model as if one partition had learned it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from features.models import exchange
from features.models.drift import Drift
from features.models.exchange import Contribution, SharedModel, Unreadable
from features.models.learner import Learner
from features.models.lessons import BINNED, PARTS, PROBITS
from features.models.mixture import Mixture
from features.models.pooled import Pool
from features.models.pooled_kernel import flow, sum_up
from features.models.registry import registered
from features.models.signals import DECAY, HABIT, DayRows
from features.state import snapshots
from tests.oracle import pooled
from tests.support.made_up_days import INTERESTS, day_rows

PARTITIONS = 5


def _learner() -> Learner:
    return Learner(INTERESTS, registered(), shared=True)


def _pool(learner: Learner) -> Pool:
    assert learner.pool is not None
    return learner.pool


class _Found(Drift):
    """Finds a drift in the first source, or none."""

    def __init__(self, found: bool) -> None:
        super().__init__()
        self.found = found

    def add(self, source: int, *_: object) -> bool:
        return self.found and source == 0


def _of(rows: DayRows, partition: int) -> DayRows:
    """The rows of the subjects of one partition."""
    return rows.part(np.flatnonzero(rows.subject % PARTITIONS == partition))


def _close(learner: Learner, rows: DayRows) -> None:
    """Learn a day as `Learner.close_day` does, without a store."""
    pool = _pool(learner)
    before = pool.before()
    lost = learner._judge(rows, {name: m.score(rows) for name, m in learner.models.items()})
    asked = pool.ask(rows)
    for model in learner.models.values():
        model.learn(rows)
    counts = learner.population
    counts.alive = DECAY * counts.alive + len(rows.firsts())
    pool.after(rows.day, before, asked, lost)


def _given(learner: Learner, pool: Pool) -> Contribution:
    data = exchange.contribution(_pool(learner))
    assert data is not None
    return exchange.read_contribution(pool, data)


def _tell(learners: list[Learner], merged: SharedModel) -> None:
    for number, learner in enumerate(learners):
        until, _ = merged.until.get(number, (-1, -1))
        for part in PARTS:
            assert _pool(learner).take(part, merged.day, until, merged.held[part])


def _days(
    learners: list[Learner], days: range, drifts: Mapping[int, Sequence[int]] | None = None
) -> SharedModel:
    """Days of which each partition has its share, merged at the end of each.

    Parameters
    ----------
    drifts : mapping of int to sequence of int, optional
        Partitions that find a drift, by day.
    """
    pool, merged = _pool(_learner()), None
    for day in days:
        for number, learner in enumerate(learners):
            found = number in (drifts or {}).get(day, ())
            learner._drift = _Found(found)
            _close(learner, _of(day_rows(day), number) if len(learners) > 1 else day_rows(day))
        given = {n: _given(learner, pool) for n, learner in enumerate(learners)}
        merged = exchange.merge_lessons(pool, merged, given) or merged
        assert merged is not None
        _tell(learners, merged)
    assert merged is not None
    return merged


@pytest.mark.parametrize(("noise", "rate"), [(0.0, 0.05), (0.0, 1.0), (1.0, 0.0)])
def test_sums_and_flow_are_those_of_the_twin(noise: float, rate: float) -> None:
    rows, width = day_rows(3), len(HABIT)
    x, own = np.ascontiguousarray(rows.x[:, :width]), rows.interest.astype(np.int64)
    own[::7] = -1
    chance = np.random.default_rng(5)
    held = np.stack([chance.normal(0, 0.3, width + INTERESTS), np.full(width + INTERESTS, 9.0)])
    own = np.full(len(own), -1) if noise else own
    pairs, sums = np.zeros((width, held.shape[1])), np.zeros((3, held.shape[1]))
    sum_up(x, own, rows.y, held, noise, pairs, sums)
    curvature, pull, squares = pooled.quadratic(x, own, rows.y, held, noise)
    np.testing.assert_allclose(pairs, curvature[:width], 1e-9, 1e-9)
    np.testing.assert_allclose(sums, [np.diag(curvature), pull, squares], 1e-9, 1e-9)
    moved = held.copy()
    flow(moved, pairs, sums, rate, 1.0)
    far = pooled.followed(held, curvature, pull, rate, squares)
    assert np.abs(moved[0] - far).max() < 0.1 * np.abs(far - held[0]).max()
    np.testing.assert_allclose(moved[1] - held[1], squares if rate else np.diag(curvature), 1e-9)


def test_many_partitions_learn_what_one_learns() -> None:
    """Regressions to the digits that are written; bins nearly, for theirs are local steps."""
    one, many = [_learner()], [_learner() for _ in range(PARTITIONS)]
    alone, together = _days(one, range(20)), _days(many, range(20))
    for part in ("habit", "here", "probit habit", "probit here", "rarity", "population"):
        np.testing.assert_allclose(together.held[part], alone.held[part], 1e-3, 1e-4, err_msg=part)
    later = day_rows(20)
    for name, model in one[0].models.items():
        mean = float(np.abs(model.score(later) - many[0].models[name].score(later)).mean())
        assert mean < 0.01, name


WEIGHTS = ("habit", "here", "probit habit", "probit here", *BINNED)


@pytest.mark.parametrize("finders", [range(PARTITIONS), range(1)])
def test_a_drift_is_of_all_by_the_share_of_rows_that_found_it(finders: range) -> None:
    """As if one partition had found it so often; and it lasts, though only some did."""
    calm, struck = ([_learner() for _ in range(PARTITIONS)] for _ in range(2))
    morning = _days([_learner() for _ in range(PARTITIONS)], range(8))
    without, found = _days(calm, range(9)), _days(struck, range(9), {8: finders})
    rows = [len(_of(day_rows(8), number)) for number in range(PARTITIONS)]
    share = sum(rows[number] for number in finders) / sum(rows)
    assert share == 1.0 or 0.1 < share < 0.3
    for part in WEIGHTS:
        least = 0.0 if "probit" not in part else pooled.FIRST[part]
        taken = pooled.doubted(morning.held[part][1], share, least) - morning.held[part][1]
        if "probit" in part:
            taken *= 1.0 - PROBITS[part][2]  # the close forgets behind it
        # Of a regression the day's own evidence is the same with and without; curvature of a
        # probit is taken where it is less sure, and weights of bins move while it is gathered.
        rtol, much = (1e-5, 0.0) if part in ("habit", "here") else (0.1, 20.0)
        known = morning.held[part][1] > much
        wanted = without.held[part][1] + taken
        np.testing.assert_allclose(
            found.held[part][1][known], wanted[known], rtol=rtol, err_msg=part
        )
    for learner in struck:
        assert np.array_equal(_pool(learner).held("habit"), found.held["habit"])


def test_many_that_find_a_drift_learn_on_as_one_that_finds_it() -> None:
    one, many = [_learner()], [_learner() for _ in range(PARTITIONS)]
    alone = _days(one, range(14), {9: [0]})
    together = _days(many, range(14), {9: range(PARTITIONS)})
    for part in ("habit", "here", "probit habit", "probit here"):
        np.testing.assert_allclose(together.held[part], alone.held[part], 1e-3, 1e-4, err_msg=part)
    mixtures = [learners[0].models["mixture"] for learners in (one, many)]
    assert isinstance(mixtures[0], Mixture) and isinstance(mixtures[1], Mixture)
    np.testing.assert_allclose(mixtures[1]._lost, mixtures[0]._lost, 1e-4)


def test_a_drift_found_before_the_merged_model_came_is_kept_beside_it() -> None:
    """And told once: what the merged model has of it is not doubted again."""
    learner, pool = _learner(), _pool(_learner())
    _close(learner, day_rows(0))
    merged = exchange.merge_lessons(pool, None, {0: _given(learner, pool)})
    assert merged is not None
    learner._drift = _Found(True)
    _close(learner, day_rows(1))
    _tell([learner], merged)
    kept = _pool(learner).held("habit")
    learner._drift = _Found(False)
    again = exchange.merge_lessons(pool, merged, {0: _given(learner, pool)})
    assert again is not None
    np.testing.assert_allclose(again.held["habit"], kept, 1e-5, 1e-5)
    assert np.any(kept[1] < merged.held["habit"][1]), "a quarter is left of what stood before"
    _tell([learner], again)
    assert np.array_equal(_pool(learner).held("habit"), again.held["habit"])


def test_all_partitions_have_one_model() -> None:
    many = [_learner() for _ in range(PARTITIONS)]
    _days(many, range(5))
    rows = day_rows(9)
    for name, model in many[0].models.items():
        for other in many[1:]:
            assert np.array_equal(other.models[name].score(rows), model.score(rows)), name


def test_one_that_never_learned_begins_with_the_model_of_all() -> None:
    many, fresh = [_learner() for _ in range(PARTITIONS)], _learner()
    merged = _days(many, range(5))
    for part in PARTS:
        assert _pool(fresh).take(part, merged.day, -1, merged.held[part])
    rows = day_rows(9)
    assert np.array_equal(fresh.champion.score(rows), many[0].champion.score(rows))
    assert not any(_pool(fresh).take(p, merged.day, -1, merged.held[p]) for p in PARTS)


def test_nothing_counts_twice_and_nothing_is_lost() -> None:
    """A day that closed before the merged model came is kept beside it, and given once."""
    learner, pool = _learner(), _pool(_learner())
    _close(learner, day_rows(0))
    merged = exchange.merge_lessons(pool, None, {0: _given(learner, pool)})
    assert merged is not None
    _close(learner, day_rows(1))  # before it came
    late = _given(learner, pool)
    assert exchange.merge_lessons(pool, merged, {0: late}) is None, "day 0 would count twice"
    _tell([learner], merged)
    again = exchange.merge_lessons(pool, merged, {0: _given(learner, pool)})
    assert again is not None
    rows = len(day_rows(0)) + len(day_rows(1))
    assert again.held["contest"][0].sum() == rows
    assert _pool(learner).rows == rows


def test_what_was_learned_before_the_setting_is_kept() -> None:
    """Of partitions that learned apart the first merged model is a mean, no beginning."""
    apart = [Learner(INTERESTS, registered()) for _ in range(2)]
    for day in range(10):
        for number, learner in enumerate(apart):
            for model in learner.models.values():
                model.learn(_of(day_rows(day), number))
    many, pool = [_learner() for _ in apart], _pool(_learner())
    for learner, before in zip(many, apart, strict=True):
        learner.restore(before.snapshot())
    for number, learner in enumerate(many):
        _close(learner, _of(day_rows(10), number))
    given = {n: _given(learner, pool) for n, learner in enumerate(many)}
    merged = exchange.merge_lessons(pool, None, given)
    assert merged is not None
    for part in ("habit", "here", "probit habit", "bins 0"):
        low, high = (f([given[n].held[part][0] for n in given], axis=0) for f in (np.min, np.max))
        assert np.all(merged.held[part][0] >= low - 1e-5), part
        assert np.all(merged.held[part][0] <= high + 1e-5), part
    _tell(many, merged)
    assert not any(_pool(learner).pending for learner in many)


def test_one_that_is_silent_is_left_out_and_comes_later() -> None:
    many, pool = [_learner() for _ in range(2)], _pool(_learner())
    for number, learner in enumerate(many):
        _close(learner, _of(day_rows(0), number))
    merged = exchange.merge_lessons(pool, None, {0: _given(many[0], pool)})
    assert merged is not None and merged.until == {0: (0, 0)}
    _tell(many, merged)
    _close(many[0], _of(day_rows(1), 0))
    given = {n: _given(learner, pool) for n, learner in enumerate(many)}
    merged = exchange.merge_lessons(pool, merged, given)
    assert merged is not None and merged.until == {0: (1, 1), 1: (0, 1)}
    learned = sum(len(_of(day_rows(d), n)) for d, n in ((0, 0), (1, 0), (0, 1)))
    assert merged.held["contest"][0].sum() == learned


def test_a_restored_learner_goes_on_as_if_never_stopped() -> None:
    live, other = _learner(), _learner()
    for day in range(6):
        _close(live, day_rows(day))
        stored = live.snapshot()
        other = _learner()
        other.restore(stored)
        assert other.snapshot() == stored
        if day == 3:
            pool = _pool(_learner())
            merged = exchange.merge_lessons(pool, None, {0: _given(live, pool)})
            assert merged is not None
            merged = merged._replace(until={0: (2, 3)})  # the last day is not in it
            _tell([live], merged)
            _tell([other], merged._replace(until={0: (2, 3)}))
            assert other.snapshot() == live.snapshot()
        live = other


def test_state_of_before_places_were_kept_is_gone_on_from() -> None:
    before, after = _learner(), _learner()
    _close(before, day_rows(0))
    head, arrays = snapshots.unpack(zlib.decompress(_pool(before).snapshot()))
    del head["adopted"]
    _pool(after).restore(zlib.compress(snapshots.pack(head, arrays)))
    assert _pool(after).snapshot() == _pool(before).snapshot()


def test_what_partitions_are_told_is_short_and_answers_the_same() -> None:
    """All but weights of bins is told to the last digit; those to one in two thousand."""
    merged, pool, told = _days([_learner()], range(5)), _pool(_learner()), _learner()
    whole, chance = _learner(), np.random.default_rng(4)
    for part in PARTS:
        if part in BINNED:  # as after years: every bin was met
            size = merged.held[part].shape[1]
            seen = np.exp(chance.normal(3.0, 2.0, size))
            merged.held[part] = np.stack([chance.normal(0.0, 0.1, size), seen])
        data = exchange.part_bytes(pool, merged, part)
        held = exchange.read_part(pool, part, data)
        if part in BINNED:
            np.testing.assert_allclose(held, merged.held[part], rtol=2.0**-11)
            plain = zlib.compress(merged.held[part].astype("<f4").tobytes(), 6)
            assert len(data) < 0.75 * len(plain)
        else:
            assert np.array_equal(held, merged.held[part])
        assert _pool(told).take(part, merged.day, -1, held)
        assert _pool(whole).take(part, merged.day, -1, merged.held[part])
    rows = day_rows(9)
    answers = [learner.models["binned"].score(rows) for learner in (told, whole)]
    np.testing.assert_allclose(answers[0], answers[1], rtol=1e-3)


def test_what_is_damaged_or_of_others_is_not_read() -> None:
    pool = _pool(_learner())
    learner = _learner()
    _close(learner, day_rows(0))
    data = exchange.contribution(_pool(learner)) or b""
    for bad in (b"", b"x", data[:-9], data[:40] + b"\0" + data[41:]):
        with pytest.raises(Unreadable):
            exchange.read_contribution(pool, bad)
    with pytest.raises(Unreadable, match="another form"):
        other = Learner(INTERESTS + 1, registered(), shared=True).pool
        assert other is not None
        exchange.read_contribution(other, data)
    with pytest.raises(Unreadable):
        exchange.read_merged(pool, data)
    held = {part: _pool(learner).held(part) for part in PARTS}
    held["here"][0, 0] = np.nan
    with pytest.raises(Unreadable, match="no number"):
        exchange.read_merged(pool, exchange.merged_bytes(pool, SharedModel(1, held, {})))
