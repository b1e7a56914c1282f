"""The product's bytes: valid, ranked, material changes only, and nothing sensitive in them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.models import learner
from features.models import stance_kernel as stance_kernel
from features.models.base import single
from features.models.signals_kernel import SIGNALS
from features.privacy.notes import Notes
from features.profiles import ranking_kernel, writing_kernel
from features.profiles.offers import OFFERS_BYTES
from features.profiles.writer import ProfileWriter
from features.state import layout as lay
from features.tags.taxonomy import Taxonomy, load
from features.vocabulary import Stance, Trend
from tests.oracle import profile as oracle_profile
from tests.oracle import stance as twin_stance
from tests.oracle.views import Run, run
from tests.support import generators as gen
from tests.support.generators import DAY_MS, START, Record, config
from tests.support.paths import CONTRACT

SCHEMA = json.loads((CONTRACT / "schemas" / "interest-profiles.json").read_text())
_VALID = jsonschema.Draft202012Validator(SCHEMA)
_OFFERS = jsonschema.Draft202012Validator(
    json.loads((CONTRACT / "schemas" / "offers.json").read_text())
)
ENOUGH = 40


@pytest.fixture(autouse=True, scope="module")
def _soon_trained() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learner, "_ENOUGH_ROWS", ENOUGH)
        yield


def _network(
    number: int, ts: int, host: str = "rugby.example", spent: int = 600_000, **more: Any
) -> Record:
    return Record(
        gen.NETWORK,
        {
            "event_id": f"n-{number}",
            "account_id": "acc-0",
            "ts": ts,
            "line": "mobile",
            "host": host,
            "duration_ms": spent,
            **more,
        },
    )


# -- the document


@given(gen.sequences(days=6, events=90, least=10), gen.cuts(0, 3))
@settings(max_examples=30)
def test_every_profile_keeps_to_its_schema(records: list[Record], places: list[float]) -> None:
    """As published and as looked up; compact, keyed by its subject, at most so many interests."""
    settings_ = config(profile_interests=5)
    done = run(settings_, gen.cut(records, places))
    for key, value, version, as_of in done.published:
        if value is None:
            continue
        document = json.loads(value)
        _VALID.validate(document)
        assert value == json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
        assert (document["subject"].encode(), document["version"], document["as_of"]) == (
            key,
            version,
            as_of,
        )
        assert len(document["interests"]) <= 5
        ids = [item["id"] for item in document["interests"]]
        assert len(set(ids)) == len(ids)
    for document in done.profiles().values():
        _VALID.validate({**document, "version": 1})
    for item in done.offered:
        if item.value is not None:
            assert len(item.value) < OFFERS_BYTES
            _OFFERS.validate(json.loads(item.value))
            assert item._replace(value=None) in [one._replace(value=None) for one in done.published]


def test_the_longest_profile_fits() -> None:
    """Twenty interests with every reason, fifty suppressions, the longest key."""
    tree = load()
    store_run = Run(config())
    engine, store = store_run.engine, store_run.engine.store
    store.counters["open_day"], store.counters["max_ts"] = gen.FIRST_DAY, START
    account, member = b"a" * 64, b"m" * 64
    sid = store.ensure(account, member)
    longest = sorted(range(len(tree)), key=lambda i: -len(tree.names[i]))
    for interest in [i for i in longest if not tree.sensitive[i]][:20]:
        j = store.row(sid, interest, gen.FIRST_DAY - 5)
        row = store.rows.windows[j]
        row["part"], row["abroad"] = [1, 1, 1, 1, 0, 0, 0, 0], 3
        row["known"] = lay.F_LIKE | lay.F_DISLIKE | lay.F_QUIET
        row["bits"] = 2**64 - 1
    store.subjects["status"][[sid, store.find(account)]] |= lay.S_CARE | lay.S_HOLD
    store.subjects["events"][sid], store.subjects["sources"][sid] = 2**32 - 1, 14
    store.subjects["version"][sid], store.subjects["country"][sid] = 2**32 - 2, 65 * 256 + 65
    store.subjects["last_ts"][sid] = 4_099_999_999_999
    note = b'{"scope":"JLBCU7-JLBCU7-JL","name":"%b","reason":"decision_against","until":%d}' % (
        b"n" * 128,
        4_099_999_999_999,
    )
    allowed = b'{"value":true,"why":"consent","until":4099999999999}'
    notes = Notes(b"", b",".join([note] * 50), allowed, allowed, b",".join([note] * 50))
    only = np.array([sid], np.int32)
    written = engine._writer.write(store, only, engine._policy, lambda sids: [notes] * len(sids))
    _VALID.validate(json.loads(written[sid].profile))
    _OFFERS.validate(json.loads(written[sid].offers))
    assert len(written[sid].profile) + len(written[sid].offers) < writing_kernel.ROOM


def test_a_profile_names_where_its_subject_is() -> None:
    done = run(
        config(home_country="DE"),
        [
            [
                gen.consent(0),
                _network(1, START, country="DE"),
                _network(2, START + 60_000),
                _network(3, START + 120_000, country="FR", member_id="m-1"),
            ]
        ],
    )
    shown = {key: doc["context"] for key, doc in done.profiles().items()}
    assert shown == {
        b"acc-0": {"roaming": False, "country": "DE", "tz_offset_min": 60, "place": "home"},
        b"acc-0/m-1": {"roaming": True, "country": "FR", "tz_offset_min": None, "place": "home"},
    }


def test_a_burst_moves_the_trend_and_not_the_stance() -> None:
    """The children watch for an evening: a first day of much is no reason to engage."""
    records = [gen.consent(0), _network(0, START - DAY_MS)]
    records += [_network(1 + n, START + n * 60_000) for n in range(60)]
    profile = run(config(), [records]).profiles()[b"acc-0"]
    rugby = next(item for item in profile["interests"] if item["id"] == "529")
    assert rugby["trend"] in ("new", "burst")
    assert rugby["stance"] == "hold"
    assert {"code": "few_data", "value": 2} in rugby["reasons"]


# -- what is published


def test_what_did_not_change_is_not_published_again() -> None:
    done = Run(config())
    before = [_network(8, START - DAY_MS), _network(9, START - DAY_MS + 1, "hockey.example")]
    done.apply([gen.consent(0), *before, _network(1, START)])
    assert len(done.commit().profiles) == 1
    assert done.commit().profiles == []
    done.apply([_network(2, START + 1000)])
    assert done.commit().profiles == [], "the same interests, scores, trends and stances"
    done.apply([_network(3, START + 2000, "hockey.example")])
    assert done.commit().profiles == [], "an interest more, on hold: nobody could act on it"
    done.apply([gen.fact(0, "declaration", START, interest="529", stance="like")])
    (profile,) = done.commit().profiles
    assert profile.version == 2, "an interest to engage"
    shown = {item["id"]: item["stance"] for item in json.loads(profile.value or b"")["interests"]}
    assert (shown["529"], shown["515"]) == ("engage", "hold"), "and the other one with it"
    done.apply([gen.fact(0, "care_case", START, case_id="c", status="opened")])
    (profile,) = done.commit().profiles
    said = {"scope": "all", "reason": "care_case", "since": START, "until": None}
    assert said in json.loads(profile[1] or b"")["suppressions"]


def test_a_profile_is_renewed_at_its_greatest_age() -> None:
    def publishes(age: int) -> int:
        done = Run(config(publish_max_age_days=age, publish_score_step=1.0))
        done.apply([gen.consent(0), *[_network(n, START + n * 60_000) for n in range(3)]])
        done.commit()
        versions = 0
        for day in range(40, 52):
            done.apply([_network(day, START + day * DAY_MS, spent=2_000)])
            versions += len(done.commit().profiles)
        return versions

    assert publishes(1) == 12
    assert publishes(100) < publishes(6) < 12


def test_looking_up_changes_nothing() -> None:
    done = Run(config())
    done.apply([gen.consent(0), _network(1, START)])
    looked_up = done.engine.profile(b"acc-0")
    assert looked_up == done.engine.profile(b"acc-0")
    assert [p[1] for p in done.commit().profiles] == [looked_up]
    assert done.engine.profile(b"acc-0") is not None
    assert done.commit().profiles == []
    assert done.engine.profile(b"acc-1") is None
    assert done.engine.profile(b"acc-0/m-1") is None


# -- the policy and the trend, kernel against twin

_RULES = (
    "",
    "lift_clear",
    "likely",
    "still_likely",
    "lift_small",
    "lift_unclear",
    "too_rare",
    "too_new",
)
_BITS = st.integers(0, 2**28 - 1) | st.sampled_from([0, 1, 0b10000001, 2**28 - 1])


@given(
    _BITS,
    st.integers(0, 80),
    st.integers(0, 62),
    st.floats(0.001, 0.9),
    st.integers(0, 255),
    st.booleans(),
    st.sampled_from([0.0, 0.1, 0.5]),
)
def test_stance_rule_and_confidence(
    bits: int, age: int, seen: int, rate: float, flags: int, held: bool, rare: float
) -> None:
    form = single(np.zeros(SIGNALS), product=False)
    policy = stance_kernel.Policy(form, np.array([rate]), np.zeros(1), 0, np.zeros(3), rare)
    score, confidence, stance, rule, low, high = stance_kernel.decide(
        policy, np.zeros(SIGNALS), np.uint64(bits), age, seen, 0, flags, held
    )
    hits = bin(bits & 0x7F).count("1")
    want = (hits + 7 * rate) / (min(age, 7) + 7)
    if not bits and age <= 62 and not flags & lay.F_LIKE:
        want = min(want, rate, 0.05)  # never engaged with
    want = min(0.9999, max(0.0001, want))
    assert score == pytest.approx(want)
    assert (low, high) == pytest.approx(twin_stance.interval(want, seen))
    assert confidence == pytest.approx(twin_stance.confidence(want, seen))
    names = {
        name
        for bit, name in ((lay.F_LIKE, "like"), (lay.F_DISLIKE, "dislike"), (lay.F_QUIET, "quiet"))
        if flags & bit
    }
    back = {k + 1 for k in range(28) if bits >> k & 1}
    remembered = bool(flags & lay.F_ENGAGED), (flags & lay.F_MORNINGS) // lay.F_MORNING
    said = twin_stance.rule(score, rate, age, seen, back, *remembered, rare)
    assert (Stance(stance).word, _RULES[rule]) == twin_stance.decision(said, names, held)


@given(
    _BITS,
    st.integers(0, 80),
    st.lists(st.floats(0, 50), min_size=3, max_size=3),
    st.floats(0.0001, 0.9999),
)
def test_trend(bits: int, age: int, levels: list[float], score: float) -> None:
    days = {100 - 1 - n for n in range(64) if bits >> n & 1}
    found = ("new", "rising", "steady", "fading", "burst")[
        stance_kernel.trend(np.array(levels), np.uint64(bits), age, score)
    ]
    assert found == oracle_profile.trend(levels, days, 100, age, score)


@pytest.mark.parametrize("every", [1, 2, 7])
@pytest.mark.parametrize("age", [4, 5, 8, 15, 22, 29, 60])
def test_a_steady_habit_is_steady_at_any_age(every: int, age: int) -> None:
    """Its score is its rate, or of the weekly habit's own weekday nearly 1."""
    if every == 7 and age < 15:
        return
    bits = sum(1 << n for n in range(every - 1, age, every))
    levels = np.array([1.44, 10.1, 86.0]) / every
    for score in {1: (0.9, 0.95), 2: (0.45, 0.5, 0.55), 7: (0.05, 0.9)}[every]:
        assert stance_kernel.trend(levels, np.uint64(bits), age, score) == Trend.STEADY


