"""Cut anywhere, stop anywhere, restore anywhere: the same state, model and profiles (I5, I11)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.config import Config
from features.models import learner
from features.records.position import Position
from features.related.graph import Related
from features.state import layout as lay
from features.state import snapshots
from features.state.changelog_keys import META, IncompatibleState, Meta
from features.state.packing_kernel import HEAD
from features.state.store import Store
from features.tags.taxonomy import load
from tests.oracle.views import Run, canonical, live_rows, new_engine, row_values, run
from tests.support import generators as gen
from tests.support.feeding import Feed, Stream
from tests.support.generators import DAY_MS, START, Record, config

ENOUGH = 40
_SEQUENCES = gen.sequences(days=6, events=120, least=20)
_CASE = {"case_id": "c-1", "status": "opened"}
_LIKED = gen.fact(0, "declaration", START, stance="like", interest="529", member_id="m-1")


@pytest.fixture(autouse=True, scope="module")
def _soon_trained() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learner, "_ENOUGH_ROWS", ENOUGH)
        yield


def _assert_same(one: Run, other: Run) -> None:
    """The same state, model and counters, and the same profiles but for their versions."""
    have, want = canonical(one.changelog, one.config), canonical(other.changelog, other.config)
    assert have.keys() == want.keys()
    for key in want:
        assert have[key] == want[key], key
    assert one.engine.learner.snapshot() == other.engine.learner.snapshot()
    assert one.profiles() == other.profiles()


# -- cutting


@given(_SEQUENCES, gen.cuts(1, 5), st.booleans())
@settings(max_examples=50)
def test_cutting_changes_nothing(records: list[Record], places: list[float], grant: bool) -> None:
    """Any batches, a commit after each: bit for bit what one batch and one commit give."""
    settings_ = config(consent_default_grant=grant)
    _assert_same(run(settings_, gen.cut(records, places)), run(settings_, [records]))


@given(_SEQUENCES, gen.cuts(1, 5), st.booleans())
@settings(max_examples=50)
def test_restoring_anywhere_changes_nothing(
    records: list[Record], places: list[float], grant: bool
) -> None:
    """Stopped and restored at every cut: bit for bit what going on gives."""
    _assert_goes_on(config(consent_default_grant=grant), gen.cut(records, places))


def _assert_goes_on(settings_: Config, pieces: Sequence[list[Record]]) -> None:
    stopped, whole = run(settings_, pieces, restart=True), run(settings_, pieces)
    assert stopped.published == whole.published
    assert stopped.changelog == whole.changelog
    _assert_same(stopped, whole)


@pytest.mark.parametrize(
    "before",
    [
        pytest.param([_LIKED, gen.rugby(0, account=1)], id="waits for its first event"),
        pytest.param(
            [gen.rugby(0), _LIKED, *[gen.rugby(n, START + n * DAY_MS) for n in range(1, 12)]],
            id="was silent too long",
        ),
    ],
)
def test_a_liking_member_outside_the_store_does_not_come_in_by_a_stop(before: list[Record]) -> None:
    """Its like is known, but it has no subject: a number comes with its next event or fact."""
    then = before[-1].doc["ts"] + 1
    after = [
        gen.rugby(90, then, member_id="m-2"),  # another one comes first
        gen.fact(0, "declaration", START + 1, stance="dislike", interest="11"),
        gen.rugby(91, then, member_id="m-1"),
    ]
    _assert_goes_on(config(retention_days=2), [[gen.consent(0), *before], after])


@given(_SEQUENCES, gen.cuts(2, 5))
@settings(max_examples=25)
def test_limits_of_every_kind_keep_to_the_sequence(
    records: list[Record], places: list[float]
) -> None:
    """Few rows, few training rows, rows that fade, subjects soon silent, ids soon old."""
    settings_ = config(
        rows_per_subject=4,
        learn_rows_per_close=12,
        row_epsilon=0.5,
        retention_days=1,
        dedup_horizon_ms=600_000,
        profile_interests=3,
    )
    stopped = run(settings_, gen.cut(records, places), restart=True)
    _assert_same(stopped, run(settings_, [records]))


@given(_SEQUENCES, gen.cuts(1, 4))
@settings(max_examples=20)
def test_what_is_published_is_what_is_stored(records: list[Record], places: list[float]) -> None:
    """I3: versions count by one per key; a tombstone ends the count; the last one is live."""
    done = run(config(), gen.cut(records, places), restart=True)
    version: dict[bytes, int] = {}
    for key, value, number, as_of in done.published:
        if value is None:
            assert version.pop(key, 0) > 0 or _erased(records, key), "a tombstone for nothing"
            continue
        version[key] = version.get(key, 0) + 1
        assert number == version[key]
        assert f'"version":{number},"as_of":{as_of},' in value.decode()
    live = {
        key: int(
            done.engine.store.subjects["version"][done.engine.store.find(*key.partition(b"/")[::2])]
        )
        for key in version
    }
    assert live == version


def test_what_new_rules_change_is_written_at_the_next_commit() -> None:
    """A second stop finds the flags that the first restore under new rules set."""
    settings_ = config(profile_interests=1)  # the row that was liked is not published
    like = gen.fact(0, "declaration", START, stance="like", interest="11")
    records = [gen.consent(0), *[gen.rugby(n, START + n) for n in range(5)], like, gen.consent(1)]
    done = run(settings_, [[*records, gen.rugby(9, START + 3 * DAY_MS, account=1)]])
    done.config = dataclasses.replace(
        settings_, rules=dataclasses.replace(settings_.rules, like_days=1, fingerprint="other")
    )
    found = []
    for _ in range(2):
        done.restart()
        found += [
            row_values(done.engine, row)["flags"]
            for row in live_rows(done.engine)["acc-0"].values()
        ]
        done.commit()
    assert "like" not in set().union(*found)


def test_whom_a_new_default_admits_has_a_number_of_its_own() -> None:
    """An account of which something is known, admitted at a restore, and one that comes then."""
    done = run(config(), [[gen.consent(0), gen.fact(1, "care_case", START, **_CASE)]])
    done.config = config(consent_default_grant=True)
    done.restart()
    done.apply([gen.rugby(0, account=2)])
    done.commit()
    heads = [value[: HEAD.itemsize] for key, value in done.changelog.items() if key[:2] == b"s/"]
    assert sorted(int(np.frombuffer(head, HEAD)["seq"][0]) for head in heads) == [0, 1, 2]


def test_a_restored_engine_knows_what_it_restored() -> None:
    records = [
        gen.consent(0),
        *[gen.event(n * 7919, n, START + n * DAY_MS // 9) for n in range(60)],
    ]
    done = run(config(), [records])
    engine = new_engine(config())
    offsets = engine.load(done.changelog.items())
    assert offsets == {"input": Position(61, 0)}
    restored = engine.figures().restored
    assert restored == engine.totals() == dataclasses.replace(done.engine.totals(), days_closed=0)
    assert restored.learned == done.engine.learner.champion.learned
    assert engine.watermark == done.engine.watermark


@pytest.mark.parametrize("minutes", [20, 360])
def test_event_ids_outlive_a_change_of_their_horizon(minutes: int) -> None:
    feed, stream = Feed(), Stream(Config(consent_default_grant=True))
    first = feed.visit("a", 0.5, "bbc.co.uk")
    stream.feed(first)
    stream.commit()
    for horizon in (60_000 * minutes, 3_600_000):  # and back: what was written keeps its width
        stream.config = dataclasses.replace(stream.config, dedup_horizon_ms=horizon)
        stream.restart()
        assert stream.feed(first) == ["duplicate"]
        stream.feed(feed.visit("a", 0.5 + 5 / 1440, "bbc.co.uk"))
        assert stream.feed(first) == ["duplicate"]
        stream.commit()
    stream.feed(feed.visit("a", 0.5 + 70 / 1440, "bbc.co.uk"))
    assert stream.feed(first) != ["duplicate"]


def test_an_empty_changelog_restores_to_nothing() -> None:
    assert new_engine(config()).load([]) == {}


@pytest.mark.parametrize("changed", [{"half_lives": (1.0, 7.0, 61.0)}, {"day_offset_ms": 0}])
def test_state_of_other_settings_is_refused(changed: dict[str, object]) -> None:
    done = run(config(), [[gen.consent(0), gen.event(0, 0, START)]])
    with pytest.raises(IncompatibleState, match=next(iter(changed))):
        new_engine(config(**changed)).load(done.changelog.items())


def test_state_without_its_partition_record_is_refused() -> None:
    done = run(config(), [[gen.consent(0), gen.event(0, 0, START)]])
    del done.changelog[META]
    with pytest.raises(IncompatibleState, match="p/meta"):
        new_engine(config()).load(done.changelog.items())


# -- arrays and a manifest


@given(
    st.dictionaries(
        st.text("abc", min_size=1, max_size=3),
        st.tuples(
            st.sampled_from(["<f8", "<f4", "<i8", "<i4", "<u8", "<u2", "|u1"]),
            st.lists(st.integers(0, 200), max_size=5),
        ),
        max_size=4,
    )
)
def test_arrays_come_back_as_they_were(drawn: dict[str, tuple[str, list[int]]]) -> None:
    arrays = {name: np.array(values, kind) for name, (kind, values) in drawn.items()}
    manifest, back = snapshots.unpack(snapshots.pack({"a": 1, "b": "ü\n"}, arrays))
    assert manifest == {"a": 1, "b": "ü\n"}
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        assert back[name].tolist() == array.tolist()


def test_arrays_of_objects_are_not_stored() -> None:
    with pytest.raises(ValueError, match="w: cannot store"):
        snapshots.pack({}, {"w": np.array([{}], object)})


def test_a_snapshot_cut_short_is_refused() -> None:
    with pytest.raises(ValueError, match="ends early"):
        snapshots.unpack(snapshots.pack({}, {"w": np.zeros(4)})[:-1])


# -- the tests see what they are there for


def _fixed_pieces() -> Sequence[list[Record]]:
    records: list[Record] = [gen.consent(account) for account in range(4)]
    for n in range(150):
        records.append(gen.event(n * 48_271_997 % 2**30, n, START + n * DAY_MS // 25))
    pieces = gen.cut(records, [0.3, 0.5, 0.52, 0.8])
    again = next(
        r
        for r in reversed(pieces[1])
        if r.doc["account_id"] != "acc-4" and r.doc["ts"] > pieces[1][-1].doc["ts"] - gen.HOUR_MS
    )
    pieces[2].insert(0, again)  # it comes twice, with a restart between
    return pieces


def _no_ids(store: Store, hashes: np.ndarray, buckets: np.ndarray) -> None:
    return None


_FROM_BYTES: Callable[[bytes], Meta] = Meta.from_bytes
_LOAD = Store.load
_BUGS = {
    "event ids are not restored": (Store, "remember_ids", _no_ids),
    "the model is not restored": (learner.Learner, "restore", lambda learner, records: None),
    "the graph is not restored": (Related, "restore", lambda graph, records: None),
    "subjects come back in the order of their keys": (
        Store,
        "load",
        lambda store, keys, values: _LOAD(
            store,
            *map(
                list,
                zip(*sorted(zip(keys, [_unordered(v) for v in values], strict=True)), strict=True),
            ),
        ),
    ),
    "the day is not restored": (Meta, "from_bytes", lambda value: _a_day_back(_FROM_BYTES(value))),
}


def _a_day_back(meta: Meta) -> Meta:
    return dataclasses.replace(meta, open_day=meta.open_day - 1)


def _unordered(value: bytes) -> bytes:
    return value[:8] + bytes(4) + value[12:]


@pytest.mark.parametrize("bug", _BUGS)
def test_the_tests_would_see(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each planted bug makes a restored engine end somewhere else."""
    pieces = _fixed_pieces()
    whole = run(config(), [sum(pieces, [])])
    where, name, wrong = _BUGS[bug]
    monkeypatch.setattr(where, name, wrong)
    with pytest.raises(AssertionError):
        _assert_same(run(config(), pieces, restart=True), whole)


def test_the_fixed_pieces_are_the_same_without_a_bug() -> None:
    pieces = _fixed_pieces()
    whole = run(config(), [sum(pieces, [])])
    assert whole.engine.learner.champion.learned > ENOUGH
    assert whole.engine.store.totals[lay.DUPLICATE] > 0
    assert len(load()) == len(whole.engine.learner.population.hits)
    _assert_same(run(config(), pieces, restart=True), whole)


def _erased(records: list[Record], key: bytes) -> bool:
    """Whether the erasure of a person was asked for: its key gets a tombstone in any case."""
    account, _, _ = key.decode().partition("/")
    return any(r.doc.get("kind") == "erasure" and r.doc["account_id"] == account for r in records)
