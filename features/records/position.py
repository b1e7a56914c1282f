"""Says how far an input of a partition was taken up."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

#: Accounts that move event time: keyed bits of each, and the latest time it gave, ms.
Leaders: TypeAlias = tuple[tuple[int, int], ...]


class Position(NamedTuple):
    """Position in an input: the next offset to read, and the running event time there in ms.

    With who moves that: keyed bits of an account and its latest time, latest first.
    """

    offset: int
    running: int
    leaders: Leaders = ()
