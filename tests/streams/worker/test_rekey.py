"""A changelog divided among more partitions: each record goes where it is needed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.records.hash_kernel import hash_text
from features.records.position import Position
from features.related.graph import Related
from features.state import changelog_keys as keys
from features.state.changelog_keys import Bound, IncompatibleState, Kind, Meta, Owner
from streams.kafka.partitioners import PARTITIONERS
from streams.worker.rekey import Misplaced, account_of, children, part_meta, split
from tests.support.graphs import BEACH, CARS, GAMES, RUGBY, TREE, graph

_ACCOUNTS = st.lists(st.from_regex(r"\Aacc-[0-9]{1,6}\Z"), min_size=1, max_size=30, unique=True)


@given(_ACCOUNTS, st.sampled_from(sorted(PARTITIONERS)), st.integers(1, 5), st.integers(2, 4))
def test_the_parts_are_the_whole(
    accounts: list[str], partitioner: str, was: int, times: int
) -> None:
    place, now = PARTITIONERS[partitioner], was * times
    for partition in range(was):
        mine = [a.encode() for a in accounts if place(a.encode(), was) == partition]
        personal = {keys.subject(a): b"s" for a in mine}
        personal |= {keys.subject(a + b"/m-1"): b"m" for a in mine}
        personal |= {keys.facts(a): b"f" for a in mine}
        counts = {keys.VERDICTS: b"v"}  # which a report adds up over partitions
        shared = {keys.erased("c0ffee"): b"1", keys.event_ids(3): b"d", keys.POPULATION: b"p"}
        parts = split(
            {**personal, **shared, **counts, keys.META: b"{}"},
            children(partition, was, now),
            lambda key: place(key, now),
        )
        found: dict[bytes, bytes] = {}
        for part, records in parts.items():
            own = {key: value for key, value in records.items() if key not in shared}
            assert records.items() >= shared.items()
            assert not own.keys() & found.keys()
            assert all(place(account_of(key) or b"", now) == part for key in own.keys() - counts)
            found |= own
        assert found == personal | counts


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_record_has_its_rule(kind: Kind) -> None:
    key = kind.value + (b"meta" if kind is Kind.PARTITION else b"acc-1/m-1")
    assert account_of(key) in (b"acc-1", None)


def test_records_of_another_release_and_misplaced_accounts_are_refused() -> None:
    with pytest.raises(IncompatibleState, match="another release"):
        split({b"z/acc-1": b""}, [0], lambda key: 0)
    with pytest.raises(Misplaced, match="^1 records are of accounts"):
        split({keys.facts(b"a"): b"", keys.facts(b"b"): b""}, [0, 2], lambda key: key[0] - 97)


def test_the_account_of_outcomes_begins_at_the_new_offsets() -> None:
    bound = Bound((1.0, 7.0, 60.0), 0, "t", "k")
    meta = Meta(bound, {"old": Position(7, 5)}, 1, 2, 3, 4, (0, 9), "r", Owner("g", 2, {}, "v2-"))
    part = part_meta(meta, {"new": Position(3, 5), "none": Position(0, 5)}, Owner("h", 4, {}))
    assert part.owner == Owner("h", 4, {}, began={"new": 3})
    assert Meta.from_bytes(part.to_bytes()) == part
    assert part.outcomes == (0, 0) and (part.next, part.max_ts, part.seq) == (1, 2, 4)


def test_a_pair_counts_once_in_all_parts_and_rests_on_nobody_who_left() -> None:
    """Each household is taken out in its own part only, as its worker does."""
    whole = graph({(CARS, BEACH): 40.0, (RUGBY, GAMES): 8.0})
    accounts = [b"acc-%d" % n for n in range(12)]
    bits = np.bitwise_or.reduce([np.uint64(1) << np.uint64(hash_text(a) & 63) for a in accounts])
    whole.seen = whole.before = np.full(len(whole.key), bits, np.uint64)
    parts, place = children(0, 1, 3), PARTITIONERS["murmur2"]
    merged = Related(TREE)
    for part, records in split(whole.snapshot(), parts, lambda key: place(key, 3)).items():
        own = Related(TREE)
        own.restore(records)
        own.forget(a for a in accounts if place(a, 3) == part)
        merged.add(own)
    assert merged.count.tolist() == whole.count.tolist()
    assert merged.mass.tolist() == whole.mass.tolist()
    assert not (merged.seen | merged.before).any()


def test_a_damaged_graph_is_refused() -> None:
    with pytest.raises(IncompatibleState, match="^the graph of related interests: "):
        split({keys.RELATED: b"?"}, [0], lambda key: 0)
