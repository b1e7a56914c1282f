"""The graph of related interests: as its twin counts, bounded, fading, silent where it must be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from features.config import Config
from features.engine import Engine
from features.models import learner
from features.models.linear import Hurdle
from features.related import graph as related
from features.related.co_occurrence_kernel import Table
from features.related.graph import LEAST, MAX_PAIRS, NEIGHBOURS, SHARE, Related, relatedness
from features.state import snapshots
from features.state.changelog_keys import RELATED, IncompatibleState
from features.state.contents import Contents
from features.tags import taxonomy
from features.tags.exact import STRUCTURAL, TagEntry
from streams.contract.topics import STATE, TOPICS
from tests.oracle.arithmetic import text_hash
from tests.oracle.related import Watched
from tests.oracle.views import Run
from tests.support import generators as gen
from tests.support.feeding import Feed, Stream
from tests.support.generators import TABLE, Record, config
from tests.support.graphs import BEACH, CARS, GAMES, RUGBY, TREE, graph

SENSITIVE = np.flatnonzero(TREE.sensitive).tolist()
PLAIN = [i for i in range(len(TREE)) if not TREE.sensitive[i] and TREE.ids[i] not in STRUCTURAL]


@pytest.fixture(autouse=True, scope="module")
def _one_model() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learner, "registered", lambda: (Hurdle(),))
        yield


def held(found: Related) -> dict[tuple[int, int], float]:
    return {
        divmod(key, taxonomy.MAX_NODES): count
        for key, count in zip(found.key.tolist(), found.count.tolist(), strict=True)
    }


def behind(found: Related) -> dict[tuple[int, int], int]:
    """Households that each pair is known to rest on."""
    counts = np.bitwise_count(found.seen | found.before).tolist()
    return dict(zip(held(found), counts, strict=True))


_PLACES = st.sampled_from(PLAIN[:40])
_PAIRS = st.tuples(_PLACES, _PLACES).filter(lambda p: p[0] < p[1])
_GRAPHS = st.dictionaries(_PAIRS, st.floats(0.03125, 512.0, width=32), max_size=30).map(graph)
#: Beside something that everybody does, whatever else meets is nearly sure to belong together.
_CROWDED = graph({(PLAIN[50], PLAIN[51]): 1e6} | {(PLAIN[0], j): 100.0 for j in PLAIN[1:12]})


# -- counting


@pytest.mark.parametrize("most", [16, 3])
@given(records=gen.sequences(days=5, events=60), grant=st.booleans())
@settings(max_examples=25)
def test_it_counts_what_the_twin_counts(most: int, records: list[Record], grant: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(related, "MOST_A_DAY", most)
        done = Run(config(consent_default_grant=grant))
        done.apply(records)
    twin = Watched(config(consent_default_grant=grant), TREE, TABLE, most, LEAST)
    twin.apply((r.kind, r.doc) for r in records)
    assert held(done.engine.related) == pytest.approx(twin.pairs, rel=1e-5)
    mass = {i: done.engine.related.mass[i] for i in np.flatnonzero(done.engine.related.mass)}
    assert mass == pytest.approx(twin.mass, rel=1e-9)
    for pair, count in behind(done.engine.related).items():
        assert count <= len(twin.households[pair])


def test_nobody_weighs_more_than_others() -> None:
    """A subject at a hundred things a day gives no interest more than one at two gives."""
    table = {
        f"host:h{i}.example": TagEntry(((TREE.ids[i], 1.0),), "test", 1.0) for i in PLAIN[:200]
    }
    stream, feed = Stream(Config(rows_per_subject=512), table), Feed()
    stream.feed(
        feed.consent("bot", 0),
        *[feed.visit("bot", 0.1 + n / 1000, f"h{i}.example") for n, i in enumerate(PLAIN[:200])],
        feed.visit("bot", 2.9, "h0.example"),
    )
    found = stream.engine.related
    assert 0 < len(found.key) <= related.MOST_A_DAY * (related.MOST_A_DAY - 1) // 2
    assert found.mass.max() <= 1.0 + 1e-9


@pytest.mark.parametrize("interest", ["529", "518", "154", "W3CW2J"])
def test_what_one_tag_raises_is_no_pair(interest: str) -> None:
    """Its ancestors and its neighbour come with it: that says nothing about people."""
    table = {"host:one.example": TagEntry(((interest, 1.0),), "test", 1.0)}
    stream, feed = Stream(Config(), table), Feed()
    stream.feed(
        feed.consent("a", 0), *[feed.visit("a", day + 0.5, "one.example") for day in range(4)]
    )
    store = stream.engine.store
    assert int(store.subjects["used"][store.find(b"a")]) > 1 and not len(stream.engine.related.key)


def test_a_count_halves_in_four_weeks() -> None:
    stream, feed = Stream(Config(), TABLE), Feed()
    stream.feed(
        feed.consent("a", 0),
        feed.visit("a", 0.5, "rugby.example"),
        feed.use("a", 0.6, "com.games"),
        feed.visit("a", 1.9, "cdn.example"),
    )
    before = held(stream.engine.related)
    stream.feed(feed.visit("a", 29.9, "cdn.example"))
    after = held(stream.engine.related)
    assert before and after == pytest.approx({p: c / 2 for p, c in before.items()}, rel=1e-5)


def test_the_weakest_pairs_give_way_and_the_record_is_bounded() -> None:
    found = Related(TREE)
    size = len(TREE)
    pairs = np.triu(np.random.default_rng(7).random((size, size)) + 1.0, 1)
    seen = np.full((size, size), 2**64 - 1, np.uint64)
    found._keep(Table(np.arange(size, dtype=np.int32), pairs, seen, seen))
    assert len(found.key) == MAX_PAIRS
    assert found.count.min() >= np.sort(pairs[pairs > 0])[-MAX_PAIRS - 1]
    found.mass[:] = 1.0
    value = found.snapshot()[RELATED]
    assert len(value) < 400_000
    limit = next(t for t in TOPICS if t.name == STATE).config.get("max.message.bytes", 1_048_588)
    assert len(value) < int(limit)


# -- merging


@given(_GRAPHS, _GRAPHS)
def test_graphs_add_up(one: Related, other: Related) -> None:
    """Zero changes nothing, order does not matter, counts are sums."""
    whole, turned = graph(held(one)), graph(held(other))
    whole.add(other)
    turned.add(one)
    sums = {p: held(one).get(p, 0.0) + held(other).get(p, 0.0) for p in held(one) | held(other)}
    assert held(whole) == held(turned) == pytest.approx(sums, rel=1e-6)
    assert whole.mass == pytest.approx(one.mass + other.mass)
    same = graph(held(whole))
    same.add(Related(TREE))
    assert held(same) == held(whole)


# -- what it says


@given(*[st.floats(0.01, 1e6)] * 3, st.floats(0.01, 1.0))
def test_relatedness_is_a_share(one: float, other: float, rest: float, part: float) -> None:
    count, total = part * min(one, other), one + other + rest
    near = relatedness(count, one, other, total)
    assert 0.0 <= near <= 1.0
    assert near == relatedness(count, other, one, total)
    assert count * total > one * other or near == 0.0, "rarer than by chance is not related"


@given(_GRAPHS, st.dictionaries(st.integers(0, 60), st.floats(0.0, 100.0), max_size=20))
@example(_CROWDED, {PLAIN[0]: 1.0, PLAIN[1]: 1.0})
def test_spreading_does_not_inflate(found: Related, weights: dict[int, float]) -> None:
    """The sum grows by 15 % at most, nobody loses, and nothing sensitive gives or gets."""
    spread = found.spread(weights)
    own = {i: w for i, w in weights.items() if not TREE.sensitive[i]}
    assert sum(spread.values()) <= (1.0 + SHARE) * sum(own.values()) * (1.0 + 1e-9)
    assert all(spread.get(i, 0.0) >= w for i, w in own.items())
    assert not any(TREE.sensitive[i] for i in spread)
    # nothing is passed on a second time: each gives as if it were alone
    alone = [found.spread({i: w}) for i, w in own.items()]
    assert spread == pytest.approx({i: sum(one.get(i, 0.0) for one in alone) for i in spread})


def test_a_circle_does_not_feed_itself() -> None:
    """Spreading twice what was spread once adds the bound twice, not more and more."""
    ring = [RUGBY, CARS, GAMES, BEACH]
    pairs = {(min(a, b), max(a, b)): 50.0 for a, b in pairwise([*ring, ring[0]])}
    found, weights = graph(pairs), {i: 1.0 for i in ring}
    assert all(found.neighbours(i) for i in ring)
    total = [sum(weights.values())]
    for _ in range(5):
        weights = found.spread(weights)
        total.append(sum(weights.values()))
    assert all(after <= (1.0 + SHARE) * before + 1e-9 for before, after in pairwise(total))
    once = found.spread({RUGBY: 1.0})
    assert once[RUGBY] == 1.0, "what comes back would be an echo"


@given(_GRAPHS)
def test_neighbours_are_few_and_in_order(found: Related) -> None:
    for i in range(60):
        near = found.neighbours(i)
        assert len(near) <= NEIGHBOURS
        assert near == sorted(near, key=lambda item: (-item[1], item[0]))
        assert all(0.0 < share <= 1.0 and j != i for j, share in near)


def test_it_finds_what_belongs_together() -> None:
    """Who plays goes to the beach; cars are driven by anybody."""
    stream, feed = Stream(Config(learn_rows_per_close=1), TABLE), Feed()
    chance = np.random.default_rng(3)
    stream.feed(*[feed.consent(f"a{n}", 0) for n in range(120)])
    for day in range(10):
        for n in range(120):
            if n % 3 == 0:
                stream.feed(
                    feed.use(f"a{n}", day + 0.4, "com.games"),
                    feed.use(f"a{n}", day + 0.41, "unheard.of", section="beach"),
                )
            elif n % 3 == 1:
                stream.feed(feed.visit(f"a{n}", day + 0.42, "rugby.example"))
            if chance.random() < 0.3:
                stream.feed(feed.use(f"a{n}", day + 0.43, "com.cars"))
    found = stream.engine.related
    near = dict(found.neighbours(GAMES))
    assert BEACH in near
    assert CARS not in near or near[CARS] < near[BEACH] / 3
    assert RUGBY not in near


# -- nobody is told


def _played(stream: Stream, feed: Feed, day: float, *accounts: str) -> None:
    """Households that play and go to the beach on a day, which then closes."""
    for name in accounts:
        stream.feed(
            feed.consent(name, 0),
            feed.use(name, day, "com.games"),
            feed.use(name, day, "unheard.of", section="beach"),
        )
    stream.feed(feed.consent("other", 0), feed.visit("other", day + 1.9, "cdn.example"))


def _crowd() -> tuple[Stream, Feed, list[str]]:
    """Five households that share no bit, and a stream in which they played for days."""
    stream, feed = Stream(Config(learn_rows_per_close=1), TABLE), Feed()
    by_bit = {text_hash(name.encode()) % 64: name for name in (f"a{n}" for n in range(40))}
    names = list(by_bit.values())[:5]
    for day in range(4):
        _played(stream, feed, day + 0.5, *names)
    return stream, feed, names


def test_a_pair_of_fewer_households_is_not_told() -> None:
    """However often they do it: days are not households."""
    stream, _, _ = _crowd()
    found = stream.engine.related
    assert BEACH in dict(found.neighbours(GAMES, 5))
    assert not found.neighbours(GAMES, 6)


@pytest.mark.parametrize("kind", ["erasure", "consent"])
def test_who_left_is_taken_out_at_once_and_by_a_restart_too(kind: str) -> None:
    stream, feed, names = _crowd()
    stream.commit()
    more = {"status": "withdrawn"} if kind == "consent" else {}
    stream.feed(feed.fact(names[0], 5, kind, **more))
    stream.commit()
    assert not stream.engine.related.neighbours(GAMES, 5)
    stream.restart()
    assert not stream.engine.related.neighbours(GAMES, 5)
    assert BEACH in dict(stream.engine.related.neighbours(GAMES, 4))


def test_who_is_erased_long_after_he_was_let_go_is_taken_out() -> None:
    stream, feed, names = _crowd()
    stream.feed(feed.consent(names[0], 5, "withdrawn"))
    stream.engine.related.seen |= np.uint64(1) << np.uint64(text_hash(names[0].encode()) % 64)
    stream.feed(feed.fact(names[0], 5.1, "erasure"))
    stream.commit()
    assert not stream.engine.related.neighbours(GAMES, 5)


def test_households_of_long_ago_are_none() -> None:
    """A word is written for four weeks and read for four more."""
    stream, feed, names = _crowd()
    for weeks, left in ((4, 5), (8, 0)):
        _played(stream, feed, weeks * 7 + 0.5)
        stream.feed(feed.visit("other", weeks * 7 + 3, "cdn.example"))
        assert max(behind(stream.engine.related).values()) == left


# -- nothing sensitive


def test_nothing_sensitive_is_counted_or_said() -> None:
    """Were a sensitive row in the state, no pair would hold it; were a pair, nobody said it."""
    stream, feed = Stream(Config(), TABLE), Feed()
    stream.feed(
        feed.consent("a", 0), feed.visit("a", 0.5, "rugby.example"), feed.use("a", 0.5, "com.games")
    )
    store = stream.engine.store
    sid = store.find(b"a")
    for index in SENSITIVE[:3]:
        j = store.row(sid, index, int(store.counters["open_day"]))
        store.rows.windows["bits"][j] |= np.uint64(2)  # active today
    stream.feed(feed.visit("a", 2.5, "rugby.example"))
    found = stream.engine.related
    assert len(found.key)
    assert not any(TREE.sensitive[i] for pair in held(found) for i in pair)
    bad = graph(
        {(min(RUGBY, s), max(RUGBY, s)): 50.0 for s in SENSITIVE[:3]}
        | {(min(RUGBY, CARS), max(RUGBY, CARS)): 5.0}
    )
    assert bad.neighbours(SENSITIVE[0]) == []
    assert not any(TREE.sensitive[i] for i, _ in bad.neighbours(RUGBY))
    assert not any(TREE.sensitive[i] for i in bad.spread({RUGBY: 1.0, SENSITIVE[0]: 1.0}))


def test_what_becomes_sensitive_is_dropped_on_restore() -> None:
    """The reviewed list may grow between two releases; the tree's fingerprint stays."""
    found = graph(
        {(min(RUGBY, CARS), max(RUGBY, CARS)): 5.0, (min(RUGBY, BEACH), max(RUGBY, BEACH)): 7.0}
    )
    listed = TREE.sensitive.copy()
    listed[CARS] = True
    again = Related(replace(TREE, sensitive=listed))
    again.restore(found.snapshot())
    assert held(again) == {(min(RUGBY, BEACH), max(RUGBY, BEACH)): 7.0}
    assert again.mass[CARS] == 0.0


