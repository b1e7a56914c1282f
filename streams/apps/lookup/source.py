"""Follows the topic of profiles in a thread, for the look-ups of an event loop."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections import OrderedDict
from pathlib import Path

from streams import metrics
from streams.apps.lookup.changes import ChangeFeed, SubjectChange
from streams.client import Forgotten, Profile, ProfileReader, Profiles, ReaderLag
from streams.errors import KafkaFailed

log = logging.getLogger(__name__)

#: Erased subjects that a privacy role is told of as such: of those seen since the start.
_ERASED = 100_000
_SAVE_S = 600.0


class ProfileSource:
    """Holds the profiles to look up, as fresh as the topic.

    Parameters
    ----------
    reader : ProfileReader
        Used and closed by this one alone from now on.
    snapshot : Path, optional
        Where what is held is kept between two runs.

    Attributes
    ----------
    held : Profiles
    changes : ChangeFeed
    ready : bool
        All of the topic was read once.
    failed : Exception or None
        Why it follows no more.
    """

    def __init__(self, reader: ProfileReader, snapshot: Path | None = None) -> None:
        self.held: Profiles = reader.profiles
        self.changes = ChangeFeed()
        self.ready = False
        self.failed: Exception | None = None
        self._reader, self._snapshot = reader, snapshot
        self._erased: OrderedDict[str, None] = OrderedDict()
        self._thread: threading.Thread | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to read, however long that takes, and then to follow, in a thread of its own."""
        self._thread = threading.Thread(
            target=self._run, args=(loop,), name="profiles", daemon=True
        )
        self._thread.start()

    def lag(self) -> ReaderLag | None:
        """Distance from the end of the topic, None if it isn't known."""
        return self._reader.lag()

    def erased(self, subject: str) -> bool:
        """Whether a subject was erased while this one followed."""
        return subject in self._erased

    def close(self) -> None:
        """Stop following; what is held is kept in the snapshot, if there is one."""
        if self.ready and self.failed is None:
            self._save()
        self._reader.close()
        if self._thread is not None:
            self._thread.join(10.0)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            if self._snapshot is not None and self._snapshot.exists():
                self._reader.resume(self._snapshot)
            self._reader.bootstrap(math.inf)
            self.ready = True
            for update in self._reader.follow():
                self._take(loop, update)
        except (KafkaFailed, RuntimeError) as error:
            if not self._reader.closed:
                self.failed = error
                log.error("following stopped: %s", error)

    def _take(self, loop: asyncio.AbstractEventLoop, update: Profile | Forgotten) -> None:
        subject, gone = update.subject, isinstance(update, Forgotten)
        if isinstance(update, Forgotten):
            place = update.partition, update.offset
            if update.erased:
                self._erased[subject] = None
                if len(self._erased) > _ERASED:
                    self._erased.popitem(last=False)
        else:
            self._erased.pop(subject, None)
            stored = self.held.raw(subject)
            if stored is None:
                return
            place = stored.partition, stored.offset
        metrics.LOOKUP_CHANGES.inc()
        account = subject.partition("/")[0]
        if not loop.is_closed():
            self.changes.tell(loop, SubjectChange(account, subject, *place, gone))

    def _save(self) -> None:
        if self._snapshot is None:
            return
        try:
            self._reader.save(self._snapshot)
        except (OSError, KafkaFailed) as error:
            log.warning("no snapshot: %s", error)
