"""Says how far an input of a partition was taken up."""

from __future__ import annotations

from typing import NamedTuple


class Position(NamedTuple):
    """How far an input was taken up: the next offset, and the running event time there in ms."""

    offset: int
    running: int
