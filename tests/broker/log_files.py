"""What a broker's log files say of transactions, read without a broker.

Record batches of format 2: https://kafka.apache.org/documentation/#recordbatch. A client sees
only what the broker lets it see; the files have what was aborted, too.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

#: Base offset, length, leader epoch, magic, CRC, attributes, last offset delta, two times,
#: producer id, producer epoch, first sequence, number of records.
_HEADER = struct.Struct(">qiibIhiqqqhii")
_LENGTH_COUNTS_FROM = 12
_CODEC, _TRANSACTIONAL, _CONTROL = 0x07, 0x10, 0x20
_ABORT = 0  # 1: commit


class Batch(NamedTuple):
    """A batch's first and last offset, its producer, the marker it is, if it is one, its codec."""

    first: int
    last: int
    producer: int
    transactional: bool
    marker: int | None
    codec: int  # 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd


def aborted(root: Path, topic: str, partition: int) -> set[int]:
    """Offsets of the aborted records of one partition, from each copy of it below a folder."""
    return set().union(*map(_aborted, root.rglob(f"{topic}-{partition}")))


def _aborted(copy: Path) -> set[int]:
    found: set[int] = set()
    pending: dict[int, set[int]] = {}
    for segment in sorted(copy.glob("*.log")):
        for batch in batches(segment.read_bytes()):
            if batch.marker is not None:
                spots = pending.pop(batch.producer, set())
                found |= spots if batch.marker == _ABORT else set()
            elif batch.transactional:
                pending.setdefault(batch.producer, set()).update(range(batch.first, batch.last + 1))
    return found


def batches(data: bytes) -> Iterator[Batch]:
    """The batches of a segment; a torn one at its end is left out."""
    at = 0
    while at + _HEADER.size <= len(data):
        first, length, _, _, _, attributes, more, _, _, producer, *_ = _HEADER.unpack_from(data, at)
        end = at + _LENGTH_COUNTS_FROM + length
        if length <= 0 or end > len(data):
            return
        marker = _marker(data, at + _HEADER.size) if attributes & _CONTROL else None
        transactional = bool(attributes & _TRANSACTIONAL)
        yield Batch(first, first + more, producer, transactional, marker, attributes & _CODEC)
        at = end


def _marker(data: bytes, at: int) -> int:
    """Type of a control record, whose four bytes of key stand behind five small numbers."""
    for number in range(5):  # length, attributes, time delta, offset delta, length of the key
        at += 1
        while number != 1 and data[at - 1] & 0x80:
            at += 1
    return int.from_bytes(data[at + 2 : at + 4], "big")
