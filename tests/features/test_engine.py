"""The engine against its slow twin; what counts, once; and that every record is accounted for."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.engine import Engine
from features.models import learner
from features.models.linear import Hurdle
from features.models.signals import training_rows
from features.records.batch import parse
from features.records.decoder import Limits
from features.state import layout as lay
from features.tags.taxonomy import load
from features.vocabulary import Outcome
from tests.oracle.arithmetic import ABS, REL, SIGNALS, bitmap
from tests.oracle.partition import Partition
from tests.oracle.profile import profile
from tests.oracle.views import Run, live_rows, row_values
from tests.support import generators as gen
from tests.support.generators import START, TABLE, Record, config
from tests.support.malformed_cases import CASES, MAX_BYTES, Case

ENOUGH = 40  # labels after which the model answers: small, so that both ways are tested


@pytest.fixture(autouse=True, scope="module")
def _soon_trained() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learner, "_ENOUGH_ROWS", ENOUGH)
        patch.setattr(learner, "registered", lambda: (Hurdle(),))
        yield


def _twin(records: list[Record], **changed: object) -> tuple[Partition, list[str]]:
    partition = Partition(config(**changed), load(), TABLE)
    partition.enough = ENOUGH
    return partition, partition.apply((r.kind, r.doc) for r in records)


def _assert_rows(engine: Engine, twin: Partition) -> None:
    """Every subject and row of the engine is the twin's, in the twin's order."""
    offset, halves = twin.config.day_offset_ms, twin.config.half_lives
    live = live_rows(engine)
    assert list(live) == list(twin.subjects)
    for key, rows in live.items():
        subject = twin.subjects[key]
        assert list(rows) == list(subject.rows), key
        for interest, j in rows.items():
            row, have = subject.rows[interest], row_values(engine, j)
            days, day = row.days(offset), have["day"]
            assert have["bits"] == bitmap(days, day + 1)
            assert have["active"] == len(days)
            assert have["first"] == row.first_day(offset)
            flags = row.flags | ({"engaged"} if row.engaged else set())
            assert have["flags"] == flags, (key, interest)
            assert have["parts"] == pytest.approx(row.parts(day, offset, halves[2]), REL, ABS)
            masses = row.masses(day, offset, halves[2])
            away = row.gathered(subject.abroad(day, offset), day, offset, halves[2])
            assert (have["tv"], have["app"], have["abroad"]) == pytest.approx(
                (masses[2], masses[3], away), REL, ABS
            )


def _assert_subjects(engine: Engine, twin: Partition) -> None:
    s, offset = engine.store.subjects, twin.config.day_offset_ms
    for key, subject in twin.subjects.items():
        account, _, member = key.encode().partition(b"/")
        sid = engine.store.find(account, member)
        assert s["events"][sid] == len(subject.events)
        if subject.events:
            days = subject.known_days(offset)
            assert int(s["days"][sid]) == bitmap(subject.engaged, int(s["day"][sid]))
            assert (s["first"][sid], s["day"][sid]) == (min(days), max(days))
            assert s["last_ts"][sid] == subject.last_ts
            assert s["sources"][sid] == sum({1 << seen.kind for seen in subject.events})
            country, said = int(s["country"][sid]), subject.placed.country
            assert (chr(country >> 8) + chr(country & 255) if country else None) == said


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
    assert int(engine.store.counters["open_day"]) == twin.open_day
    assert engine.learner.champion.learned == twin.learned
    rates = [twin.rate(i) for i in range(len(load()))]
    assert engine.learner.population.rate() == pytest.approx(rates, rel=1e-12)
    weights = {**twin.habit.weights, **twin.here.weights}
    assert engine.learner.policy().form.weights[0] == pytest.approx(
        [weights.get(name, 0.0) for name in SIGNALS], rel=1e-3, abs=1e-5
    )
    assert engine.learner.attention.powers == pytest.approx(twin.attention.powers, rel=1e-3)
    profiles = done.profiles()
    for key in twin.subjects:
        want = profile(twin, key)
        have = profiles.pop(key.encode(), None)
        assert (have is None) == (want is None), key
        if have is not None and want is not None:
            _assert_profile(have, want)
    assert not profiles


def _assert_profile(have: dict[str, Any], want: dict[str, Any]) -> None:
    model = have.pop("model"), have.pop("version")
    assert model[0]["id"] == "ftrl-hurdle"
    by_id = [{item["id"]: item for item in doc.pop("interests")} for doc in (have, want)]
    assert have == want
    assert set(by_id[0]) == set(by_id[1])
    for interest, item in by_id[0].items():
        twin = by_id[1][interest]
        # The score may be rounded to the next step: the lift is what shows how exact it is.
        for name, within in (("score", 0.051), ("lift", 0.02), ("confidence", 0.011)):
            assert item.pop(name) == pytest.approx(twin.pop(name), rel=1e-3, abs=within), name
        cells = [
            {tuple(m.items())[:2]: m["p"] for m in doc.pop("moments", ())} for doc in (item, twin)
        ]
        assert cells[0] == pytest.approx(cells[1], abs=0.011)
        assert item.pop("share") == pytest.approx(twin.pop("share"), abs=0.011)
        for name, least in (("dayparts", 0.2), ("sources", 0.005)):
            _assert_shares(item.pop(name), twin.pop(name), least)
        why = [
            {
                f"{r['code']} {name}": number
                for r in doc.pop("reasons")
                for name, number in (
                    r["value"].items() if isinstance(r["value"], dict) else [("", r["value"])]
                )
            }
            for doc in (item, twin)
        ]
        assert why[0] == pytest.approx(why[1], abs=0.011)
        assert item == twin


def _assert_shares(have: dict[str, float], want: dict[str, float], least: float) -> None:
    """Equal shares; one that lies right at the least may be there or not."""
    for name in have.keys() | want.keys():
        assert have.get(name, least) == pytest.approx(want.get(name, least), abs=0.011), name


@given(gen.sequences(days=4, events=40, with_facts=False), st.integers(-1, 70))
@settings(max_examples=40)
def test_a_row_opens_any_later_day_with_what_earlier_days_gave(
    records: list[Record], ahead: int
) -> None:
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


# -- order, duplicates, accounting


@given(
    st.lists(st.tuples(st.integers(0, 2**30 - 1), st.integers(0, 359)), min_size=1, max_size=30),
    st.randoms(use_true_random=False),
)
@settings(max_examples=40)
def test_order_within_the_lateness_does_not_matter(
    drawn: list[tuple[int, int]], chance: Random
) -> None:
    """The same rows, to the rounding of float32; only their order follows the first arrival.

    Rows too weak to keep are dropped when a day closes, so one that comes after may stay longer:
    none is too weak here.
    """
    records = [
        gen.event(code, number, START + minute * gen.MINUTE_MS)
        for number, (code, minute) in enumerate(drawn)
    ]
    records = [r for r in records if r.doc["ts"] >= START]
    made = []
    for order in (records, chance.sample(records, len(records))):
        done = Run(config(consent_default_grant=True, row_epsilon=1e-9))
        done.apply(order)
        made.append(
            {
                key: {
                    interest: _as_of_start(row_values(done.engine, j))
                    for interest, j in rows.items()
                }
                for key, rows in live_rows(done.engine).items()
            }
        )
    assert made[0].keys() == made[1].keys()
    for key, rows in made[0].items():
        assert rows.keys() == made[1][key].keys()
        for interest, have in rows.items():
            want = made[1][key][interest]
            for name in ("parts", "tv", "app", "abroad"):
                assert have.pop(name) == pytest.approx(want.pop(name), REL, ABS)
            assert have == want


def _as_of_start(row: dict[str, Any]) -> dict[str, Any]:
    """A row's values as of the first day, whatever day it was last brought to."""
    day = row.pop("day")
    fade = 2.0 ** ((day - gen.FIRST_DAY) / 60.0)
    return {
        **row,
        "bits": {day + 1 - n for n in range(64) if row["bits"] >> n & 1},
        "parts": [fade * mass for mass in row["parts"]],
        "tv": fade * row["tv"],
        "app": fade * row["app"],
        "abroad": fade * row["abroad"],
    }


