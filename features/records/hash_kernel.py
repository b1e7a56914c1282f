"""Hashes text inside a blob, and moves spans between blobs.

A hash is FNV-1a, 64 bit (Fowler, Noll, Vo: draft-eastlake-fnv, offset basis and prime below),
followed by the finaliser of MurmurHash3, ``fmix64`` (Austin Appleby, public domain). FNV-1a
goes byte by byte and can be continued, so ``account`` and ``account/member`` share their start;
its high bits are weak on short text, which the finaliser repairs. 0 is kept free to mean
"nothing": a text that hashes to 0 gets 1.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.jit import bare, njit

FNV_OFFSET: Final = np.uint64(0xCBF29CE484222325)
FNV_PRIME: Final = np.uint64(0x100000001B3)
_MIX_1: Final = np.uint64(0xFF51AFD7ED558CCD)
_MIX_2: Final = np.uint64(0xC4CEB9FE1A85EC53)
_HALF: Final = np.uint64(33)
_ONE: Final = np.uint64(1)

#: Every byte in lower case; bytes outside ASCII stay.
LOWER: Final = np.frombuffer(bytes(range(256)).lower(), np.uint8)


@bare(inline="always")
def hash_span(blob: NDArray[np.uint8], start: int, end: int, state: np.uint64) -> np.uint64:
    """Continue FNV-1a over ``blob[start:end]``.

    Parameters
    ----------
    blob
        Bytes, uint8.
    start, end
        Span, ``0 <= start <= end <= len(blob)``; not checked.
    state
        :data:`FNV_OFFSET`, or what an earlier call gave.

    Returns
    -------
    The new state; :func:`finish` makes a hash of it.
    """
    for p in range(start, end):
        state = (state ^ np.uint64(blob[p])) * FNV_PRIME
    return state


@bare(inline="always")
def hash_span_lower(blob: NDArray[np.uint8], start: int, end: int, state: np.uint64) -> np.uint64:
    """Continue FNV-1a over ``blob[start:end]`` in lower case (ASCII)."""
    for p in range(start, end):
        state = (state ^ np.uint64(LOWER[blob[p]])) * FNV_PRIME
    return state


@bare(inline="always")
def finish(state: np.uint64) -> np.uint64:
    """Hash of an FNV-1a state: fmix64, and 1 in place of 0."""
    state = (state ^ (state >> _HALF)) * _MIX_1
    state = (state ^ (state >> _HALF)) * _MIX_2
    state = state ^ (state >> _HALF)
    if state == np.uint64(0):
        state = _ONE
    return state


def fnv_state(text: bytes) -> np.uint64:
    """FNV-1a state after ``text``, in plain Python: for constants made at import."""
    state = int(FNV_OFFSET)
    for byte in text:
        state = ((state ^ byte) * int(FNV_PRIME)) % 2**64
    return np.uint64(state)


def hash_text(text: bytes) -> int:
    """Hash of a text, equal to what the kernels compute for it.

    Examples
    --------
    >>> hash_text(b"acc-1") == hash_text(b"acc-1")
    True
    """
    return int(_hash_all(np.frombuffer(text, np.uint8)))


@bare
def _hash_all(blob: NDArray[np.uint8]) -> np.uint64:
    return finish(hash_span(blob, 0, blob.size, FNV_OFFSET))


@njit
def gather_spans(
    blob: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Copy spans behind each other into a new blob.

    Parameters
    ----------
    blob
        Bytes, uint8.
    starts, lengths
        int64[n], the spans; not checked.

    Returns
    -------
    The new blob, uint8, and where each span starts in it, int64[n].
    """
    at = np.empty(starts.size, np.int64)
    total = 0
    for i in range(starts.size):
        at[i] = total
        total += lengths[i]
    out = np.empty(total, np.uint8)
    for i in range(starts.size):
        out[at[i] : at[i] + lengths[i]] = blob[starts[i] : starts[i] + lengths[i]]
    return out, at