@given(st.lists(st.integers(0, 10), min_size=1, max_size=40), st.integers(1, 20), st.booleans())
@settings(max_examples=60)
def test_what_tells_most_comes_first_and_ties_by_age_of_the_row(
    hits: list[int], top: int, common: bool
) -> None:
    """Every row competes; of equals the one that was there first; no parent says it again."""
    tree = load()
    done = Run(config(profile_interests=top, profile_common=common))
    store = done.engine.store
    store.counters["open_day"] = gen.FIRST_DAY
    sid = store.ensure(b"a")
    allowed = np.flatnonzero(~np.asarray(tree.sensitive)).tolist()[: len(hits)]
    done.engine._policy = done.engine._policy._replace(trained=0)
    rate, found = done.engine._policy.rate, []
    for interest, n in zip(allowed, hits, strict=True):
        j = store.row(sid, interest, gen.FIRST_DAY - 20)
        store.rows.windows["day"][j] = gen.FIRST_DAY
        store.rows.windows["bits"][j] = ((1 << n) - 1) << 2  # active on the last n days
        p = min(0.9999, (min(n, 7) + 7 * rate[interest]) / 14)
        decided = twin_stance.rule(p, rate[interest], 20, 0, set(range(1, n + 1)), False, 0)
        said = twin_stance.STANCES.get(decided, "hold")
        sure = twin_stance.interval(p, 0)[0] >= 0.5 * rate[interest]
        clear = p >= 2.0 * rate[interest] and (sure or n >= 8) and n > 1
        if clear or said != "hold" or common:
            told = oracle_profile.tells(p, 0, rate[interest], set())
            found.append({"id": tree.ids[interest], "tells": told, "stance": said, "score": p})
    value = done.engine.profile(b"a")
    assert value is not None
    parents = {
        i: tree.ids[up] if up >= 0 else None for i, up in zip(tree.ids, tree.parent, strict=True)
    }
    want = [item["id"] for item in oracle_profile.chosen(found, parents, top)]
    assert [item["id"] for item in json.loads(value)["interests"]] == want


