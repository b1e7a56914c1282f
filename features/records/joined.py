"""Holds many byte strings behind each other, as the kernels read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast, overload

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Joined(Sequence[bytes | None]):
    """Byte strings, some of which may be absent.

    Attributes
    ----------
    data : uint8[]
        All of them, ``gap`` bytes behind each.
    starts : int64[n + 1]
        Where each starts; the last is where all end.
    missing : bool[n]
    """

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    missing: NDArray[np.bool_]
    gap: int

    def __len__(self) -> int:
        return len(self.missing)

    @overload
    def __getitem__(self, i: int) -> bytes | None: ...
    @overload
    def __getitem__(self, i: slice) -> list[bytes | None]: ...
    def __getitem__(self, i: int | slice) -> bytes | None | list[bytes | None]:
        if isinstance(i, slice):
            return [self[at] for at in range(*i.indices(len(self)))]
        if self.missing[i]:
            return None
        at = range(len(self))[i]
        return self.data[self.starts[at] : self.starts[at + 1] - self.gap].tobytes()


def joined(parts: Sequence[bytes | None], end: bytes, last: bytes) -> Joined:
    """Join parts with ``end`` behind each, then ``last``; what is joined already stays as it is."""
    if isinstance(parts, Joined):
        return parts
    present = cast(Sequence[bytes], parts)
    missing = np.zeros(len(parts), np.bool_)
    try:
        data = end.join([*present, last])
    except TypeError:
        missing[:] = [part is None for part in parts]
        present = [part or b"" for part in parts]
        data = end.join([*present, last])
    starts = np.zeros(len(parts) + 1, np.int64)
    lengths = np.fromiter(map(len, present), np.int64, len(parts))
    np.cumsum(lengths + len(end), out=starts[1:])
    return Joined(np.frombuffer(data, np.uint8), starts, missing, len(end))
