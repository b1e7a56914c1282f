"""The light, typed reader of interest profiles, for the teams that use them.

With its two parts `profile` (the types) and `compacted` (the topic) it imports only the
standard library, ``confluent_kafka`` and ``orjson``::

    with ProfileReader("kafka:9092") as reader:
        reader.bootstrap()
        print(reader.profiles["acc-1/m-2"].interests[0].name)
        for update in reader.follow():
            ...
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import orjson
from confluent_kafka import Message

from streams.client.profile import (
    Context,
    Evidence,
    Interest,
    Profile,
    ProfileError,
    Reason,
    Suppression,
)
from streams.kafka.compacted import CompactedTopic, ReaderError

__all__ = [
    "Context",
    "Evidence",
    "Forgotten",
    "Interest",
    "Profile",
    "ProfileError",
    "ProfileReader",
    "ReaderError",
    "Reason",
    "Suppression",
    "add_parser",
    "run",
]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A subject is no longer held: delete whatever you derived from it.

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
        Bounds memory: profiles it refuses are neither held nor reported.
    wants : callable(str) -> bool, optional
        The same by subject, and cheaper: what it refuses is not even decoded.

    Attributes
    ----------
    profiles : dict of str to Profile
        Newest version of each held subject.
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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
            Already in (or gone from) `profiles`. Duplicates and versions older than the held
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


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``profile SUBJECT...`` to the command line."""
    parser = subparsers.add_parser("profile", help="show the published profiles of subjects")
    parser.add_argument("subjects", nargs="+", metavar="SUBJECT", help="account or account/member")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    parser.add_argument(
        "--timeout",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="for reading the topic (default 60)",
    )
    parser.add_argument(
        "--config", default=argparse.SUPPRESS, metavar="FILE", help="TOML file of settings"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the profiles asked for: a table on a terminal, else JSON lines.

    Returns
    -------
    int
        0, 1 if a subject has no profile, 2 if the topic or the settings cannot be read.
    """
    from streams import settings
    from streams.contract import topics  # not needed by those who use the reader alone

    wanted = set(args.subjects)
    try:
        where = settings.load(getattr(args, "config", None))
        with ProfileReader(
            where.bootstrap_servers,
            where.topic(topics.PROFILES),
            kafka=where.kafka,
            wants=wanted.__contains__,
        ) as reader:
            found = reader.bootstrap(args.timeout)
    except (settings.SettingsError, ReaderError) as error:
        print(error, file=sys.stderr)
        return 2
    as_json = args.json or not sys.stdout.isatty()
    for subject in args.subjects:
        if subject not in found:
            print(f"{subject}: no profile", file=sys.stderr)
        elif as_json:
            print(orjson.dumps(found[subject]).decode())
        else:
            _print_table(found[subject])
    return 0 if wanted <= set(found) else 1


def _not_newer(profile: Profile, held: Profile) -> bool:
    # Versions of a subject start anew after it was forgotten, and a reader that slept while the
    # tombstone was compacted away knows it only by the later event time.
    return profile.version <= held.version and profile.as_of <= held.as_of


def _print_table(profile: Profile) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=f"{profile.subject}  version {profile.version}  {_utc(profile.as_of)}",
        caption=f"{profile.evidence.events} events on {profile.evidence.days} days; "
        f"model {profile.model_id} {profile.model_version}",
    )
    for name in ("interest", "score", "lift", "confidence", "trend", "stance", "why"):
        table.add_column(
            name, justify="right" if name in ("score", "lift", "confidence") else "left"
        )
    for i in profile.interests:
        table.add_row(
            f"{i.name} ({i.id})",
            f"{i.score:.3f}",
            f"{i.lift:.2f}",
            f"{i.confidence:.2f}",
            i.trend,
            i.stance,
            ", ".join(_shown(r.code, r.value) for r in i.reasons),
        )
    console = Console(markup=False, highlight=False)
    console.print(table)
    for s in profile.suppressions:
        until = "until further notice" if s.until is None else f"until {_utc(s.until)}"
        console.print(f"suppressed: {s.scope} ({s.reason}) {until}")


def _shown(code: str, value: Any) -> str:
    return code if value is None else f"{code}={value}"


def _utc(epoch_ms: int) -> str:
    return f"{datetime.fromtimestamp(epoch_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
