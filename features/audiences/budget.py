"""Calibrates the noise of releases to a privacy budget, and accounts for what they spend.

The budget is an epsilon (with `DELTA`) for any `PERIOD_MS`, for a *household* joining or leaving
with all it does. Releases compose in zero-concentrated differential privacy (rho), where costs
add up:

* a release of counts, each household in at most c of them, with discrete Gaussian noise of
  deviation sigma costs rho = c / (2 sigma^2) (Canonne, Kamath, Steinke 2020, theorem 4);
* rho gives (rho + 2 sqrt(rho ln(1/delta)), delta) (Bun, Steinke 2016, proposition 1.3).

Half of `DELTA` goes there, half to the threshold: counts are drawn only for cells of k
households, and that such a cell is there must not show either, so what is said lies so far
above k that chance hardly ever brings a cell there that was not drawn a household ago.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

#: Chance that the promise fails for a household in a period; below one in all households.
DELTA = 1e-6
#: For how long a budget is; whatever window of this length is looked at, it holds.
PERIOD_MS = 30 * 86_400_000
_ROUNDING = 1e-9  # of sums of floats
#: Releases that an account keeps at least, some 10 kB.
_REMEMBERED = 256


class Noise(NamedTuple):
    """Source of randomness, passed in by the caller.

    Attributes
    ----------
    epsilon : float
        Budget of a household for `PERIOD_MS`.
    draw : callable
        From counts and a deviation to the counts with discrete Gaussian noise, each drawn alone.
    """

    epsilon: float
    draw: Callable[[Sequence[int], float], Sequence[int]]


@dataclass(frozen=True)
class Budget:
    """Calibrates the noise of releases to a privacy budget.

    Attributes
    ----------
    epsilon : float
        Of a household for `PERIOD_MS`.
    contribution : int
        Most cells that a household is counted in.
    release_ms : int
        Least time between releases.
    """

    epsilon: float
    contribution: int
    release_ms: int

    @property
    def total(self) -> float:
        """Rho of `PERIOD_MS`: what `epsilon` and half of `DELTA` allow."""
        log = math.log(2 / DELTA)
        return (math.sqrt(log + self.epsilon) - math.sqrt(log)) ** 2

    @property
    def releases(self) -> int:
        """Most releases in a period."""
        return max(1, math.ceil(PERIOD_MS / self.release_ms))

    @property
    def each(self) -> float:
        """Rho of one release."""
        return self.total / self.releases

    @property
    def sigma(self) -> float:
        """Deviation of the noise of one count, in households."""
        return math.sqrt(self.contribution / (2 * self.each))

    @property
    def margin(self) -> int:
        """Households above k that a count with noise must reach to be published.

        The tail of the discrete Gaussian is no heavier than the Gaussian's one step below.
        """
        tail = DELTA / 2 / (self.contribution * self.releases)
        return math.ceil(-NormalDist().inv_cdf(tail) * self.sigma) + 1

    def needed(self, spent: Mapping[int, float], release: int) -> float:
        """Share of the budget that a release and those before it take together; over 1: too much.

        Parameters
        ----------
        spent : mapping of int to float
            Time of each release made, epoch milliseconds, to its rho.
        release : int
            Time of the one in question, made already or not.
        """
        before = sum(rho for at, rho in spent.items() if at > release - PERIOD_MS and at != release)
        return (before + spent.get(release, self.each)) / self.total

    def remembered(self, spent: Mapping[int, float], release: int) -> dict[int, float]:
        """Tell what to keep of an account at a release: the period, and the latest of before it.

        A clock that was ahead must not take away what the right one has spent, nor must another
        setting's fewer releases.
        """
        latest = sorted(spent)[-max(_REMEMBERED, 2 * self.releases) :]
        kept = {at for at in spent if at > release - PERIOD_MS}.union(latest)
        return {at: spent[at] for at in sorted(kept)}

    def allows(self, spent: Mapping[int, float], release: int) -> bool:
        """Whether a release can be made without spending too much."""
        return self.needed(spent, release) <= 1 + _ROUNDING
