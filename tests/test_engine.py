"""The engine against its slow twin, and the promises about cutting, restarting and forgetting."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.engine import Engine
from features.interests import learner
from features.interests.linear import Hurdle
from features.kernels import layout as lay
from features.signals import training_rows
from features.taxonomy import load
from tests import generators as gen
from tests.generators import TABLE, Record, config
from tests.oracle import ABS, REL, SIGNALS, bitmap
from tests.oracle_partition import Partition
from tests.oracle_profile import profile
from tests.oracle_views import Run, live_rows, row_values

ENOUGH = 40  # labels after which the model answers: small, so that both ways are tested


@pytest.fixture(autouse=True, scope="module")
def _soon_trained() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learner, "_ENOUGH_ROWS", ENOUGH)
        patch.setattr(learner, "lineup", lambda: (Hurdle(),))
        yield


def _twin(records: list[Record], **changed: object) -> tuple[Partition, list[str]]:
    partition = Partition(config(**changed), load(), TABLE)
    return partition, partition.apply((r.kind, r.doc) for r in records)


def _assert_rows(engine: Engine, twin: Partition) -> None:
    """Every subject and row of the engine is the twin's, in the twin's order."""
    offset, halves = twin.config.day_offset_ms, twin.config.half_lives
    live = live_rows(engine)
    assert list(live) == [key for key, subject in twin.subjects.items() if not subject.barred]
    for key, rows in live.items():
        subject = twin.subjects[key]
        assert list(rows) == list(subject.rows), key
        for interest, j in rows.items():
            row, have = subject.rows[interest], row_values(engine, j)
            days, day = row.days(offset), have["day"]
            assert have["bits"] == bitmap(days, day + 1)
            assert have["active"] == len(days)
            assert have["first"] == row.first_day(offset)
            assert have["flags"] == row.flags, (key, interest)
            assert have["parts"] == pytest.approx(row.parts(day, offset, halves[2]), REL, ABS)
            masses = row.masses(day, offset, halves[2])
            assert (have["tv"], have["app"]) == pytest.approx((masses[2], masses[3]), REL, ABS)


def _assert_subjects(engine: Engine, twin: Partition) -> None:
    s, offset = engine.store.subjects, twin.config.day_offset_ms
    for key, subject in twin.subjects.items():
        account, _, member = key.encode().partition(b"/")
        sid = engine.store.find(account, member)
        assert s.events[sid] == len(subject.events)
        if subject.events:
            days = subject.days(offset)
            assert int(s.days[sid]) == bitmap(days, int(s.day[sid]))
            assert (s.first[sid], s.day[sid]) == (min(days), max(days))
            assert s.last_ts[sid] == subject.last_ts
            assert s.sources[sid] == sum({1 << kind for _, kind, _ in subject.events})
            country = int(s.country[sid])
            assert (chr(country >> 8) + chr(country & 255) if country else None) == subject.country


# -- the twin


@given(gen.sequences(days=5, events=60), st.booleans())
@settings(max_examples=60)
def test_everything_is_as_the_twin_says(records: list[Record], grant: bool) -> None:
    done = Run(config(consent_default_grant=grant))
    twin, outcomes = _twin(records, consent_default_grant=grant)
    assert done.apply(records) == outcomes
    engine = done.engine
    _assert_rows(engine, twin)
    _assert_subjects(engine, twin)
    assert int(engine.store.c[lay.C_OPEN_DAY]) == twin.open_day
    assert engine.learner.champion.learned == twin.learned
    rates = [twin.rate(i) for i in range(len(load()))]
    assert engine.learner.population.rate() == pytest.approx(rates, rel=1e-12)
    weights = {**twin.habit.weights, **twin.here.weights}
    assert engine.learner.bet().form.weights[0] == pytest.approx(
        [weights.get(name, 0.0) for name in SIGNALS], rel=1e-3, abs=1e-5)
    profiles = done.profiles()
    for key in twin.subjects:
        want = profile(twin, key, ENOUGH)
        have = profiles.pop(key.encode(), None)
        assert (have is None) == (want is None), key
        if have is not None and want is not None:
            _assert_profile(have, want)
    assert not profiles


def _assert_profile(have: dict, want: dict) -> None:
    model = have.pop("model"), have.pop("version")
    assert model[0]["id"] == "ftrl-hurdle"
    scores = [item["score"] for item in have["interests"]]
    assert scores == sorted(scores, reverse=True)
    by_id = [{item["id"]: item for item in doc.pop("interests")} for doc in (have, want)]
    assert have == want
    assert set(by_id[0]) == set(by_id[1])
    for interest, item in by_id[0].items():
        twin = by_id[1][interest]
        for name, within in (("score", 2e-4), ("lift", 0.02), ("confidence", 0.011)):
            assert item.pop(name) == pytest.approx(twin.pop(name), rel=1e-3, abs=within), name
        for name, least in (("dayparts", 0.2), ("sources", 0.005)):
            _assert_shares(item.pop(name), twin.pop(name), least)
        why = [{r["code"]: r["value"] for r in doc.pop("reasons")} for doc in (item, twin)]
        assert why[0] == pytest.approx(why[1], abs=0.011)
        assert item == twin


def _assert_shares(have: dict[str, float], want: dict[str, float], least: float) -> None:
    """Equal shares; one that lies right at the least may be there or not."""
    for name in have.keys() | want.keys():
        assert have.get(name, least) == pytest.approx(want.get(name, least), abs=0.011), name


@given(gen.sequences(days=4, events=40, with_facts=False), st.integers(-1, 70))
@settings(max_examples=40)
def test_a_row_opens_any_later_day_with_what_earlier_days_gave(
        records: list[Record], ahead: int) -> None:
    """Training rows of a day to come: levels, recency, habits, shares, decayed forward exactly."""
    done, (twin, _) = Run(config()), _twin(records)
    done.apply(records)
    day = max(twin.open_day, 0) + max(0, ahead)
    taken = training_rows(done.engine.store, day, 10**6, done.engine.learner.population)
    x, y, interest = taken.x, taken.y, taken.interest
    rows, labels = twin.training_rows(day)
    assert interest.tolist() == [row[1] for row in rows]
    assert y.tolist() == labels
    want = np.array([row[2] for row in rows]).reshape(x.shape)
    np.testing.assert_allclose(x, want, rtol=1e-4, atol=1e-6)
