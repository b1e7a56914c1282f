"""Tells who watches an account of its changes, from a thread that follows the topic.

An event's id is its place, partition:offset, so a watcher that comes back with the last one it saw
gets what it missed; one that was away for too long is told to look again.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

_REMEMBERED = 20_000
_WAITING = 256  # events for one watcher; more than it reads, and it is told to look again
_PLACE = re.compile(r"([0-9]{1,9}):([0-9]{1,18})")
MOST_WATCHERS = 200
MOST_OF_A_CALLER = 20
BEAT_S = 10.0


class SubjectChange(NamedTuple):
    """A subject changed, or is gone, at a place."""

    account: str
    subject: str
    partition: int
    offset: int
    gone: bool

    def event(self) -> bytes:
        """As server-sent event."""
        kind = "gone" if self.gone else "changed"
        data = orjson.dumps({"subject": self.subject})
        return b"id: %d:%d\nevent: %b\ndata: %b\n\n" % (
            self.partition,
            self.offset,
            kind.encode(),
            data,
        )


@dataclass(eq=False)
class Watcher:
    """Someone who watches accounts; None in its queue says that something was lost."""

    caller: str
    accounts: frozenset[str]
    queue: asyncio.Queue[SubjectChange | None] = field(
        default_factory=lambda: asyncio.Queue(maxsize=_WAITING)
    )


class ChangeFeed:
    """The latest changes, and who waits for more. For one event loop, but for `tell`."""

    def __init__(self) -> None:
        self.watchers: set[Watcher] = set()
        self._latest: deque[SubjectChange] = deque(maxlen=_REMEMBERED)

    def tell(self, loop: asyncio.AbstractEventLoop, change: SubjectChange) -> None:
        """Take in a change, from any thread."""
        loop.call_soon_threadsafe(self._take, change)

    def room_for(self, caller: str) -> bool:
        """Whether one more watcher of a caller can be served."""
        mine = sum(watcher.caller == caller for watcher in self.watchers)
        return mine < MOST_OF_A_CALLER and len(self.watchers) < MOST_WATCHERS

    async def events(self, watcher: Watcher, last: str | None) -> AsyncIterator[bytes]:
        """Server-sent events for a watcher, from behind the one it saw last."""
        self.watchers.add(watcher)
        try:
            yield b"retry: 1000\n\n"
            if last is not None:
                missed = self._since(watcher, last)
                yield (
                    b"event: reset\ndata: {}\n\n"
                    if missed is None
                    else b"".join(change.event() for change in missed)
                )
            while True:
                try:
                    change = await asyncio.wait_for(watcher.queue.get(), BEAT_S)
                except TimeoutError:
                    yield b": beat\n\n"
                    continue
                yield b"event: reset\ndata: {}\n\n" if change is None else change.event()
        finally:
            self.watchers.discard(watcher)

    def _since(self, watcher: Watcher, last: str) -> list[SubjectChange] | None:
        """ChangeFeed behind a place, None where it can't be told that there were no others."""
        place = _PLACE.fullmatch(last)
        if place is None:
            return None
        partition, offset = int(place[1]), int(place[2])
        seen = [
            i for i, c in enumerate(self._latest) if (c.partition, c.offset) == (partition, offset)
        ]
        if not seen:
            return None
        return [c for c in list(self._latest)[seen[-1] + 1 :] if c.account in watcher.accounts]

    def _take(self, change: SubjectChange) -> None:
        self._latest.append(change)
        for watcher in self.watchers:
            if change.account in watcher.accounts:
                if watcher.queue.full():
                    while not watcher.queue.empty():
                        watcher.queue.get_nowait()
                    watcher.queue.put_nowait(None)
                else:
                    watcher.queue.put_nowait(change)
