"""Corrects a probability by what is read off bins: signals cut into steps, and pairs of them.

A linear model answers a signal by a straight line. Here each signal falls into one of `FINE` bins,
each pair of the ten that matter, and a few more, into one of 8 x 8, the interest and its pairs with
four signals into a hashed table; each of those has a weight, and their sum is added to the log-odds
of the model that is corrected. Edges are fixed by the table of signals, so there is nothing to
freeze and nothing of them in the state.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from features.jit import as_int, inlined
from features.models.signals_kernel import NAMES, SIGNALS, TABLE

FINE: Final = 48
#: Of a pair's sides; so many bits.
COARSE, _COARSE_BITS = 8, 3
#: Beside the signals, what they are added to: the log-odds of the corrected model.
ODDS: Final = "log_odds"
_ODDS_RANGE = (-7.0, 3.0)
#: Of which all pairs are learned, some more pairs, and what is learned by interest.
_CROSSED: Final = (
    "level_1d", "odds_7", "odds_28", "odds_weekday", "odds_daytype", "own_recency", "population",
    "here_yesterday", "here_recency", ODDS,
)  # fmt: skip
_MORE_PAIRS: Final = (
    ("weekday", "here_recency"), ("weekday", "here_7"), ("weekday", "here_weekday"),
    ("met_yesterday", ODDS), ("gap_ratio", ODDS),
)  # fmt: skip
BY_INTEREST: Final = (ODDS, "odds_7", "odds_28", "own_recency")
PAIRS: Final = (
    tuple((a, b) for i, a in enumerate(_CROSSED) for b in _CROSSED[i + 1 :]) + _MORE_PAIRS
)
#: The sides of all of them.
PAIRED: Final = tuple(
    dict.fromkeys(_CROSSED + tuple(side for pair in _MORE_PAIRS for side in pair))
)
INTERESTS: Final = 1024
HASHED: Final = 1 << 13

_COLUMNS = (*NAMES, ODDS)
_RANGES = [(signal.low, signal.high) for signal in TABLE] + [_ODDS_RANGE]
_LOW = np.array([low for low, _ in _RANGES])
_PER_UNIT = np.array([1.0 / (high - low) for low, high in _RANGES])
_PAIRED = np.array([_COLUMNS.index(name) for name in PAIRED])
_FIRST = np.array([PAIRED.index(a) for a, _ in PAIRS])
_SECOND = np.array([PAIRED.index(b) for _, b in PAIRS])
_KEYED = np.array([PAIRED.index(name) for name in BY_INTEREST])

# Where each kind of weight begins, and how many bins a row falls into.
_AT_PAIRS = (SIGNALS + 1) * FINE
_AT_INTERESTS = _AT_PAIRS + len(PAIRS) * COARSE * COARSE
_AT_HASHED = _AT_INTERESTS + INTERESTS
SIZE: Final = _AT_HASHED + len(BY_INTEREST) * HASHED
_PAIRS_FROM, _KEYED_FROM = SIGNALS + 1, SIGNALS + 1 + len(PAIRS)
BINS: Final = _KEYED_FROM + 1 + len(BY_INTEREST)


def blocks() -> dict[str, tuple[int, int]]:
    """First weight and number of weights by name: what a stored model is read back by."""
    found = {name: (k * FINE, FINE) for k, name in enumerate(_COLUMNS)}
    side = COARSE * COARSE
    for k, (a, b) in enumerate(PAIRS):
        found[f"{a}*{b}"] = _AT_PAIRS + k * side, side
    found["interest"] = _AT_INTERESTS, INTERESTS
    for k, name in enumerate(BY_INTEREST):
        found[f"interest*{name}"] = _AT_HASHED + k * HASHED, HASHED
    return found


@inlined
def is_pair(k: int) -> Any:
    """Whether the k-th bin of a row is that of a pair of signals."""
    return _PAIRS_FROM <= k < _KEYED_FROM


@inlined
def odds_of(p: float) -> Any:
    """Log-odds of a probability, kept off 0 and 1."""
    p = min(1.0 - 1e-6, max(1e-6, p))
    return np.log(p / (1.0 - p))


@inlined
def coarse(vector: Any, odds: float) -> Any:
    """The coarse bins of `PAIRED`, three bits each: up to 21 of them."""
    packed = 0
    for i in range(_PAIRED.shape[0]):
        packed |= _bin(vector, odds, _PAIRED[i], COARSE) << (_COARSE_BITS * i)
    return packed


@inlined
def bin_of(vector: Any, odds: float, packed: int, interest: int, k: int) -> Any:
    """Weight of the k-th bin, of `BINS`, that a row falls into.

    Parameters
    ----------
    vector : ndarray of float64, shape (SIGNALS,)
    odds : float
        Log-odds of the model that is corrected.
    packed : int
        Of `coarse`.
    """
    if k < _PAIRS_FROM:
        return k * FINE + _bin(vector, odds, k, FINE)
    if k < _KEYED_FROM:
        pair = k - _PAIRS_FROM
        one, other = _side(packed, _FIRST[pair]), _side(packed, _SECOND[pair])
        return _AT_PAIRS + (pair * COARSE + one) * COARSE + other
    if k == _KEYED_FROM:
        return _AT_INTERESTS + interest % INTERESTS
    keyed = k - _KEYED_FROM - 1
    place = (interest * COARSE + _side(packed, _KEYED[keyed])) % HASHED
    return _AT_HASHED + keyed * HASHED + place


@inlined
def correction(weights: Any, vector: Any, odds: float, interest: int) -> Any:
    """Sum of what the bins of a row add to log-odds.

    Parameters
    ----------
    weights : ndarray of float64, shape (SIZE,)
    """
    packed = coarse(vector, odds)
    total = 0.0
    for k in range(BINS):
        total += weights[bin_of(vector, odds, packed, interest, k)]
    return total


@inlined
def corrected(p: float, weights: Any, vector: Any, interest: int) -> Any:
    """The probability after correction."""
    odds = odds_of(p)
    return 1.0 / (1.0 + np.exp(-odds - correction(weights, vector, odds, interest)))


@inlined
def _side(packed: int, place: int) -> Any:
    return (packed >> (_COARSE_BITS * place)) & (COARSE - 1)


@inlined
def _bin(vector: Any, odds: float, column: int, bins: int) -> int:
    value = odds if column == SIGNALS else vector[column]
    place = (value - _LOW[column]) * _PER_UNIT[column]
    return as_int(min(bins - 1.0, max(0.0, np.floor(place * bins))))
