"""Says how far an input of a partition was taken up."""

from __future__ import annotations

from typing import NamedTuple


class Position(NamedTuple):
    """Position in an input: the next offset to read, and the running event time there in ms.

    `came` is when the record of that time came to the log, ms; -1 where that is unknown. Who takes
    the partition over knows by it whether this is history that was loaded.
    """

    offset: int
    running: int
    came: int = -1
