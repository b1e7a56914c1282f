"""Draws the noise of audience counts: OpenDP's discrete Gaussian.

Exact and from the system's entropy, so that no sequence of floats or seeds gives it away.
"""

from __future__ import annotations

from collections.abc import Sequence

import opendp.prelude as dp

dp.enable_features("contrib")  # where OpenDP keeps everything that has a proof but no audit


def gaussian(counts: Sequence[int], sigma: float) -> list[int]:
    """Counts with discrete Gaussian noise, drawn for each alone.

    Parameters
    ----------
    counts : sequence of int
        Of cells; a household in c of them costs rho = c / (2 sigma^2).
    sigma : float
        Deviation of the noise, in households.
    """
    return [int(count) for count in measurement(sigma)(list(counts))] if counts else []


def measurement(sigma: float) -> dp.Measurement:
    """OpenDP measurement: from L2 distance between counts to rho of zero-concentrated privacy."""
    vectors = dp.vector_domain(dp.atom_domain(T=int)), dp.l2_distance(T=float)
    return dp.m.make_gaussian(*vectors, scale=sigma)
