"""Holds profiles by subject as compressed bytes, and decodes one when it is asked for."""

from __future__ import annotations

import heapq
import struct
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from typing import Any, NamedTuple

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from streams.client.profile import Profile, ProfileError, json_object

#: Trained on profiles of made-up customers; it more than halves what plain zstd leaves.
DICTIONARY = "data/profiles.zdict"
_LEVEL = 3
#: Before the bytes: as_of, valid_until (-1: none said), version, offset, partition, schema of the
#: header, and whether the bytes are compressed already.
_HEAD = struct.Struct("<qqqqIH?")
_NO_END = -1
#: Profiles that wait to be compressed: of a topic that holds several versions of a subject, as one
#: not yet compacted does, the older ones never are.
_PLAIN = 2_000


class Stored(NamedTuple):
    """One profile as it came, with its place.

    Attributes
    ----------
    value : bytes
        The record's value, JSON.
    version, as_of : int
    valid_until : int or None
        Epoch milliseconds; from then on it is not handed out any more.
    partition, offset : int
        Where it stands in the topic: unlike a version, a place never repeats.
    schema : int
        Of the record's header.
    """

    value: bytes
    version: int
    as_of: int
    valid_until: int | None
    partition: int
    offset: int
    schema: int


class Profiles(Mapping[str, Profile]):
    """Profiles by subject, one compressed value each; looking one up decodes it.

    What has expired is not there: not by look-up, in no iteration, not in the count.

    Parameters
    ----------
    now : callable
        The time, epoch seconds.

    Examples
    --------
    >>> held = Profiles()
    >>> held.put("acc-1/m-2", held.parse("acc-1/m-2", b'{"version":3,"as_of":9}', 0, 7, 1))
    >>> held["acc-1/m-2"].version, held.members("acc-1"), len(held)
    (3, ('acc-1/m-2',), 1)
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        dictionary = zstd.ZstdDict(resources.files("streams").joinpath(DICTIONARY).read_bytes())
        self.dictionary_id: int = dictionary.dict_id
        options: dict[int, int] = {
            zstd.CompressionParameter.compression_level: _LEVEL,
            zstd.CompressionParameter.dict_id_flag: 0,
        }
        self._compressor = zstd.ZstdCompressor(
            options=options, zstd_dict=dictionary.as_digested_dict
        )
        self._dictionary = dictionary
        self._now = now
        self._packed: dict[str, bytes] = {}
        self._members: dict[str, tuple[str, ...]] = {}
        self._plain: list[str] = []
        self._ends: list[tuple[int, str]] = []  # a heap; may name what has another end by now

    def __getitem__(self, subject: str) -> Profile:
        """Decode the profile of a subject.

        Raises
        ------
        KeyError
            Unknown, erased or expired.
        ProfileError
            It is no profile, by a field that is only looked at here.
        """
        stored = self.raw(subject)
        if stored is None:
            raise KeyError(subject)
        return decoded(subject, stored)

    def __contains__(self, subject: object) -> bool:
        return isinstance(subject, str) and self._current(subject) is not None

    def __iter__(self) -> Iterator[str]:
        self.expire()
        return iter(list(self._packed))

    def __len__(self) -> int:
        self.expire()
        return len(self._packed)

    def raw(self, subject: str) -> Stored | None:
        """The profile of a subject as it came, None for one unknown, erased or expired."""
        packed = self._current(subject)
        if packed is None:
            return None
        as_of, until, version, offset, partition, schema, compressed = _HEAD.unpack_from(packed)
        value = packed[_HEAD.size :]
        return Stored(
            zstd.decompress(value, self._dictionary) if compressed else value,
            version,
            as_of,
            None if until == _NO_END else until,
            partition,
            offset,
            schema,
        )

    def known(self, subject: str) -> tuple[int, int] | None:
        """Version and event time of the profile held of a subject, without decompressing it."""
        packed = self._packed.get(subject)
        if packed is None:
            return None
        as_of, _, version, *_ = _HEAD.unpack_from(packed)
        return version, as_of

    def members(self, account: str) -> tuple[str, ...]:
        """Subjects of an account's members, by name; the household itself is not among them."""
        return self._members.get(account, ())

    def parse(self, subject: str, value: bytes, partition: int, offset: int, schema: int) -> Stored:
        """Read of a record what is needed to hold it.

        Raises
        ------
        ProfileError
            It is not a JSON object with a version.
        """
        raw = json_object(subject, value)
        until = raw.get("valid_until")
        return Stored(
            value,
            _whole(subject, raw, "version"),
            _whole(subject, raw, "as_of", 0),
            None if until is None else _whole(subject, raw, "valid_until"),
            partition,
            offset,
            schema,
        )

    def put(self, subject: str, stored: Stored) -> None:
        """Hold a profile, in place of the one before."""
        until = _NO_END if stored.valid_until is None else stored.valid_until
        head = (stored.as_of, until, stored.version, stored.offset, stored.partition, stored.schema)
        self.put_packed(subject, _HEAD.pack(*head, False) + stored.value)
        self._plain.append(subject)
        if len(self._plain) >= _PLAIN:
            self._compress()

    def put_packed(self, subject: str, packed: bytes) -> None:
        """Hold what `packed` gave."""
        if subject not in self._packed:
            account, _, member = subject.partition("/")
            if member:
                self._members[account] = tuple(sorted({*self.members(account), subject}))
        self._packed[subject] = packed
        until = _HEAD.unpack_from(packed)[1]
        if until != _NO_END:
            heapq.heappush(self._ends, (until, subject))

    def packed(self) -> Iterator[tuple[str, bytes]]:
        """Every profile as it is held, to be written to a file."""
        self.expire()
        self._compress()
        yield from self._packed.items()

    def drop(self, subject: str) -> bool:
        """Forget a subject; whether it was known."""
        if self._packed.pop(subject, None) is None:
            return False
        account, _, member = subject.partition("/")
        if member:
            left = tuple(name for name in self.members(account) if name != subject)
            if left:
                self._members[account] = left
            else:
                self._members.pop(account, None)
        return True

    def expire(self) -> list[str]:
        """Forget what has expired by now; returns those subjects."""
        gone, now = [], int(self._now() * 1000)
        while self._ends and self._ends[0][0] <= now:
            until, subject = heapq.heappop(self._ends)
            packed = self._packed.get(subject)
            if packed is not None and _HEAD.unpack_from(packed)[1] == until:
                self.drop(subject)
                gone.append(subject)
        if len(self._ends) > 2 * len(self._packed) + _PLAIN:
            self._ends = [
                (until, subject)
                for subject, packed in self._packed.items()
                if (until := _HEAD.unpack_from(packed)[1]) != _NO_END
            ]
            heapq.heapify(self._ends)
        return gone

    def _current(self, subject: str) -> bytes | None:
        packed = self._packed.get(subject)
        if packed is not None:
            until = _HEAD.unpack_from(packed)[1]
            if until != _NO_END and until <= self._now() * 1000:
                return None
        return packed

    def _compress(self) -> None:
        for subject in self._plain:
            packed = self._packed.get(subject)
            if packed is not None and not packed[_HEAD.size - 1]:
                value = packed[_HEAD.size :]
                small = self._compressor.compress(value, zstd.ZstdCompressor.FLUSH_FRAME)
                self._packed[subject] = packed[: _HEAD.size - 1] + b"\x01" + small
        self._plain.clear()


def decoded(subject: str, stored: Stored) -> Profile:
    """Decode a profile that is held.

    Raises
    ------
    ProfileError
    """
    headers = {"schema-version": str(stored.schema).encode()}
    return Profile.from_record(subject, stored.value, headers)


def _whole(subject: str, raw: Mapping[str, Any], name: str, default: int | None = None) -> int:
    value = raw.get(name, default)
    if value is None:
        raise ProfileError(f"{subject}: {name} is missing")
    if type(value) is not int or not -(2**62) < value < 2**62:
        raise ProfileError(f"{subject}: {name}: expected int, found {type(value).__name__}")
    return value
