"""Reads interest profiles from a coroutine; the same reader, on a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from streams.client.held import Profiles
from streams.client.profile import Profile
from streams.client.reader import SNAPSHOT_MAX_AGE_S, Forgotten, ProfileReader

_LOOK_S = 0.25
_T = TypeVar("_T")


class AsyncProfileReader:
    """The asynchronous face of a `ProfileReader`; looking up needs no await.

    Parameters
    ----------
    reader : ProfileReader
        Used and closed by this one alone from now on.

    Attributes
    ----------
    profiles : Profiles
        As the reader's.
    """

    def __init__(self, reader: ProfileReader) -> None:
        self.reader = reader
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="profiles")

    async def __aenter__(self) -> AsyncProfileReader:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def profiles(self) -> Profiles:
        """Newest version of each subject."""
        return self.reader.profiles

    async def resume(self, path: str | Path, max_age_s: float = SNAPSHOT_MAX_AGE_S) -> bool:
        """Take up a snapshot; as `ProfileReader.resume`."""
        return await self._call(partial(self.reader.resume, path, max_age_s))

    async def bootstrap(self, timeout: float = 300.0) -> Profiles:
        """Read everything committed up to now; as `ProfileReader.bootstrap`."""
        return await self._call(partial(self.reader.bootstrap, timeout))

    async def follow(self, timeout: float | None = None) -> AsyncIterator[Profile | Forgotten]:
        """Yield updates as they are committed; as `ProfileReader.follow`."""
        loop = asyncio.get_running_loop()
        quiet_since = loop.time()
        while not self.reader.closed:
            left = _LOOK_S if timeout is None else quiet_since + timeout - loop.time()
            updates = await self._call(partial(self.reader.poll, min(_LOOK_S, max(0.0, left))))
            for update in updates:
                yield update
            if updates:
                quiet_since = loop.time()
            elif left <= 0:
                return

    async def save(self, path: str | Path) -> int:
        """Write a snapshot; as `ProfileReader.save`."""
        return await self._call(partial(self.reader.save, path))

    async def close(self) -> None:
        """Leave the broker; who follows ends."""
        await asyncio.to_thread(self.reader.close)
        self._thread.shutdown(wait=True)

    async def _call(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
