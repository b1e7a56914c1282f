"""The bound below which no contact is worth it holds where a household is asked again and again."""

from __future__ import annotations

import numpy as np
import pytest

from features.models.uplift import Floats, Uplift

PEOPLE, WEEKS, SIGNALS, CAUTION = 1_000, 8, 8, 1.28
_RUNS = 120
#: Where it is asked for: a subject like most.
MEAN = np.array([[1.0] + [0.5] * (SIGNALS - 1)])


def bound(seed: int, share: float, effect: float, *, clustered: bool) -> float:
    """What a contact surely brings, once a household was asked for eight weeks.

    It is held out for ever or never, by one draw, and much the same each time: most never want it,
    some nearly always do.
    """
    chance = np.random.default_rng(seed)
    spoken_to = chance.random(PEOPLE) < share
    alone = chance.choice([0.02, 0.7], PEOPLE, p=[0.7, 0.3])
    like = chance.normal(0.5, 0.3, (PEOPLE, SIGNALS - 1))
    model, count = Uplift.cold(SIGNALS), np.zeros(PEOPLE)
    for _ in range(WEEKS):
        who = np.flatnonzero(chance.random(PEOPLE) < 0.9)
        now = like[who] + chance.normal(0.0, 0.1, (len(who), SIGNALS - 1))
        made = spoken_to[who]
        good = (chance.random(len(who)) < alone[who] + effect * made).astype(float)
        clusters: Floats | None = 2.0 * count[who] + 1.0 if clustered else None
        count[who] += 1
        x = np.column_stack([np.ones(len(who)), now])
        model.learn(x, made, np.full(len(who), share), good, np.zeros(len(who)), clusters)
    return float(model.worth(MEAN, 0.0, CAUTION)[0])


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_nine_in_ten_bounds_are_below_what_a_contact_brings(share: float) -> None:
    for effect in (0.0, 0.15):
        above = sum(bound(s, share, effect, clustered=True) > effect for s in range(_RUNS))
        assert above <= 0.1 * _RUNS
    # As if each week were another draw.
    above = sum(bound(s, share, 0.0, clustered=False) > 0.0 for s in range(_RUNS))
    assert above > 0.12 * _RUNS


def test_what_contacts_bring_is_still_found() -> None:
    assert sum(bound(seed, 0.5, 0.15, clustered=True) > 0.0 for seed in range(20)) >= 18
