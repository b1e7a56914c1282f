"""Remembers event ids with the time bucket of each, in an open-addressing set."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.jit import as_int, bare, inlined
from features.state.layout import Counters, Dedup


@inlined
def seen_before(dedup: Dedup, counters: Counters, h: Any, bucket: int, oldest: int) -> bool:
    """Whether an event id was seen in a bucket not older than `oldest`; remembers it if not."""
    mask = np.uint64(dedup.hash.shape[0] - 1)
    i = as_int(h & mask)
    while dedup.hash[i] != np.uint64(0):
        if dedup.hash[i] == h:
            if dedup.bucket[i] >= oldest:
                return True
            dedup.bucket[i] = np.int32(bucket)
            _log(dedup, counters, h, bucket)
            return False
        i = as_int(np.uint64(i + 1) & mask)
    dedup.hash[i] = h
    dedup.bucket[i] = np.int32(bucket)
    counters[0].ids += 1
    _log(dedup, counters, h, bucket)
    return False


@inlined
def _log(dedup: Dedup, counters: Counters, h: Any, bucket: int) -> None:
    n = counters[0].ids_logged
    dedup.log_hash[n] = h
    dedup.log_bucket[n] = np.int32(bucket)
    counters[0].ids_logged = n + 1


@bare
def remember(dedup: Dedup, counters: Counters, hashes: Any, buckets: Any, oldest: int) -> None:
    """Put ids that are still within the horizon into the set; the caller has made room."""
    mask = np.uint64(dedup.hash.shape[0] - 1)
    for k in range(hashes.shape[0]):
        h = hashes[k]
        if h == np.uint64(0) or buckets[k] < oldest:
            continue
        i = as_int(h & mask)
        while dedup.hash[i] != np.uint64(0) and dedup.hash[i] != h:
            i = as_int(np.uint64(i + 1) & mask)
        if dedup.hash[i] == np.uint64(0):
            counters[0].ids += 1
            dedup.hash[i] = h
            dedup.bucket[i] = buckets[k]
        else:
            dedup.bucket[i] = max(dedup.bucket[i], buckets[k])
