"""Writes the records of ``audience-segments``: a cell's count, and the cost of a release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from features.audiences.budget import DELTA, PERIOD_MS, Budget
from features.tags.taxonomy import Taxonomy

#: Key of the record that accounts for the releases made with noise.
RELEASE = "release"


class Terms(NamedTuple):
    """Terms of a release, the same for all its cells.

    Attributes
    ----------
    release : int
        Its time, epoch milliseconds.
    as_of : int
        Event time of the latest profile, rounded down to the time between releases.
    k : int
        Least count, and what counts are rounded down to a multiple of.
    sigma : float
        Deviation of the noise, 0.0 for none.
    """

    release: int
    as_of: int
    k: int
    sigma: float


@dataclass(frozen=True)
class Segment:
    """A record of ``audience-segments``; `value` None withdraws it."""

    key: str
    value: dict[str, Any] | None


def cell(key: str, accounts: int, terms: Terms, taxonomy: Taxonomy) -> Segment:
    """Record that publishes a cell's count."""
    kind, _, rest = key.partition("/")
    daypart = None
    if kind == "daypart":
        daypart, _, rest = rest.partition("/")
    interests = rest.split("+")
    name = " & ".join(taxonomy.names[taxonomy.index(interest)] for interest in interests)
    return Segment(
        key,
        {
            "schema": 1,
            "segment": key,
            "kind": kind,
            "name": name if daypart is None else f"{name}, {daypart}",
            "interests": interests,
            "daypart": daypart,
            "accounts": accounts,
            **_terms(terms),
        },
    )


def ledger(budget: Budget, spent: Mapping[int, float], terms: Terms) -> Segment:
    """Record that accounts for releases: the epsilon of a period, and what each release took.

    A reader of cells passes it over by its kind. It counts nobody: `accounts` is k.
    """
    return Segment(
        RELEASE,
        {
            "schema": 1,
            "segment": RELEASE,
            "kind": RELEASE,
            "name": "privacy budget",
            "interests": [],
            "daypart": None,
            "accounts": terms.k,
            **_terms(terms),
            "budget": {
                "epsilon": budget.epsilon,
                "delta": DELTA,
                "period_ms": PERIOD_MS,
                "needed": budget.needed(spent, terms.release),
                "releases": [[at, rho] for at, rho in sorted(spent.items())],
            },
        },
    )


def _terms(terms: Terms) -> dict[str, Any]:
    return {
        "k": terms.k,
        "as_of": terms.as_of,
        "release": terms.release,
        "noise": terms.sigma,
        "rounded_to": terms.k,
    }