def test_what_everybody_has_does_not_take_the_first_places() -> None:
    """A rarer habit before one that nine of ten have, though its score is lower."""
    told = {}
    for name, score, rate in (("everybody", 0.9, 0.88), ("rare", 0.4, 0.05), ("whim", 0.02, 0.01)):
        low, high = stance_kernel.bounds(score, 28)
        told[name] = ranking_kernel.tells(score, low, high, rate)
    assert told["rare"] > told["whim"] > 0
    assert told["rare"] > 20 * told["everybody"]


# -- I13 at the output


def test_a_sensitive_row_is_never_written() -> None:
    """Were one in state, by an older taxonomy say, no profile would say so."""
    tree = load()
    done = Run(config())
    store = done.engine.store
    store.counters["open_day"] = gen.FIRST_DAY
    sid = store.ensure(b"a")
    for interest in (tree.index(gen.SENSITIVE), tree.index("529")):
        store.rows.windows["bits"][store.row(sid, interest, gen.FIRST_DAY - 1)] = 6
    value = done.engine.profile(b"a")
    assert value is not None
    assert [item["id"] for item in json.loads(value)["interests"]] == ["529"]


def test_the_last_gate_follows_the_taxonomy() -> None:
    """The test above would see: with nothing marked sensitive, the row is written."""
    tree = load()
    open_tree: Taxonomy = dataclasses.replace(tree, sensitive=np.zeros(len(tree), np.bool_))
    done = Run(config())
    done.engine._writer = ProfileWriter(open_tree, 20, 0.05, 7)
    done.engine._renew_policy()
    store = done.engine.store
    store.counters["open_day"] = gen.FIRST_DAY
    j = store.row(store.ensure(b"a"), tree.index(gen.SENSITIVE), gen.FIRST_DAY - 1)
    store.rows.windows["bits"][j] = 6
    assert gen.SENSITIVE in str(done.engine.profile(b"a"))
