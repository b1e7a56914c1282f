"""Packs arrays and a manifest into one byte string, for state that is no table of subjects.

Layout: a JSON manifest (UTF-8, one line), a newline, the arrays' bytes by name,
little endian. Nothing is executed on reading, unlike with pickle.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TYPES = {"<f8", "<f4", "<i8", "<i4", "<u8", "<u4", "<u2", "|u1"}


def pack(manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Byte string of a manifest and named arrays.

    Raises
    ------
    ValueError
        Where an array's type is not one of the plain numeric ones.
    """
    arrays = dict(sorted(arrays.items()))
    shapes = {name: [array.dtype.str, list(array.shape)] for name, array in arrays.items()}
    for name, (kind, _) in shapes.items():
        if kind not in _TYPES:
            raise ValueError(f"{name}: cannot store arrays of {kind}")
    head = json.dumps({**manifest, "arrays": shapes}, sort_keys=True).encode()
    return b"\n".join([head, b"".join(np.ascontiguousarray(a).tobytes() for a in arrays.values())])


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The manifest and the arrays, as copies.

    Raises
    ------
    ValueError
        Where the data is not what `pack` makes.
    """
    head, _, body = data.partition(b"\n")
    try:
        manifest = json.loads(head)
        return manifest, _arrays(manifest.pop("arrays"), body)
    except (AttributeError, KeyError, OverflowError, RecursionError, TypeError) as error:
        raise ValueError(f"not a snapshot ({type(error).__name__})") from None


def _arrays(shapes: Mapping[str, Any], body: bytes) -> dict[str, NDArray[Any]]:
    arrays, at = {}, 0
    for name, (kind, shape) in shapes.items():
        if kind not in _TYPES:
            raise ValueError(f"{name}: cannot read arrays of {kind}")
        if not all(isinstance(length, int) and length >= 0 for length in shape):
            raise ValueError(f"{name}: {shape} is no shape")
        size = math.prod(shape) * np.dtype(kind).itemsize
        if at + size > len(body):
            raise ValueError(f"{name}: the data ends early")
        arrays[name] = np.frombuffer(body[at : at + size], kind).reshape(shape).copy()
        at += size
    return arrays
