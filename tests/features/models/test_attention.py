"""Shares of attention: the kernel's arithmetic and learning against the slow twin's."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from features.models.attention import Attention
from features.models.attention_kernel import share_rows
from features.models.signals import NAMES
from features.models.stance_kernel import DECISION
from tests.oracle import attention as twin
from tests.support.made_up_days import day_rows


@given(st.integers(0, 2**31 - 1), st.integers(1, 6))
@settings(max_examples=30)
def test_days_are_learned_as_the_twin_learns_them(seed: int, days: int) -> None:
    chance = np.random.default_rng(seed)
    own, other = Attention(), twin.Attention()
    for day in range(days):
        rows = day_rows(day)
        rows.x[:, NAMES.index("level_60d")] = chance.uniform(0.0, 5.0, len(rows))
        rows.x[:, NAMES.index("share_7d")] = chance.uniform(0.0, 1.0, len(rows))
        said = np.zeros(len(rows), DECISION)
        said["score"] = chance.uniform(1e-4, 0.9999, len(rows))
        share_rows(own.powers, rows.x, rows.subject, said)
        by_subject: dict[str, list[int]] = {}
        for i, subject in enumerate(rows.subject.tolist()):
            by_subject.setdefault(str(subject), []).append(i)
        given_rows = {
            name: [(float(said["score"][i]), rows.x[i].tolist(), int(rows.y[i])) for i in at]
            for name, at in by_subject.items()
        }
        for name, at in by_subject.items():
            shares, level = other.shares([(p, values) for p, values, _ in given_rows[name]])
            np.testing.assert_allclose(said["share"][at], shares, rtol=1e-9)
            for i, share in zip(at, shares, strict=True):
                low, high = twin.bounds(share, level)
                np.testing.assert_allclose(
                    (said["share_low"][i], said["share_high"][i]), (low, high), atol=1e-9
                )
        own.learn(rows, said)
        other.learn(given_rows)
        np.testing.assert_allclose(own.powers, other.powers, rtol=1e-9)


def test_what_tells_the_division_gains_power() -> None:
    """Where the score alone says who is engaged with, its power grows; the others' fall behind."""
    chance, own = np.random.default_rng(2), Attention()
    for day in range(60):
        rows = day_rows(day)
        rows.x[:, NAMES.index("level_60d")] = chance.uniform(0.0, 3.0, len(rows))
        rows.x[:, NAMES.index("share_7d")] = chance.uniform(0.0, 1.0, len(rows))
        said = np.zeros(len(rows), DECISION)
        said["score"] = chance.uniform(0.01, 0.9, len(rows))
        rows.y[:] = chance.random(len(rows)) < said["score"]
        share_rows(own.powers, rows.x, rows.subject, said)
        own.learn(rows, said)
    assert own.powers[0] > 0.6
    assert own.powers[1] < 0.15 and own.powers[2] < 0.2
