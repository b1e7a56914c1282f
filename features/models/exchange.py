"""Converts what partitions give, and what they get back, to bytes, and merges it.

A *contribution* is what one partition learned since the merged model that it stands on, and the
model that it has, with which the first merged model begins where partitions learned before. A
*merged model* says of each partition up to which day it has in it what that gave. All arrays are of
32 bits, packed by `features.state.snapshots` and compressed; a part of the merged model goes to
each partition by itself.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.models.learner import Learner
from features.models.lessons import BINNED, PARTS, Given, Sums, averaged, rounded, summed
from features.models.pooled import Pool
from features.state import snapshots

#: Of everything here; others are left alone.
FORMAT: Final = 1
_LEVEL: Final = 6
_HELD: Final = "held "  # before a part's name, where it is what a partition has
_MOST_BYTES: Final = 16_777_216  # that anything may unpack to


class Unreadable(ValueError):
    """Bytes are no contribution and no merged model of this form; says why."""


class Contribution(NamedTuple):
    """Contribution of a partition.

    Attributes
    ----------
    base : int
        Day of the merged model that it stands on, -1 for none.
    began : bool
        Whether it learned anything before.
    given : Given
    held : Sums
        Its model.
    """

    base: int
    began: bool
    given: Given
    held: Sums


class SharedModel(NamedTuple):
    """A model of all partitions.

    Attributes
    ----------
    day : int
        The last day that is in it.
    held : Sums
        Its parts.
    until : dict of int to (int, int)
        By partition, the last day that is in it of what that gave, and the day of the merged model
        that took it up first.
    """

    day: int
    held: Sums
    until: Mapping[int, tuple[int, int]]


def new_pool(interests: int) -> Pool:
    """Make the pool of a learner that learned nothing, to merge with."""
    pool = Learner(interests, shared=True).pool
    assert pool is not None
    return pool


def contribution(pool: Pool) -> bytes | None:
    """Pack what a partition has to give, None for nothing."""
    if not pool.pending:
        return None
    total = summed(pool.pending)
    head = {"day": total.day, "base": pool.base, "began": pool.began}
    held = {f"{_HELD}{part}": pool.held(part) for part in PARTS}
    return _packed(pool, head, total.sums | held)


def read_contribution(pool: Pool, data: bytes) -> Contribution:
    """Read what `contribution` wrote.

    Raises
    ------
    Unreadable
    """
    head, arrays = _unpacked(pool, data)
    held = {part: arrays.pop(f"{_HELD}{part}", None) for part in PARTS}
    try:
        if any(own is None or own.shape != pool.held(part).shape for part, own in held.items()):
            raise Unreadable("parts are missing")
        found = {part: own for part, own in held.items() if own is not None}
        given = Given(int(head["day"]), arrays)
        return Contribution(int(head["base"]), bool(head["began"]), given, found)
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"no contribution ({type(error).__name__})") from None


def merge_lessons(
    pool: Pool, last: SharedModel | None, items: Mapping[int, Contribution]
) -> SharedModel | None:
    """Merge what partitions gave into the last merged model.

    What a partition gave is left out where the last one has it already, or where it was learned
    on an older one than that which took what came before: it would be counted twice.

    Parameters
    ----------
    pool : Pool
        As `new_pool` makes it.

    Returns
    -------
    SharedModel or None
        None where nothing is new.
    """
    until = {} if last is None else dict(last.until)
    fresh: dict[int, Given] = {}
    for number, item in sorted(items.items()):
        day, by = until.get(number, (-1, -1))
        if item.given.day > day and item.base >= by:
            fresh[number] = item.given
    if not fresh:
        return None
    total = summed(fresh.values())
    if last is None and any(items[number].began for number in fresh):
        # What they gave is in what they have.
        models = [items[number].held for number in fresh]
        held = {p: rounded(averaged(p, [model[p] for model in models])) for p in PARTS}
        return SharedModel(
            total.day, held, {n: (given.day, total.day) for n, given in fresh.items()}
        )
    if last is None:
        last = SharedModel(total.day - 1, {part: pool.held(part) for part in PARTS}, {})
    if total.day <= last.day:
        return None
    held = {
        part: rounded(pool.advanced(part, own, last.day, total)) for part, own in last.held.items()
    }
    until |= {number: (given.day, total.day) for number, given in fresh.items()}
    return SharedModel(total.day, held, until)


def merged_bytes(pool: Pool, merged: SharedModel) -> bytes:
    """A merged model whole, for whoever merges next."""
    until = {str(number): list(both) for number, both in merged.until.items()}
    return _packed(pool, {"day": merged.day, "until": until}, merged.held)


def read_merged(pool: Pool, data: bytes) -> SharedModel:
    """Read what `merged_bytes` wrote.

    Raises
    ------
    Unreadable
    """
    head, held = _unpacked(pool, data)
    try:
        until = {int(number): (int(a), int(b)) for number, (a, b) in head["until"].items()}
        if held.keys() != set(PARTS):
            raise Unreadable("parts are missing")
        return SharedModel(int(head["day"]), held, until)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"no merged model ({type(error).__name__})") from None


def part_bytes(pool: Pool, merged: SharedModel, part: str) -> bytes:
    """One part of a merged model, for a partition; of weights of bins as much as matters.

    Nothing that is learned depends on the model that a partition stands on.
    """
    held = merged.held[part]
    return _packed(pool, {}, {part: _coarse(held) if part in BINNED else held})


def read_part(pool: Pool, part: str, data: bytes) -> NDArray[np.float64]:
    """Read what `part_bytes` wrote.

    Raises
    ------
    Unreadable
    """
    _, held = _unpacked(pool, data)
    if held.keys() != {part}:
        raise Unreadable(f"not part {part!r}")
    return held[part]


def merged_name(merged: bytes) -> str:
    """Name a merged model by its bytes, as `merged_bytes` wrote them: its parts say it."""
    return hashlib.sha256(merged).hexdigest()[:16]


def _coarse(own: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep 10 binary digits, one in two thousand: the zeros behind them pack well."""
    bits = own.astype(np.float32).view(np.uint32)
    bits = (bits + np.uint32(1 << 12)) & np.uint32(0xFFFFFFFF << 13 & 0xFFFFFFFF)
    return bits.view(np.float32).astype(np.float64)


def _packed(pool: Pool, head: dict[str, Any], arrays: Sums) -> bytes:
    small = {name: rounded(own).astype(np.float32) for name, own in arrays.items()}
    manifest = {"format": FORMAT, "layout": pool.fingerprint, **head}
    return zlib.compress(snapshots.pack(manifest, small), _LEVEL)


def _unpacked(pool: Pool, data: bytes) -> tuple[dict[str, Any], Sums]:
    try:
        unpacking = zlib.decompressobj()
        plain = unpacking.decompress(data, _MOST_BYTES)
        if not unpacking.eof:
            raise Unreadable("too long, or cut")
        head, arrays = snapshots.unpack(plain)
    except (zlib.error, ValueError) as error:
        raise Unreadable(f"damaged ({type(error).__name__})") from None
    if head.get("format") != FORMAT or head.get("layout") != pool.fingerprint:
        raise Unreadable("of models of another form")
    for name, own in arrays.items():
        if own.dtype != np.float32 or own.ndim != 2 or not np.isfinite(own).all():
            raise Unreadable(f"{name} holds what is no number")
    return head, {name: own.astype(np.float64) for name, own in arrays.items()}
