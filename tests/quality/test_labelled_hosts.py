"""The hand-checked sample of hosts is well formed, and its arithmetic knows right from wrong."""

from __future__ import annotations

from collections import Counter

import pytest

from features.tags import taxonomy
from features.tags.exact import TagEntry
from tests.quality.hosts import labels, right

TREE = taxonomy.load()


def test_the_sample_is_200_hosts_with_known_labels() -> None:
    sample = labels()
    assert len({host for host, _, _ in sample}) == len(sample) == 200
    assert Counter(stratum for _, stratum, _ in sample) == {"heavy": 100, "light": 100}
    for host, _, accepted in sample:
        assert accepted and host == host.lower()
        assert all(
            name in TREE or name in ("infrastructure", "denied", "unknown") for name in accepted
        ), host


@pytest.mark.parametrize(
    ("tags", "infrastructure", "accepted", "expected"),
    [
        ((("533", 1.0),), False, "483", True),  # soccer, below sports
        ((("483", 1.0),), False, "533", True),  # and above
        ((("533", 1.0), ("210", 0.9)), False, "483", False),  # food is wrong
        ((("533", 1.0), ("210", 0.3)), False, "483", True),  # a side remark
        ((), True, "infrastructure 483", True),
        ((), True, "483", False),
        ((), False, "denied", True),
        ((), False, "infrastructure", False),
    ],
)
def test_right(
    tags: tuple[tuple[str, float], ...], infrastructure: bool, accepted: str, expected: bool
) -> None:
    entry = TagEntry(tags, "own", 0.9, infrastructure)
    assert right(entry, frozenset(accepted.split())) is expected


def test_unknown_is_right_only_where_it_is_accepted() -> None:
    assert right(None, frozenset({"unknown"})) and not right(None, frozenset({"483"}))
