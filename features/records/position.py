"""Says how far an input of a partition was taken up."""

from __future__ import annotations

from typing import NamedTuple


class Position(NamedTuple):
    """Position in an input: the next offset to read, and the running event time there in ms."""

    offset: int
    running: int
