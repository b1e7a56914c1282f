"""What stands side by side: families of cells, and a linear programme that finds nothing small."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from features.audiences import lattice
from tests.support.audience_counting import TREE

K = 20
#: Sports, Soccer and Tennis in it, the summer ones of the Olympic sports in it; Travel.
SPORT, SOCCER, TENNIS, SUMMER, TRAVEL = "483", "533", "539", "522", "653"


def sayable(**views: dict[str, int]) -> set[str]:
    counts = list(views.values())
    large = [key for key in counts[0] if all(view[key] >= K for view in counts)]
    return lattice.sayable(large, counts, K, TREE)


def test_the_names_used_here_are_those_of_the_taxonomy() -> None:
    for interest, name in ((SPORT, "Sports"), (SOCCER, "Soccer"), (TENNIS, "Tennis")):
        assert TREE.names[TREE.index(interest)] == name
    assert {TREE.ids[i] for i in TREE.ancestors(TREE.index(SOCCER))} == {SPORT}
    assert [TREE.ids[i] for i in TREE.ancestors(TREE.index(SUMMER))] == ["521", SPORT]


FAMILIES = {
    "within its interest": ({f"interest/{SPORT}": 60, f"daypart/night/{SPORT}": 41}, 1),
    "all of them": ({f"interest/{SPORT}": 60, f"pair/{SPORT}+{TRAVEL}": 60}, 1),
    "part of a child, within the parent": (
        {f"interest/{SPORT}": 60, f"daypart/night/{SOCCER}": 41},
        1,
    ),
    "within a grandparent whose child is not said": (
        {f"interest/{SPORT}": 60, f"interest/{SUMMER}": 45},
        1,
    ),
    "parts and total": (
        {f"interest/{SPORT}": 61, f"daypart/a/{SPORT}": 40, f"daypart/b/{SPORT}": 20},
        2,
    ),
    "parts that are all there is": (
        {f"interest/{SPORT}": 60, f"daypart/a/{SPORT}": 40, f"daypart/b/{SPORT}": 20},
        2,
    ),
    "parts of a child, and the parent": (
        {f"interest/{SPORT}": 90, f"daypart/a/{SOCCER}": 40, f"daypart/b/{SOCCER}": 45},
        2,
    ),
    "children and parent": (
        {f"interest/{SPORT}": 100, f"interest/{SOCCER}": 50, f"interest/{TENNIS}": 45},
        2,
    ),
    "children that overlap, by their pair": (
        {
            f"interest/{SPORT}": 100,
            f"interest/{SOCCER}": 75,
            f"interest/{TENNIS}": 70,
            f"pair/{SOCCER}+{TENNIS}": 50,
        },
        3,
    ),
    "groups of everybody": ({"group/42+464": 50, "group/42+653": 40, "group/653+680": 30}, 2),
    "a single group": ({"group/42+464": 50}, 0),
    "groups but for a few": ({"group/42+464": 50, "group/42+653": 40, "group/653+680": 3}, 1),
    "a group within its interest": (
        {f"interest/{SPORT}": 60, f"group/{SPORT}": 50, "group/653": 40, "group/680": 40},
        3,
    ),
    "apart": ({f"interest/{SPORT}": 80, f"daypart/a/{SPORT}": 40, f"daypart/b/{SPORT}": 20}, 3),
}


@pytest.mark.parametrize("case", FAMILIES)
def test_cells_that_leave_something_small_are_not_said_together(case: str) -> None:
    counts, expected = FAMILIES[case]
    found = lattice.sayable([k for k in counts if counts[k] >= K], [counts], K, TREE)
    assert len(found) == expected
    widest = max(counts, key=lambda key: counts[key])
    assert not found or widest in found  # what goes is the narrow one


def test_counts_now_and_counts_said_bind_alike() -> None:
    one = {f"interest/{SPORT}": 60, f"daypart/a/{SPORT}": 40}
    other = {f"interest/{SPORT}": 60, f"daypart/a/{SPORT}": 41}
    assert len(sayable(one=one)) == 2 and len(sayable(one=one, other=other)) == 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(30, 400))
def test_no_programme_tells_that_something_is_small(seed: int, households: int) -> None:
    """With the exact counts of what is said, all else may be k or more, whatever it is."""
    counts = town(random.Random(seed), households)
    said = lattice.sayable([key for key, n in counts.items() if n >= K], [counts], K, TREE)
    keys = sorted(counts)
    laws, names = zip(*law(keys), strict=True)
    fixed = np.array([[float(key == name) for key in keys] for name in sorted(said)])
    for row, name in zip(laws, names, strict=True):
        found = linprog(
            row,  # the greatest that it may be: laws are rows that are not above 0
            A_ub=np.array(laws),
            b_ub=np.zeros(len(laws)),
            A_eq=fixed if said else None,
            b_eq=[counts[key] for key in sorted(said)] if said else None,
            bounds=(0, 10 * households),
        )
        assert found.status == 0
        assert -found.fun >= K, f"{name} is at most {-found.fun}, said {sorted(said)}"


def law(keys: list[str]) -> Iterator[tuple[np.ndarray, str]]:
    """Rows over cells that are never above 0, negated: what a wider cell has beyond others."""
    at = {key: place for place, key in enumerate(keys)}
    for key in keys:
        if not key.startswith("interest/"):
            continue
        interest = key.partition("/")[2]
        parts = [k for k in keys if k.startswith("daypart/") and k.endswith(f"/{interest}")]
        below = [k for k in keys if key in lattice.wider(k, TREE) and k not in parts]
        for inside in ([parts] if parts else []) + [[k] for k in below]:
            row = np.zeros(len(keys))
            row[[at[k] for k in inside]] = 1
            row[at[key]] = -1
            yield row, f"{key} beyond {inside}"


def town(rng: random.Random, households: int) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    habits = [rng.random() for _ in range(6)]
    for _ in range(households):
        cells = set()
        held = [i for i, p in zip((SPORT, SOCCER, TENNIS, TRAVEL), habits, strict=False)
                if rng.random() < p]  # fmt: skip
        if {SOCCER, TENNIS} & set(held) and SPORT not in held:
            held.append(SPORT)
        cells |= {f"interest/{i}" for i in held}
        cells |= {f"daypart/{rng.choices('abc', (6, 3, habits[5]))[0]}/{i}" for i in held}
        if {SOCCER, TENNIS} <= set(held):
            cells.add(f"pair/{SOCCER}+{TENNIS}")
        if {SPORT, TRAVEL} <= set(held):
            cells.add(f"pair/{SPORT}+{TRAVEL}")
        for cell in cells:
            counts[cell] = counts.get(cell, 0) + 1
    return counts or {f"interest/{SPORT}": 0, f"daypart/a/{SPORT}": 0}
