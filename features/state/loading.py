"""Loads the state records of subjects into an empty store, a part of them at a time.

Whoever takes a partition over waits for this. Of all records together there never is a copy: one
part's bytes are read while they lie in the processor's cache, and its memory is used again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.state import packing_kernel
from features.state.arrays import as_bytes
from features.state.changelog_keys import IncompatibleState
from features.state.layout import Live

_AT_ONCE = 10_000  # records


def arrival_order(values: Sequence[bytes]) -> tuple[list[int], int]:
    """Sort records by first arrival; returns their indices, and how many rows they need.

    Raises
    ------
    IncompatibleState
        Where a record is of another format.
    """
    seq, rows = np.empty(len(values), np.uint32), 0
    shortest = min(parts.head for parts in packing_kernel.SIZES.values())
    for at in range(0, len(values), _AT_ONCE):
        part = values[at : at + _AT_ONCE]
        sizes = np.fromiter(map(len, part), np.int64, len(part))
        if int(sizes.min()) < shortest:
            raise IncompatibleState("a state record is shorter than its header")
        heads, parts = _heads(b"".join(part), sizes)
        used = heads["used"].astype(np.int64)
        expected = parts[:, 0] + (parts[:, 1] + parts[:, 2]) * used
        if np.any(parts[:, 0] == 0) or np.any(expected != sizes):
            raise IncompatibleState("state records are of no format that this release can read")
        seq[at : at + len(part)] = heads["seq"]
        rows += int(((used + 1) // 2 * 2).sum())
    order: list[int] = np.argsort(seq, kind="stable").tolist()
    return order, rows


def append_subjects(
    live: Live, keys: Sequence[bytes], values: Sequence[bytes], order: list[int]
) -> None:
    """Append the subjects in this order; the caller has made room."""
    for at in range(0, len(order), _AT_ONCE):
        part = order[at : at + _AT_ONCE]
        _append(live, [keys[i] for i in part], [values[i] for i in part])


def _append(live: Live, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
    key_at = np.zeros(len(keys) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, keys), np.int64, len(keys)), out=key_at[1:])
    sizes = np.fromiter(map(len, values), np.int64, len(values))
    blob = b"".join(values)
    heads, parts = _heads(blob, sizes)
    records = packing_kernel.Records(
        np.frombuffer(blob, np.uint8),
        np.cumsum(sizes) - sizes,
        np.frombuffer(b"".join(keys), np.uint8),
        key_at,
        heads["used"].copy(),
        parts,
    )
    sids = np.zeros(len(keys), np.int32)
    packing_kernel.place(live, records, as_bytes(live.rows.windows), sids)
    for name in packing_kernel.HEAD.names or ():
        if name not in ("format", "used"):
            live.subjects[name][sids] = heads[name]


def _heads(blob: bytes, sizes: NDArray[np.int64]) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Headers of records behind each other, and `packing_kernel.SIZES` of each."""
    data, at = np.frombuffer(blob, np.uint8), np.cumsum(sizes) - sizes
    heads = np.zeros(len(sizes), packing_kernel.HEAD)
    parts = packing_kernel.sizes_of(data[at])
    packing_kernel.read_heads(data, at, np.minimum(parts[:, 0], sizes), as_bytes(heads))
    return heads, parts
