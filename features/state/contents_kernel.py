"""Maps the hash of a content to the slot of its interests, by open addressing."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.jit import as_int, bare, inlined
from features.state.layout import CONTENT_UNKNOWN, ContentMap


@inlined
def find_content(contents: ContentMap, h: Any) -> int:
    """Slot of a content hash; -1 where it was never resolved."""
    if h == np.uint64(0):
        return CONTENT_UNKNOWN
    mask = np.uint64(contents.hash.shape[0] - 1)
    i = as_int(h & mask)
    while contents.hash[i] != np.uint64(0):
        if contents.hash[i] == h:
            return as_int(contents.slot[i])
        i = as_int(np.uint64(i + 1) & mask)
    return -1


@bare
def put_content(contents: ContentMap, h: Any, slot: int) -> None:
    """Map a content hash to a slot; the caller has made room."""
    mask = np.uint64(contents.hash.shape[0] - 1)
    i = as_int(h & mask)
    while contents.hash[i] != np.uint64(0) and contents.hash[i] != h:
        i = as_int(np.uint64(i + 1) & mask)
    contents.hash[i] = h
    contents.slot[i] = np.int32(slot)
