"""Says whether a contact about an interest is worth it, by what came of earlier ones.

What was learned stands still between two closes, as the models do (`features.models.worth`).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.jit import as_int, inlined, njit
from features.models.signals_kernel import NAMES, SIGNALS, fill, morning, next_day
from features.records.hash_kernel import FNV_PRIME, finish
from features.state.layout import Clock, Counters, Rows, Subjects

#: The signals of a row that the change by a contact is learned from: few, for outcomes are. The
#: names are the contract of what is stored, as for the models.
PICKED: Final = (
    "bias", "level_60d", "share_7d", "odds_7", "odds_28", "own_recency", "liked", "here_recency",
)  # fmt: skip
_AT: Final = tuple(NAMES.index(name) for name in PICKED)
#: Signals are kept with a contact in so many parts of one, as two bytes take them.
UNITS: Final = 256
_MOST: Final = 2**15 - 1
#: A hash as a number below 1, by the bits that a float takes.
_LOW, _UNIT = np.uint64(11), 2.0**-53
#: The gain where too little is known: as if a contact were worth it.
UNKNOWN: Final = 1.0


class ContactWorth(NamedTuple):
    """Says what contacts change and how they annoy, by kind of interest; nothing where unknown."""

    kind: NDArray[np.int16]  # shape (interests,): the kind of each, -1 where too little is known
    uplift: NDArray[np.float64]  # shape (kinds, PICKED)
    annoyance: NDArray[np.float64]  # shape (kinds, PICKED)
    spread: NDArray[np.float64]  # shape (kinds, PICKED, PICKED): covariance of `uplift`
    price: float  # what who is annoyed costs, in interests fulfilled
    caution: float  # standard errors that are taken off the uplift
    exploring: float  # share of what is not worth it that is tried all the same
    salt: np.uint64  # of these draws


def unknown_worth() -> ContactWorth:
    """Know nothing: the interest's score alone decides."""
    n = len(PICKED)
    none = np.zeros((0, n))
    kinds, spread = np.zeros(0, np.int16), np.zeros((0, n, n))
    return ContactWorth(kinds, none, none.copy(), spread, 0.0, 0.0, 0.0, np.uint64(0))


@inlined
def gain(worth: ContactWorth, interest: int, vector: Any) -> float:
    """Lower bound of what a contact brings, in interests fulfilled; `UNKNOWN` where too few were.

    Parameters
    ----------
    vector : ndarray of float64, shape (SIGNALS,)
    """
    if interest >= worth.kind.shape[0] or worth.kind[interest] < 0:
        return UNKNOWN
    kind = as_int(worth.kind[interest])
    change, annoyed, variance = 0.0, 0.0, 0.0
    for i in range(len(_AT)):
        x = vector[_AT[i]]
        change += worth.uplift[kind, i] * x
        annoyed += worth.annoyance[kind, i] * x
        for k in range(len(_AT)):
            variance += x * worth.spread[kind, i, k] * vector[_AT[k]]
    bound = change - worth.caution * np.sqrt(max(variance, 0.0))
    return float(bound - worth.price * min(max(annoyed, 0.0), 1.0))


@inlined
def is_tried(worth: ContactWorth, subject: Any, interest: int, day: int) -> Any:
    """Whether what is not worth a contact is tried all the same in this week, by a draw.

    Whom nobody speaks to nothing is learned of: what a contact brings would stay what it was once.

    Parameters
    ----------
    subject : uint64
        Hash of its key.
    day : int
        Since 1970.
    """
    drawn = (subject ^ worth.salt) * FNV_PRIME + np.uint64(interest)
    drawn = finish(drawn * FNV_PRIME + np.uint64(day // 7))
    return (drawn >> _LOW) * _UNIT < worth.exploring


class Glimpse(NamedTuple):
    """The tables of `Live` that signals are made from: fewer are handed over faster."""

    subjects: Subjects
    rows: Rows
    counters: Counters
    clock: Clock


@njit
def picked_signals(live: Any, sid: int, interest: int, out: Any) -> bool:
    """Fill the signals of an interest of a subject as its next profile would be decided by.

    Parameters
    ----------
    live : Glimpse
    out : ndarray of int16, shape (PICKED,)
        In 1/`UNITS`.

    Returns
    -------
    bool
        False where the subject has no row of it: nothing was known to choose it by.
    """
    s = live.subjects
    start = as_int(s.start[sid])
    for j in range(start, start + as_int(s.used[sid])):
        if as_int(live.rows.interest[j]) == interest:
            levels, vector = np.zeros(3), np.zeros(SIGNALS)
            # No base rate is among the signals that are picked.
            rates = np.zeros(interest + 1)
            began = morning(live, sid, next_day(live, sid))
            fill(live, j, began, rates, levels, vector)
            for i in range(len(_AT)):
                scaled = np.floor(vector[_AT[i]] * UNITS + 0.5)
                out[i] = np.int16(min(max(scaled, -_MOST), _MOST))
            return True
    return False
