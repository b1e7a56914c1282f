"""Event ids that were seen, each with the time bucket it was seen in: an open-addressing set."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.jit import as_int, bare, inlined
from features.state.layout import C_DEDUP, C_DEDUP_LOG, Dedup


@inlined
def seen_before(d: Dedup, c: Any, h: Any, bucket: int, oldest: int) -> bool:
    """Whether an event id was seen in a bucket not older than `oldest`; remembers it if not."""
    mask = np.uint64(d.hash.shape[0] - 1)
    i = as_int(h & mask)
    while d.hash[i] != np.uint64(0):
        if d.hash[i] == h:
            if d.bucket[i] >= oldest:
                return True
            d.bucket[i] = np.int32(bucket)
            _log(d, c, h, bucket)
            return False
        i = as_int(np.uint64(i + 1) & mask)
    d.hash[i] = h
    d.bucket[i] = np.int32(bucket)
    c[C_DEDUP] += 1
    _log(d, c, h, bucket)
    return False


@inlined
def _log(d: Dedup, c: Any, h: Any, bucket: int) -> None:
    n = c[C_DEDUP_LOG]
    d.log_hash[n] = h
    d.log_bucket[n] = np.int32(bucket)
    c[C_DEDUP_LOG] = n + 1


@bare
def remember(d: Dedup, hashes: Any, buckets: Any, oldest: int, c: Any) -> None:
    """Put ids that are still within the horizon into the set; the caller has made room."""
    mask = np.uint64(d.hash.shape[0] - 1)
    for k in range(hashes.shape[0]):
        h = hashes[k]
        if h == np.uint64(0) or buckets[k] < oldest:
            continue
        i = as_int(h & mask)
        while d.hash[i] != np.uint64(0) and d.hash[i] != h:
            i = as_int(np.uint64(i + 1) & mask)
        if d.hash[i] == np.uint64(0):
            c[C_DEDUP] += 1
            d.hash[i] = h
            d.bucket[i] = buckets[k]
        else:
            d.bucket[i] = max(d.bucket[i], buckets[k])