# -- to bytes and back


@given(_GRAPHS)
def test_it_comes_back_as_it_was(found: Related) -> None:
    again = Related(TREE)
    again.restore(found.snapshot())
    assert again.snapshot() == found.snapshot()


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": np.array([5], np.uint32)},  # 0 and 5, but one count too few
        {"key": np.array([3 * 1024 + 2, 1], np.uint32), "count": np.ones(2, np.float32)},
        {"key": np.array([1023], np.uint32), "count": np.ones(1, np.float32)},
        {"count": np.array([np.nan], np.float32), "key": np.array([1], np.uint32)},
        {"mass": np.zeros(3)},
        {"seen": np.zeros(1, np.uint64)},
        {"before": np.zeros(0, np.uint32)},
        {"mass": np.zeros(len(TREE), np.float32)},
    ],
)
def test_a_damaged_record_is_refused(wrong: dict[str, np.ndarray]) -> None:
    stream, feed = Stream(Config(), TABLE), Feed()
    stream.feed(feed.consent("a", 0), feed.visit("a", 0.5, "rugby.example"))
    stream.commit()
    arrays: dict[str, np.ndarray] = {
        "key": np.zeros(0, np.uint32),
        "count": np.zeros(0, np.float32),
        "mass": np.zeros(len(TREE)),
    }
    stream.state[RELATED] = snapshots.pack({}, arrays | wrong)
    with pytest.raises(IncompatibleState):
        Engine(Config(), TREE, Contents(TREE, TABLE)).load(stream.state.items())
