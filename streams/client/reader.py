"""Reads interest profiles: once all of the compacted topic, then what follows.

With its two parts `profile` (the types) and `streams.kafka.compacted` (the topic) it loads only
the standard library, ``confluent_kafka`` and ``orjson``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import Message

from streams.client.profile import Profile, ProfileError
from streams.kafka.compacted import CompactedTopic, ReaderError

__all__ = ["Forgotten", "ProfileReader", "ReaderError"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A subject was deleted upstream: delete whatever you derived from it.

    ``erased`` is True for the topic's tombstone, False if it merely fails `keep` now.
    """

    subject: str
    erased: bool = True


class ProfileReader:
    """Profiles by subject: read the compacted topic once, then follow it.

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

    Attributes
    ----------
    profiles : dict of str to Profile
        Newest version of each subject.
    unreadable : int
        Records that were not profiles; each is logged and passed over.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topic: str = "interest-profiles",
        partitions: Sequence[int] | None = None,
        kafka: Mapping[str, str] | None = None,
        keep: Callable[[Profile], bool] | None = None,
        wants: Callable[[str], bool] | None = None,
    ) -> None:
        self.profiles: dict[str, Profile] = {}
        self.unreadable = 0
        self._keep = keep
        self._wants = wants
        self._topic = CompactedTopic(bootstrap_servers, topic, partitions, kafka)

    def __enter__(self) -> ProfileReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the broker. The profiles read so far stay."""
        self._topic.close()

    def bootstrap(self, timeout: float = 300.0) -> dict[str, Profile]:
        """Read everything committed up to now, within so many seconds.

        Returns
        -------
        dict of str to Profile
            The live `profiles`.

        Raises
        ------
        ReaderError
            The topic or a partition is absent, access is refused, or time ran out.
        """
        for message in self._topic.past(timeout):
            self._apply(message)
        return self.profiles

    def follow(self, timeout: float | None = None) -> Iterator[Profile | Forgotten]:
        """Yield updates as they are committed.

        Parameters
        ----------
        timeout : float, optional
            End after this many seconds without an update; by default never.

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
        while True:
            left = 1.0 if timeout is None else quiet_since + timeout - time.monotonic()
            message = self._topic.poll(min(1.0, max(0.0, left)))
            update = None if message is None else self._apply(message)
            if update is not None:
                yield update
                quiet_since = time.monotonic()
            elif left <= 0:
                return

    def _apply(self, message: Message) -> Profile | Forgotten | None:
        value = message.value()
        subject = (message.key() or b"").decode(errors="replace")
        if self._wants is not None and not self._wants(subject):
            return None
        if value is None:
            return Forgotten(subject) if self.profiles.pop(subject, None) else None
        try:
            profile = Profile.from_record(subject, value, message.headers())
        except ProfileError as error:
            self.unreadable += 1
            log.warning(
                "%s[%s]@%s: %s", message.topic(), message.partition(), message.offset(), error
            )
            return None
        held = self.profiles.get(subject)
        if held is not None and _not_newer(profile, held):
            return None
        if self._keep is not None and not self._keep(profile):
            return Forgotten(subject, erased=False) if self.profiles.pop(subject, None) else None
        self.profiles[subject] = profile
        return profile


def _not_newer(profile: Profile, held: Profile) -> bool:
    # Versions of a subject start anew after it was forgotten, and a reader that slept while the
    # tombstone was compacted away knows it only by the later event time.
    return profile.version <= held.version and profile.as_of <= held.as_of
