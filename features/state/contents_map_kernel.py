"""Puts many contents into the map at once: a call from outside of kernels costs more than one."""

from __future__ import annotations

from typing import Any

from features.jit import as_int, bare
from features.state.contents_kernel import put_content
from features.state.layout import ContentMap


@bare
def put_contents(contents: ContentMap, hashes: Any, slots: Any) -> None:
    """Map content hashes to slots; the caller has made room.

    Parameters
    ----------
    hashes : ndarray of uint64, shape (n,)
    slots : ndarray of int32, shape (n,)
    """
    for i in range(hashes.shape[0]):
        put_content(contents, hashes[i], as_int(slots[i]))
