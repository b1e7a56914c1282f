"""Attacks the audience counts: who is in which cell, from all that was ever published?

``python -m tests.quality.audience_attack --households 2000 --releases 60 --seed 1``

The attacker sees every record, knows when each household came and went, and knows the cells of
nine in ten of them (colluders, bought data). For the rest, two ways:

* *Pinned.* An integer programme (HiGHS) over households and cells: every published value is an
  equation or an interval, a retraction says when fewer than k were left, a day-part lies in its
  interest, a pair in both, a child in its parent. A membership is pinned if no solution has it
  otherwise. Households that came and went together are told apart by nothing, so they are one
  variable. Noise is taken to be within five deviations, which favours the attacker.
* *Guessed.* The best linear guess (the mean of the posterior, noise and memberships taken as
  Gaussian) of who of those that came or went alone is in a cell: the chance that a member is
  ranked above one that is not; a half is no knowledge.

Groups are not attacked: they are made anew from what was said.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from tests.quality.audience_world import TICKS, TREE, Household, Said, all_cells, town, watch

K = 20
KNOWN = 0.9
_SOLVE_S = 10.0  # one programme; what is not decided by then counts as not pinned
_DEVIATIONS = 5
Lives = tuple[int, int]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Publication:
    """What is attacked: all it said, what it counts a household in, and how it says counts."""

    said: Sequence[Said]
    cells: Callable[[Household], set[str]]
    rounded_to: int  # 1: exact
    sigma: float = 0.0
    retracts: bool = False  # between releases, the moment that fewer than K are left

    def bounds(self, value: int) -> tuple[float, float]:
        """Least and greatest count that a value may stand for."""
        slack = np.ceil(_DEVIATIONS * self.sigma)
        return max(0.0, value - slack), value + self.rounded_to - 1 + slack

    def guess(self, value: int) -> tuple[float, float]:
        """The count that a value stands for, and the variance of the error."""
        variance = self.sigma**2 + (self.rounded_to**2 - 1) / 12
        return value + (self.rounded_to - 1) / 2, max(variance, 0.01)


class Attack:
    """Everything that the attacker holds.

    Parameters
    ----------
    households : sequence of Household
    publication : Publication
    known : float
        Share of households whose cells are known.
    """

    def __init__(
        self, households: Sequence[Household], publication: Publication, known: float = KNOWN
    ) -> None:
        self._publication = publication
        cut = int(len(households) * known)
        self._known = [(h, publication.cells(h)) for h in households[:cut]]
        unknown: dict[Lives, list[set[str]]] = defaultdict(list)
        for household in households[cut:]:
            unknown[household.joins, household.leaves].append(publication.cells(household))
        self.lives = sorted(unknown)
        self.sizes = np.array([len(unknown[lives]) for lives in self.lives])
        self._unknown = [unknown[lives] for lives in self.lives]
        self._records: dict[str, list[Said]] = defaultdict(list)
        self._retracted: dict[str, list[tuple[int, int]]] = defaultdict(list)  # said, and gone
        for record in publication.said:
            if record.accounts is not None:
                self._records[record.key].append(record)
            elif publication.retracts and record.tick % TICKS:
                last = self._records[record.key][-1]
                self._retracted[record.key].append((last.tick, record.tick))
        self.undecided = 0

    def truth(self, key: str) -> Floats:
        """How many of each class are in a cell; for the score, not for the attacker."""
        return np.array([float(sum(key in cells for cells in held)) for held in self._unknown])

    def pinned(self) -> tuple[set[tuple[int, str]], set[tuple[int, str]]]:
        """(class, cell) that the programme decides: in it, and not in it."""
        inside: set[tuple[int, str]] = set()
        outside: set[tuple[int, str]] = set()
        for family in self._families():
            for at, key in self._decided(family):
                (inside if self.truth(key)[at] else outside).add((at, key))
        return inside, outside

    def guessed(self) -> float:
        """Chance that a member is ranked above one that is not, over households alone."""
        better = pairs = 0.0
        alone = self.sizes == 1
        for key in self._records:
            truth = self.truth(key)
            estimate = self._posterior(key)
            members, others = estimate[alone & (truth > 0)], estimate[alone & (truth == 0)]
            gap = np.sign(members[:, None] - others[None, :])
            better += float((gap + 1).sum() / 2)
            pairs += gap.size
        return better / pairs if pairs else 0.5

    # -- guessing

    def _posterior(self, key: str) -> Floats:
        present, rest, noise = [], [], []
        for record in self._records[key]:
            value, variance = self._publication.guess(record.accounts or 0)
            present.append(self._present(record.tick))
            rest.append(value - self._known_count(key, record.tick))
            noise.append(variance)
        share = sum(key in cells for _, cells in self._known) / max(len(self._known), 1)
        share = min(max(share, 0.01), 0.99)
        prior = self.sizes * share
        spread = np.diag(self.sizes * share * (1 - share))
        seen = np.array(present)
        gain = spread @ seen.T @ np.linalg.inv(seen @ spread @ seen.T + np.diag(noise))
        return np.asarray(prior + gain @ (np.array(rest) - seen @ prior))

    def _present(self, *ticks: int) -> Floats:
        return np.array(
            [float(all(joins <= tick < leaves for tick in ticks)) for joins, leaves in self.lives]
        )

    def _known_count(self, key: str, *ticks: int) -> int:
        return sum(key in cells and all(map(h.counted_at, ticks)) for h, cells in self._known)

    # -- solving

    def _families(self) -> list[list[str]]:
        """Cells that are solved together: an interest with its parts and parent, a pair with its
        interests."""
        families = []
        for key in self._records:
            kind, _, rest = key.partition("/")
            if kind == "interest":
                parent = int(TREE.parent[TREE.index(rest)])
                above = [f"interest/{TREE.ids[parent]}"] if parent >= 0 else []
                parts = [k for k in self._records if k.startswith("daypart/")]
                families.append([key, *above, *(k for k in parts if k.endswith(f"/{rest}"))])
            elif kind == "pair":
                families.append([key, *(f"interest/{interest}" for interest in rest.split("+"))])
        return families

    def _decided(self, family: list[str]) -> list[tuple[int, str]]:
        """Memberships that are the same in all solutions. Each solution is one as far from the
        truth as there is, among those that no solution has shown to be open."""
        truth = np.concatenate([self.truth(key) for key in family])
        sizes = np.tile(self.sizes, len(family)).astype(float)
        constraints = self._constraints(family, truth)
        left = (truth == 0) | (truth == sizes)
        away = np.where(truth == 0, -1.0, 1.0) / sizes
        while left.any():
            found = milp(
                np.where(left, away, 0.0),
                constraints=constraints,
                integrality=np.ones_like(truth),
                bounds=Bounds(0.0, sizes),
                options={"time_limit": _SOLVE_S},
            )
            if found.x is None:
                self.undecided += int(left.sum())
                return []
            open_now = left & (np.abs(found.x - truth) > 0.5)
            if not open_now.any():
                if found.status != 0:
                    self.undecided += int(left.sum())
                    return []
                break
            left &= ~open_now
        number = len(self.lives)
        return [(int(at) % number, family[int(at) // number]) for at in np.flatnonzero(left)]

    def _constraints(self, family: list[str], truth: Floats) -> list[LinearConstraint]:
        rows: list[tuple[dict[int, float], float, float]] = []
        number = len(self.lives)
        for at, key in enumerate(family):
            for ticks, least, most in self._seen(key):
                known = self._known_count(key, *ticks)
                here = np.flatnonzero(self._present(*ticks))
                row = {at * number + int(i): 1.0 for i in here}
                rows.append((row, least - known, most - known))
        for at, key in enumerate(family):
            for other in range(len(family)):
                if _within(key, family[other]):
                    rows += [
                        ({at * number + i: 1.0, other * number + i: -1.0}, -np.inf, 0.0)
                        for i in range(number)
                    ]
        return [_matrix(rows, len(truth))]

    def _seen(self, key: str) -> Iterator[tuple[tuple[int, ...], float, float]]:
        """Bounds of how many of those there at all of some ticks are in a cell."""
        for record in self._records[key]:
            yield (record.tick,), *self._publication.bounds(record.accounts or 0)
        for said, gone in self._retracted[key]:
            yield (said, gone), 0.0, K - 1.0
            yield (said, gone - 1), float(K), np.inf


def _within(key: str, other: str) -> bool:
    """Whether whoever is in the one cell is in the other."""
    if key == other or not other.startswith("interest/"):
        return False
    interest = other.partition("/")[2]
    kind, _, rest = key.partition("/")
    if kind == "pair":
        return interest in rest.split("+")
    if kind == "daypart":
        return rest.endswith(f"/{interest}")
    parent = int(TREE.parent[TREE.index(rest)])
    return parent >= 0 and TREE.ids[parent] == interest


def _matrix(rows: Sequence[tuple[dict[int, float], float, float]], width: int) -> LinearConstraint:
    places = [
        (at, column, value) for at, row in enumerate(rows) for column, value in row[0].items()
    ]
    at, columns, values = zip(*places, strict=True)
    matrix = coo_array((values, (at, columns)), shape=(len(rows), width)).tocsr()
    return LinearConstraint(matrix, [row[1] for row in rows], [row[2] for row in rows])


def utility(households: Sequence[Household], publication: Publication, tick: int) -> dict[str, Any]:
    """Of the cells with k households or more at a tick: the share said, and how wrong it is."""
    counts: dict[str, int] = defaultdict(int)
    for household in households:
        if household.counted_at(tick):
            for key in all_cells(household.profile):
                counts[key] += 1
    standing: dict[str, int | None] = {}
    for record in publication.said:
        standing[record.key] = record.accounts
    found: dict[str, Any] = {}
    errors, shares = [], []
    for kind in ("interest", "daypart", "pair"):
        large = [key for key, n in counts.items() if key.startswith(kind) and n >= K]
        said = [key for key in large if standing.get(key)]
        found[kind] = f"{len(said)}/{len(large)}"
        for key in said:
            error = abs((standing[key] or 0) - counts[key])
            errors.append(error)
            shares.append(error / counts[key])
    found["mean error"] = f"{np.mean(errors):.1f}" if errors else "-"
    found["relative"] = f"{np.mean(shares):.1%}" if shares else "-"
    return found


def figures(
    households: Sequence[Household], publication: Publication, days: int, known: float = KNOWN
) -> Mapping[str, Any]:
    """Both attacks, and what is left to use."""
    attack = Attack(households, publication, known)
    inside, outside = attack.pinned()
    sizes = attack.sizes
    return {
        "records": len(publication.said),
        "unknown households": int(sizes.sum()),
        "pinned in a cell": int(sum(sizes[at] for at in {at for at, _ in inside})),
        "pinned out of one": int(sum(sizes[at] for at in {at for at, _ in outside})),
        "memberships pinned": len(inside) + len(outside),
        "undecided": attack.undecided,
        "guess": f"{attack.guessed():.3f}",
        **utility(households, publication, days * TICKS - 1),
    }


def guarded(
    households: Sequence[Household], days: int, noise: bool, epsilon: float = 4.0
) -> Publication:
    """What the audiences of this repository say."""
    from features.audiences import household as counted
    from features.audiences.budget import Noise
    from features.audiences.cells import Audiences
    from streams.apps.noise import gaussian

    audiences = Audiences(TREE, K, noise=Noise(epsilon, gaussian) if noise else None)
    said = [
        record
        for record in watch(households, days, audiences, audiences.publish)
        if record.key.partition("/")[0] in ("interest", "daypart", "pair")
    ]

    def cells(household: Household) -> set[str]:
        most = counted.most_interests(counted.CONTRIBUTION)
        found = counted.entries({**household.profile, "as_of": 0}, TREE, most)
        return set(counted.cells([found], counted.CONTRIBUTION, (), TREE))

    sigma = audiences.budget.sigma if audiences.budget else 0.0
    return Publication(said, cells, K, sigma, retracts=not noise)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=2000)
    parser.add_argument("--releases", type=int, default=60, help="days")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--known", type=float, default=KNOWN)
    options = parser.parse_args()
    households = town(options.households, options.releases, options.seed)
    for name, noise in (("rounded, without noise", False), ("as released", True)):
        found = guarded(households, options.releases, noise)
        print(name, dict(figures(households, found, options.releases, options.known)), flush=True)


if __name__ == "__main__":
    main()
