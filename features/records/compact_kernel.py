"""Copies records out of shared blobs, with no more bytes than they need."""

from __future__ import annotations

from typing import Any

from features.jit import as_index, bare


@bare
def extents(records: Any, lengths: Any) -> int:
    """Bytes that each record needs from its ``raw_at`` on, int64[n]; returns their sum."""
    total = 0
    for i in range(records.shape[0]):
        e = records[i]
        length = max(
            e.raw_len,
            e.account_at + e.account_len,
            e.member_at + e.member_len,
            e.content_at + e.content_len,
            e.content2_at + e.content2_len,
        )
        lengths[i] = length
        total += length
    return total


@bare
def compact(records: Any, lengths: Any, blob: Any, out: Any, at: int) -> int:
    """Copy the records' bytes to `out` from `at` on, and point them there; returns the end."""
    for i in range(records.shape[0]):
        start, to = as_index(records[i].raw_at), as_index(at)
        for k in range(as_index(lengths[i])):
            out[to + k] = blob[start + k]
        records[i].raw_at = at
        at += lengths[i]
    return at
