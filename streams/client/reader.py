"""Reads interest profiles: once all of the compacted topic, then what follows.

With its parts `profile` (the types), `held`, `snapshot` and `streams.kafka.compacted` (the topic)
it loads only the standard library, ``confluent_kafka``, ``orjson`` and ``zstd``.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import Message

from streams.client.held import Profiles, Stored, decoded
from streams.client.profile import Profile, ProfileError
from streams.client.snapshot import Origin, SnapshotError, read_snapshot, write_snapshot
from streams.kafka.compacted import CompactedTopic, ReaderError, ReaderLag

__all__ = ["Forgotten", "ReaderLag", "ProfileReader", "ReaderError"]

#: What waits to be taken in, of each partition: the library's 64 MB would outweigh what is held.
#: A queue that is full is looked at again in 20 ms, not after a second as by default.
_FETCHING = {"queued.max.messages.kbytes": "4096", "fetch.queue.backoff.ms": "20"}
#: Longest that one call holds on to the client: `close` waits for it.
_POLL_S = 0.25
_AT_HAND = 1_000  # most updates of one call
#: Half of the contract's delete.retention.ms: a tombstone is still there for a reader that slept.
SNAPSHOT_MAX_AGE_S = 12 * 3_600.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A subject is gone: delete whatever you derived from it.

    ``erased`` is True for the topic's tombstone, False if it merely fails `keep` now, or expired.
    The place is that of the record that said so, -1 for none.
    """

    subject: str
    erased: bool = True
    partition: int = field(default=-1, compare=False)
    offset: int = field(default=-1, compare=False)