def test_an_event_id_counts_once_within_the_horizon() -> None:
    """Also when the event is late itself: the horizon runs from when it came."""
    done = Run(config(dedup_horizon_ms=gen.HOUR_MS))
    late = gen.rugby(1, START - 5 * gen.HOUR_MS)
    assert done.apply([gen.consent(0), gen.rugby(0, START), late, late]) == [
        "fact",
        "counted",
        "counted",
        "duplicate",
    ]
    done.commit()
    done.restart()
    assert done.apply([late, gen.rugby(2, START + gen.HOUR_MS // 2), late]) == [
        "duplicate",
        "counted",
        "duplicate",
    ]
    assert done.apply([gen.rugby(3, START + 2 * gen.HOUR_MS), gen.rugby(0, START)]) == [
        "counted",
        "counted",
    ], "past the horizon it is another event"


def test_what_nobody_agreed_to_leaves_no_event_id() -> None:
    done = Run(config())
    event = gen.rugby(1, START)
    assert done.apply([event, gen.consent(0), event, event]) == [
        "no_consent",
        "fact",
        "counted",
        "duplicate",
    ]


@given(
    st.lists(st.sampled_from(CASES) | gen.sequences(days=2, events=8), max_size=12), gen.cuts(0, 3)
)
@settings(max_examples=40)
def test_every_record_is_accounted_for(
    mixed: list[Case | list[Record]], places: list[float]
) -> None:
    """Garbage and goods together: what became of each record adds up to all of them."""
    items: list[tuple[int, bytes, bytes | None]] = []
    for item in mixed:
        items += (
            [(item.kind, item.raw, item.key)]
            if isinstance(item, Case)
            else [(r.kind, r.raw, str(r.doc["account_id"]).encode()) for r in item]
        )
    done, refused = Run(config()), 0
    for piece in gen.cut(items, places):
        n = len(piece)
        good, bad = parse(
            [raw for _, raw, _ in piece],
            [key for _, _, key in piece],
            np.array([kind for kind, _, _ in piece], np.uint8),
            np.zeros(n, np.int32),
            np.arange(n),
            Limits(MAX_BYTES),
        )
        assert len(good) + len(bad) == n
        outcome = done.engine.apply(good)
        assert not np.any(outcome == lay.PENDING), "nothing is left undecided"
        done.engine.refuse(len(bad))
        refused += len(bad)
        done.commit()
        done.restart()
    totals = done.engine.store.totals[: len(Outcome)]
    assert int(totals.sum()) == len(items)
    assert int(totals[lay.MALFORMED]) == refused == sum(isinstance(i, Case) for i in mixed)


# -- why a fold stops


def test_every_reason_to_stop_has_a_handler() -> None:
    named = {name: code for name, code in vars(lay).items() if name.startswith("NEED_")}
    del named["NEED_ROOM"]  # the store's own
    assert set(Run(config()).engine._handlers) == set(named.values())


def test_an_unknown_reason_to_stop_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be asked again, with the same answer, for ever."""
    done = Run(config())
    monkeypatch.setattr(done.engine.store, "apply", lambda *_: (99, 0))
    with pytest.raises(KeyError, match="99"):
        done.apply([gen.consent(0)])
