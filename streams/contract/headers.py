"""Writes and reads the record headers of profiles and dead letters. Pure, bytes in and out.

Profiles are CloudEvents in Kafka's binary mode: the attributes are headers, the value is the
data, and no value means that the subject is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from features.records.dead_letter import DeadLetter

Headers = list[tuple[str, bytes]]

#: Version of the profile's value and of the dead letters' headers.
SCHEMA_VERSION = 1

#: Longest text copied into a header, in bytes of UTF-8: a refused record may hold anything.
MAX_HEADER_BYTES = 512

_SCHEMA = str(SCHEMA_VERSION).encode()
_DAY_MS = 86_400_000
#: A time as RFC 3339 has it, and the place and milliseconds of each digit behind the date.
_TIME = b"0000-00-00T00:00:00.000Z"
_DIGITS = (
    (11, 36_000_000), (12, 3_600_000), (14, 600_000), (15, 60_000), (17, 10_000), (18, 1_000),
    (20, 100), (21, 10), (22, 1),
)  # fmt: skip
_CONSTANT: tuple[tuple[str, bytes], ...] = (
    ("schema-version", _SCHEMA),
    ("content-type", b"application/json"),
    ("ce_specversion", b"1.0"),
)


class EventType(NamedTuple):
    """Attributes of all events of a topic: offers have the ids of the profiles they came with."""

    source: bytes
    changed: bytes
    forgotten: bytes


PROFILE_EVENT = EventType(
    b"interest-streams", b"interest-profile.v1", b"interest-profile.forgotten.v1"
)
OFFERS_EVENT = EventType(b"interest-streams/offers", b"offers.v1", b"offers.forgotten.v1")


def profile_headers(
    key: bytes, version: int, time: bytes, place: int, event: EventType = PROFILE_EVENT
) -> Headers:
    """Headers of a record of ``interest-profiles`` or ``offers``, tombstones included.

    Parameters
    ----------
    key : bytes
        ``account`` or ``account/member``.
    version : int
        Version of the profile, from 1; 0 for a tombstone.
    time : bytes
        Event time of the profile, as `times` gives it; of a tombstone, of the stream.
    place : int
        Offsets of the partition's inputs that the record was made of, added up: it grows with
        every commit, whereas versions begin anew when a subject was forgotten.
    event : EventType
        Which of the two.

    Returns
    -------
    list of (str, bytes)
        A new list; ``ce_id`` is ``key:version:place``, unique for a source as CloudEvents asks.

    Examples
    --------
    >>> dict(profile_headers(b"a-1/m", 7, b"2023-11-14T22:13:20.123Z", 96))["ce_id"]
    b'a-1/m:7:96'
    """
    return [
        *_CONSTANT,
        ("ce_source", event.source),
        ("ce_type", event.changed if version else event.forgotten),
        ("ce_id", b"%b:%d:%d" % (key, version, place)),
        ("ce_subject", key),
        ("ce_time", time),
    ]


def times(epoch_ms: Sequence[int]) -> list[bytes]:
    """RFC 3339 of many times at once, as the header ``ce_time`` has it.

    Examples
    --------
    >>> times([1_700_000_000_123])
    [b'2023-11-14T22:13:20.123Z']
    """
    days, rest = np.divmod(np.array(epoch_ms, np.int64), _DAY_MS)
    named, of = np.unique(days, return_inverse=True)  # few: numpy takes long to write one
    dates = np.datetime_as_string(named.astype("M8[D]")).astype("S10")
    out = np.empty((len(rest), len(_TIME)), np.uint8)
    out[:] = np.frombuffer(_TIME, np.uint8)
    out[:, :10] = dates[of].view(np.uint8).reshape(-1, 10)
    for place, unit in _DIGITS:
        digit, rest = np.divmod(rest, unit)
        out[:, place] += digit.astype(np.uint8)
    texts: list[bytes] = out.view(f"S{len(_TIME)}")[:, 0].tolist()
    return texts


def dead_letter_headers(letter: DeadLetter) -> Headers:
    """Headers of a record of ``dead-letters``; its key and value are the refused bytes.

    Where they are not, because they were cut or withheld, two more say what they were, and a third
    has them sealed, if the deployment wants that. Texts are cut at `MAX_HEADER_BYTES`,
    on a character.
    """
    known = [
        ("source-topic", _cut(letter.topic)),
        ("source-partition", b"%d" % letter.partition),
        ("source-offset", b"%d" % letter.offset),
        ("reason", _cut(letter.reason)),
        ("field", _cut(letter.field)),
        ("message", _cut(letter.message)),
        ("schema-version", _SCHEMA),
    ]
    if letter.whole:
        return known
    known += [("value-length", b"%d" % letter.length), ("value-digest", letter.digest.encode())]
    return [*known, ("sealed", letter.sealed)] if letter.sealed else known


def parse_dead_letter(headers: Iterable[tuple[str, bytes | None]] | None) -> DeadLetter:
    """Read back what `dead_letter_headers` wrote; unknown headers are ignored.

    Raises
    ------
    ValueError
        Naming the header that is missing or not a number.
    """
    found = {name: value for name, value in headers or () if value is not None}

    def text(name: str) -> str:
        if name not in found:
            raise ValueError(f"header {name!r} is missing")
        return found[name].decode(errors="replace")

    def number(name: str) -> int:
        try:
            return int(text(name))
        except ValueError as error:
            if name not in found:
                raise
            raise ValueError(f"header {name!r} = {found[name]!r}: not a number") from error

    return DeadLetter(
        topic=text("source-topic"),
        partition=number("source-partition"),
        offset=number("source-offset"),
        reason=text("reason"),
        field=text("field"),
        message=text("message"),
        length=number("value-length") if "value-length" in found else -1,
        digest=text("value-digest") if "value-digest" in found else "",
        sealed=found.get("sealed", b""),
    )


def _cut(text: str) -> bytes:
    raw = text.encode(errors="replace")
    if len(raw) <= MAX_HEADER_BYTES:
        return raw
    return raw[:MAX_HEADER_BYTES].decode(errors="ignore").encode()
