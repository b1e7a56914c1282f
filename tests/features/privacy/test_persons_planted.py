"""The persons model sees every planted bug (I5, I8, I11, I12, I13)."""

from __future__ import annotations

import pytest

from tests.support.persons_planted import PLANTED, SEEDS, seen

#: The slowest takes 800; the rest is room for another version of Hypothesis.
MOST_STEPS = 8_000


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug: str) -> None:
    assert seen(bug, SEEDS.get(bug, 0), MOST_STEPS) is not None
