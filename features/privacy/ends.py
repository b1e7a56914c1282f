"""Remembers when something known of a person ends."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from features.privacy.consent import FOREVER


class Ends:
    """The next end of each person, by key ``account`` or ``account/member``.

    Attributes
    ----------
    due : dict of bytes to int
        Event times, ms.
    other : int
        When something else is due than of a person, `FOREVER` for nothing.
    """

    def __init__(self) -> None:
        self.due: dict[bytes, int] = {}
        self.other = FOREVER
        self._heap: list[tuple[int, bytes]] = []

    def put(self, key: bytes, at: int) -> None:
        """Set the next end of a person; `FOREVER` for none."""
        if self.due.get(key, FOREVER) == at:
            return
        self.due.pop(key, None)
        if at < FOREVER:
            self.due[key] = at
            heapq.heappush(self._heap, (at, key))
            if len(self._heap) > 2 * len(self.due) + 64:
                self._heap = [(at, name) for name, at in self.due.items()]
                heapq.heapify(self._heap)

    def passed(self, now: int) -> Iterator[tuple[int, bytes]]:
        """Take out the ends by `now`, ms, and of whom they are, in their order."""
        while self.next() <= now:
            at, key = heapq.heappop(self._heap)
            del self.due[key]
            yield at, key

    def next(self) -> int:
        """The first end of a person, `FOREVER` for none."""
        while self._heap and self.due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else FOREVER

    def first(self) -> int:
        """Tell when the fold has to stop for what is due."""
        return min(self.next(), self.other)
