"""Makes arrays longer, and looks at their records as bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def longer(array: Any, size: int) -> Any:
    """A copy with room for `size` records; what is new is zero."""
    grown = np.zeros((size, *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown


def as_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    """The same records as rows of bytes."""
    return array.view(np.uint8).reshape(len(array), array.itemsize)