class ProfileReader:
    """Profiles by subject: read the compacted topic once, then follow it.

    One thread follows; any number may look up meanwhile.

    Parameters
    ----------
    bootstrap_servers : str
    topic : str, default "interest-profiles"
    partitions : sequence of int, optional
        Only these; by default all, including those added while following.
    kafka : mapping of str to str, optional
        More librdkafka keys, security above all.
    keep : callable(Profile) -> bool, optional
        Bounds memory: profiles it refuses are neither stored nor reported.
    wants : callable(str) -> bool, optional
        The same by subject, and cheaper: what it refuses is not even decoded.
    now : callable() -> float
        The time, epoch seconds, by which profiles expire.

    Attributes
    ----------
    profiles : Profiles
        Newest version of each subject, a read-only mapping of str to Profile: compressed, and
        decoded when asked for.
    unreadable : int
        Records that were not profiles; each is logged, by its place, and passed over.
    closed : bool
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topic: str = "interest-profiles",
        partitions: Sequence[int] | None = None,
        kafka: Mapping[str, str] | None = None,
        keep: Callable[[Profile], bool] | None = None,
        wants: Callable[[str], bool] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.profiles = Profiles(now)
        self.unreadable = 0
        self._keep = keep
        self._wants = wants
        self._now = now
        self._next: dict[int, int] = {}  # offset by partition
        self._busy = threading.Lock()  # the client, and that what is held fits to `_next`
        self.closed = False
        self._topic = CompactedTopic(
            bootstrap_servers, topic, partitions, _FETCHING | dict(kafka or {}), watched=True
        )

    def __enter__(self) -> ProfileReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the broker; who follows in another thread ends. The profiles read so far stay."""
        self.closed = True
        self._topic.stop()
        with self._busy:
            self._topic.close()

    def bootstrap(self, timeout: float = 300.0) -> Profiles:
        """Read everything committed up to now, within so many seconds.

        Returns
        -------
        Profiles
            The live `profiles`.

        Raises
        ------
        ReaderError
            The topic or a partition is absent, access is refused, or time ran out.
        """
        with self._busy:
            for message in self._topic.past(timeout):
                self._apply(message)
        return self.profiles

    def follow(self, timeout: float | None = None) -> Iterator[Profile | Forgotten]:
        """Yield updates as they are committed.

        Parameters
        ----------
        timeout : float, optional
            End after this many seconds without an update; by default when the reader is closed.

        Yields
        ------
        Profile or Forgotten
            Already in (or gone from) `profiles`. Duplicates and versions older than the known
            one are passed over.

        Raises
        ------
        ReaderError
            As `bootstrap`.
        """
        quiet_since = time.monotonic()
        while not self.closed:
            left = _POLL_S if timeout is None else quiet_since + timeout - time.monotonic()
            updates = self.poll(max(0.0, left))
            yield from updates
            if updates:
                quiet_since = time.monotonic()
            elif left <= 0:
                return

    def poll(self, seconds: float) -> list[Profile | Forgotten]:
        """Take the updates at hand, after waiting for the first as long as that or less.

        Raises
        ------
        ReaderError
            As `bootstrap`.
        """
        found: list[Profile | Forgotten] = [
            Forgotten(subject, erased=False) for subject in self.profiles.expire()
        ]
        wait = 0.0 if found else min(_POLL_S, seconds)
        with self._busy:
            for _ in range(_AT_HAND):
                message = None if self.closed else self._topic.poll(wait)
                if message is None:
                    break
                update = self._apply(message, report=True)
                if update is not None:
                    found.append(update)
                wait = 0.0
        return found

    def household(self, account: str) -> tuple[Profile, ...]:
        """Look up the profiles of a household: its own first, then its members', by name.

        Of whom there is none it says nothing: not whether he is a child, refused, was erased, or
        never was.

        Raises
        ------
        ProfileError
        """
        found = map(self.profiles.get, (account, *self.profiles.members(account)))
        return tuple(profile for profile in found if profile is not None)

    def lag(self) -> ReaderLag | None:
        """Distance from the end of the topic; None before the brokers said anything.

        It is renewed every second while something follows.
        """
        return self._topic.lag()

    def save(self, path: str | Path) -> int:
        """Write all that is held to a file for `resume`; returns the number of profiles.

        The file has mode 0600 and holds personal data. Following waits meanwhile.

        Raises
        ------
        OSError
        """
        with self._busy:
            origin = Origin(
                self._topic.topic,
                self._topic.identity(),
                self.profiles.dictionary_id,
                int(self._now() * 1000),
                dict(self._next),
            )
            write_snapshot(Path(path), origin, self.profiles.packed())
            return len(self.profiles)

    def resume(self, path: str | Path, max_age_s: float = SNAPSHOT_MAX_AGE_S) -> bool:
        """Take up a file of `save` before `bootstrap`, which then reads only what is new.

        Parameters
        ----------
        max_age_s : float
            Older files are refused; at most the topic's ``delete.retention.ms``, for a tombstone
            that nobody can read any more would leave an erased subject in the file.

        Returns
        -------
        bool
            False, and nothing taken up, where the file cannot be trusted; why is logged.

        Raises
        ------
        ReaderError
            As `bootstrap`.
        """
        try:
            origin, items = read_snapshot(Path(path))
        except SnapshotError as error:
            log.warning("reading all of the topic: %s", error)
            return False
        with self._busy:
            why = self._distrust(origin, max_age_s)
            if why is None and not self._topic.begin_at(origin.offsets):
                why = "the topic no longer has what follows it"
            if why is not None:
                log.warning("%s: %s; reading all of the topic", path, why)
                return False
            self._next = dict(origin.offsets)
            for subject, packed in items:
                if self._wants is None or self._wants(subject):
                    self.profiles.put_packed(subject, packed)
            return True

    def _distrust(self, origin: Origin, max_age_s: float) -> str | None:
        age = self._now() - origin.saved_at / 1000
        if not 0 <= age <= max_age_s:
            return f"{age:.0f} s old, at most {max_age_s:.0f} s is safe"
        if origin.dictionary_id != self.profiles.dictionary_id:
            return "written by another version of this package"
        if self._keep is not None:
            return "what `keep` refuses now can't be told from it"
        if origin.topic != self._topic.topic or origin.topic_id != self._topic.identity():
            return "of another topic"
        return None if origin.topic_id else "the cluster tells no ids of topics"

    def _apply(self, message: Message, report: bool = False) -> Profile | Forgotten | None:
        value, partition = message.value(), message.partition() or 0
        subject = (message.key() or b"").decode(errors="replace")
        self._next[partition] = (message.offset() or 0) + 1
        if self._wants is not None and not self._wants(subject):
            return None
        if value is None:
            place = partition, message.offset() or 0
            return Forgotten(subject, True, *place) if self.profiles.drop(subject) else None
        try:
            stored = self._parsed(subject, value, message)
            if _not_newer(stored, self.profiles.known(subject)):
                return None
            # Who is told of it, or judges it, needs it whole; else it is decoded when asked for.
            profile = decoded(subject, stored) if report or self._keep is not None else None
        except ProfileError as error:
            self.unreadable += 1
            where = f"{message.topic()}[{partition}]@{message.offset()}"
            # The error's text begins with the subject: pseudonyms stay out of logs.
            log.warning("%s: %s", where, str(error).removeprefix(f"{subject}: "))
            return None
        if self._keep is not None and profile is not None and not self._keep(profile):
            return Forgotten(subject, erased=False) if self.profiles.drop(subject) else None
        self.profiles.put(subject, stored)
        return profile if subject in self.profiles else None

    def _parsed(self, subject: str, value: bytes, message: Message) -> Stored:
        schema = dict(message.headers() or ()).get("schema-version") or b"1"
        if not schema.isdigit() or len(schema) > 4:
            raise ProfileError(f"{subject}: header schema-version = {schema!r}")
        place = message.partition() or 0, message.offset() or 0
        return self.profiles.parse(subject, value, *place, int(schema))


def _not_newer(stored: Stored, held: tuple[int, int] | None) -> bool:
    # Versions of a subject start anew after it was forgotten, and a reader that slept while the
    # tombstone was compacted away knows it only by the later event time.
    return held is not None and stored.version <= held[0] and stored.as_of <= held[1]
